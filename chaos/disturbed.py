"""Runs disturbed from outside: killed, raced, without room on the disk, under a clock that jumps, with a study edited midway."""

import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from chaos.subject import Ended, Subject, made, nobody, ran, results, sentence, start, wait

Came = Mapping[str, int]
LATER = 3 * 365 * 86400


def ended_well(ended: Ended, subject: Subject, root: Path) -> Came:
    """What came of a run that nothing disturbed any more: the same bytes, or what is wrong."""
    same = ended.code == 0 and subject.same(root)
    return {
        "same": int(same),
        "differ": int(ended.code == 0 and not same),
        "stuck": int(ended.code != 0),
        "lost": subject.lost(root),
    } | troubles(ended)


def troubles(ended: Ended) -> dict[str, int]:
    """What must not happen, in how a copy ended by itself."""
    return {
        "tracebacks": int(ended.traceback),
        "hangs": int(ended.code == -signal.SIGKILL),
        "crashes": int(ended.code < 0 and ended.code != -signal.SIGKILL),
    }


def killed(draw: random.Random, subject: Subject, place: Path) -> tuple[Came, str]:
    """Start and SIGKILL a run a few times, at any moment; then let it end."""
    root, log = place / "root", place / "log"
    shutil.rmtree(root, ignore_errors=True)
    log.unlink(missing_ok=True)
    kills, gone = 0, 0
    for _ in range(8):
        before = results(root)
        if subject.same(root):
            # nothing is left to be killed in
            shutil.rmtree(root)
            before = {}
        pid = start(subject.run(root), log)
        # most moments in the work itself, which takes less time than the figures
        time.sleep(draw.uniform(0, subject.seconds * draw.choice([0.1, 0.2, 0.3, 1.0])))
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        kills += os.WIFSIGNALED(status)
        after = results(root)
        gone += sum(after.get(name) != content for name, content in before.items())
        gone += sum(after[name] != subject.held[name] for name in after if name in subject.held)
    ended = ran(subject.run(root), place / "log")
    came = dict(ended_well(ended, subject, root))
    return came | {"killed": kills, "lost": came["lost"] + gone}, ended.said


def group_killed(draw: random.Random, subject: Subject, place: Path) -> tuple[Came, str]:
    """SIGKILL a run in two processes: now the one that leads, now all of them; then let it end."""
    root, log = place / "root", place / "log"
    shutil.rmtree(root, ignore_errors=True)
    log.unlink(missing_ok=True)
    arguments = [*subject.run(root)[:-1], "2"]
    pid = start(arguments, log)
    time.sleep(draw.uniform(0.1, 8.0))
    alone = draw.random() < 0.5
    (os.kill if alone else os.killpg)(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    ended = ran(subject.run(root), log)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    return dict(ended_well(ended, subject, root)) | {"killed": int(os.WIFSIGNALED(status))}, ended.said


def asked_to_end(draw: random.Random, subject: Subject, place: Path) -> tuple[Came, str]:
    """SIGINT or SIGTERM, as Ctrl-C and batch systems send, at any moment; then let it end."""
    root, log = place / "root", place / "log"
    shutil.rmtree(root, ignore_errors=True)
    log.unlink(missing_ok=True)

    def as_main() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.default_int_handler)

    pid = start(subject.run(root), log, as_main)
    time.sleep(draw.uniform(0.02, subject.seconds * 0.5))
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, draw.choice([signal.SIGINT, signal.SIGTERM]))
    first = wait(pid, log)
    ended = ran(subject.run(root), log)
    came = dict(ended_well(ended, subject, root))
    first_troubles = troubles(first)
    return {**came, **{word: came[word] + first_troubles[word] for word in first_troubles}, "told": int(sentence(first.said))}, (
        first.said + ended.said
    )


def raced(count: int, draw: random.Random, subject: Subject, place: Path) -> tuple[Came, str]:
    """Several processes on one folder at once, one of them killed in half of the cases; then one more."""
    root = place / "root"
    shutil.rmtree(root, ignore_errors=True)
    logs = [place / f"log{k}" for k in range(count)]
    for log in logs:
        log.unlink(missing_ok=True)
    pids = [start(subject.run(root), log) for log in logs]
    kills = 0
    if draw.random() < 0.5:
        time.sleep(draw.uniform(0, subject.seconds * 0.5))
        os.kill(pids[0], signal.SIGKILL)
        kills = 1
    all_ended = [wait(pid, log) for pid, log in zip(pids, logs, strict=True)][kills:]
    ended = ran(subject.run(root), place / "log")
    came = dict(ended_well(ended, subject, root))
    for other in all_ended:
        came = {**came, **{word: came[word] + times for word, times in troubles(other).items()}}
        came["differ"] += int(other.code != 0)
    wrong = [other.said for other in all_ended if other.code] or [ended.said]
    return came | {"processes": count, "killed": kills}, wrong[0]


def full_disk(draw: random.Random, subject: Subject, place: Path) -> tuple[Came, str]:
    """No file may grow past a few bytes (RLIMIT_FSIZE), as on a disk that is full; then there is room again."""
    root, log = place / "root", place / "log"
    shutil.rmtree(root, ignore_errors=True)
    limit = int(2 ** draw.uniform(0, 16))

    def prepare() -> None:
        # what is said goes to a file, too, which another process writes
        pipe = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=1)
        assert pipe.stdin is not None
        os.dup2(pipe.stdin.fileno(), 2)
        os.dup2(pipe.stdin.fileno(), 1)
        pipe.stdin.close()
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    first = ran(subject.run(root), log, prepare)
    # the other process may still be writing the last words
    time.sleep(0.05)
    first = Ended(first.code, log.read_text(encoding="utf-8", errors="replace"), first.seconds)
    return _again(first, subject, root, log)


def full_tmpfs(draw: random.Random, subject: Subject, place: Path) -> tuple[Came, str]:
    """A file system of some kilobytes (tmpfs) fills up in the middle; then it grows."""
    mount, log = place / "mount", place / "log"
    mount.mkdir(exist_ok=True)
    kib = draw.choice([4, 8, 16, 32, 64, 100, 128, 160, 200])
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(mount)], capture_output=True, check=False).returncode:
        return {"not permitted here": 1}, ""
    try:
        first = ran(subject.run(mount / "root"), log)
        subprocess.run(["mount", "-o", "remount,size=64m", str(mount)], check=True)
        return _again(first, subject, mount / "root", log)
    finally:
        subprocess.run(["umount", str(mount)], check=False)


def read_only(draw: random.Random, subject: Subject, place: Path) -> tuple[Came, str]:
    """The folder, or one folder in it, may not be written by whoever runs (root becomes nobody); then it may."""
    root, log = place / "root", place / "log"
    shutil.rmtree(root, ignore_errors=True)
    if draw.random() < 0.6:
        ran(subject.run(root), log)
        for name in draw.sample(sorted(subject.held), draw.randint(0, 8)):
            (root / name).unlink()
    else:
        root.mkdir()
    folders = [root, *(f for f in root.iterdir() if f.is_dir())]
    barred = draw.choice([folders, [draw.choice(folders)]])
    for folder in folders:
        os.chmod(folder, 0o555 if folder in barred else 0o777)

    first = ran(subject.run(root), log, nobody)
    for folder in folders:
        os.chmod(folder, 0o777)
    return _again(first, subject, root, log)


def _again(first: Ended, subject: Subject, root: Path, log: Path) -> tuple[Came, str]:
    """What came of a run that something stood in the way of, and of the same run once more; a piece that has failed is tried again."""
    ended = ran(subject.run(root, *retrying()), log)
    came = dict(ended_well(ended, subject, root))
    told = first.code in (1, 2) and sentence(first.said)
    return {
        **came,
        **{word: came[word] + times for word, times in troubles(first).items()},
        "told": int(told),
        "not told": int(first.code not in (0, 1, 2) or (first.code != 0 and not told)),
    }, (first.said + ended.said)


def retrying() -> list[str]:
    """The option that tries failed pieces again, where there is one."""
    import inspect

    from synctopo import cli

    return ["--retry-failed"] if "retry_failed" in inspect.signature(cli.run).parameters else []


def clock(draw: random.Random, subject: Subject, place: Path) -> tuple[Came, str]:
    """The clock jumps by years, forward or back, between a killed run and the next: by the times of the files, and by time.time itself."""
    root, log = place / "root", place / "log"
    shutil.rmtree(root, ignore_errors=True)
    log.unlink(missing_ok=True)
    pid = start(subject.run(root), log)
    time.sleep(draw.uniform(0, subject.seconds * 0.5))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    jump = draw.choice([-LATER, -3600, 3600, LATER])
    for file in sorted(root.rglob("*")) if root.exists() else []:
        if draw.random() < 0.7:
            os.utime(file, (time.time() + jump, time.time() + jump))

    def prepare() -> None:
        now, began = time.time, time.time()
        moved = draw.choice([-LATER, 0, LATER])
        # it jumps in the middle of the run, too
        time.time = lambda: now() + (moved if now() - began > 0.1 else 0.0)

    ended = ran(subject.run(root), log, prepare)
    return dict(ended_well(ended, subject, root)) | {"killed": 1}, ended.said


def edited(draw: random.Random, subject: Subject, place: Path) -> tuple[Came, str]:
    """The study file is changed, broken or taken away while it runs; then it is the old one again."""
    root, log, file = place / "root", place / "log", place / "edited.toml"
    shutil.rmtree(root, ignore_errors=True)
    log.unlink(missing_ok=True)
    text = subject.file.read_text(encoding="utf-8")
    file.write_text(text, encoding="utf-8")
    other = Subject(file, root, subject.held, subject.seconds)
    pid = start(other.run(root), log)
    time.sleep(draw.uniform(0, subject.seconds * 0.5))
    kind = draw.randrange(4)
    if kind == 3:
        file.unlink()
    else:
        file.write_text([text.replace("epochs = 1", "epochs = 2"), text.replace("[0, 1]", "[0, 1, 2]"), text[: len(text) // 2]][kind])
    first = wait(pid, log)
    between = ran(other.run(root), log)
    file.write_text(text, encoding="utf-8")
    ended = ran(other.run(root), log)
    came = dict(ended_well(ended, other, root))
    for before in (first, between):
        came = {**came, **{word: came[word] + times for word, times in troubles(before).items()}}
    return came | {"told": int(between.code == 2)}, first.said + between.said + ended.said


def many(draw: random.Random, _subject: Subject, place: Path) -> tuple[Came, str]:
    """Ten thousand pieces in one folder: killed twice, and run to the end."""
    root, log = place / "many", place / "log"
    shutil.rmtree(root, ignore_errors=True)
    log.unlink(missing_ok=True)
    seeds = ", ".join(map(str, range(140)))
    text = (
        'name = "many"\nquestion = "Is it too much?"\n' + f"seeds = [{seeds}]\n" + 'data = { name = "digits", train = 20, test = 10 }\n'
        '[models.m]\nfamily = "mlp"\nhidden = [2]\n[compare]\nmeasures = ["cka"]\n'
    )
    file = place / "many.toml"
    file.write_text(text, encoding="utf-8")
    arguments = ["run", str(file), "--out", str(root), "--jobs", "1"]
    for _ in range(2):
        pid = start(arguments, log)
        time.sleep(draw.uniform(3, 10))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    before = results(root)
    ended = ran(arguments, log, limit=600)
    after = results(root)
    lost = sum(after.get(name) != content for name, content in before.items())
    again = ran(arguments, log, limit=300)
    unchanged = results(root) == after
    return {
        "killed": 2,
        "pieces": len(after),
        "lost": lost + int(len(after) < 140 * 3 + 140 * 139 // 2),
        "same": int(ended.code == 0 and again.code == 0 and unchanged),
        **{word: troubles(ended)[word] + troubles(again)[word] for word in troubles(ended)},
    }, ended.said[-2000:]


@contextlib.contextmanager
def at(place: Path) -> Iterator[Subject]:
    """A subject in a folder that is gone afterwards."""
    try:
        yield made(place)
    finally:
        shutil.rmtree(place, ignore_errors=True)
