import math
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rsnn import LIF, RSNN, Dense, PairSTDP, encode, fit_stdp


def seeded(seed: int = 2) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_poisson_spikes_come_at_the_rate_of_the_value() -> None:
    x = torch.tensor([[0.0, 0.25, 1.0]]).expand(50, -1)
    spikes = encode.poisson(x, 400, generator=seeded(), rate_max=200, dt=0.5)
    assert spikes.shape == (50, 400, 3)
    assert set(spikes.unique().tolist()) == {0.0, 1.0}
    rates = spikes.mean((0, 1)) * 1000 / 0.5
    assert rates.tolist() == pytest.approx([0, 50, 200], rel=0.05)


def test_poisson_with_one_seed_is_the_same_and_with_another_is_not() -> None:
    x = torch.rand(3, 8, generator=seeded())
    first, again, other = (encode.poisson(x, 20, generator=seeded(s)) for s in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_largest_value_spikes_first_and_one_below_the_threshold_never() -> None:
    spikes = encode.latency(torch.tensor([[1.0, 0.5, 0.02, 0.001]]), 11)
    assert spikes.shape == (1, 11, 4)
    assert [train.nonzero().flatten().tolist() for train in spikes[0].T] == [[0], [5], [10], []]


def test_latency_of_a_sample_does_not_depend_on_the_others() -> None:
    x = torch.rand(6, 5, generator=seeded())
    assert torch.equal(encode.latency(x, 9)[2:3], encode.latency(x[2:3], 9))


def test_latency_in_one_step_is_a_threshold() -> None:
    assert encode.latency(torch.tensor([[0.5, 0.0]]), 1).tolist() == [[[1.0, 0.0]]]


def test_constant_input_is_the_value_in_every_step() -> None:
    x = torch.rand(2, 3, generator=seeded())
    assert all(torch.equal(part, x) for part in encode.constant(x, 4).unbind(1))


def test_delta_spikes_where_the_signal_changes() -> None:
    signal = torch.tensor([0.0, 0.3, 0.35, 0.1, 0.1])[None, :, None]
    assert encode.delta(signal).flatten().tolist() == [0, 1, 0, -1, 0]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: encode.constant(torch.rand(2, 3, 4), 5), r"wants values \[sample, input\], not an array of shape \(2, 3, 4\)"),
        (lambda: encode.latency(torch.tensor([[0.0, 16.0]]), 5), "these go from 0 to 16"),
        (lambda: encode.latency(torch.tensor([[0.0, torch.nan]]), 5), "these go from nan to nan"),
        (lambda: encode.constant(torch.rand(2, 3), 0), "steps=0: at least one"),
        (lambda: encode.constant(torch.rand(0, 3), 2), "nothing to encode"),
        (lambda: encode.constant(torch.ones(2, 3, dtype=torch.int64), 2), "wants floating-point values"),
        (lambda: encode.poisson(torch.rand(2, 3), 5, generator=seeded(), rate_max=2000), "take rate_max up to 1000 Hz"),
        (lambda: encode.latency(torch.rand(2, 3), 5, threshold=1.5), "must lie between 0 and 1"),
        (lambda: encode.delta(torch.rand(2, 3)), r"wants a signal \[sample, time, input\]"),
        (lambda: encode.delta(torch.rand(2, 3, 4), threshold=0.0), "must be positive"),
    ],
)
def test_what_cannot_be_encoded_is_refused_with_a_sentence(call: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()


@pytest.mark.slow
def test_a_numpy_array_is_told_to_become_a_tensor() -> None:
    # in a process of its own: the type checks of the test run would speak first
    code = "import numpy, rsnn; rsnn.encode.constant(numpy.ones((2, 3)), 5)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ValueError: an encoder wants a tensor, not ndarray; torch.as_tensor(x) makes one." in done.stderr


def test_a_population_has_its_peak_where_the_value_lies_and_neighbours_overlap() -> None:
    count = 12
    centres = (2 * torch.arange(1, count + 1) - 3) / (2 * (count - 2))
    found = encode.population(centres[1:-1, None], count)
    assert found.shape == (10, 12)
    assert torch.equal(found.argmax(1), torch.arange(1, 11))
    assert torch.allclose(found.amax(1), torch.ones(10))
    assert float(found[3, 5]) == pytest.approx(math.exp(-(1.5**2) / 2), rel=1e-4)


def test_the_units_of_each_input_lie_side_by_side_at_every_step() -> None:
    x = torch.rand(2, 5, 3)
    found = encode.population(x, 4)
    assert found.shape == (2, 5, 12)
    assert torch.equal(found[:, :, 4:8], encode.population(x[:, :, 1:2], 4))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: encode.population(torch.rand(3), 5), r"wants values \[sample, ..., input\]"),
        (lambda: encode.population(torch.rand(3, 2), 2), "at least 3 units"),
        (lambda: encode.population(torch.rand(3, 2), 5, sharpness=0.0), "it must be positive; 1.5"),
        (lambda: encode.population(2 + torch.rand(3, 2), 5), r"values in \[0, 1\]"),
    ],
)
def test_what_a_population_cannot_encode_is_refused_with_a_sentence(make: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()


@settings(max_examples=60, deadline=None)
@given(
    events=st.lists(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 3)), max_size=25), min_size=1, max_size=3),
    steps=st.integers(1, 40),
    dt=st.sampled_from([1, 7, 100, 333, 1000]),
)
def test_every_event_is_a_spike_in_its_step_or_is_counted_as_merged_or_late(events, steps, dt) -> None:
    """Against whole microseconds, where no step has a rounded border."""
    recordings = [
        (torch.tensor([t / 1000 for t, _ in e], dtype=torch.float64), torch.tensor([i for _, i in e], dtype=torch.int64)) for e in events
    ]
    found = encode.events(recordings, 4, steps, dt=dt / 1000)
    for n, sample in enumerate(events):
        wanted = {(t // dt, i) for t, i in sample if t // dt < steps}
        assert {tuple(place) for place in found.spikes[n].nonzero().tolist()} == wanted
        assert found.late[n] == sum(t // dt >= steps for t, _ in sample)
        assert found.spikes[n].sum() + found.merged[n] + found.late[n] == len(sample)
    assert set(found.spikes.unique().tolist()) <= {0, 1}


def test_events_in_another_order_are_the_same_spikes_and_shifted_ones_are_not() -> None:
    time, which = torch.tensor([0.0, 3.5, 3.9, 12.0]), torch.tensor([2, 0, 1, 1])
    order = torch.tensor([2, 0, 3, 1])
    first, again, later = (encode.events([e], 3, 20).spikes for e in ((time, which), (time[order], which[order]), (time + 1, which)))
    assert torch.equal(first, again)
    assert torch.equal(first[:, :-1], later[:, 1:])
    assert not torch.equal(first, later)


def test_a_network_takes_events_as_it_takes_the_same_spikes_in_floating_point() -> None:
    generator = seeded()
    recordings = [(torch.rand(300, generator=generator) * 50, torch.randint(12, (300,), generator=generator)) for _ in range(3)]
    x = encode.events(recordings, 12, 50).spikes
    nets = [RSNN(12, 15, 2, neuron=LIF(20.0), connectivity=Dense(), input_scale=8.0) for _ in range(2)]
    assert torch.equal(nets[0](x), nets[1](x.float()))
    assert nets[0].spikes(x).any()
    histories = [fit_stdp(net, given, PairSTDP()) for net, given in zip(nets, (x, x.float()), strict=True)]
    assert histories[0] == histories[1]
    assert torch.equal(nets[0].recurrent_weight, nets[1].recurrent_weight)


@pytest.mark.parametrize(
    ("recordings", "inputs", "steps", "dt", "sentence"),
    [
        ([], 3, 4, 1.0, "at least one sample"),
        ([(torch.zeros(2), torch.zeros(2).long())], 3, 4, 0.0, r"events\(inputs=3, steps=4, dt=0.0\): all of them must be positive"),
        ([(torch.zeros(2), torch.zeros(3).long())], 3, 4, 1.0, r"a time and an input of each event are wanted, not \(2,\) and \(3,\)"),
        ([(torch.zeros(2), torch.zeros(2))], 3, 4, 1.0, r"inputs integers, not torch.float32 and torch.float32"),
        ([(torch.tensor([1.0, math.nan]), torch.zeros(2).long())], 3, 4, 1.0, "times are finite and count from 0"),
        ([(torch.tensor([1.0, -2.0]), torch.zeros(2).long())], 3, 4, 1.0, "sample 0: times are finite and count from 0"),
        ([(torch.zeros(1), torch.tensor([3]))], 3, 4, 1.0, "its inputs go from 3 to 3, but there are 3, 0 to 2"),
    ],
)
def test_what_is_wrong_with_events_is_said(recordings, inputs, steps, dt, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        encode.events(recordings, inputs, steps, dt=dt)
