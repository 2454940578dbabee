"""Every study file loads in every size, and its smoke size runs to its table."""

import tomllib
from pathlib import Path

import pytest

from synctopo.executors import executor
from synctopo.pipeline import run
from synctopo.report import write_all
from synctopo.study import Study
from synctopo.work import plan

FILES = sorted((Path(__file__).parent.parent / "studies").glob("*.toml"))


@pytest.mark.smoke
@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_a_study_loads_in_every_size_and_is_named_as_its_file(file):
    sizes = tomllib.loads(file.read_text(encoding="utf-8"))["sizes"]
    assert "smoke" in sizes
    for size in ("", *sizes):
        assert Study.load(file, size=size).name == file.stem


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_the_smoke_size_runs_to_its_table(file, tmp_path):
    made = plan(Study.load(file, size="smoke"))
    assert run(made, tmp_path, executor(2), lambda *_: None) == ()
    written = write_all(made, tmp_path)
    assert written.shown
    assert (tmp_path / "report.html").is_file()
