"""Synapses in the order of the rows that kernels visit, and what is said of their weights, against the plain definitions."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rsnn.stdp_training import quartiles
from rsnn.storage import by_row, in_rows, rows_of, values_of

LARGEST = float(np.finfo(np.float32).max)

MASKS = {
    "all": torch.ones(4, 3, dtype=torch.bool),
    "all, square": torch.ones(4, 4, dtype=torch.bool),
    "none of its own": ~torch.eye(4, dtype=torch.bool),
    "one of its own": torch.ones(1, 1, dtype=torch.bool),
    "few": torch.tensor([[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 0, 0]], dtype=torch.bool),
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_what_synapses_have_stands_where_their_weights_stand(mask):
    weight = torch.arange(1.0, mask.numel() + 1).view(mask.shape)
    synapses = rows_of(weight, mask)
    there = mask.numpy()
    given_each = by_row(weight[mask].double(), mask, synapses)
    full = len(synapses.post) == 0
    real = there.T.ravel() if full else np.ones(len(given_each), dtype=bool)
    assert np.array_equal(given_each[real], synapses.weight[real])
    # a place that is no synapse holds a number, and moves nothing: what it is multiplied by is 0
    assert (given_each[~real] == 1).all()
    assert sorted(values_of(synapses).ravel()) == sorted(weight[mask].tolist())


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=40))
def test_quartiles_are_those_of_numpy(values):
    assert np.allclose(quartiles(np.array(values)), np.quantile(values, (0, 0.25, 0.5, 0.75, 1)), rtol=0, atol=1e-12)


def test_quartiles_of_whole_numbers_as_far_apart_as_their_type_goes():
    most = 2**31 - 1
    assert quartiles(np.array(4 * [-most] + 4 * [most], dtype=np.int32)) == [-most, -most, 0.0, most, most]


@pytest.mark.parametrize("sizes", [[3, 0, 2, 1], [2, 2, 2]])
def test_the_numbers_of_a_row_lie_together_all_of_one_kind_after_all_of_another(sizes: list[int]) -> None:
    start = np.concatenate([[0], np.cumsum(sizes)])
    columns = [np.arange(start[-1]) + 100.0 * n for n in range(3)]
    found = in_rows(columns, start, np.float32)
    expected = [column[first:stop] for first, stop in pairwise(start) for column in columns]
    assert found.tolist() == np.concatenate(expected).tolist()
    assert in_rows([], start, np.float64).size == 0
    assert in_rows([np.array([1e39, -1e300, 1e-50])], np.array([0, 3]), np.float32).tolist() == [LARGEST, -LARGEST, 0.0]
