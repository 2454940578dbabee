"""The harness itself: it finds what is wrong, keeps its counts, and a small seeded round of it finds nothing."""

import json
import random
import signal
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from chaos import mutation
from chaos.fuzzed import judged
from chaos.subject import Ended, sentence
from chaos.tally import Tally, resumed, table

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.slow
def test_a_small_round_finds_nothing(tmp_path):
    command = [sys.executable, "-m", "chaos", "--size", "0.01", "--inputs", "20000", "--seconds", "240", "--to", str(tmp_path)]
    only = [option for word in ("fuzzed", "any moment") for option in ("--only", word)]
    done = subprocess.run([*command, *only], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in tmp_path.glob("*.json")}
    assert sum(count["tried"] for name, count in counts.items() if name.startswith("fuzzed")) == 200
    assert counts["SIGKILL-at-any-moment"]["came"]["same"] == 1
    assert "0 rows lost, 0 tracebacks" in (tmp_path / "table.md").read_text(encoding="utf-8")


def late(_draw):
    signal.pause()


def wordless(_draw):
    raise ValueError


def wrong(_draw):
    raise KeyError("x")


@pytest.mark.parametrize(
    ("one", "came"),
    [
        (lambda draw: 1, "taken"),
        (lambda draw: Path("/nowhere/at/all").read_bytes(), "told"),
        (lambda draw: int("a long way off"), "told"),
        (wordless, "tracebacks"),
        (wrong, "tracebacks"),
        (late, "hangs"),
    ],
)
def test_what_came_of_an_input_is_judged(monkeypatch, one, came):
    monkeypatch.setattr("chaos.fuzzed.SECONDS", 0.05)
    assert judged(one, random.Random(0))[0] == {came: 1}


def test_counts_go_on_where_they_were_and_begin_anew_with_another_seed(tmp_path):
    count = resumed("disk full, by a tmpfs", 0, tmp_path)
    count.add({"same": 1})
    count.add({"lost": 2}, "case 1")
    count.save(tmp_path)
    again = resumed("disk full, by a tmpfs", 0, tmp_path)
    assert (again.tried, again.came, again.bad, again.clean) == (2, {"same": 1, "lost": 2}, ["case 1"], False)
    assert resumed("disk full, by a tmpfs", 1, tmp_path).tried == 0
    (tmp_path / "disk-full-by-a-tmpfs.json").write_text(json.dumps({**vars(again), "code": "another"}), encoding="utf-8")
    assert resumed("disk full, by a tmpfs", 0, tmp_path).tried == 0


def test_the_table_says_what_was_tried_and_what_came_of_it():
    kills = Tally("SIGKILL at any moment", 0, "x", 50, 60.0, {"same": 50, "killed": 201, "lost": 0})
    inputs = Tally("fuzzed arrays", 0, "x", 100_000, 60.0, {"told": 90_000, "taken": 10_000})
    text = table([kills, inputs])
    assert "| SIGKILL at any moment | 50 | 50 ended in the same bytes; 201 killed; 0 rows lost; 0 tracebacks |" in text
    assert "In all 201 kills and 100,000 fuzzed inputs, 0 rows lost, 0 tracebacks, in 2.0 minutes" in text


@pytest.mark.parametrize("change", mutation.CHANGES)
def test_a_change_is_seeded_and_changes_most_contents(change):
    content = bytes(range(48, 90)) * 3
    made = [change(random.Random(seed), content) for seed in range(20)]
    assert made == [change(random.Random(seed), content) for seed in range(20)]
    assert sum(one != content for one in made) > 10
    for empty in (b"", b"x"):
        assert isinstance(change(random.Random(0), empty), bytes)


def test_a_table_comes_back_from_toml_as_it_was():
    found = {"a": [1, 2.5, True, "x\x7f\"'"], "b": {"c d": {"e": -3}, "": []}, "t": date(2026, 1, 1)}
    assert tomllib.loads(mutation.toml(found)) == found


def test_changed_files_keep_what_makes_them_reach_deep(tmp_path):
    np.save(tmp_path / "a.npy", np.eye(3))
    content = (tmp_path / "a.npy").read_bytes()
    draws = [mutation.npy(random.Random(seed), content) for seed in range(50)]
    assert all(one.startswith(b"\x93NUMPY") for one in draws)
    assert len({bytes(one) for one in draws}) > 40


def test_a_copy_that_died_or_told_is_recognised():
    assert Ended(1, "Traceback (most recent call last):\n  x\nKeyError", 0.1).traceback
    assert sentence("synctopo: there is no file a.npy.\n")
    assert not sentence("")
    assert not sentence("and then it just")
