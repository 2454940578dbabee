"""Upkeep: whatever is not what was written is found, named and put aside, and only what nobody needs is deleted."""

import json
import os
from pathlib import Path

import pytest

from synctopo.executors import serial
from synctopo.ledger import STORE, code_of, fail, failure, open_store, rename_code
from synctopo.pipeline import run
from synctopo.report import tables_of, write_all
from synctopo.store import code_version, write_json
from synctopo.study import Study
from synctopo.upkeep import delete, leftovers, verify
from synctopo.work import Plan, plan

TABLE = {
    "name": "upkeep",
    "question": "Is it whole?",
    "seeds": [0],
    "data": {"name": "digits", "train": 50, "test": 20},
    "models": {"a": {"family": "mlp", "hidden": [4]}, "b": {"family": "mlp", "hidden": [5]}},
}


def quiet(*_: object) -> None:
    """Hear nothing."""


def content(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted((root / "rows").glob("*.json")) if "meta" not in p.name}


@pytest.fixture
def made() -> Plan:
    return plan(Study.from_table(TABLE))


@pytest.fixture
def root(made, tmp_path) -> Path:
    assert run(made, tmp_path, serial, quiet) == ()
    return tmp_path


def test_a_folder_that_is_whole_is_told_so(root):
    verdict = verify(root)
    assert (verdict.good, verdict.findings) == (7, ())


@pytest.mark.parametrize("stage", ["fit", "record", "judge", "compare"])
@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda b: b[: len(b) // 2], "truncated"),
        (lambda b: b[:-1] + bytes([b[-1] ^ 1]), "corrupted: its content"),
        (lambda b: b + b" ", "corrupted"),
        (lambda b: b"", "truncated: 0 bytes"),
    ],
)
def test_harm_is_found_put_aside_and_made_good(made, root, stage, harm, said):
    before = content(root)
    file = root / made.of(stage)[0].file
    whole = file.read_bytes()
    file.write_bytes(harm(whole))
    (named,) = verify(root, dry_run=True).findings
    assert named.file == made.of(stage)[0].file
    assert named.wrong.startswith(said)
    assert file.exists()
    (moved,) = verify(root).findings
    assert (root / moved.now).read_bytes() == harm(whole)
    assert not file.exists()
    assert run(made, root, serial, quiet) == ()
    assert file.read_bytes() == whole
    assert content(root) == before
    assert verify(root).findings == ()


def test_foreign_files_links_and_bad_notes_are_found_and_never_overwrite_each_other_in_quarantine(made, root):
    (root / "rows" / "mine.json").write_text("[]")
    (root / "rows" / ("0" * 20 + ".json")).write_text("[]")
    os.symlink("/nowhere", root / "fits" / ("1" * 20 + ".safetensors"))
    (root / "rows" / f"{made.of('judge')[0].key}.meta.json").write_text("{")
    (root / "rows" / ("2" * 20 + ".meta.json")).write_text("{")
    (root / "failed").mkdir(exist_ok=True)
    (root / "failed" / "x.json").write_text("{")
    found = {f.file.partition("/")[2]: f.wrong for f in verify(root).findings}
    assert found["mine.json"] == "foreign: no name of a result"
    assert found["0" * 20 + ".json"] == "foreign: no note says where it comes from"
    assert found["1" * 20 + ".safetensors"].startswith("foreign: a link")
    assert found[f"{made.of('judge')[0].key}.json"].startswith("corrupted: its note cannot be read")
    assert len(found) == 6
    (root / "rows" / "mine.json").write_text("[1]")
    (again,) = verify(root).findings
    assert again.now == "quarantine/rows/mine.json.1"
    assert (root / "quarantine/rows/mine.json").read_text() == "[]"


def test_only_what_the_study_does_not_need_is_left_over(made, root):
    assert leftovers(made, root) == ()
    smaller = plan(Study.from_table(TABLE | {"models": {"a": TABLE["models"]["a"]}}))
    found = leftovers(smaller, root)
    # a fit, a recording, a judgement and a comparison, each with its note
    assert len(found) == 8
    delete(root, found)
    assert leftovers(smaller, root) == ()
    assert all(p.done(root) for p in smaller.pieces)
    assert verify(root).findings == ()


def test_a_folder_of_the_first_format_is_given_checksums(made, root):
    (root / STORE).unlink()
    for note in root.rglob("*.meta.json"):
        about = json.loads(note.read_text())
        write_json(note, {k: v for k, v in about.items() if k not in ("sha256", "bytes")})
    assert verify(root).good == 7
    assert code_of(root) == code_version()
    assert open_store(root, code_version()) == 7
    assert open_store(root, code_version()) == 0
    file = root / made.of("judge")[0].file
    file.write_bytes(file.read_bytes() + b" ")
    assert [f.file for f in verify(root).findings] == [made.of("judge")[0].file]


def test_results_of_other_code_are_not_mixed_unasked(made, root):
    other = plan(made.study, "0123456789ab")
    with pytest.raises(ValueError, match=r"holds results of other code .* --other-code keep"):
        run(other, root, serial, quiet)
    rename_code(root, "0123456789ab")
    assert run(other, root, serial, quiet) == ()
    # made anew beside them, and the old ones are what is left over
    assert all(p.done(root) for p in (*made.pieces, *other.pieces))
    assert len(leftovers(other, root)) == 14


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"format":99,"code":"x"}', "written by a newer synctopo"),
        ("[]", "does not describe a folder of results"),
        ("{", "is not readable"),
    ],
)
def test_a_folder_that_is_not_ours_is_refused(made, tmp_path, text, sentence):
    (tmp_path / STORE).write_text(text)
    with pytest.raises(ValueError, match=sentence):
        run(made, tmp_path, serial, quiet)


def test_a_failure_counts_until_what_the_piece_reads_is_made_anew(made, root):
    piece, fit = made.of("record")[0], made.of("fit")[0]
    (root / piece.file).unlink()
    (root / fit.file).write_bytes(b"no weights")
    (failed, *_) = run(made, root, serial, quiet)
    assert "is truncated or no safetensors file" in failed.failure
    assert failure(root, piece) is not None
    assert [f.failure for f in run(made, root, serial, quiet)] == [failed.failure]
    verify(root)
    assert run(made, root, serial, quiet) == ()
    assert failure(root, piece) is None


def test_there_must_be_a_folder(tmp_path):
    with pytest.raises(ValueError, match="there is no folder"):
        verify(tmp_path / "nowhere")


def test_a_failure_is_a_row_with_its_status_and_log_in_a_table_of_its_own(made, root):
    assert "failures" not in {t.name for t in tables_of(made, root)}
    piece = made.of("compare")[0]
    (root / piece.file).unlink()
    fail(root, piece, "MemoryError: <too> much & more", "Traceback")
    (table,) = [t for t in tables_of(made, root) if t.name == "failures"]
    (row,) = table.frame.to_dict("records")
    assert row == {
        "stage": "compare",
        "of": "rtd of a, seed 0 ~ b, seed 0",
        "status": "failed",
        "reason": "MemoryError: <too> much & more",
        "log": f"logs/{piece.key}.log",
    }
    write_all(made, root)
    assert "<too>" not in (root / "report.html").read_text()
    assert (root / "tables" / "failures.tex").is_file()
