"""The store: whole files or none, and one spelling for one value."""

import os
import subprocess
import sys

import numpy as np
import pytest

from synctopo import store

pytestmark = pytest.mark.smoke


def test_one_value_has_one_spelling():
    assert store.canonical({"b": 1, "a": [1.5, "µ"]}) == store.canonical({"a": [1.5, "µ"], "b": 1}) == '{"a":[1.5,"µ"],"b":1}'


def test_nan_is_refused():
    with pytest.raises(ValueError, match="JSON compliant"):
        store.canonical({"a": float("nan")})


def test_a_digest_tells_values_apart():
    assert store.digest({"a": 1}) == store.digest({"a": 1}) != store.digest({"a": 2})


def test_the_code_version_is_a_hash_of_files_that_exist():
    assert len(store.code_version()) == 12


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    store.write_json(path, {"a": 1})

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.write_json(path, {"a": 2})
    assert store.read_json(path) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_what_a_dead_process_left_is_swept_and_what_a_living_one_writes_is_not(tmp_path):
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    (tmp_path / f".a.json.{dead.stdout.strip()}.tmp").write_text("half")
    (tmp_path / f".b.json.{os.getpid()}.tmp").write_text("half")
    assert store.sweep(tmp_path) == 1
    assert [p.name for p in tmp_path.iterdir()] == [f".b.json.{os.getpid()}.tmp"]


def test_tensors_come_back(tmp_path):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "mask": np.array([True, False]), "strided": np.arange(10)[::2]}
    store.write_tensors(tmp_path / "t", arrays, {"about": "it"})
    again, metadata = store.read_tensors(tmp_path / "t")
    assert metadata == {"about": "it"}
    for name, array in arrays.items():
        np.testing.assert_array_equal(again[name], array)


def test_a_truncated_json_file_is_named(tmp_path):
    (tmp_path / "a.json").write_text('[{"a":')
    with pytest.raises(ValueError, match=r"a\.json is not readable as JSON; delete it"):
        store.read_json(tmp_path / "a.json")
