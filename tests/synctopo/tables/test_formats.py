"""Formats: no text of a user can break one, and LaTeX compiles."""

import shutil
import subprocess
import sys

import pandas as pd
import pytest

from synctopo.tables.formats import FORMATS, Table, parquet, rendered

pytestmark = pytest.mark.smoke

EVERY_SIGN = "".join(chr(c) for c in range(32, 127))
TABLE = Table(
    "rtd_a.b%",
    r"title with \every sign: " + EVERY_SIGN,
    pd.DataFrame(
        {"": ["[x] ~ y", "*b*"], "rtd ↓": ["5.03 ± 0.2 (2)†", "[1, 2]"], EVERY_SIGN: ["0.05*", EVERY_SIGN], "cka ↑ ×": ["é ü", ""]}
    ),
    frozenset({(0, 1), (1, 2)}),
)


def has_latex() -> bool:
    if shutil.which("pdflatex") is None or shutil.which("kpsewhich") is None:
        return False
    return subprocess.run(["kpsewhich", "booktabs.sty"], capture_output=True, check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not has_latex(), reason="no pdflatex with booktabs on this machine (Debian: texlive-latex-recommended)")
def test_the_tables_compile_in_a_real_latex(tmp_path):
    body = rendered(TABLE, "latex") + rendered(Table("empty", "nothing", pd.DataFrame({"a_b": []})), "latex")
    text = "\\documentclass{article}\n\\usepackage{booktabs}\n\\begin{document}\n" + body + "\\end{document}\n"
    (tmp_path / "table.tex").write_text(text, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "table.pdf").stat().st_size > 1000
    log = (tmp_path / "table.log").read_text(errors="replace")
    assert "Missing character" not in log
    assert "undefined" not in log.lower()


def test_the_best_is_bold_in_every_format_that_can_be():
    assert "**5.03 ± 0.2 (2)†**" in rendered(TABLE, "md")
    assert r"\textbf{5.03 $\pm$ 0.2 (2)$^\dagger$}" in rendered(TABLE, "latex")
    assert "<b>5.03 ± 0.2 (2)†</b>" in rendered(TABLE, "html")
    assert "**" not in rendered(TABLE, "csv").replace("***", "")


def test_signs_of_direction_and_chance_have_their_latex():
    text = rendered(TABLE, "latex")
    assert r"rtd $\downarrow$" in text
    assert r"cka $\uparrow$ $\times$" in text
    assert not set("↑↓†±×") & set(text)


def test_a_star_is_a_star_and_no_emphasis():
    assert r"\*b\*" in rendered(TABLE, "md")


@pytest.mark.parametrize("form", FORMATS)
def test_a_table_without_lines_is_a_table(form):
    assert "a" in rendered(Table("empty", "nothing", pd.DataFrame({"a": []})), form)
    assert rendered(Table("none", "no column either", pd.DataFrame()), form).strip() or form == "csv"


def test_parquet_holds_the_numbers_or_says_what_it_needs(tmp_path, monkeypatch):
    frame = pd.DataFrame({"a": [1.5, ""], "b": ["x", ""], "none": ["", ""]}, dtype=object)
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        pass
    else:
        (tmp_path / "t.parquet").write_bytes(parquet(frame))
        assert pd.read_parquet(tmp_path / "t.parquet").a[0] == 1.5
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ValueError, match=r"Parquet needs pyarrow, which is not installed: pip install pyarrow, or take the format csv"):
        parquet(frame)
