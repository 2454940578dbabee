"""Reductions: each is the number that its name says, by its own formula."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from synctopo import reduction
from synctopo.recorder import record
from synctopo.study import Study

pytestmark = pytest.mark.smoke

SPIKES = torch.tensor([[[0, 1, 0], [0, 0, 0], [1, 1, 0], [0, 1, 0]]], dtype=torch.bool).repeat(2, 1, 1)  # [sample, time, unit]


class Played(nn.Module):
    """Yields the time steps of its input, in one buffer that it writes again and again."""

    def states(self, x: Tensor):
        buffer = torch.empty_like(x[:, 0])
        for step in x.unbind(1):
            buffer.copy_(step)
            yield {"hidden": buffer}


def kept(text: str, x: Tensor = SPIKES) -> list[float]:
    return record(Played(), x, reduce=reduction.named(text)).cloud("hidden")[0].tolist()


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("count", [1, 3, 0]),
        ("mean", [0.25, 0.75, 0]),
        ("last", [0, 1, 0]),
        ("rate", [250, 750, 0]),
        ("rate(0.5)", [500, 1500, 0]),
        ("window(2,4)", [0.5, 1, 0]),
        ("latency", [2, 0, 4]),
        ("latency(-1)", [2, 0, -1]),
        ("flatten", [0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 1, 0]),
    ],
)
def test_spikes_that_are_true_or_false_are_counted(text, values):
    assert kept(text) == values


def test_a_trace_decays_from_each_spike_on():
    np.testing.assert_allclose(kept("trace(2)"), [np.exp(-0.5), np.exp(-1.5) + np.exp(-0.5) + 1, 0], rtol=1e-6)


def test_steps_are_what_was_seen_at_each_although_the_model_writes_in_place():
    recording = record(Played(), SPIKES)
    for step in range(4):
        np.testing.assert_array_equal(recording.cloud("hidden", step), SPIKES[:, step])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.uint8, torch.int8])
def test_a_sum_does_not_stop_where_its_type_ends(dtype):
    ones = torch.ones(1, 3000, 1, dtype=dtype)
    assert kept("count", ones) == [3000]
    assert kept("trace(1e9)", ones)[0] == pytest.approx(3000, rel=1e-3)


@pytest.mark.parametrize("text", ["count", "window(0,3)", "trace(5)", "rate(1)", "latency", "latency(60)", "steps"])
def test_a_reduction_bears_the_name_by_which_it_is_called(text):
    assert reduction.named(text).name == text


def study(**record: object) -> Study:
    return Study.from_table(
        {
            "name": "n",
            "question": "q",
            "seeds": [0],
            "data": {"name": "digits", "train": 5, "test": 5},
            "models": {"m": {"family": "rsnn", "units": 5}},
            "record": record,
        }
    )


@pytest.mark.parametrize("text", ["window(10,20)", "trace(5)", "rate", "latency", "steps"])
def test_a_study_names_a_reduction_with_its_parameters(text):
    assert study(reduce=text).record.reduce == text


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        ({"reduce": "windw(1,2)"}, "no reduction 'windw.1,2.'; the nearest is 'window"),
        ({"reduce": "count", "every": 2}, "record.every chooses among steps, and reduce = 'count' keeps none; write reduce = \"steps\""),
        ({"reduce": "steps", "every": 0}, "record.every is 0"),
        ({"maps": "mean"}, "record.maps is 'mean'"),
    ],
)
def test_a_study_that_records_what_cannot_be_is_one_sentence(record, sentence):
    with pytest.raises(ValueError, match=sentence):
        study(**record)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("cuont", "no reduction 'cuont'; the nearest is 'count'"),
        ("count(3)", "count has no parameters; got 'count\\(3\\)'"),
        ("window(3)", r"'window\(3\)' is not to be read; write window\(start,stop\) with numbers"),
        ("window", r"write window\(start,stop\)"),
        ("trace(soon)", r"write trace\(tau\)"),
        ("window(4,2)", "0 <= start < stop; got start=4, stop=2"),
        ("trace(0)", "must be positive"),
        ("rate(0)", "length of a step in ms, a positive number; got dt=0"),
        ("latency(nan)", "a finite number; got nan"),
        ("steps(2", "no reduction"),
    ],
)
def test_a_reduction_that_is_none_is_one_sentence(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        reduction.named(text)
