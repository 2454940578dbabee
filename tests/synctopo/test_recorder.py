"""The recorder on models as people write them: spiking loops, batch norm, dropout, in-place layers, modules that fail."""

import numpy as np
import pytest
import snntorch
import torch
from torch import Tensor, nn

import synctopo
from synctopo import reduction
from synctopo.recorder import fingerprint, record

pytestmark = pytest.mark.smoke

STEPS = 7


class Spiking(nn.Module):
    """A network of snnTorch as its tutorials write it: layers are made once and called at every step of a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(4, 12)
        self.lif1 = snntorch.Leaky(beta=0.9, threshold=0.3)
        self.fc2 = nn.Linear(12, 3)
        self.lif2 = snntorch.Leaky(beta=0.8)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
        spikes, membranes = [], []
        for _ in range(STEPS):
            spk1, mem1 = self.lif1(self.fc1(x), mem1)
            _, mem2 = self.lif2(self.fc2(spk1), mem2)
            spikes.append(spk1)
            membranes.append(mem1)
        return torch.stack(spikes), torch.stack(membranes)


@pytest.fixture
def spiking() -> tuple[nn.Module, Tensor, Tensor, Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net, x = Spiking(), torch.rand(9, 4)
    with torch.no_grad():
        spikes, membranes = net(x)
    return net, x, spikes, membranes


def test_all_seven_steps_of_a_snntorch_layer_are_recorded_exactly_spikes_and_membrane(spiking):
    net, x, spikes, membranes = spiking
    recording = record(net, x, sites=["lif1", "fc1"], batch=4)
    assert recording.times == tuple(range(STEPS))
    assert recording.sites == ("lif1.0", "lif1.1", "fc1")
    assert 0 < spikes.mean() < 1
    for step in range(STEPS):
        np.testing.assert_array_equal(recording.cloud("lif1.0", step), spikes[step])
        np.testing.assert_allclose(recording.cloud("lif1.1", step), membranes[step], rtol=1e-5, atol=1e-6)
    assert len({recording.cloud("lif1.1", step).tobytes() for step in range(STEPS)}) == STEPS


def test_spikes_and_membrane_go_by_names_of_choice_and_are_reduced_over_time(spiking):
    net, x, spikes, membranes = spiking
    sites = {"hidden.spikes": "lif1.0", "hidden.membrane": "lif1.1"}
    counts = record(net, x, sites=sites, reduce=reduction.count)
    np.testing.assert_array_equal(counts.cloud("hidden.spikes"), spikes.sum(0))
    last = record(net, x, sites=sites, reduce=reduction.last)
    np.testing.assert_allclose(last.cloud("hidden.membrane"), membranes[-1], rtol=1e-5, atol=1e-6)
    first = record(net, x, sites=sites, reduce=reduction.latency())
    fired = spikes > 0
    expected = np.where(fired.any(0), fired.float().argmax(0), STEPS)
    np.testing.assert_array_equal(first.cloud("hidden.spikes"), expected)


def test_every_second_step_of_a_hooked_module_is_kept(spiking):
    net, x, spikes, _ = spiking
    recording = record(net, x, sites=["lif1"], every=2)
    assert recording.times == (1, 3, 5)
    np.testing.assert_array_equal(recording.cloud("lif1.0", 5), spikes[5])


def test_batch_norm_and_dropout_do_not_let_samples_see_each_other_and_learn_nothing():
    net = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 2))
    net.train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    x = torch.randn(20, 3)
    one, many = (record(net, x, sites=["3"], batch=batch).cloud("3") for batch in (1, 20))
    np.testing.assert_allclose(one, many, rtol=1e-4, atol=1e-5)
    assert net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_a_rectifier_that_writes_in_place_does_not_change_what_was_before_it():
    net = nn.Sequential(nn.Linear(3, 5), nn.ReLU(inplace=True))
    x = torch.randn(6, 3)
    recording = record(net, x, sites=["0", "1"])
    np.testing.assert_allclose(recording.cloud("0"), net[0](x).detach(), rtol=1e-5, atol=1e-6)
    assert recording.cloud("0").min() < 0 <= recording.cloud("1").min()


def test_a_module_that_fails_in_the_middle_is_left_as_it_was():
    class Fails(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            self.layer(x)
            raise RuntimeError("the middle")

    net = Fails().train()
    with pytest.raises(RuntimeError, match="the middle"):
        record(net, torch.rand(2, 3), sites=["layer"])
    assert net.training
    assert net.layer.training
    assert not net.layer._forward_hooks


def test_a_model_without_attributes_is_recorded():
    class Slotted:
        __slots__ = ()

        def states(self, x: Tensor):
            yield {"hidden": x}

    assert record(Slotted(), torch.ones(2, 1)).cloud("hidden").shape == (2, 1)


def test_equal_inputs_have_one_fingerprint_and_others_another():
    x = torch.rand(5, 3)
    assert fingerprint(x) == fingerprint(x.clone())
    others = (x.flip(0), x.double(), x.reshape(3, 5), x[:4], (x > 0.5), x.bfloat16())
    assert len({fingerprint(y) for y in (x, *others)}) == 7


def test_the_same_samples_by_name_can_be_seen_through_different_inputs_and_nameless_ones_cannot():
    net = nn.Sequential(nn.Linear(3, 5))
    x = torch.rand(12, 3)
    noisy = x + 0.1 * torch.rand(12, 3)
    with pytest.raises(ValueError, match="a and b were shown different inputs, and their samples have no names"):
        synctopo.compare([record(net, x, sites=["0"]), record(net, noisy, sites=["0"])], ["rtd_lite"])
    named = [record(net, y, sites=["0"], samples=np.arange(12)) for y in (x, noisy)]
    assert synctopo.compare(named, ["rtd_lite"])["status"].tolist() == ["ok"]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda x: record(nn.Sequential(nn.Linear(3, 1)), x, sites=["0"], reduce=reduction.count, every=2),
            "`every` chooses among the steps that are kept, and count keeps none",
        ),
        (lambda x: record(Ragged(), x, batch=2), "took 1 steps for some samples and 3 for others"),
    ],
)
def test_what_cannot_be_kept_is_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(torch.arange(12.0).reshape(4, 3))


class Ragged(nn.Module):
    """Takes as many steps as its first sample says."""

    def states(self, x: Tensor):
        yield from ({"hidden": x} for _ in range(1 + int(x[0, 0]) // 3))
