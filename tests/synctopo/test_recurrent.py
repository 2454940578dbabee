"""The GRU and its family: a row a step, the published equations, and a recurrent layer that can be unrolled."""

import pytest
import torch

import rtd
from synctopo import catalog, data, making
from synctopo.models import GRU
from synctopo.study import Study


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def _net() -> GRU:
    return GRU((4, 3), 10, 2, generator=_generator())


def test_a_state_is_what_the_cell_says_after_a_row():
    net, x = _net(), torch.rand(5, 4, 3, generator=_generator())
    w_input, w_hidden, b_input, b_hidden = (p.detach() for p in net.cell.parameters())
    h = torch.zeros(5, 10)
    with torch.no_grad():
        steps = list(net.states(x))
        for t, state in enumerate(steps):
            from_row, from_units = x[:, t] @ w_input.T + b_input, h @ w_hidden.T + b_hidden
            reset, keep = ((a + b).sigmoid() for a, b in zip(from_row[:, :20].split(10, 1), from_units[:, :20].split(10, 1), strict=True))
            # the candidate, into which activity comes by the weights that are called recurrent
            candidate = (from_row[:, 20:] + reset * (h @ net.recurrent_weight.T + b_hidden[20:])).tanh()
            h = (1 - keep) * candidate + keep * h
            torch.testing.assert_close(state["hidden"], h)
            torch.testing.assert_close(state["readout"], net.readout(h))
        assert len(steps) == 4
        torch.testing.assert_close(net(x), steps[-1]["readout"])
        torch.testing.assert_close(net(x.flatten(1)), net(x))


def test_rows_that_are_still_to_come_do_not_count():
    net, x = _net(), torch.rand(2, 4, 3, generator=_generator())
    other = x.clone()
    other[:, 2:] = 0
    with torch.no_grad():
        once, again = list(net.states(x)), list(net.states(other))
    assert [torch.equal(a["hidden"], b["hidden"]) for a, b in zip(once, again, strict=True)] == [True, True, False, False]


def test_its_layer_is_unrolled_by_the_weights_of_the_candidate():
    net = _net()
    layers = rtd.unroll_graph(net, site="hidden")
    assert sum(layers.sizes) == 10
    with torch.no_grad():
        net.cell.weight_hh_l0[:20] = 0
    gates_gone = rtd.unroll_graph(net, site="hidden")
    assert all(torch.equal(a, b) for a, b in zip(layers.layers, gates_gone.layers, strict=True))
    with torch.no_grad():
        net.recurrent_weight.copy_(net.recurrent_weight.flip(0))
    assert not torch.equal(rtd.unroll_graph(net, site="hidden").mass, layers.mass)


@pytest.mark.parametrize(
    ("shape", "units", "classes"),
    [((4,), 3, 2), ((4, 3, 1), 3, 2), ((0, 3), 3, 2), ((4, 3), 0, 2), ((4, 3), 3, 0)],
)
def test_a_network_that_cannot_be_is_said(shape, units, classes):
    with pytest.raises(ValueError, match="a GRU needs an image shape"):
        GRU(shape, units, classes)


def test_images_of_another_size_are_said():
    with pytest.raises(ValueError, match=r"reads images of 4 x 3; got \[5, 3\]"):
        _net()(torch.rand(2, 5, 3))


@pytest.mark.slow
def test_a_study_trains_it_and_judges_what_it_says_at_the_end():
    table = {"family": "gru", "units": 16, "learning": {"rule": "adam", "epochs": 12, "batch": 16, "learning_rate": 0.01}}
    spec = catalog.model_spec(table, "m")
    split = data.split(data.digits(), train=300, test=100, seed=0)
    model, same = (catalog.build(spec, (8, 8), 10, 0) for _ in range(2))
    family = catalog.FAMILIES["gru"]
    x, shown = (family.inputs(spec, part.images, _generator()) for part in (split.train, split.test))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), same.parameters(), strict=True))
    history = family.fit(spec, model, x, torch.from_numpy(split.train.labels), 0)
    assert history["loss"][-1] < history["loss"][0]
    found = making.performance(model, spec, x, split.train.labels, shown, split.test.labels)
    with torch.no_grad():
        right = (model(shown).argmax(1).numpy() == split.test.labels).mean()
    assert found["own_accuracy"] == pytest.approx(right)
    assert right > 0.6
    assert found["readout_accuracy"] > 0.6


def test_units_are_needed():
    with pytest.raises(ValueError, match=r"models\.g\.units is missing"):
        catalog.model_spec({"family": "gru"}, "models.g")
    table = {"name": "x", "question": "?", "seeds": [0], "data": {"name": "digits", "train": 20, "test": 10}}
    assert Study.from_table({**table, "models": {"g": {"family": "gru", "units": 4}}}).models["g"].signal == "hidden"
