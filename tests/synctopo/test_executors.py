"""Executors: whoever does the work, on however many processes and machines, the rows are the same bytes, and nothing is done twice."""

import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from synctopo import claims
from synctopo.executors import executor, processes, serial
from synctopo.identity import Process
from synctopo.pipeline import run, status
from synctopo.study import Study
from synctopo.work import Piece, Plan, blocks, part_of, plan, tile

TABLE = {
    "name": "executors",
    "question": "Does it matter who does it?",
    "seeds": [0, 1],
    "data": {"name": "digits", "train": 50, "test": 20},
    "models": {"a": {"family": "mlp", "hidden": [4]}, "b": {"family": "mlp", "hidden": [5]}},
}
STUDY = Study.from_table(TABLE)


def rows(root: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((root / "rows").glob("*.json")) if not p.name.endswith(".meta.json")}


def quiet(*_: object) -> None:
    """Hear nothing."""


def invented(make, names: str = "abcdef") -> Plan:
    """A plan of judgements that do whatever `make` does."""
    return Plan(STUDY, tuple(Piece("judge", name * 20, name, (), make) for name in names), plan(STUDY).code)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("whole")
    assert run(plan(STUDY), root, serial, quiet) == ()
    return root


@pytest.mark.slow
def test_processes_write_the_bytes_of_one(whole, tmp_path):
    assert run(plan(STUDY), tmp_path, executor(2), quiet) == ()
    assert rows(tmp_path) == rows(whole)


@pytest.mark.slow
def test_processes_that_are_kept_follow_to_another_folder(whole, tmp_path, monkeypatch):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        assert run(plan(STUDY), Path("results"), executor(2), quiet) == ()
        assert rows(tmp_path / name / "results") == rows(whole)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="needs the extra `dask`")
@pytest.mark.filterwarnings("default")
def test_dask_workers_write_the_bytes_of_one(whole, tmp_path):
    assert run(plan(STUDY), tmp_path, executor(2, "local"), quiet) == ()
    assert rows(tmp_path) == rows(whole)


@pytest.mark.smoke
def test_shards_at_a_time_write_the_bytes_of_one_and_do_nothing_twice(whole, tmp_path):
    heard: list[str] = []

    def listen(stage, done, pieces, outcome) -> None:
        if outcome is not None and not outcome.found:
            heard.append(outcome.piece.key)

    made = plan(STUDY)
    shards = [
        threading.Thread(target=run, args=(made, tmp_path, serial, listen), kwargs={"pieces": part_of(made, f"{k}/3")}) for k in (1, 2, 3)
    ]
    for shard in shards:
        shard.start()
    for shard in shards:
        shard.join()
    assert sorted(heard) == sorted(p.key for p in made.pieces)
    assert rows(tmp_path) == rows(whole)


@pytest.mark.smoke
def test_a_shard_alone_does_its_share_and_what_that_needs_and_waits_for_nobody(tmp_path):
    made = plan(STUDY)
    for k in (3, 1, 2):
        assert run(made, tmp_path, serial, quiet, pieces=part_of(made, f"{k}/3")) == ()
        share = part_of(made, f"{k}/3")
        assert all(p.done(tmp_path) for p in share)
    assert all(p.done(tmp_path) for p in made.pieces)


@pytest.mark.smoke
def test_the_shares_are_all_and_what_nobody_else_needs_only_once():
    made = plan(STUDY)
    ends = [p.key for k in (1, 2, 3) for p in part_of(made, f"{k}/3") if p.stage in ("judge", "compare")]
    assert sorted(ends) == sorted(p.key for stage in ("judge", "compare") for p in made.of(stage))
    assert part_of(made, "1/3")[0] != part_of(made, "2/3")[0]
    assert {p.key for p in part_of(made, "1/1")} == {p.key for p in made.pieces}


@pytest.mark.smoke
@pytest.mark.parametrize("shard", ["0/3", "4/3", "1", "1/0", "a/b", "-1/3", "1/3/5"])
def test_a_shard_that_is_none_is_told(shard):
    with pytest.raises(ValueError, match="is the k-th of n parts"):
        part_of(plan(STUDY), shard)


@pytest.mark.smoke
def test_what_another_machine_works_on_is_waited_for_and_taken_over_when_it_has_died(tmp_path, monkeypatch):
    def make(root: Path, target: Path) -> None:
        target.write_text("[]\n")

    made = invented(make, "ab")
    path = claims.path_of(tmp_path, made.pieces[0].key)
    afar = Process("elsewhere", "0" * 8, 1, 1)
    monkeypatch.setattr(claims, "this_process", lambda: afar)
    other = claims.held(tmp_path, made.pieces[0].key, "judge", "a", beat=1000.0)
    other.__enter__()
    monkeypatch.undo()
    (running,) = status(made, tmp_path)[2].running
    assert (running.label, running.process.host) == ("a", "elsewhere")
    monkeypatch.setattr("synctopo.pipeline.Watch", lambda: claims.Watch(expiry=0.3))
    heard = []
    assert run(made, tmp_path, serial, lambda *all_: heard.append(all_[3])) == ()
    assert [o.piece.label for o in heard if o] == ["b", "a"]
    other.__exit__(None, None, None)
    assert not path.exists()


@pytest.mark.smoke
def test_a_full_disk_ends_the_run_with_a_sentence_and_marks_nothing_as_failed(tmp_path):
    def make(root: Path, target: Path) -> None:
        raise OSError(28, "No space left on device", str(target))

    with pytest.raises(OSError, match="No space left on device: what is done is kept; make room and run the same command again"):
        run(invented(make), tmp_path, serial, quiet)
    assert not (tmp_path / "failed").exists()
    assert list((tmp_path / "claims").iterdir()) == []


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError("too much"), "MemoryError: too much"),
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
        (SystemExit(3), "SystemExit: 3"),
        (PermissionError(13, "Permission denied", "/elsewhere/data"), "Permission denied (/elsewhere/data)"),
    ],
)
def test_whatever_a_piece_raises_is_its_failure_with_a_log_and_the_rest_goes_on(tmp_path, error, reason):
    def make(root: Path, target: Path) -> None:
        if target.stem.startswith("b"):
            raise error
        target.write_text("[]\n")

    made = invented(make)
    (failed,) = run(made, tmp_path, serial, quiet)
    assert failed.failure.startswith(reason)
    assert sum(p.done(tmp_path) for p in made.pieces) == 5
    assert "Traceback" in (tmp_path / "logs" / f"{failed.piece.key}.log").read_text()
    assert status(made, tmp_path)[2].failures == (("b", failed.failure),)


@pytest.mark.slow
def test_a_process_that_dies_over_a_piece_is_that_piece_s_failure_alone(tmp_path):
    def make(root: Path, target: Path) -> None:
        if target.stem.startswith("c"):
            os.kill(os.getpid(), signal.SIGKILL)
        target.write_text("[]\n")

    made = invented(make)
    (failed,) = run(made, tmp_path, processes(2), quiet)
    assert failed.piece.label == "c"
    assert "ended by the system, most often for want of memory" in failed.failure
    assert sum(p.done(tmp_path) for p in made.pieces) == 5


@pytest.mark.slow
def test_ctrl_c_while_workers_start_is_one_sentence(tmp_path):
    code = (
        "from joblib.externals.loky import ProcessPoolExecutor as Pool\n"
        "real = Pool.submit\n"
        "def submit(self, *a):\n    f = real(self, *a)\n    print('started', flush=True)\n    return f\n"
        "Pool.submit = submit\n"
        # what a shell starts in the background is made to ignore Ctrl-C, and so is all that it starts
        "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from synctopo.cli import main\nmain()\n"
    )
    file = tmp_path / "study.toml"
    models = "".join(f"[models.m{k}]\nhidden = [{k + 2}]\n" for k in range(4))
    head = 'name = "study"\nquestion = "?"\nseeds = [0, 1]\ndata = { name = "digits", train = 50, test = 20 }\n'
    file.write_text(f'{head}[defaults]\nfamily = "mlp"\n{models}')
    command = [sys.executable, "-c", code, "run", str(file), "--out", str(tmp_path / "out"), "--jobs", "2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in said
    assert "KeyboardInterrupt" not in said
    assert "stopped; what is done is kept" in said


@pytest.mark.smoke
def test_blocks_share_recordings_and_every_pair_is_in_one():
    many = Study.from_table(TABLE | {"seeds": list(range(50)), "compare": {"measures": ["rtd", "cka"]}})
    made = plan(many)
    assert tile(many, 100) == 4
    compares = made.of("compare")
    assert len({p.key for p in compares}) == len(compares) == 2 * 100 * 99 // 2
    found = blocks(compares)
    assert [p for block in found for p in block.pieces] == list(compares)
    for block in found:
        assert len({key for p in block.pieces for key in p.needs}) <= 8
    assert sum(len({key for p in b.pieces for key in p.needs}) for b in found) < len(compares) / 1.9
    # no key depends on the blocks
    assert {p.key for p in plan(STUDY).of("compare")} <= {p.key for p in compares}


@pytest.mark.smoke
def test_jobs_and_dask_addresses_that_are_none_are_told(tmp_path):
    with pytest.raises(ValueError, match="--jobs is a whole number from 1 on"):
        executor(0)
    if importlib.util.find_spec("distributed") is not None:
        with pytest.raises(ValueError, match="no Dask scheduler answers at nonsense"):
            run(plan(STUDY), tmp_path, executor(1, "nonsense"), quiet)


@pytest.mark.smoke
def test_without_the_package_dask_is_told_how_to_get(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r"pip install 'synctopo\[dask\]'"):
        executor(2, "local")


@pytest.mark.smoke
def test_what_has_failed_is_tried_again_only_when_asked(tmp_path):
    tried = []

    def make(root: Path, target: Path) -> None:
        tried.append(target.stem)
        if len(tried) == 1:
            raise RuntimeError("the network is down")
        target.write_text("[]\n")

    made = invented(make, "a")
    for _ in range(2):
        assert [f.failure for f in run(made, tmp_path, serial, quiet)] == ["RuntimeError: the network is down"]
    assert len(tried) == 1
    assert run(made, tmp_path, serial, quiet, retry_failed=True) == ()
    assert status(made, tmp_path)[2].failures == ()
    assert list((tmp_path / "failed").iterdir()) == []
