"""How the documentation is built: `make docs` (Sphinx, Markdown by MyST, the theme furo)."""

import re
from typing import Any

project = "synctopo"
author = "the synctopo authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
html_theme = "furo"
html_title = "synctopo"
exclude_patterns = ["_build"]
templates_path: list[str] = []
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "signature"  # shapes stand there
autodoc_class_signature = "separated"
autodoc_inherit_docstrings = False


def _words(text: str) -> str:
    """Text as reStructuredText: code in backticks, everything else as it is written."""
    parts = re.split(r"`([^`]+)`", text)
    plain = [re.sub(r"([\\*|_`])", r"\\\1", part) for part in parts[::2]]
    code = [f"``{part}``" for part in parts[1::2]]
    return "".join(a + b for a, b in zip(plain, [*code, ""], strict=True))


def _blocks(lines: list[str]) -> list[str]:
    """A docstring of ours as reStructuredText: a paragraph, or a list of names, each with what it is two spaces or more behind it."""
    found: list[str] = []
    for block in re.split(r"\n\s*\n", "\n".join(lines).strip("\n")):
        rows = block.splitlines()
        named = [re.match(r"\s*(\S(?:.*?\S)?) {2,}(\S.*)", row) for row in rows]
        if rows and named[0]:
            for row, match in zip(rows, named, strict=True):
                if match:
                    found += ["", f"* **{_words(match[1])}** {_words(match[2])}"]
                else:
                    found.append(f"  {_words(row.strip())}")
        else:
            for row, match in zip(rows, named, strict=True):
                if match and row.startswith("  "):
                    found += ["", f"* {_words(match[1])}: {_words(match[2])}"]
                elif row.startswith("  ") and found and found[-1].startswith(("* ", "  ")):
                    found.append(f"  {_words(row.strip())}")
                else:
                    found += [*([""] if found and found[-1].startswith(("* ", "  ")) else []), _words(row.strip())]
        found.append("")
    return found


def _rewrite(_app: Any, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    lines[:] = _blocks(lines)


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", _rewrite)
