"""Escaping: whatever a name holds, in a table, a page or a file's name it is text and nothing else."""

import re
import tomllib
import unicodedata
from html.parser import HTMLParser

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from synctopo.cli import app
from synctopo.naming import file_stem, visible
from synctopo.study import Study
from synctopo.tables.formats import Table, rendered

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; DROP TABLE models; --",
    "]]></svg><script>alert(1)</script>",
    "--><script>alert(1)</script><!--",
    r"\input{/etc/passwd}",
    r"\write18{id} % & _ # $ ^ ~ { }",
    "100 % & more_or_less",
    "{{ 7 * 7 }}{% raw %}",
    "[x](javascript:alert(1))",
    "![x](http://example.org/x.png)",
    "a | b\n| c",
    "&lt;b&gt;&#60;",
    "user\u202etxt.exe",
    "\u2066hidden\u2069\x1b[2J\x00\x85\u2028",
]
names = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=30), st.lists(st.sampled_from(HOSTILE), max_size=3).map(" ".join))
hostile = [example(text) for text in HOSTILE]


def each(test):
    for one in hostile:
        test = one(test)
    return settings(deadline=None, max_examples=60)(test)


def table(name: str) -> Table:
    return Table(f"rtd_{name}", name, pd.DataFrame({"": [name], "value": ["1"]}), frozenset({(0, 0)}))


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, attrs))

    def handle_data(self, data):
        self.texts.append(data)


# What `_latex` may write for one character, read back by a table that was written apart from it.
READ = [(rf"\{c}", c) for c in "&%$#_{}"] + [
    (r"\textbackslash{}", "\\"),
    (r"\textasciitilde{}", "~"),
    (r"\textasciicircum{}", "^"),
    (r"\textless{}", "<"),
    (r"\textgreater{}", ">"),
    (r"\textbar{}", "|"),
    ("{[}", "["),
    (r"$\ast$", "*"),
    (r"$\pm$", "±"),
    (r"$\times$", "×"),
    (r"$\uparrow$", "↑"),
    (r"$\downarrow$", "↓"),
    (r"$^\dagger$", "†"),
]


def of_latex(text: str) -> str:
    """The text that this LaTeX prints; fails where a character would be a command."""
    found = []
    while text:
        for written, means in READ:
            if text.startswith(written):
                found.append(means)
                text = text[len(written) :]
                break
        else:
            assert text[0] not in "\\{}$&#%_^~", text
            found.append(text[0])
            text = text[1:]
    return "".join(found)


@pytest.mark.smoke
@each
@given(names)
def test_in_latex_a_name_prints_as_itself(name):
    line = next(line for line in rendered(table(name), "latex").split("\n") if line.startswith(r"\textbf{"))
    printed = line.removeprefix(r"\textbf{").removesuffix(r"} & 1 \\")
    assert of_latex(printed) == visible(name)


@pytest.mark.smoke
@each
@given(names)
def test_in_html_a_name_is_text(name):
    page = Page(rendered(table(name), "html"))
    assert {tag for tag, _ in page.tags} <= {"h3", "style", "table", "thead", "tbody", "tr", "th", "td", "b"}
    assert not [a for _, attributes in page.tags for a, _ in attributes if a.startswith("on") or a in ("href", "src")]
    assert visible(name).strip() in "".join(page.texts)


@pytest.mark.smoke
@each
@given(names)
def test_in_markdown_a_name_makes_no_element_and_no_line(name):
    text = rendered(table(name), "md")
    assert len(text.splitlines()) == 5
    assert "<" not in text
    parser = pytest.importorskip("markdown_it", reason="comes with the extra `docs`").MarkdownIt("commonmark").enable("table")
    page = Page(parser.render(text))
    assert {tag for tag, _ in page.tags} <= {"p", "strong", "table", "thead", "tbody", "tr", "th", "td", "em", "code", "hr"}
    cell = Page(parser.render(text.splitlines()[-1]))
    assert not {tag for tag, _ in cell.tags} & {"a", "img", "em", "code"}


@pytest.mark.smoke
@each
@given(names)
def test_no_name_leaves_its_folder(name):
    stem = file_stem(name)
    assert 0 < len(stem.encode()) <= 140
    assert not set(stem) & set("/\\\0:\n")
    assert not stem.startswith((".", "-"))
    assert file_stem(stem) == stem


@pytest.mark.smoke
@settings(deadline=None, max_examples=60)
@given(names, names)
def test_two_names_are_two_files(one, other):
    assert (file_stem(one) == file_stem(other)) == (one == other) or file_stem(one) == other or file_stem(other) == one


def test_common_names_are_files_of_the_same_name():
    for name in ("rtd_hidden.spikes", "models", "rtd_random.L1", "cka_pcoder1.value", "rtd_größe"):
        assert file_stem(name) == name
    assert file_stem("../../etc/passwd").startswith("_.._etc_passwd-")


@pytest.mark.smoke
@each
@given(names)
@example("0\u1680")
def test_what_is_not_seen_is_told(name):
    shown = visible(name)
    # a space of any width is seen by what is beside it
    assert all(c.isprintable() or unicodedata.category(c) == "Zs" for c in shown)
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\x00\n\r\x1b")
    assert visible(shown) == shown


STUDY = """
name = "tiny"
question = "{question}"
seeds = [0, 1]
data = {{ name = "digits", train = 30, test = 20 }}
[defaults]
family = "mlp"
hidden = [6]
{models}
[compare]
measures = ["cka"]
contrasts = [[{first}, {last}]]
"""


def quoted(text: str) -> str:
    return '"' + "".join(c if c.isalnum() else f"\\U{ord(c):08x}" for c in text) + '"'


@pytest.mark.slow
def test_a_report_of_hostile_names_has_no_element_of_theirs(tmp_path):
    from synctopo.executors import serial
    from synctopo.pipeline import run
    from synctopo.report import write_all
    from synctopo.work import plan

    usable = [name for name in HOSTILE if name.isprintable() and name[0] not in "=+-@"]
    models = "\n".join(f"[models.{quoted(name)}]" for name in usable[:8])
    text = STUDY.format(question=r"what\u202e of <script>it</script>?", models=models, first=quoted(usable[0]), last=quoted(usable[7]))
    planned = plan(Study.from_table(tomllib.loads(text)))
    run(planned, tmp_path, serial, lambda *_: None)
    write_all(planned, tmp_path)
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert {tag for tag, _ in page.tags}.isdisjoint({"img", "iframe", "object", "form", "base"})
    assert not [a for _, attributes in page.tags for a, _ in attributes if a.startswith("on")]
    assert "\u202e" not in "".join(page.texts)
    assert "what[U+202E] of <script>it</script>?" in "".join(page.texts)
    for name in usable[:8]:
        assert name in "".join(page.texts)
    for file in (tmp_path / "tables").iterdir():
        assert re.fullmatch(r"[\w.+~-]+", file.name)


@pytest.mark.parametrize("name", [n for n in HOSTILE if not n.isprintable()] + ["=1+1", "@x", "+x", "-x", " "])
def test_names_that_are_not_seen_or_would_be_computed_are_refused_in_a_study(name):
    text = STUDY.format(question="?", models=f"[models.a]\n[models.{quoted(name)}]", first='"a"', last=quoted(name))
    with pytest.raises(ValueError, match=r"a condition needs a name of one printable line|begins as a formula does"):
        Study.from_table(tomllib.loads(text))


@pytest.mark.parametrize("size", ["../../x", "a/b", "..", "", "a\\nb"])
def test_a_size_that_would_lead_out_of_the_results_is_refused(tmp_path, size):
    text = STUDY.format(question="?", models="[models.a]\n[models.b]", first='"a"', last='"b"') + f'\n[sizes."{size}"]\n'
    (tmp_path / "s.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="a size is called by letters, digits, - and _"):
        Study.load(tmp_path / "s.toml")


@pytest.mark.smoke
def test_a_terminal_is_not_spoken_to_by_names(tmp_path):
    (tmp_path / "s.toml").write_text('name = "a"\n"x\\u001b[2J\\u202e" = 1\n', encoding="utf-8")
    done = CliRunner().invoke(app, ["status", str(tmp_path / "s.toml")])
    assert done.exit_code == 2
    assert not set(done.output) & {"\x1b", "\u202e"}
    missing = CliRunner().invoke(app, ["rtd", "a\x1b[31m\nb.npy", "c.npy"])
    assert missing.exit_code == 2
    assert "a[U+001B][31m" in missing.output


@pytest.mark.smoke
def test_too_little_memory_is_told(monkeypatch):
    def none(*_arguments: object, **_options: object) -> None:
        raise MemoryError

    monkeypatch.setattr("synctopo.pairwise.compared", none)
    done = CliRunner().invoke(app, ["rtd", "a.npy", "b.npy"])
    assert done.exit_code == 1
    assert "there is not enough memory for this; take fewer samples" in done.output
