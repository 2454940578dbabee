"""The documents are true: their code runs, block by block, and so do their commands."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from synctopo.cli import app
from synctopo.measures import MEASURES

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
BLOCK = re.compile(r"```(python|console|toml)\n(.*?)```", re.DOTALL)
WITH_CODE = [page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))]


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_CODE, ids=lambda p: p.stem)
def test_a_page_runs_from_its_first_block_to_its_last(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for kind, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "python":
            if (name := text.splitlines()[0].removeprefix("# ")).endswith(".py"):
                # a module that a study names
                Path(name).write_text(text, encoding="utf-8")
            exec(compile(text, page.name, "exec"), names)
        elif kind == "toml":
            # the first line of a study is its file's name
            Path(text.splitlines()[0].removeprefix("# ")).write_text(text, encoding="utf-8")
        else:
            for line in text.splitlines():
                done = CliRunner().invoke(app, shlex.split(line, comments=True)[1:])
                assert done.exit_code == 0, (line, done.output)
                assert done.output.strip(), line


def test_links_lead_to_pages_that_are_there():
    for page in PAGES:
        for target in re.findall(r"\]\(([\w./-]+\.md)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).is_file(), (page.name, target)


def test_the_page_of_measures_names_every_measure():
    text = (ROOT / "docs" / "measures.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)`", text))
    assert set(MEASURES) <= named


@pytest.mark.slow
def test_the_documents_build_without_a_warning(tmp_path):
    pytest.importorskip("sphinx", reason="needs the extra `docs`")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", ROOT / "docs", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
