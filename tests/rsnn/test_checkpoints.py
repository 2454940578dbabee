from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from rsnn import (
    ALIF,
    RSNN,
    Gamma,
    Homeostasis,
    PairSTDP,
    Sparse,
    SynapticScaling,
    TripletSTDP,
    encode,
    fit_bptt,
    fit_eprop,
    fit_stdp,
)

RULES = [
    (PairSTDP(0.02, 0.02), Homeostasis()),
    (PairSTDP(Gamma(0.02, 0.5), 0.02, mu_plus=0.5), Homeostasis(normalisation=None, scaling=SynapticScaling())),
    (TripletSTDP.visual_cortex(), Homeostasis()),
]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(seed: int = 0) -> RSNN:
    return RSNN(5, 15, 2, neuron=ALIF(), connectivity=Sparse(0.4), input_scale=8.0, generator=seeded(seed))


def stimulus() -> torch.Tensor:
    return encode.poisson(torch.rand(10, 5, generator=seeded()), 20, rate_max=300, generator=seeded())


@pytest.mark.parametrize(("rule", "homeostasis"), RULES)
@pytest.mark.parametrize("plastic_input", [False, True])
@pytest.mark.parametrize("many", [0, 2**40])
def test_stdp_that_is_resumed_from_a_file_ends_as_the_whole_run_bit_for_bit(
    rule: PairSTDP | TripletSTDP, homeostasis: Homeostasis, plastic_input: bool, many: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rsnn.grains.MANY", many)
    input_rule = PairSTDP(w_min=-50, w_max=50) if plastic_input else None
    settings = {"epochs": 3, "input_rule": input_rule, "homeostasis": homeostasis}
    whole, files = network(), []

    def keep(checkpoint: dict[str, torch.Tensor]) -> None:
        files.append(tmp_path / f"{len(files)}.safetensors")
        save_file(checkpoint, files[-1])

    history = fit_stdp(whole, stimulus(), rule, generator=seeded(), checkpoint=keep, checkpoint_every=4, **settings)
    plain = network()
    assert fit_stdp(plain, stimulus(), rule, generator=seeded(), **settings) == history
    assert all(torch.equal(v, plain.state_dict()[k]) for k, v in whole.state_dict().items())
    assert len(files) == 6
    for file in (files[0], files[3], files[-1]):
        again = network()
        assert fit_stdp(again, stimulus(), rule, generator=seeded(), resume=load_file(file), **settings) == history
        assert all(torch.equal(v, again.state_dict()[k]) for k, v in whole.state_dict().items())


@pytest.mark.parametrize("fit", [fit_bptt, fit_eprop])
def test_gradient_training_that_is_resumed_from_a_file_ends_as_the_whole_run_bit_for_bit(fit: object, tmp_path: Path) -> None:
    settings = {"epochs": 4, "batch": 4}
    if fit is fit_bptt:
        settings["learn"] = ("tau_mem", "beta", "tau_readout")
    y, files = torch.arange(10) % 2, []

    def keep(checkpoint: dict[str, torch.Tensor]) -> None:
        files.append(tmp_path / f"{len(files)}.safetensors")
        save_file(checkpoint, files[-1])

    whole, again = network(), network()
    history = fit(whole, stimulus(), y, generator=seeded(), checkpoint=keep, **settings)
    assert len(files) == 4
    assert fit(again, stimulus(), y, generator=seeded(), resume=load_file(files[1]), **settings) == history
    assert all(torch.equal(v, again.state_dict()[k]) for k, v in whole.state_dict().items())


def test_a_checkpoint_of_another_run_or_kind_is_refused_with_a_sentence() -> None:
    kept: list[dict[str, torch.Tensor]] = []
    fit_stdp(network(), stimulus(), PairSTDP(), generator=seeded(), checkpoint=kept.append, checkpoint_every=4)
    with pytest.raises(ValueError, match="a checkpoint of another run of stdp; resume with the network as it was"):
        fit_stdp(network(), stimulus(), PairSTDP(), generator=seeded(1), resume=kept[0])
    with pytest.raises(ValueError, match="a checkpoint of another run of stdp"):
        fit_stdp(network(1), stimulus(), PairSTDP(), generator=seeded(), resume=kept[0])
    with pytest.raises(ValueError, match="resume= is no checkpoint of bptt: it holds stdp"):
        fit_bptt(network(), stimulus(), torch.arange(10) % 2, epochs=1, generator=seeded(), resume=kept[0])
