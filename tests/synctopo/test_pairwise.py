"""Arrays compared pair by pair, and what is said of them."""

import json

import numpy as np
import pytest

from synctopo.pairwise import as_json, compared, tables, tidy, told
from synctopo.tables.formats import rendered

pytestmark = pytest.mark.smoke

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 4))
FAR = RNG.normal(size=(30, 3))


@pytest.fixture
def files(tmp_path):
    paths = []
    for name, array in {"a": X, "near": X + 0.2 * RNG.normal(size=X.shape), "far": FAR}.items():
        np.save(tmp_path / f"{name}.npy", array)
        paths.append(tmp_path / f"{name}.npy")
    return paths


def test_two_files_give_a_value_and_more_the_matrix(tmp_path, files):
    np.save(tmp_path / "moved.npy", 2 * X + 1)
    assert told(compared([files[0], tmp_path / "moved.npy"])).startswith("rtd 0.000000")
    matrix = told(compared([files[0], tmp_path / "moved.npy", files[2]])).splitlines()
    assert len(matrix) == 4
    assert float(matrix[1].split()[3]) == float(matrix[3].split()[1]) > 0.1
    (first, *_) = json.loads(as_json(compared([files[0], tmp_path / "moved.npy"])))
    assert first["rtd"] == first["value"] == pytest.approx(0, abs=1e-9)


def test_chance_and_interval_stand_behind_the_value(files):
    rows = compared(files[:2], null=19, bootstrap=10)
    first, chance, stimuli = told(rows).splitlines()
    assert first.startswith(f"rtd {rows[0]['value']:.6f}")
    assert "p = 0.05 (more alike than by chance; 19 random matchings); calibrated 0." in chance
    assert stimuli.startswith("over stimuli [")


def test_the_table_has_arrows_chance_calibrated_values_and_the_best_in_bold(files):
    rows = compared(files, ["rtd_lite", "cka"], null=99, bootstrap=10)
    matrix, other, pairs = tables(rows)
    assert list(pairs.frame.columns) == ["a", "b", "measure", "value", "95 % interval", "by chance", "p", "calibrated"]
    assert list(pairs.frame.measure[:2]) == ["rtd_lite ↓", "cka ↑"]
    assert pairs.best == {(0, 3), (1, 3)}
    assert pairs.frame.p[0] == "0.010"
    assert [text.endswith("†") for text in pairs.frame.value] == [False, False, True, True, True, True]
    assert "†: not to be told from chance" in pairs.title
    assert matrix.title.startswith("rtd_lite ↓ between arrays of n = 30 samples; lower is more alike")
    assert other.title.startswith("cka ↑")
    assert rendered(pairs, "md").count("**") == 2 + 2 * 2


def test_too_few_matchings_mark_nothing_and_are_told(files):
    _, pairs = tables(compared(files, null=9))
    assert not pairs.frame["rtd ↓"][0].endswith("†")
    assert "9 random matchings are too few to tell a table of 3 from chance" in pairs.title


def test_the_tidy_table_has_every_column_unrounded(files):
    rows = compared(files[:2], null=5)
    frame = tidy(rows).frame
    assert frame.value[0] == rows[0]["value"]
    assert {"a", "b", "measure", "closer", "chance_mean", "chance_sd", "p", "q", "calibrated", "status", "hash_a"} <= set(frame.columns)


def test_a_collapsed_array_among_others_has_a_status_and_the_rest_values(tmp_path, files):
    np.save(tmp_path / "flat.npy", np.concatenate([np.zeros((29, 2)), np.ones((1, 2))]))
    rows = compared([*files[:2], tmp_path / "flat.npy"], null=5)
    assert [row["status"] for row in rows] == ["ok", "degenerate", "degenerate"]
    matrix, pairs = tables(rows)
    assert pairs.frame["rtd ↓"][1] == "degenerate"
    assert matrix.frame["flat.npy"][0] == "degenerate"
    assert "degenerate" in told(compared([*files[:2], tmp_path / "flat.npy"]))


def test_a_file_with_itself_is_the_same_and_has_two_names(files):
    (row,) = compared([files[0], files[0]])
    assert (row["a"], row["b"], row["value"]) == ("a.npy", "a.npy (2)", 0.0)


def test_a_measure_that_ignores_which_sample_is_which_says_why_it_has_no_chance_level(files):
    rows = compared(files[:2], ["entropy"], null=5)
    assert rows[0]["p"] is None
    assert "does not look at which sample is which" in told(rows)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"measures": ["rdt"]}, "no measure 'rdt'; the nearest are 'rtd'"),
        ({"null": -1}, "--null is a whole number from 0 on; got -1"),
        ({"bootstrap": 1}, "--bootstrap 1 makes no interval"),
        ({"batch": 1}, "--batch is a whole number from 2 on"),
        ({"trials": 0}, "--trials is a whole number from 1 on"),
        ({"seed": -1}, "--seed is a whole number of at most 63 bits, from 0 on"),
    ],
)
def test_what_cannot_be_asked_for_is_one_sentence(files, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        compared(files, **arguments)


def _write(path, kind):
    if kind == "nan":
        np.save(path, np.where(X > 1, np.nan, X))
    elif kind == "constant":
        np.save(path, np.ones((30, 4)))
    elif kind == "short":
        np.save(path, X[:7])
    elif kind == "vector":
        np.save(path, X[:, 0])
    elif kind == "text":
        np.save(path, np.array([["a", "b"]]))
    elif kind == "truncated":
        np.save(path, X)
        path.write_bytes(path.read_bytes()[:90])
    elif kind == "pickle":
        np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    elif kind == "empty":
        path.write_bytes(b"")


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("nan", r"b\.npy holds NaN or infinity"),
        ("constant", r"b\.npy is the same for every sample"),
        ("short", r"a\.npy holds 30 samples and .*b\.npy 7"),
        ("vector", r"b\.npy has shape \[30\]; an array \[sample, feature\] is wanted"),
        ("text", r"b\.npy holds <U1; numbers are wanted"),
        ("truncated", r"b\.npy is truncated, or no \.npy file"),
        ("pickle", r"b\.npy holds O; numbers are wanted, no objects"),
        ("empty", r"b\.npy is truncated, or no \.npy file"),
        ("missing", r"there is no file .*b\.npy"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, kind, sentence):
    np.save(tmp_path / "a.npy", X)
    _write(tmp_path / "b.npy", kind)
    with pytest.raises(ValueError, match=sentence):
        compared([tmp_path / "a.npy", tmp_path / "b.npy"])


def test_one_sample_and_a_seed_out_of_range_are_told_before_the_work_begins(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((1, 3)))

    def ready() -> None:
        raise AssertionError("the work began")

    with pytest.raises(ValueError, match="holds one sample"):
        compared([tmp_path / "a.npy"] * 2, ready=ready)
    with pytest.raises(ValueError, match="--seed is a whole number"):
        compared([tmp_path / "a.npy"] * 2, seed=2**70, ready=ready)


def test_nearly_all_duplicates_are_told_of_the_file(tmp_path):
    np.save(tmp_path / "flat.npy", np.concatenate([np.zeros((39, 2)), np.ones((1, 2))]))
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(40, 2)))
    with pytest.raises(ValueError, match=r"nothing to compare: flat\.npy: the 0\.9 quantile of the distances is 0"):
        compared([tmp_path / "flat.npy", tmp_path / "x.npy"])


def test_one_file_is_no_comparison(files):
    with pytest.raises(ValueError, match="two arrays or more; got 1 file"):
        compared(files[:1])
