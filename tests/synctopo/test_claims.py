"""Claims: one at a time, none by the dead, and no clock can be set so that the living lose theirs."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from synctopo import claims
from synctopo.identity import Process, abandoned, machine, this_process, unique

pytestmark = pytest.mark.smoke


def write(path: Path, process: Process, token: str = "t") -> claims.Claim:
    claim = claims.Claim(path.stem, "fit", "a", token, "2026-01-01T00:00:00Z", process)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(claim)))
    return claim


def dead() -> Process:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    return replace(this_process(), pid=int(ended.stdout), started=1)


AFAR = Process("elsewhere", "0" * 8, 1, 1)


def test_what_one_holds_another_does_not_get_until_it_is_released(tmp_path):
    with claims.held(tmp_path, "k", "fit", "a") as mine:
        assert mine
        with claims.held(tmp_path, "k", "fit", "a") as also:
            assert not also
        assert [c.label for c in claims.claims(tmp_path)] == ["a"]
    assert list((tmp_path / "claims").iterdir()) == []
    with claims.held(tmp_path, "k", "fit", "a") as mine:
        assert mine


def test_of_many_that_reach_for_a_claim_one_gets_it(tmp_path):
    start, end, got = threading.Barrier(8), threading.Barrier(8), []

    def reach() -> None:
        start.wait()
        with claims.held(tmp_path, "k", "fit", "a") as mine:
            got.append(mine)
            end.wait()

    threads = [threading.Thread(target=reach) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 7 + [True]


def test_the_claim_of_a_dead_process_or_of_a_later_one_with_its_number_holds_nobody_up(tmp_path):
    for process in (dead(), replace(this_process(), started=this_process().started + 1)):
        write(claims.path_of(tmp_path, "k"), process)
        assert claims.claims(tmp_path) == []
        with claims.held(tmp_path, "k", "fit", "a") as mine:
            assert mine


def test_the_claim_of_a_living_process_or_of_another_machine_holds(tmp_path):
    for process in (this_process(), AFAR):
        write(claims.path_of(tmp_path, "k"), process)
        with claims.held(tmp_path, "k", "fit", "a") as mine:
            assert not mine


def test_a_claim_of_another_machine_dies_after_long_looking_without_a_sign_of_life_and_any_sign_counts(tmp_path):
    path, now = claims.path_of(tmp_path, "k"), [0.0]
    claim = write(path, AFAR)
    watch = claims.Watch(expiry=10.0, step=2.0, clock=lambda: now[0])
    for _ in range(5):
        assert watch.dead(path) is None
        now[0] += 2.0
    # a sign of life, dated in the past by a clock that is wrong
    os.utime(path, (1.0, 1.0))
    for _ in range(5):
        assert watch.dead(path) is None
        now[0] += 2.0
    assert watch.dead(path) == claim


def test_clocks_that_jump_and_processes_that_sleep_take_nobody_for_dead(tmp_path):
    path, now = claims.path_of(tmp_path, "k"), [0.0]
    write(path, AFAR)
    watch = claims.Watch(expiry=10.0, step=2.0, clock=lambda: now[0])
    for jump in (1e6, -1e6, 1e9):
        assert watch.dead(path) is None
        now[0] += jump
    assert watch.dead(path) is None


def test_a_living_claim_gives_signs_of_life(tmp_path):
    path = claims.path_of(tmp_path, "k")
    with claims.held(tmp_path, "k", "fit", "a", beat=0.01):
        os.utime(path, (1.0, 1.0))
        for _ in range(500):
            if path.stat().st_mtime > 1.0:
                break
            threading.Event().wait(0.01)
        assert path.stat().st_mtime > 1.0


def test_who_was_taken_for_dead_leaves_the_new_claim_alone(tmp_path):
    path = claims.path_of(tmp_path, "k")
    with claims.held(tmp_path, "k", "fit", "a"):
        path.unlink()
        write(path, AFAR, "theirs")
    assert claims.read(path).token == "theirs"


def test_a_claim_that_changed_hands_since_it_was_seen_is_not_broken(tmp_path):
    path = claims.path_of(tmp_path, "k")
    seen = write(path, AFAR, "old")
    write(path, AFAR, "new")
    claims.break_claim(path, seen)
    assert claims.read(path).token == "new"
    claims.break_claim(path, claims.read(path))
    claims.break_claim(path, seen)
    assert list((tmp_path / "claims").iterdir()) == []


def test_without_hard_links_claims_hold_too(tmp_path, monkeypatch):
    def refused(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    with claims.held(tmp_path, "k", "fit", "a") as mine, claims.held(tmp_path, "k", "fit", "a") as also:
        assert (mine, also) == (True, False)
    assert list((tmp_path / "claims").iterdir()) == []


def test_a_word_of_this_process_is_used_once_and_only_that_of_a_dead_one_is_abandoned():
    assert unique() != unique()
    assert not abandoned(unique())
    assert abandoned(f"{machine()}-{dead().pid}-0")
    assert not abandoned(f"{'0' * 8}-{dead().pid}-0")
    assert not abandoned("anything")
