"""Models of a study's own: their code runs where the user named its module, and nowhere else."""

import os
import pickle
import re
import sys
import tomllib
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from synctopo import catalog
from synctopo.cli import app
from synctopo.families import custom
from synctopo.families.custom import CustomSpec
from synctopo.study import Study

STUDY = """
name = "own"
question = "Does a model of mine run?"
seeds = [0]
data = { name = "digits", train = 40, test = 20 }
[defaults]
family = "module"
callable = "nets_of_mine:wide"
sites = ["hidden", "readout"]
[models.narrow]
arguments = { width = 4 }
[models.wide]
arguments = { width = 9 }
learning = { rule = "adam", epochs = 1 }
"""

NETS = """
import pathlib
import torch
from torch import nn
pathlib.Path("ran").touch()


class Net(nn.Module):
    def __init__(self, inputs, width, classes, generator):
        super().__init__()
        self.first = nn.Parameter(torch.randn(inputs, width, generator=generator))
        self.last = nn.Parameter(torch.randn(width, classes, generator=generator))

    def states(self, x):
        hidden = torch.tanh(x.flatten(1) @ self.first)
        yield {"hidden": hidden, "readout": hidden @ self.last}

    def forward(self, x):
        return next(iter(self.states(x)))["readout"]


def wide(shape, classes, *, generator, width):
    return Net(shape[0] * shape[1], width, classes, generator)


def none(shape, classes, *, generator, width):
    return 1
"""


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A working folder with a study and the module that it names, which no process has imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(custom, "_IMPORTED", {})
    monkeypatch.delitem(sys.modules, "nets_of_mine", raising=False)
    (tmp_path / "own.toml").write_text(STUDY, encoding="utf-8")
    (tmp_path / "nets_of_mine.py").write_text(NETS, encoding="utf-8")
    yield tmp_path
    sys.modules.pop("nets_of_mine", None)


def said(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.output


@pytest.mark.slow
def test_a_model_of_ones_own_runs_where_its_module_is_named(here):
    code, output = said("run", "own.toml", "--jobs", "1", "--allow-code", "nets_of_mine")
    assert code == 0, output
    assert (here / "ran").exists()
    assert "narrow" in (here / "results/own/tables/models.md").read_text(encoding="utf-8")
    # the tables need no code
    (here / "ran").unlink()
    assert said("status", "own.toml")[0] == said("table", "own.toml")[0] == 0
    assert not (here / "ran").exists()


def test_without_leave_nothing_of_the_study_runs(here):
    for command in (["run", "own.toml", "--jobs", "1"], ["run", "own.toml", "--dry-run"], ["status", "own.toml"]):
        code, _ = said(*command)
        assert code == (2 if command[-1] == "1" else 0)
        assert not (here / "ran").exists()
    assert re.search(
        r"runs code of its own \(nets_of_mine:wide\); read it, and if you trust it: --allow-code nets_of_mine\.", said("run", "own.toml")[1]
    )
    # whoever goes round the command line meets the same door
    spec = Study.load("own.toml").models["narrow"]
    with pytest.raises(ValueError, match=r"has not been allowed to run; read it, then: --allow-code nets_of_mine\."):
        catalog.build(spec, (8, 8), 10, 0)
    assert not (here / "ran").exists()


@pytest.mark.parametrize("leave", ["_allowed = true", "allowed = true"])
def test_a_study_file_cannot_give_itself_leave(here, leave):
    (here / "own.toml").write_text(STUDY.replace("[models.narrow]", f"[models.narrow]\n{leave}"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"no key '_?allowed' in models\.narrow"):
        Study.load("own.toml")


def test_leave_for_another_module_is_refused_and_does_not_help(here):
    with pytest.raises(ValueError, match=r"no module 'nets' in this study, whose code --allow-code could allow; .* nets_of_mine"):
        Study.load("own.toml", allow=["nets"])
    spec = Study.load("own.toml").models["narrow"]
    assert isinstance(spec, CustomSpec)
    assert spec.allowed(frozenset({"nets", "nets_of_mine.inner"})).needs_leave()
    assert not pickle.loads(pickle.dumps(spec.allowed(frozenset({"nets_of_mine"})))).needs_leave()


def test_another_code_is_another_model_and_code_changed_midway_is_told(here):
    before = Study.load("own.toml", allow=["nets_of_mine"]).models["narrow"]
    source = before.model_dump(mode="json")["source"]
    (here / "nets_of_mine.py").write_text(NETS + "# changed\n", encoding="utf-8")
    after = Study.load("own.toml", allow=["nets_of_mine"]).models["narrow"]
    assert after.model_dump(mode="json")["source"] != source
    with pytest.raises(ValueError, match="was changed while the study ran; run the same command again"):
        catalog.build(before, (8, 8), 10, 0)
    first, again = (catalog.build(after, (8, 8), 10, seed=3) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    (here / "nets_of_mine.py").write_text(NETS, encoding="utf-8")
    with pytest.raises(ValueError, match="was changed while the study ran"):
        catalog.build(Study.load("own.toml", allow=["nets_of_mine"]).models["narrow"], (8, 8), 10, 0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ('callable = "../nets_of_mine:wide"', r"callable is '\.\./nets_of_mine:wide'; wanted"),
        ('callable = "nets_of_mine"', "callable is 'nets_of_mine'; wanted"),
        ('callable = "nets_of_mine:wide.__globals__"', "callable is .*; wanted"),
        ('callable = "nowhere_at_all:f"', r"models\.narrow\.callable: there is no module nowhere_at_all here; it is looked for"),
        ('sites = ["../../x"]', r"sites.* is '\.\./\.\./x'; wanted"),
        ('sites = ["hidden"]', "lacks 'readout', which learning by adam needs"),
        ("arguments = { width = inf }", "finite numbers"),
        ("arguments = { width = 2026-11-22 }", "wanted: texts, finite numbers"),
    ],
)
def test_what_cannot_be_a_model_is_told_before_anything_is_imported(here, change, sentence):
    key = change.split(" = ")[0]
    text = re.sub(rf"^{key} = .*$", change, STUDY, count=1, flags=re.MULTILINE)
    with pytest.raises(ValueError, match=sentence):
        Study.from_table(tomllib.loads(text))
    assert not (here / "ran").exists()


@pytest.mark.parametrize(
    ("function", "sentence"),
    [("none", "gave int; a torch module with states"), ("missing", "has no function 'missing', which the study names")],
)
def test_a_function_that_makes_no_model_is_told(here, function, sentence):
    text = STUDY.replace("nets_of_mine:wide", f"nets_of_mine:{function}")
    spec = Study.from_table(tomllib.loads(text), allow=["nets_of_mine"]).models["narrow"]
    with pytest.raises(ValueError, match=sentence):
        catalog.build(spec, (8, 8), 10, 0)


def test_an_installed_module_is_not_hidden_by_one_in_the_working_folder(here):
    (here / "json").mkdir()
    (here / "json" / "__init__.py").write_text("")
    assert not custom._file_of("json").is_relative_to(os.getcwd())
