import itertools
import math

import pytest
import torch

from rsnn import LIF, Constant, Gamma, Reset, Uniform
from rsnn.neurons import LIFState, lif_constants, lif_step, rest_state
from rsnn.surrogate import DEFAULT_SURROGATE


def spike_steps(neuron: LIF, currents: torch.Tensor, *, dt: float = 1.0, steps: int = 300) -> list[list[int]]:
    """The steps (from 1) at which neurons fire, each under its own constant current."""
    k = lif_constants(**neuron.draw(len(currents), generator=torch.Generator()), dt=dt, reset=neuron.reset)
    state, fired = rest_state(1, len(currents), currents), []
    for _ in range(steps):
        spikes, state = lif_step(currents[None], state, k, DEFAULT_SURROGATE)
        fired.append(spikes[0])
    return [(1 + train.nonzero().flatten()).tolist() for train in torch.stack(fired, 1)]


@pytest.mark.parametrize("tau", [5.0, 10.0, 20.0, 40.0])
@pytest.mark.parametrize("refractory", [0.0, 2.0])
def test_the_firing_rate_under_a_constant_current_has_its_closed_form(tau: float, refractory: float) -> None:
    currents = torch.tensor([1.05, 1.5, 3.0], dtype=torch.float64)
    neuron = LIF(tau_mem=tau, tau_syn=None, refractory=refractory, reset=Reset.ZERO)
    for current, fired in zip(currents.tolist(), spike_steps(neuron, currents), strict=True):
        interval = math.ceil(tau * math.log(current / (current - 1)))
        assert fired[0] == interval
        assert {b - a for a, b in itertools.pairwise(fired)} == {interval + refractory}


def test_no_current_up_to_the_threshold_ever_makes_a_spike() -> None:
    currents = torch.tensor([-3.0, 0.0, 0.3, 0.999, 1.0], dtype=torch.float64)
    assert spike_steps(LIF(tau_syn=None), currents, steps=2000) == [[], [], [], [], []]


def test_half_the_step_gives_the_same_subthreshold_voltage_after_a_spike_came_in() -> None:
    drive = torch.tensor([[0.7, 1.3, 0.2]], dtype=torch.float64)
    voltages = []
    for dt in (1.0, 0.5):
        k = lif_constants(
            tau_mem=drive.new_tensor([20.0, 10.0, 7.0]),
            tau_syn=drive.new_tensor([5.0, 10.0, 7.0 + 1e-9]),
            threshold=drive.new_full((3,), 9.0),
            refractory=drive.new_zeros(3),
            tau_adaptation=drive.new_ones(3),
            beta=drive.new_zeros(3),
            dt=dt,
            reset=Reset.ZERO,
        )
        state = rest_state(1, 3, drive)
        for n in range(round(30 / dt)):
            _, state = lif_step(drive if n == 0 else 0 * drive, state, k, DEFAULT_SURROGATE)
        voltages.append(state.voltage)
    assert torch.allclose(*voltages, rtol=1e-12, atol=0)
    tau_mem, tau_syn, t = 20.0, 5.0, 30.0
    exact = 0.7 * tau_syn / (tau_syn - tau_mem) * (math.exp(-t / tau_syn) - math.exp(-t / tau_mem))
    assert float(voltages[0][0, 0]) == pytest.approx(exact, rel=1e-12)
    assert float(voltages[0][0, 1]) == pytest.approx(1.3 * t / 10 * math.exp(-t / 10), rel=1e-12)


@pytest.mark.parametrize("tau_mem", [1e-6, 1e-3, 1.0, 20.0, 1e6])
@pytest.mark.parametrize("tau_syn", [0.0, 1e-6, 1e-3, 1.0, 20.0, 1e6])
def test_the_propagator_is_finite_and_not_negative_for_any_time_constants(tau_mem: float, tau_syn: float) -> None:
    one = torch.ones(1, dtype=torch.float64)
    k = lif_constants(tau_mem * one, tau_syn * one, one, 0 * one, one, 0 * one, dt=1.0, reset=Reset.ZERO)
    assert 0 <= float(k.decay_mem) < 1
    assert 0 <= float(k.decay_syn) < 1
    assert 0 <= float(k.gain) <= 1 + 1e-9


def test_reset_by_subtraction_keeps_what_was_above_the_threshold_and_reset_to_zero_does_not() -> None:
    drive = torch.tensor([[30.0]], dtype=torch.float64)
    after = {}
    for reset in Reset:
        k = lif_constants(**LIF(tau_mem=20.0, tau_syn=None).draw(1, generator=torch.Generator()), dt=1.0, reset=reset)
        spikes, state = lif_step(drive, rest_state(1, 1, drive), k, DEFAULT_SURROGATE)
        assert spikes.item() == 1
        after[reset] = state.voltage.item()
    assert after[Reset.ZERO] == 0
    assert after[Reset.SUBTRACT] == pytest.approx(30 * (1 - math.exp(-1 / 20)) - 1)


def test_a_resting_neuron_keeps_its_voltage_and_is_silent_under_any_current() -> None:
    drive = torch.tensor([[100.0]], dtype=torch.float64)
    k = lif_constants(**LIF(tau_syn=None, refractory=3.0).draw(1, generator=torch.Generator()), dt=1.0, reset=Reset.SUBTRACT)
    fired = []
    state: LIFState = rest_state(1, 1, drive)
    for _ in range(8):
        spikes, state = lif_step(drive, state, k, DEFAULT_SURROGATE)
        fired.append(int(spikes.item()))
    assert fired == [1, 0, 0, 0, 1, 0, 0, 0]


def test_parameters_are_drawn_one_by_one_so_that_one_leaves_the_others_as_they_were() -> None:
    plain = LIF(tau_mem=Gamma(20, 0.5), threshold=Uniform(1, 0.2)).draw(50, generator=torch.Generator().manual_seed(3))
    other = LIF(tau_mem=Gamma(20, 0.5), tau_syn=Gamma(10, 1), threshold=Uniform(1, 0.2)).draw(
        50, generator=torch.Generator().manual_seed(3)
    )
    assert torch.equal(plain["tau_mem"], other["tau_mem"])
    assert torch.equal(plain["threshold"], other["threshold"])
    assert not torch.equal(plain["tau_syn"], other["tau_syn"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"tau_mem": -3.0}, r"LIF\(tau_mem=-3.0\): it must be a finite number above 0, or a distribution"),
        ({"tau_mem": math.nan}, "tau_mem=nan"),
        ({"tau_syn": 0.0}, "tau_syn=0.0"),
        ({"threshold": Constant(0)}, "threshold=0"),
        ({"refractory": -1.0}, "at least 0"),
    ],
)
def test_an_impossible_neuron_is_refused_with_a_sentence(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        LIF(**arguments)


def test_a_reset_in_words_is_refused_with_a_sentence() -> None:
    neuron = LIF()
    object.__setattr__(neuron, "reset", "zero")  # the type checks of the test run would refuse it in the constructor
    with pytest.raises(ValueError, match=r"LIF\(reset='zero'\): it must be Reset.ZERO or Reset.SUBTRACT"):
        neuron.__post_init__()
