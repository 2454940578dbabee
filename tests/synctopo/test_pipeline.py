"""The pipeline: nothing is made twice, nothing is lost, and the same study is the same bytes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from synctopo import making, work
from synctopo.executors import executor, serial
from synctopo.pipeline import run, status
from synctopo.store import write_tensors
from synctopo.study import Study
from synctopo.work import plan

STUDY = """
name = "small"
question = "Does it run?"
seeds = [0, 1]
[data]
name = "digits"
train = 120
test = 60
[defaults]
family = "rsnn"
units = 20
connectivity = 0.4
encoder = { code = "poisson", steps = 15 }
[models.untrained]
[models.stdp]
learning = { rule = "stdp" }
[models.heterogeneous]
learning = { rule = "bptt", epochs = 1 }
[models.heterogeneous.neuron]
tau_mem = { distribution = "gamma", mean = 20.0, cv = 0.5 }
[models.plain]
family = "rsnn"
[unroll]
[compare]
null = 3
bootstrap = 4
contrasts = [["untrained", "stdp"]]
"""


def study(text: str = STUDY, tmp: Path | None = None) -> Study:
    import tomllib

    return Study.from_table(tomllib.loads(text))


def rows(root: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((root / "rows").glob("*.json")) if not p.name.endswith(".meta.json")}


def quiet(*_: object) -> None:
    """Hear nothing."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A finished study, made serially."""
    root = tmp_path_factory.mktemp("whole")
    assert run(plan(study()), root, serial, quiet) == ()
    return root


@pytest.mark.smoke
@pytest.mark.slow
def test_every_model_has_a_row_and_every_pair_a_row_for_each_site(whole):
    found = work.rows(whole, plan(study()).of("judge"))
    assert [(r["condition"], r["seed"]) for r in found] == [(c, s) for c in ("untrained", "stdp", "heterogeneous", "plain") for s in (0, 1)]
    pairs = work.rows(whole, plan(study()).of("compare"))
    assert len(pairs) == 8 * 7 / 2 * 11
    assert {r["site_a"] for r in pairs} == {"hidden.spikes", *(f"{p}L{k}" for p in ("", "random.") for k in range(1, 6))}
    assert all((r["value"] is None) == (r["status"] != "ok") for r in pairs)


@pytest.mark.slow
def test_conditions_that_are_the_same_network_share_their_files_and_have_rtd_zero(whole):
    made = plan(study())
    assert len(made.of("fit")) == len(made.of("record")) == 6
    same = [
        r["value"]
        for r in work.rows(whole, made.of("compare"))
        if {r["condition_a"], r["condition_b"]} == {"untrained", "plain"} and r["seed_a"] == r["seed_b"] and r["status"] == "ok"
    ]
    assert same
    assert set(same) == {0.0}


@pytest.mark.slow
def test_run_again_nothing_is_made_twice(whole):
    before = {p: p.stat().st_mtime_ns for p in whole.rglob("*") if p.is_file()}
    heard = []
    run(plan(study()), whole, serial, lambda *heard_: heard.append(heard_))
    assert all(outcome is None for *_, outcome in heard)
    assert {p: p.stat().st_mtime_ns for p in whole.rglob("*") if p.is_file()} == before


@pytest.mark.slow
def test_processes_make_the_same_bytes_as_one(whole, tmp_path):
    assert run(plan(study()), tmp_path, executor(2), quiet) == ()
    assert rows(tmp_path) == rows(whole)


@pytest.mark.slow
def test_a_lost_file_is_made_again_and_is_the_same(whole, tmp_path):
    import shutil

    root = tmp_path / "copy"
    shutil.copytree(whole, root)
    lost = [plan(study()).of(stage)[-1] for stage in work.STAGES]
    for piece in lost:
        (root / piece.file).unlink()
    run(plan(study()), root, serial, quiet)
    assert rows(root) == rows(whole)
    for piece in lost:
        assert (root / piece.file).read_bytes() == (whole / piece.file).read_bytes()


@pytest.mark.slow
def test_killed_at_any_moment_and_run_again_the_rows_are_the_same_bytes(whole, tmp_path):
    file = tmp_path / "study.toml"
    file.write_text(STUDY)
    root = tmp_path / "out"
    command = [sys.executable, "-m", "synctopo", "run", str(file), "--out", str(root), "--jobs", "1"]
    kills = 0
    for pause in (0.05, 0.2, 0.4, 0.8):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        limit = time.monotonic() + 60
        # wait until it works on pieces, so that the kill hits work and not the imports
        while process.poll() is None and time.monotonic() < limit and not list(root.rglob("*.safetensors")):
            time.sleep(0.02)
        time.sleep(pause)
        if process.poll() is None:
            kills += 1
        os.killpg(process.pid, signal.SIGKILL) if process.poll() is None else None
        process.wait()
    assert kills
    subprocess.run(command, check=True, capture_output=True)
    assert rows(root) == rows(whole)
    assert not list(root.rglob("*.tmp"))


@pytest.mark.slow
def test_a_failed_piece_leaves_the_rest_alone_and_is_tried_again_when_asked(whole, tmp_path, monkeypatch):
    made = plan(study())
    broken = made.of("fit")[0].key

    def fit(spec, of, seed, root, target):
        if target.stem == broken:
            raise MemoryError("no room for this one")
        return real(spec, of, seed, root, target)

    real = work.fit
    monkeypatch.setattr(work, "fit", fit)
    failures = run(plan(study()), tmp_path, serial, quiet)
    assert [f.failure for f in failures] == ["MemoryError: no room for this one"]
    progress = {p.stage: p for p in status(made, tmp_path)}
    assert progress["fit"].done == progress["fit"].pieces - 1
    assert progress["fit"].failures == (("untrained, seed 0", "MemoryError: no room for this one"),)
    assert progress["compare"].done > 0
    log = (tmp_path / "logs" / f"{broken}.log").read_text()
    assert "Traceback" in log
    assert "no room for this one" in log
    monkeypatch.undo()
    again = run(plan(study()), tmp_path, serial, quiet)
    assert [f.failure for f in again] == ["MemoryError: no room for this one"]
    assert run(plan(study()), tmp_path, serial, quiet, retry_failed=True) == ()
    assert rows(tmp_path) == rows(whole)
    assert all(not p.failures for p in status(made, tmp_path))


@pytest.mark.slow
def test_a_silent_network_is_a_row_with_a_status(tmp_path):
    text = STUDY.replace("units = 20", "units = 20\ninput_scale = 0.001").replace("seeds = [0, 1]", "seeds = [0]")
    text = text[: text.index("[models.stdp]")] + "[models.alive]\ninput_scale = 3.0\n"
    assert run(plan(study(text)), tmp_path, serial, quiet) == ()
    (row,) = work.rows(tmp_path, plan(study(text)).of("compare"))
    assert (row["status"], row["value"]) == ("silent", None)


def test_a_truncated_file_of_the_store_is_named(tmp_path):
    made = plan(study())
    piece = made.of("judge")[0]
    (tmp_path / "rows").mkdir()
    (tmp_path / piece.file).write_text('[{"kind"')
    with pytest.raises(ValueError, match="is not readable as JSON; delete it and run again"):
        work.rows(tmp_path, [piece])


def test_rows_hold_nothing_but_functions_of_their_inputs(whole):
    for content in rows(whole).values():
        for row in json.loads(content):
            assert not {"seconds", "when", "machine", "python"} & set(row)


def test_another_seed_measure_or_network_has_another_name():
    keys = [frozenset(p.key for p in plan(study(STUDY.replace(*change))).pieces) for change in (("", ""), ("[0, 1]", "[2, 3]"))]
    assert not keys[0] & keys[1]
    only_contrasts = plan(study(STUDY.replace('["untrained", "stdp"]', '["stdp", "plain"]')))
    assert {p.key for p in only_contrasts.pieces} == {p.key for p in plan(study()).pieces}


QUICK = """
name = "quick"
question = "What if a file is not what it was?"
seeds = [0]
[data]
name = "digits"
train = 100
test = 30
[models.a]
family = "mlp"
hidden = [4]
[models.b]
family = "mlp"
hidden = [5]
"""


@pytest.mark.parametrize(
    ("stage", "tensors", "about", "next_stage", "sentence"),
    [
        ("fit", {"x": [1.0]}, {"history": "{}"}, "record", "holds no weights of this model; delete it"),
        ("record", {"samples": [0]}, {"recording": "{bad"}, "compare", "is no whole recording"),
        ("record", {"samples": [0]}, {"recording": "[]"}, "compare", "is no whole recording"),
        (
            "record",
            {"samples": [0]},
            {"recording": '{"format":2,"sites":["hidden1"],"times":[],"reduction":"count"}'},
            "compare",
            "is no whole recording",
        ),
    ],
)
def test_a_foreign_file_is_named_and_the_rest_goes_on(tmp_path, stage, tensors, about, next_stage, sentence):
    made = plan(study(QUICK))
    assert run(made, tmp_path, serial, quiet) == ()
    broken = made.of(stage)[0]
    write_tensors(tmp_path / broken.file, {name: np.array(value) for name, value in tensors.items()}, about)
    for piece in made.of(next_stage):
        (tmp_path / piece.file).unlink()
    # what a process has read it need not read again; the next process does
    making.forget()
    failures = run(made, tmp_path, serial, quiet)
    assert len(failures) == 1
    assert sentence in failures[0].failure
    assert broken.file in failures[0].failure


@pytest.mark.parametrize("text", ["{}", "[1]", '[{"a": 1}]'])
def test_foreign_rows_are_named_and_not_left_out_in_silence(tmp_path, text):
    made = plan(study(QUICK))
    piece = made.of("judge")[0]
    (tmp_path / "rows").mkdir()
    (tmp_path / piece.file).write_text(text)
    with pytest.raises(ValueError, match=f"{piece.key}.json holds no rows of a study; delete it"):
        work.rows(tmp_path, made.of("judge"))


def test_a_foreign_mark_of_failure_is_named(tmp_path):
    made = plan(study(QUICK))
    (tmp_path / "failed").mkdir()
    (tmp_path / "failed" / f"{made.of('fit')[0].key}.json").write_text("[]")
    with pytest.raises(ValueError, match="names no reason of a failure; delete it"):
        status(made, tmp_path)


def test_a_split_that_cannot_be_is_said_before_anything_is_trained():
    with pytest.raises(ValueError, match="digits has 1797 samples"):
        plan(study(QUICK.replace("train = 100", "train = 9000")))
    with pytest.raises(ValueError, match="cannot be split"):
        plan(study(QUICK.replace("test = 30", "test = 2")))


@pytest.mark.slow
def test_terminated_it_says_so_and_leaves_no_process(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text(STUDY.replace("epochs = 1", "epochs = 9999"))
    command = [sys.executable, "-m", "synctopo", "run", str(file), "--out", str(tmp_path / "out"), "--jobs", "2"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True)
    limit = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < limit and not list((tmp_path / "out").rglob("*.safetensors")):
        time.sleep(0.05)
    process.terminate()
    # the pipe closes only when every process that holds it has ended
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "stopped; what is done is kept" in said
