"""Formats: a table as Markdown, CSV, LaTeX (booktabs) or HTML, in which no text can break the format; Parquet where pyarrow is."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from importlib import import_module
from io import BytesIO
from typing import Any

import pandas as pd

from synctopo.naming import file_stem, unknown, visible

FORMATS = ("md", "csv", "latex", "html")
ENDINGS = {"md": "md", "csv": "csv", "latex": "tex", "html": "html"}


@dataclass(frozen=True)
class Table:
    """A table ready for print.

    frame  holds text, but in the table `tidy`
    title  says what it shows and in which unit
    best   the cells in bold, as (line, column)
    """

    name: str
    title: str
    frame: pd.DataFrame
    best: frozenset[tuple[int, int]] = frozenset()

    @property
    def stem(self) -> str:
        """What its files are called: the name may come from the sites of a recording, and must not lead out of the folder."""
        return file_stem(self.name)


def rendered(table: Table, form: str) -> str:
    """The table as text in one of FORMATS. Raises ValueError for another."""
    if form == "csv":
        return table.frame.to_csv(index=False)
    if form == "md":
        plain = _escaped(table, _markdown, lambda text: f"**{text}**")
        return f"**{_markdown(table.title, _TITLE)}**\n\n{plain.to_markdown(index=False, disable_numparse=True)}\n"
    if form == "latex":
        # DataFrame.to_latex leaves _ and % as they are, which does not compile
        style = _escaped(table, _latex, lambda text: rf"\textbf{{{text}}}").style.hide(axis="index")
        label = re.sub(r"[^A-Za-z0-9]+", "-", table.name)
        caption = _latex(table.title.replace("`", ""))
        text: str = style.to_latex(hrules=True, caption=caption, label=f"tab:{label}", position="htbp")
        return text
    if form == "html":
        # the name stands in the ids; pandas would draw other ones in every run
        style = _escaped(table, lambda text: escape(visible(text)), lambda text: f"<b>{text}</b>").style
        text = style.hide(axis="index").set_uuid(re.sub(r"\W", "-", table.name)).to_html()
        return f"<h3>{escape(visible(table.title))}</h3>\n{text}"
    raise unknown("format", form, FORMATS)


def parquet(frame: pd.DataFrame) -> bytes:
    """The frame as a Parquet file. Raises ValueError where pyarrow is not installed: it is large, and CSV holds the same."""
    needs_pyarrow()
    buffer = BytesIO()
    typed = frame.astype(object).where(frame != "", None).infer_objects()
    # a column without a single value has no type that Parquet could keep
    typed.dropna(axis=1, how="all").to_parquet(buffer, engine="pyarrow", index=False)
    return buffer.getvalue()


def needs_pyarrow() -> None:
    """Raise a ValueError where a Parquet file could not be written, before what goes into it is computed."""
    try:
        import_module("pyarrow")
    except ModuleNotFoundError:
        raise ValueError("Parquet needs pyarrow, which is not installed: pip install pyarrow, or take the format csv.") from None
    except ImportError as error:
        said = str(error).rstrip(".")
        raise ValueError(
            f"Parquet needs a pyarrow that fits the other packages ({said}); take the format csv, or another pyarrow."
        ) from None


def _escaped(table: Table, escaped: Callable[[Any], str], bold: Callable[[str], str]) -> pd.DataFrame:
    lines = [
        [bold(escaped(cell)) if (i, j) in table.best else escaped(cell) for j, cell in enumerate(line)]
        for i, line in enumerate(table.frame.itertuples(index=False, name=None))
    ]
    return pd.DataFrame(lines, columns=[escaped(name) for name in table.frame.columns], dtype=object)


# What begins a mark of Markdown, and only there: the text is also read on a terminal. A _ inside a word is none.
_TITLE = re.compile(r"\\(?=[!-/:-@\[-`{-~])|\](?=\()|(?<![^\W_])_|_(?![^\W_])|~(?=~)")
_CELL = re.compile(rf"[`*|]|{_TITLE.pattern}")


def _markdown(text: Any, marks: re.Pattern[str] = _CELL) -> str:
    plain = re.sub(r"&(?=#?\w+;)", "&amp;", visible(text)).replace("<", "&lt;")
    return marks.sub(r"\\\g<0>", plain)


# A [ at the start of a line would be the argument of the \\ before it.
_LATEX = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",
    "*": r"$\ast$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "†": r"$^\dagger$",
}


def _latex(text: Any) -> str:
    return "".join(_LATEX.get(c, c) for c in visible(text))
