"""Comparing: every pair and site has its row, with a value or with a reason."""

import numpy as np
import pytest

from synctopo.comparison import compare
from synctopo.measures import FAMILY, Cloud
from synctopo.recording import Recording

pytestmark = pytest.mark.smoke

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 5))
ROTATION = np.linalg.qr(RNG.normal(size=(5, 5)))[0]
SHEAR = np.eye(5) + 2.0 * np.triu(np.ones((5, 5)), 1)


def held(points: np.ndarray, samples: np.ndarray | None = None, times: tuple[int, ...] = ()) -> Recording:
    signal = points[:, None] if points.ndim == 2 else points
    return Recording({"hidden": signal}, "steps" if times else "count", times, np.arange(len(points)) if samples is None else samples)


def test_each_pair_has_a_row_with_value_and_width():
    table = compare({"a": held(X), "b": held(X[:, :3]), "c": held(X + 1)}, measures=["rtd", "rtd_lite"])
    assert list(zip(table.model_a, table.model_b, table.measure, strict=True)) == [
        (a, b, m) for a, b in (("a", "b"), ("a", "c"), ("b", "c")) for m in ("rtd", "rtd_lite")
    ]
    assert (table.status == "ok").all()
    assert table.value.notna().all()
    assert list(table.width_b[:2]) == [3, 3]
    assert (table.n == 40).all()


@pytest.mark.parametrize("measure", FAMILY)
def test_the_family_ignores_rotation_shift_and_scale_but_not_shear(measure):
    table = compare({"x": held(X), "moved": held(3 * X @ ROTATION + 7), "sheared": held(X @ SHEAR)}, measures=[measure])
    value = {(r.model_a, r.model_b): r.value for r in table.itertuples()}
    assert abs(value["x", "moved"]) < 1e-9
    assert value["x", "sheared"] > 0.1


def test_a_measure_does_not_depend_on_the_order_of_the_two():
    one, other = (compare(pair).value[0] for pair in ({"a": held(X), "b": held(X @ SHEAR)}, {"b": held(X @ SHEAR), "a": held(X)}))
    assert one == pytest.approx(other, abs=1e-12)


def test_every_step_is_compared_with_the_same_step():
    two = np.stack([X, X @ SHEAR], 1)
    table = compare({"a": held(two, times=(0, 4)), "b": held(np.stack([X, X], 1), times=(0, 4))})
    assert list(table.time_a) == list(table.time_b) == [0, 4]
    assert table.value[0] == pytest.approx(0, abs=1e-12)
    assert table.value[1] > 0.1


def test_a_silent_layer_is_a_row_with_its_status():
    (row,) = compare({"a": held(X), "b": held(np.zeros((40, 3)))}).to_dict("records")
    assert (row["status"], row["value"]) == ("silent", None)
    assert row["reason"] == "b is zero for every sample"


def test_a_constant_layer_is_a_row_with_its_status():
    (row,) = compare({"a": held(np.ones((40, 3))), "b": held(X)}).to_dict("records")
    assert (row["status"], row["value"]) == ("degenerate", None)
    assert row["reason"] == "a is the same for every sample"


def test_a_layer_that_is_nearly_constant_is_a_row_with_its_status():
    collapsed = np.zeros((40, 3))
    collapsed[0] = 1
    (row,) = compare({"a": held(collapsed), "b": held(X)}).to_dict("records")
    assert (row["status"], row["value"]) == ("degenerate", None)
    assert row["reason"].startswith("a: the 0.9 quantile of the distances is 0")
    (row,) = compare({"a": held(X), "b": held(collapsed)}).to_dict("records")
    assert row["reason"].startswith("b: the 0.9 quantile of the distances is 0")


def test_the_sub_samples_are_the_same_for_the_same_seed():
    big = RNG.normal(size=(700, 3))
    pair = {"a": held(big), "b": held(big @ SHEAR[:3, :3])}
    first, again, other = (compare(pair, seed=s) for s in (0, 0, 1))
    assert first.value[0] == again.value[0] != other.value[0]
    assert first.stderr[0] > 0


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: compare({"a": held(X)}), "needs two recordings; got 1"),
        (lambda: compare([held(X), held(X)], measures=["rdt"]), "no measure 'rdt'; the nearest are 'rtd'"),
        (lambda: compare([held(X), held(X)], measures="rtd"), r"`measures` is a list; write measures=\['rtd'\]"),
        (lambda: compare([held(X), held(X)], sites=["hiden"]), "no site 'hiden' in the recording a; the nearest is 'hidden'"),
        (lambda: compare([held(X), held(X[:9])]), "a holds 40 samples and b 9"),
        (lambda: compare([held(X), held(X, samples=np.arange(40)[::-1].copy())]), "different samples, or the same in another order"),
        (lambda: compare([held(X), held(np.stack([X, X], 1), times=(0, 1))]), "record both alike"),
        (lambda: compare([held(X), held(X).renamed({"hidden": "other"})]), "have no site in common"),
    ],
)
def test_bad_input_is_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_distances_are_computed_once():
    cloud = Cloud(X)
    assert cloud.distances is cloud.distances


def test_what_is_wanted_beside_the_value_stands_in_its_row():
    noisy = X + 0.1 * np.random.default_rng(1).normal(size=X.shape)
    row = compare({"a": held(X), "b": held(noisy)}, null=19, bootstrap=10).iloc[0]
    assert row.p == 1 / 20
    assert row.permutations == 19
    assert row.chance_mean > row.value + 3 * row.chance_sd
    assert row.calibrated == pytest.approx(1 - row.value / row.chance_mean)
    assert 0 <= row.ci_low < row.value < row.ci_high
    assert row.resamples == 10


def test_nothing_beside_the_value_is_made_that_was_not_asked_for():
    (row,) = compare({"a": held(X), "b": held(X @ SHEAR)}).to_dict("records")
    assert {row[name] for name in ("chance_mean", "chance_sd", "p", "permutations", "calibrated", "ci_low", "ci_high", "resamples")} == {
        None
    }


def test_chance_and_interval_change_no_value_and_are_the_same_every_time():
    pair = {"a": held(X), "b": held(X @ SHEAR), "c": held(X[:, :2])}
    bare, first, again = (compare(pair, ["rtd", "cka"], null=k, bootstrap=k) for k in (0, 5, 5))
    assert list(bare.value) == list(first.value)
    assert first.equals(again)
    assert not first.p.isna().any()


def test_a_silent_layer_has_no_chance_level_either():
    (row,) = compare({"a": held(X), "b": held(np.zeros((40, 3)))}, null=5, bootstrap=5).to_dict("records")
    assert (row["status"], row["chance_mean"], row["ci_low"]) == ("silent", None, None)


def test_arrays_and_tensors_are_compared_as_they_are():
    import torch

    by_recording = compare({"a": held(X), "b": held(X @ SHEAR)})
    table = compare({"a": X, "b": torch.from_numpy(X @ SHEAR)})
    assert table.value[0] == by_recording.value[0]
    assert list(compare([X, X.reshape(40, 5, 1)]).value) == [0.0]


def test_a_row_names_what_was_compared_by_its_content():
    table = compare({"a": held(X), "b": held(X.copy()), "c": held(X + 1)})
    assert table.hash_a[0] == table.hash_b[0] != table.hash_b[1]
    assert table.hash_samples.nunique() == 1


def test_a_listener_hears_of_every_value_before_it_is_computed():
    heard = []
    compare({"a": held(X), "b": held(X), "c": held(X)}, ["rtd"], listen=lambda *about: heard.append(about))
    assert heard == [("a", "b", "rtd"), ("a", "c", "rtd"), ("b", "c", "rtd")]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: compare([X, X], null=-1), "`null` is a number of draws, such as 200, or 0 for none; got -1"),
        (lambda: compare([X, X], null=True), "`null` is a number of draws"),
        (lambda: compare([X, X], seed=-1), "`seed` is a whole number from 0 on; got -1"),
        (lambda: compare([X, X], bootstrap=1), "`bootstrap` is a number of draws"),
        (lambda: compare([X, [1, 2]]), "b is list; a Recording, or an array or tensor"),
        (lambda: compare([X, X[:, 0]]), r"b has shape \[40\] and type float64; numbers \[sample, feature\]"),
        (lambda: compare([X, np.where(X > 1, np.nan, X)]), "b holds NaN or infinity"),
    ],
)
def test_what_cannot_be_asked_for_is_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
