"""Hooked: every call of a submodule, in order, and nothing left behind."""

import pytest
import torch
from torch import Tensor, nn

from synctopo.models import Hooked


class Repeated(nn.Module):
    """Calls one layer T times, as an unrolled spiking network does; the layer returns a pair."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.layer = Pair()
        self.once = nn.Linear(3, 3)
        self.unused = nn.Linear(3, 3)
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        h = self.once(x)
        for _ in range(self.times):
            h, _ = self.layer(h)
        return h


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x + 1, -x


def test_every_call_is_a_step():
    net = Repeated(7)
    x = torch.rand(4, 3)
    states = list(Hooked(net, ["layer"]).states(x))
    assert len(states) == 7
    for step, state in enumerate(states):
        torch.testing.assert_close(state["layer.0"], net.once(x) + step + 1)
        torch.testing.assert_close(state["layer.1"], -(net.once(x) + step))


def test_one_of_several_outputs_can_be_named():
    (state,) = Hooked(Repeated(1), {"spikes": "layer.0"}).states(torch.rand(2, 3))
    assert list(state) == ["spikes"]


def test_a_layer_that_writes_in_place_does_not_change_what_was_seen():
    net = nn.Sequential(nn.Linear(3, 3), nn.ReLU(inplace=True))
    x = torch.randn(5, 3)
    (state,) = Hooked(net, ["0"]).states(x)
    torch.testing.assert_close(state["0"], net[0](x))


def test_hooks_are_removed_also_after_an_error():
    net = Repeated(1)
    list(Hooked(net, ["layer"]).states(torch.rand(2, 3)))
    with pytest.raises(RuntimeError):
        list(Hooked(net, ["layer"]).states(torch.rand(2, 99)))
    assert not net.layer._forward_hooks


@pytest.mark.parametrize(
    ("sites", "sentence"),
    [
        ([], "at least one site"),
        (["layr"], "no submodule 'layr' in this Repeated; the nearest is 'layer'"),
        ({"a": "layer.5"}, r"asks for output 5, but the submodule returns tensors at \[0, 1\]"),
        ({"a": "once.0"}, "returns a single tensor; leave the number out"),
        (["unused"], "'unused' was never called"),
        (["once", "layer"], "called equally often; they were called once 1x, layer 2x"),
    ],
)
def test_bad_sites_are_named_in_a_sentence(sites, sentence):
    with pytest.raises(ValueError, match=sentence):
        list(Hooked(Repeated(2), sites).states(torch.rand(2, 3)))


def test_an_output_without_a_row_for_each_sample_is_refused():
    with pytest.raises(ValueError, match="dimension 0 must be the sample"):
        list(Hooked(nn.Sequential(nn.Flatten(0)), ["0"]).states(torch.rand(2, 3)))
