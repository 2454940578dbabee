"""Comparison over time: a matrix whose entries are what comparing two steps by themselves gives."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import rtd
import synctopo
from synctopo import reduction
from synctopo.comparison import Asked, rows_of_pair
from synctopo.measures import named
from synctopo.timecourse import compare_over_time, curve, matrix

pytestmark = pytest.mark.smoke

X = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))


class Turning(nn.Module):
    """A cloud that is turned at every step, and flattened more and more by `squeeze`; `out` is silent at first."""

    def __init__(self, squeeze: float) -> None:
        super().__init__()
        self.squeeze = squeeze

    def states(self, x: Tensor):
        for step in range(4):
            turn = torch.tensor([[np.cos(step), -np.sin(step), 0], [np.sin(step), np.cos(step), 0], [0, 0, 1]], dtype=torch.float32)
            flat = x * torch.tensor([1, 1, self.squeeze**step])
            yield {"cloud": flat @ turn, "out": flat * (step > 0)}


A, B = (synctopo.record(Turning(squeeze), X) for squeeze in (1.0, 0.3))


def test_an_entry_is_what_comparing_the_two_clouds_by_themselves_gives():
    frame = compare_over_time(A, B, "rtd", site="cloud")
    assert len(frame) == 16
    for row in frame.itertuples():
        assert row.value == pytest.approx(rtd.rtd(A.cloud("cloud", row.time_a), B.cloud("cloud", row.time_b)).value, abs=1e-9)


def test_the_curve_is_the_diagonal_and_what_compare_says():
    frame = compare_over_time(A, B, "rtd", site="cloud", names=("round", "flat"))
    line = curve(frame)
    np.testing.assert_array_equal(line["value"], np.diag(matrix(frame)))
    said = synctopo.compare({"round": A, "flat": B}, ["rtd"], sites=["cloud"])
    assert list(line.columns) == list(said.columns)
    for column in said.columns.difference(["reason"]):
        pd.testing.assert_series_equal(line[column], said[column], check_dtype=False)


def test_rows_are_the_same_whether_distances_are_kept_or_made_again():
    kept: dict = {}
    pair = ("a", A, "b", B, [named("rtd")], Asked())
    assert rows_of_pair(*pair, clouds=kept) == rows_of_pair(*pair)
    assert len(kept) == 2 * 2 * 4


def test_a_turned_cloud_stays_where_it_was_and_a_flattened_one_does_not():
    assert matrix(compare_over_time(A, A, site="cloud")).to_numpy().max() < 1e-4
    flat = matrix(compare_over_time(B, B, site="cloud")).to_numpy()
    np.testing.assert_array_equal(flat, flat.T)
    assert (np.diff(flat[0]) > 0.1).all()


def test_a_recording_against_itself_is_what_two_equal_recordings_give():
    again = synctopo.record(Turning(0.3), X)
    half, whole = (compare_over_time(B, other, site="cloud") for other in (B, again))
    for column in ("value", "forward", "backward", "time_a", "time_b"):
        np.testing.assert_allclose(half[column].astype(float), whole[column].astype(float), atol=1e-9)


def test_a_silent_step_is_a_row_with_a_status():
    frame = compare_over_time(A, B, site="cloud", site_b="out", times=[0, 2])
    assert list(frame["status"]) == ["silent", "ok", "silent", "ok"]
    assert frame["reason"][0] == "b@0 is zero for every sample"
    assert list(frame["site_b"].unique()) == ["out"]
    assert matrix(frame).isna().sum().sum() == 2


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: compare_over_time(A, synctopo.record(Turning(1.0), X, reduce=reduction.count), site="cloud"),
            "b holds no steps .its reduction is count.; record it with reduce=reduction.steps",
        ),
        (lambda: compare_over_time(A, B, site="clowd"), "no site 'clowd' in this recording; the nearest is 'cloud'"),
        (lambda: compare_over_time(A, B, site="cloud", times=[9]), "no step '9' in a; there are: 0, 1, 2, 3"),
        (lambda: compare_over_time(A, synctopo.record(Turning(1.0), X.flip(0)), site="cloud"), "were shown different inputs"),
        (lambda: compare_over_time(A, B, "rdt", site="cloud"), "no measure 'rdt'"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
