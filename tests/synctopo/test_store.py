"""The store: whole files or none, and one spelling for one value."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from synctopo import store
from synctopo.identity import machine

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


def test_what_is_said_to_people_is_no_part_of_the_code_and_everything_else_is():
    source = 'def f(x):\n    return [x + 1, "a"]\n'
    said = '"""A module."""\n# why\ndef f(x):\n    """A function."""\n\n    return [\n        x + 1,\n        \'a\',\n    ]\n'
    assert store.meaning(said) == store.meaning(source)
    for other in (source.replace("1", "2"), source.replace("1", "1.0"), source.replace("x + 1", "x - 1"), source + "f(1)\n"):
        assert store.meaning(other) != store.meaning(source)
    assert store.meaning('x = "a"\n"b"\n') != store.meaning('x = "a"\n')


def test_every_place_of_computing_code_is_there():
    root = Path(store.__file__).parent.parent
    assert all((root / place).exists() for place in store.COMPUTING)


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
    mine, gone, afar = (f"{where}-{pid}-0" for where, pid in ((machine(), os.getpid()), (machine(), dead.stdout.strip()), ("0" * 8, 1)))
    for word in (mine, gone, afar):
        (tmp_path / f".a.json.{word}.tmp").write_text("half")
    assert store.sweep(tmp_path) == 1
    # nobody can tell from here whether a process of another machine lives
    assert {p.name for p in tmp_path.iterdir()} == {f".a.json.{mine}.tmp", f".a.json.{afar}.tmp"}


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
