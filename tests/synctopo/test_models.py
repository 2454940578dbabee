"""The one battery of tests that every model family passes: a new family adds one line."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import rsnn
import rtd
from synctopo import catalog
from synctopo.models import (
    CNN,
    GRU,
    MLP,
    AKOrN,
    Body,
    Hooked,
    Iterated,
    KomplexNet,
    Model,
    Noise,
    Oscillators,
    Phases,
    PredictiveCoding,
    RealNet,
    predify,
)
from synctopo.models.diehl_cook import DiehlCook

pytestmark = pytest.mark.smoke


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def _spikes() -> Tensor:
    return rsnn.encode.poisson(torch.rand(6, 12, generator=_generator()), 9, generator=_generator(), rate_max=300.0)


def _rsnn() -> rsnn.RSNN:
    return rsnn.RSNN(12, 20, 3, neuron=rsnn.LIF(tau_mem=rsnn.Gamma(20.0, 0.5)), connectivity=rsnn.Sparse(0.3), generator=_generator())


def _plain() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3))


def _predictive(noise: Noise | None = None) -> PredictiveCoding:
    net = CNN((3, 4), [4, 5], 3, generator=_generator())
    example = torch.rand(2, 1, 3, 4, generator=_generator())
    return predify(net, ["conv1", "conv2"], steps=4, noise=noise, example=example, generator=_generator())


def _boards() -> Tensor:
    return torch.randint(0, 5, (6, 4, 4), generator=_generator()).float()


def _komplex(**options: Any) -> tuple[KomplexNet, Tensor]:
    net = KomplexNet((3, 4), 3, **{"channels": 3, "hidden": 5, "steps": 3, "width": 3, "generator": _generator(), **options})
    image, masks = torch.rand(6, 1, 3, 4, generator=_generator()), torch.zeros(6, 2, 3, 4)
    masks[:, 0, 0], masks[:, 1, 2] = 1, 1
    return net, torch.cat((image, masks), 1)


FAMILIES: dict[str, Callable[[], tuple[Model, Tensor]]] = {
    "mlp": lambda: (MLP(12, [8, 5], 3, generator=_generator()), torch.rand(6, 12, generator=_generator())),
    "cnn": lambda: (CNN((3, 4), [4, 5], 3, generator=_generator()), torch.rand(6, 12, generator=_generator())),
    "gru": lambda: (GRU((3, 4), 7, 3, generator=_generator()), torch.rand(6, 12, generator=_generator())),
    "unrolled graph of a gru": lambda: (
        rtd.unroll_graph(GRU((3, 4), 9, 3, generator=_generator()), site="hidden"),
        torch.rand(6, 12, generator=_generator()),
    ),
    "predictive": lambda: (_predictive(), torch.rand(6, 1, 3, 4, generator=_generator())),
    "predictive, noisy": lambda: (_predictive(Noise(0.1)), torch.rand(6, 1, 3, 4, generator=_generator())),
    "rsnn": lambda: (_rsnn(), _spikes()),
    "rsnn, adaptive": lambda: (
        rsnn.RSNN(12, 20, 3, neuron=rsnn.ALIF(beta=0.3), connectivity=rsnn.Dense(), dale=rsnn.Dale(), generator=_generator()),
        _spikes(),
    ),
    "diehl_cook": lambda: (
        DiehlCook(12, 20, 3, steps=9, rate_max=200.0, efficacy=2.0, generator=_generator()),
        torch.rand(6, 12, generator=_generator()),
    ),
    "unrolled graph": lambda: (rtd.unroll_graph(_rsnn()), _spikes()),
    "random partition": lambda: (rtd.random_partition(_rsnn(), (4, 4, 4, 4, 4), generator=_generator()), _spikes()),
    "unrolled time": lambda: (rtd.unroll_time(nn.GRUCell(12, 7), 9), _spikes()),
    "akorn, images": lambda: (
        AKOrN.classifier((6, 7), 3, channels=(4, 8), kernels=(3, 3), steps=(3, 2), generator=_generator()),
        torch.rand(6, 6, 7, generator=_generator()),
    ),
    "akorn, patches": lambda: (
        AKOrN.objects((3, 8, 4), patch=2, channels=8, kernel=3, steps=3, blocks=2, generator=_generator()),
        torch.rand(6, 3, 8, 4, generator=_generator()),
    ),
    "akorn, boards": lambda: (AKOrN.boards(4, channels=16, heads=2, steps=3, generator=_generator()), _boards()),
    "iterated, attention": lambda: (Iterated.boards(4, channels=16, heads=2, steps=3, generator=_generator()), _boards()),
    "iterated, layer": lambda: (Iterated.boards(4, channels=16, heads=2, steps=3, body=Body.LAYER, generator=_generator()), _boards()),
    "iterated, patches": lambda: (
        Iterated.objects((3, 8, 4), patch=2, channels=8, kernel=3, steps=3, generator=_generator()),
        torch.rand(6, 3, 8, 4, generator=_generator()),
    ),
    "komplexnet": lambda: _komplex(),
    "komplexnet, feedback": lambda: _komplex(feedback=True),
    "komplexnet, pixels": lambda: _komplex(oscillators=Oscillators.PIXELS),
    "komplexnet, random": lambda: _komplex(phases=Phases.RANDOM),
    "komplexnet, zero": lambda: _komplex(phases=Phases.ZERO),
    "komplexnet, ideal": lambda: _komplex(phases=Phases.IDEAL),
    "komplexnet, real control": lambda: (
        RealNet.matching(_komplex()[0], generator=_generator()),
        torch.rand(6, 12, generator=_generator()),
    ),
    "hooked": lambda: (Hooked(_plain(), ["0", "2"]), torch.rand(6, 12, generator=_generator())),
}


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> tuple[Model, Tensor]:
    return FAMILIES[request.param]()


def _states(model: Model, x: Tensor) -> list[dict[str, Tensor]]:
    with torch.no_grad():
        return list(model.states(x))


def test_it_is_a_model(family):
    assert isinstance(family[0], Model)


def test_the_sites_are_the_same_at_every_step(family):
    steps = _states(*family)
    assert steps
    assert all(list(s) == list(steps[0]) for s in steps)
    assert all(s[site].shape == steps[0][site].shape for s in steps for site in s)


def test_dimension_0_is_the_sample(family):
    model, x = family
    assert all(value.shape[0] == len(x) for state in _states(model, x) for value in state.values())


def test_states_depend_on_the_input_and_the_weights_alone(family):
    model, x = family
    once, _, again = _states(model, x), _states(model, x.flip(0)), _states(model, x)
    assert all(torch.equal(a[site], b[site]) for a, b in zip(once, again, strict=True) for site in a)


def test_another_input_gives_other_states(family):
    model, x = family
    once, other = _states(model, x)[-1], _states(model, x.flip(0))[-1]
    assert any(not torch.equal(once[site], other[site]) for site in once)


def test_samples_do_not_see_each_other(family):
    model, x = family
    together, alone = _states(model, x), _states(model, x[2:3])
    for a, b in zip(together, alone, strict=True):
        for site in a:
            torch.testing.assert_close(a[site][2:3], b[site], rtol=1e-5, atol=1e-6)


def test_states_are_finite_real_numbers(family):
    assert all(value.is_floating_point() and bool(value.isfinite().all()) for state in _states(*family) for value in state.values())


def test_consuming_the_states_leaves_gradients_switched_on(family):
    model, x = family
    next(iter(model.states(x)))
    assert torch.is_grad_enabled()


def test_the_catalogue_names_the_sites_that_its_models_have():
    for table in (
        {"family": "rsnn", "units": 20, "connectivity": 0.3},
        {"family": "mlp", "hidden": [5, 4]},
        {"family": "gru", "units": 5},
        {"family": "cnn", "channels": [4, 5]},
        {"family": "predictive", "channels": [4, 5], "steps": 2},
        {"family": "akorn", "channels": [4, 8], "kernels": [3, 3], "steps": 2},
    ):
        spec = catalog.model_spec(table, "m")
        model = catalog.build(spec, (2, 3), 4, 0)
        x = catalog.FAMILIES[spec.family].inputs(spec, np.full((2, 2, 3), 0.5, dtype=np.float32), _generator())
        assert tuple(_states(model, x)[0]) == spec.sites
        assert spec.main_site in spec.sites
