"""The long training goes on where it stopped."""

import importlib.util
import json
from pathlib import Path

import pytest

NO_TIME = {"seconds": 0, "cpu_seconds": 0}
FILE = Path(__file__).parent.parent.parent / "examples" / "long_sudoku.py"


@pytest.mark.slow
def test_a_run_in_two_parts_is_a_run_in_one(tmp_path, monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location("long_sudoku", FILE)
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    monkeypatch.setattr(example, "STEPS", (1, 3))
    small = ["--side", "4", "--between", "2", "4", "--channels", "16", "--heads", "2", "--boards", "24", "--tests", "6", "--batch", "12"]
    whole = example.main([*small, "--epochs", "2", "--to", str(tmp_path / "whole")])
    example.main([*small, "--epochs", "1", "--to", str(tmp_path / "parts")])
    parts = example.main([*small, "--epochs", "2", "--to", str(tmp_path / "parts")])
    assert [{**entry, **NO_TIME} for entry in parts] == [{**entry, **NO_TIME} for entry in whole]
    assert 0 < parts[0]["cpu_seconds"] < parts[1]["cpu_seconds"]
    assert json.loads((tmp_path / "parts" / "curve.json").read_text())[1]["epoch"] == 2
    for other, said in ((["--seed", "1"], "--seed 0, now 1"), (["--stimulus", "0.1"], "--stimulus 1.0, now 0.1")):
        with pytest.raises(SystemExit):
            example.main([*small, *other, "--to", str(tmp_path / "parts")])
        assert said in capsys.readouterr().err
