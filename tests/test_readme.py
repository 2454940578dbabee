"""The README is true: its code runs, its commands exist."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer

from synctopo.cli import app
from synctopo.study import Study

pytestmark = pytest.mark.smoke

TEXT = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [
    line.split("#")[0].strip()
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("synctopo ")
]


@pytest.mark.slow
@pytest.mark.parametrize("code", CODE, ids=[c.strip().splitlines()[-1][:40] for c in CODE])
def test_the_code_runs(code, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.strip()


def test_the_study_is_a_study():
    (study,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    assert Study.from_table(tomllib.loads(study)).compare.contrasts


def test_the_readme_shows_code_and_commands():
    assert len(CODE) >= 3
    assert len(COMMANDS) >= 6


@pytest.mark.parametrize("line", COMMANDS)
def test_the_commands_have_the_options_that_the_readme_names(line):
    name, *arguments = shlex.split(line)[1:]
    command = typer.main.get_group(app).commands[name]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {a for a in arguments if a.startswith("-")} <= known


def test_the_make_targets_exist():
    makefile = (Path(__file__).parent.parent / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", TEXT, re.MULTILINE):
        assert f"\n{target}:" in makefile


STUDIES = sorted((Path(__file__).parent.parent / "studies").glob("*.toml"))
ANSWERS = {path.stem: answer for path in STUDIES if (answer := Study.load(path).answer)}


def test_the_answer_of_the_study_of_all_families_is_in_the_readme():
    assert len(ANSWERS["across_families"]) > 1000
    assert ANSWERS["across_families"] in TEXT


@pytest.mark.parametrize("study", ANSWERS)
def test_what_a_study_answers_is_the_same_on_the_page_of_studies(study):
    assert ANSWERS[study] in (STUDIES[0].parent / "README.md").read_text(encoding="utf-8")
