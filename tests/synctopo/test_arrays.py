"""Arrays from files, and where two of them differ."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from synctopo import arrays

pytestmark = pytest.mark.smoke

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 4))


def test_every_format_gives_the_same_array(tmp_path):
    np.save(tmp_path / "a.npy", X)
    np.savez(tmp_path / "a.npz", only=X)
    np.savez(tmp_path / "two.npz", one=X, other=X[:5])
    np.savetxt(tmp_path / "a.csv", X, delimiter=",", fmt="%.17g")
    save_file({"x": X}, tmp_path / "a.safetensors")
    for name in ("a.npy", "a.npz", "a.csv", "a.safetensors", "two.npz:one"):
        np.testing.assert_array_equal(arrays.read(tmp_path / name), X)


def test_more_dimensions_are_flattened_behind_the_sample(tmp_path):
    np.save(tmp_path / "a.npy", X.reshape(30, 2, 2))
    np.testing.assert_array_equal(arrays.read(tmp_path / "a.npy"), X)


def test_where_two_arrays_differ_is_said_and_drawn(tmp_path):
    moved = X.copy()
    moved[0] += 8
    for name, array in (("a", X), ("b", moved)):
        np.save(tmp_path / f"{name}.npy", array)
    paths = [tmp_path / "a.npy", tmp_path / "b.npy"]
    said = arrays.where(paths, tmp_path / "where.png")
    assert (tmp_path / "where.png").stat().st_size > 1000
    # the bar that its move makes has two ends: the sample, and the neighbour that it left
    assert " 0 (" in "".join(said.split(",")[:2])
    with pytest.raises(ValueError, match="tells two arrays apart; got 1 files"):
        arrays.where(paths[:1], tmp_path / "where.png")
    with pytest.raises(ValueError, match=r"no figure format '\.gif'"):
        arrays.where(paths, tmp_path / "where.gif")


@pytest.mark.parametrize(
    ("name", "make", "sentence"),
    [
        ("a.npy", lambda p: np.save(p, np.zeros((0, 3))), "and holds nothing"),
        ("a.npy", lambda p: np.save(p, np.zeros((3, 0))), "and holds nothing"),
        ("a.npy", lambda p: np.save(p, np.arange(6).reshape(3, 2) + 2**62), "whole numbers beyond 2.53"),
        ("a.npz", lambda p: np.savez(p), "holds no array"),
        ("a.csv", lambda p: p.write_text(""), "and holds nothing"),
        ("a.csv", lambda p: p.write_text("x,y\n1,2\n"), "without a header or empty cells"),
        ("a.csv", lambda p: p.write_text("1,2\n3,\n"), "without a header or empty cells"),
        ("a.csv", lambda p: p.write_bytes(b"\xe9,1\n"), "no text of numbers"),
    ],
)
def test_files_without_numbers_to_compare_are_told_with_what_would_do(tmp_path, name, make, sentence):
    make(tmp_path / name)
    with pytest.raises(ValueError, match=sentence):
        arrays.read(tmp_path / name)


def test_numbers_that_numpy_lacks_are_told(tmp_path):
    import torch
    from safetensors.torch import save_file

    save_file({"a": torch.ones(3, 2, dtype=torch.bfloat16)}, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="save them as float32"):
        arrays.read(tmp_path / "a.safetensors")


def test_a_name_for_a_file_of_one_array_is_refused_and_endings_may_be_capitals(tmp_path):
    np.save(tmp_path / "a.npy", np.eye(3))
    (tmp_path / "a.npy").rename(tmp_path / "A.NPY")
    assert (arrays.read(tmp_path / "A.NPY") == np.eye(3)).all()
    with pytest.raises(ValueError, match="without a name; leave out :x"):
        arrays.read(tmp_path / "A.NPY:x")


def test_a_csv_with_a_byte_order_mark_is_read(tmp_path):
    (tmp_path / "a.csv").write_text("1,2\n3,4\n", encoding="utf-8-sig")
    assert arrays.read(tmp_path / "a.csv").tolist() == [[1, 2], [3, 4]]


def test_files_that_hold_several_arrays_or_are_of_another_kind_are_said(tmp_path):
    np.savez(tmp_path / "two.npz", one=X, other=X)
    with pytest.raises(ValueError, match=r"holds 2 arrays \(one, other\); name one: .*two\.npz:one"):
        arrays.read(tmp_path / "two.npz")
    with pytest.raises(ValueError, match=r"no array 'onee' in .*; the nearest is 'one'"):
        arrays.read(tmp_path / "two.npz:onee")
    (tmp_path / "a.mat").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"no array format '\.mat'"):
        arrays.read(tmp_path / "a.mat")
