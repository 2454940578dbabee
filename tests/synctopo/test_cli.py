"""The command line, as a user meets it."""

import json
import subprocess
import sys

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import rtd
from synctopo.cli import app

pytestmark = pytest.mark.smoke

RUNNER = CliRunner()

STUDY = """
name = "small"
question = "Do two perceptrons differ?"
seeds = [0, 1]
[data]
name = "digits"
train = 100
test = 60
[defaults]
family = "mlp"
hidden = [8]
[models.plain]
[models.trained]
learning = { rule = "adam", epochs = 2 }
[compare]
contrasts = [["plain", "trained"]]
[sizes.smoke]
seeds = [0]
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    # --data sets it for the process: put back what was there
    monkeypatch.setenv("SYNCTOPO_DATA", "")
    monkeypatch.delenv("SYNCTOPO_DATA")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "small.toml").write_text(STUDY)
    return "studies/small.toml"


def call(*arguments: str):
    return RUNNER.invoke(app, list(arguments))


def test_a_study_is_run_shown_and_told_about(study, tmp_path):
    dry = call("run", study, "--dry-run")
    assert dry.exit_code == 0
    assert "fit           0 of 4 done" in dry.stdout
    assert "18 pieces left; how long they take is not known yet" in dry.stdout
    assert not (tmp_path / "results").exists()
    ran = call("run", study, "--jobs", "1")
    assert ran.exit_code == 0, ran.output
    assert "| trained" in ran.stdout
    assert "results/small/report.html" in ran.stdout
    for file in (
        "tables/models.md",
        "tables/models.csv",
        "tables/rtd_hidden1.tex",
        "tables/tidy.csv",
        "figures/rtd_matrix.pdf",
        "report.html",
    ):
        assert (tmp_path / "results" / "small" / file).stat().st_size > 50
    told = call("status", study)
    assert "compare       6 of 6 done" in told.stdout
    assert "nothing is left to do" in told.stdout
    assert "pieces left: about" in call("run", study, "--set", "seeds=[0,1,2]", "--dry-run").stdout
    as_data = json.loads(call("status", study, "--json").stdout)
    assert (as_data["pieces_left"], as_data["seconds_left"]) == (0, 0.0)
    assert as_data["stages"][3] == {"stage": "compare", "pieces": 6, "done": 6, "failures": [], "running": [], "seconds_left": 0.0}
    again = json.loads(call("run", study, "--jobs", "1", "--json").stdout)
    assert again["failures"] == []
    assert again["written"]["Report (open it in a browser)"] == "results/small/report.html"
    tables = {t["name"]: t["rows"] for t in json.loads(call("table", study, "--json").stdout)}
    assert tables["models"][0]["condition"] == "plain"
    assert len(tables["tidy"]) == 6
    assert tables["tidy"][0]["p"] is None
    (tmp_path / "results" / "small" / "report.html").unlink()
    assert "results/small/report.html" in call("report", study).stdout
    assert (tmp_path / "results" / "small" / "report.html").is_file()
    assert call("table", study, "--name", "models", "--to", "out/models.tex").stdout == "written: out/models.tex\n"
    assert (tmp_path / "out" / "models.tex").read_text().startswith(r"\begin{table}")
    for form, start in (("md", "**Models"), ("csv", "condition,seeds"), ("latex", r"\begin{table}"), ("html", "<h3>Models")):
        shown = call("table", study, "--format", form, "--name", "models")
        assert shown.exit_code == 0
        assert shown.stdout.startswith(start)


def test_a_study_can_be_named_without_its_folder_and_ending(study):
    assert call("run", "small", "--smoke", "--dry-run").exit_code == 0


def test_the_report_stands_alone_and_escapes_what_a_study_says(study, tmp_path):
    path = tmp_path / study
    path.write_text(STUDY.replace("Do two perceptrons differ?", "Is 1 < 2 & <script>alert(1)</script>?"))
    assert call("run", study, "--smoke", "--jobs", "1").exit_code == 0
    page = (tmp_path / "results" / "small-smoke" / "report.html").read_text()
    assert "<script>alert" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "<svg " in page


def test_arrays_are_compared(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(30, 3))
    np.save("a.npy", x)
    np.save("b.npy", 2 * x)
    assert call("rtd", "a.npy", "b.npy").stdout.startswith("rtd 0.000000")
    assert json.loads(call("rtd", "a.npy", "b.npy", "--json").stdout)[0]["b"] == "b.npy"
    latex = call("rtd", "a.npy", "b.npy", "--null", "19", "--format", "latex").stdout
    assert latex.startswith(r"\begin{table}")
    assert "0.050" in latex
    assert "| measure" in call("rtd", "a.npy", "b.npy", "--measure", "cka", "--measure", "rtd_lite").stdout
    assert call("rtd", "a.npy", "b.npy", "--format", "csv").stdout.startswith("a,b,n,width_a")
    call("rtd", "a.npy", "b.npy", "--to", "t.md")
    assert "| a.npy | b.npy |" in (tmp_path / "t.md").read_text()


@pytest.mark.parametrize(("kind", "name"), [("models", "rsnn"), ("measures", "rtd"), ("data", "digits"), ("studies", "studies/small.toml")])
def test_what_a_study_may_name_is_listed(study, kind, name):
    shown = call("ls", kind)
    assert shown.exit_code == 0
    assert name in shown.stdout
    assert name in [entry["name"] for entry in json.loads(call("ls", kind, "--json").stdout)]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "nothing.toml"], "there is no study file nothing.toml"),
        (["run", "nothing"], "there is no study file studies/nothing.toml"),
        (["run", "studies/small.toml", "--size", "smok"], "no size 'smok' in"),
        (["run", "studies/small.toml", "--smoke", "--size", "full"], "--smoke means --size smoke"),
        (["run", "studies/small.toml", "--set", "data.trian=1"], "no key 'trian' in data; the nearest is 'train'"),
        (["run", "studies/small.toml", "--set", "seeds"], "a change is written place=value"),
        (["run", "studies/small.toml", "--jobs", "-2"], "--jobs is a whole number from 1 on"),
        (["run", "studies/small.toml", "--out", "studies/small.toml"], "is a file; name a folder"),
        (["run", "studies/small.toml", "--data", "nowhere", "--set", "data.name=mnist"], "the data folder nowhere does not exist"),
        (["table", "studies/small.toml"], "there are no rows of this study"),
        (["table", "studies/small.toml", "--format", "latx"], "no format 'latx'; the nearest is 'latex'"),
        (["report", "studies/small.toml"], "there are no rows of this study"),
        (["table", "studies/small.toml", "--format", "md", "--json"], "--json is an answer of its own"),
        (["table", "studies/small.toml", "--format", "parquet"], "Parquet is no text to print; name a file: --to tidy.parquet"),
        (["table", "studies/small.toml", "--to", "a.xls"], "no format 'xls' by the ending of --to"),
        (["run", "studies/small.toml", "--set", "compare.null=-1"], "compare.null is -1; wanted"),
        (["run", "studies/small.toml", "--set", "compare.null=true"], "compare.null is True; wanted: a number, not true or false"),
        (["run", "studies/small.toml", "--set", "compare.bootstrap=1.5"], "compare.bootstrap is 1.5; wanted"),
        (
            ["run", "studies/small.toml", "--set", "compare.bootstrap=1"],
            "compare.bootstrap is 1; wanted: 0 for no intervals, or at least 2",
        ),
        (["rtd", "a.npy", "b.npy", "--measure", "rdt"], "no measure 'rdt'; the nearest"),
        (["rtd", "a.npy", "b.npy", "--format", "latx"], "no format 'latx'; the nearest is 'latex'"),
        (["ls", "model", "--json"], "no kind 'model'; the nearest is 'models'"),
        (["ls", "model"], "no kind 'model'; the nearest is 'models'"),
        (["rtd", "a.npy", "b.npy"], "there is no file a.npy"),
        (["rtd", "studies/small.toml"], "two arrays or more; got 1 file"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(study, arguments, sentence):
    result = call(*arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.output
    assert len(result.stderr.strip().splitlines()) == 1


def test_the_first_command_says_that_it_compiles(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", np.random.default_rng(0).normal(size=(30, 3)))
    compiled = []
    monkeypatch.setattr(rtd, "is_compiled", lambda: bool(compiled))
    monkeypatch.setattr(rtd, "warm_up", lambda: compiled.append(True))
    assert "compiling the RTD engine" in call("rtd", "a.npy", "a.npy").stderr
    assert call("rtd", "a.npy", "a.npy").stderr == ""


def test_an_unknown_table_is_named(study):
    call("run", study, "--smoke", "--jobs", "1")
    result = call("table", study, "--smoke", "--name", "modls")
    assert result.exit_code == 2
    assert "no table 'modls' in this study; the nearest is 'models'" in result.stderr


def test_an_unknown_command_is_answered_with_the_nearest():
    result = call("statsu")
    assert result.exit_code == 2
    assert "status" in result.output


def test_every_command_and_option_has_a_word_of_help():
    group = typer.main.get_group(app)
    assert len(group.commands) >= 5
    for name, command in group.commands.items():
        assert command.help, name
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{name} {parameter.name}"


def test_help_shows_what_stands_in_brackets():
    for command, words in (("run", "[sizes.NAME]"), ("rtd", "[sample,")):
        assert words in call(command, "--help").stdout


def test_a_folder_without_studies_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call("ls", "studies").stdout == "there are no studies here; they are looked for in ./studies.\n"


def test_help_imports_nothing_heavy():
    # seconds are not asserted: the machine may be busy; what takes them is
    code = "import sys; sys.argv = ['synctopo', '--help']\nfrom synctopo.cli import main\ntry:\n    main()\nexcept SystemExit:\n    pass\n"
    code += "print([m for m in ('torch', 'pandas', 'numba', 'sklearn', 'matplotlib', 'scipy') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip().splitlines()[-1] == "[]"


def test_the_shell_can_complete(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "small.toml").write_text(STUDY)
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    script = RUNNER.invoke(app, ["--show-completion", "bash"], prog_name="synctopo")
    assert script.exit_code == 0
    assert "_SYNCTOPO_COMPLETE" in script.stdout

    def completed(line: str) -> list[str]:
        words = {"_SYNCTOPO_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - (not line.endswith(" ")))}
        return RUNNER.invoke(app, [], prog_name="synctopo", env=words).stdout.split()

    assert completed("synctopo st") == ["status"]
    assert completed("synctopo run ") == ["studies/small.toml"]
    assert completed("synctopo ls m") == ["models", "measures"]
    assert completed("synctopo table x --format l") == ["latex"]


def test_the_doctor_is_well_here_and_ends_with_1_where_something_is_bad(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SYNCTOPO_DATA", raising=False)
    assert call("doctor").exit_code == 0
    monkeypatch.setenv("SYNCTOPO_DATA", str(tmp_path / "nowhere"))
    ill = call("doctor")
    assert ill.exit_code == 1
    assert "not well: data." in ill.stdout


def test_a_report_of_half_a_study_says_so(study, tmp_path):
    assert call("run", study, "--smoke", "--jobs", "1").exit_code == 0
    for file in (tmp_path / "results" / "small-smoke" / "rows").glob("*.json"):
        if not file.name.endswith(".meta.json") and '"kind":"pair"' in file.read_text():
            file.unlink()
    told = call("report", study, "--smoke")
    assert told.exit_code == 0
    assert "the report lacks what is not done yet: 1 of 7 pieces" in told.stderr
