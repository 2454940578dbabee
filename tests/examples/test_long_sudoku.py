"""The long training goes on where it stopped."""

import importlib.util
import json
from pathlib import Path

import pytest

NO_TIME = {"seconds": 0, "cpu_seconds": 0}
FILE = Path(__file__).parent.parent.parent / "examples" / "long_sudoku.py"


def _loaded():
    spec = importlib.util.spec_from_file_location("long_sudoku", FILE)
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    return example


@pytest.mark.slow
def test_a_run_in_two_parts_is_a_run_in_one(tmp_path, monkeypatch, capsys):
    example = _loaded()
    monkeypatch.setattr(example, "STEPS", (1, 3))
    small = ["--side", "4", "--between", "2", "4", "--channels", "16", "--heads", "2", "--boards", "24", "--tests", "6", "--batch", "12"]
    whole = example.main([*small, "--epochs", "2", "--to", str(tmp_path / "whole")])
    example.main([*small, "--epochs", "1", "--to", str(tmp_path / "parts")])
    parts = example.main([*small, "--epochs", "2", "--to", str(tmp_path / "parts")])
    assert [{**entry, **NO_TIME} for entry in parts] == [{**entry, **NO_TIME} for entry in whole]
    assert 0 < parts[0]["cpu_seconds"] < parts[1]["cpu_seconds"]
    assert json.loads((tmp_path / "parts" / "curve.json").read_text())[1]["epoch"] == 2
    # an old folder, whose curve had no seconds of CPU and nothing said what was asked for, with what is asked for left out
    old = tmp_path / "old"
    short = [v for k, v in enumerate(small) if k not in (2, 3, 4)]
    example.main([*short, "--epochs", "1", "--to", str(old)])
    (old / "asked.json").unlink()
    curve = json.loads((old / "curve.json").read_text())
    (old / "curve.json").write_text(json.dumps([{k: v for k, v in entry.items() if k != "cpu_seconds"} for entry in curve]))
    assert len(example.main([*short, "--epochs", "2", "--to", str(old)])) == 2
    assert len(example.main([*short, "--epochs", "2", "--to", str(old)])) == 2
    with pytest.raises(ValueError, match="a positive number; got 0"):
        example.main([*small, "--stimulus", "0", "--to", str(tmp_path / "bad")])
    assert not (tmp_path / "bad" / "asked.json").exists()
    for other, said in ((["--seed", "1"], "--seed 0, now 1"), (["--stimulus", "1"], "--stimulus 0.1, now 1.0")):
        with pytest.raises(SystemExit):
            example.main([*small, *other, "--to", str(tmp_path / "parts")])
        assert said in capsys.readouterr().err


@pytest.mark.slow
def test_a_training_without_oscillators_goes_on_whatever_their_defaults_were(tmp_path, monkeypatch):
    example = _loaded()
    monkeypatch.setattr(example, "STEPS", (1, 3))
    small = ["--side", "4", "--boards", "16", "--tests", "4", "--channels", "16", "--heads", "2", "--batch", "8", "--between", "1", "2"]
    example.main([*small, "--architecture", "itrsa", "--epochs", "1", "--to", str(tmp_path)])
    asked = json.loads((tmp_path / "asked.json").read_text())
    (tmp_path / "asked.json").write_text(json.dumps({**asked, "stimulus": 1.0}))
    assert len(example.main([*small, "--architecture", "itrsa", "--epochs", "2", "--to", str(tmp_path)])) == 2
