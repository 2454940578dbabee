"""What a study file may name, listed with a word of explanation each."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from textwrap import wrap
from typing import Any

from synctopo.catalog import FAMILIES
from synctopo.data import DATASETS
from synctopo.measures import INVARIANCES, MEASURES
from synctopo.naming import unknown


def listing(kind: str) -> str:
    """The known models, measures, data or studies, a line each. Raises ValueError for another kind."""
    if kind not in KINDS:
        raise unknown("kind", kind, KINDS)
    lines = KINDS[kind]()
    width = max((len(name) for name in lines), default=0)
    return (
        "\n".join(f"{name:{width}}  {text}" if name else text for name, text in lines.items())
        or f"there are no {kind} here; they are looked for in ./{kind}."
    )


def entries(kind: str) -> list[dict[str, Any]]:
    """What `listing` lists, for machines: name and about, of measures also what they declare. Raises ValueError for another kind."""
    if kind not in KINDS:
        raise unknown("kind", kind, KINDS)
    if kind != "measures":
        return [{"name": name, "about": text} for name, text in KINDS[kind]().items()]
    return [
        {
            "name": name,
            "about": m.about,
            "closer": m.closer,
            "identical": m.identical,
            "symmetric": m.symmetric,
            "ignores": [word for word in INVARIANCES if word in m.invariances],
            "chance": m.chance,
        }
        for name, m in MEASURES.items()
    ]


def _models() -> dict[str, str]:
    return {name: _first(family.spec.__doc__) for name, family in FAMILIES.items()}


def _measures() -> dict[str, str]:
    # what nearly all ignore is said in letters: what one does not ignore would be lost in words
    wide = max(len(m.chance) for m in MEASURES.values())
    lines = {"measure": f"{'alike':8}{'equal':7}{'symmetric':11}{'ignores':9}by chance"}
    for name, m in MEASURES.items():
        ignored = "".join(word[0] if word in m.invariances else "-" for word in INVARIANCES)
        columns = f"{m.closer:8}{m.identical:<7g}{'yes' if m.symmetric else 'no':11}{ignored:9}{m.chance:{wide}}".rstrip()
        lines[name] = "\n".join([columns, *wrap(m.about, 110, initial_indent="    ", subsequent_indent="    ")])
    legend = [
        "alike: which values mean more alike; equal: the value of a cloud with itself; by chance: that of unrelated clouds",
        "ignores, in either cloud:",
        *(f"  {word[0]}  {word}: {what}" for word, what in INVARIANCES.items()),
    ]
    return lines | {"": "\n".join(legend)}


def _data() -> dict[str, str]:
    return {name: _first(load.__doc__) for name, load in DATASETS.items()}


def _studies() -> dict[str, str]:
    found = {}
    for file in sorted(Path("studies").glob("*.toml")):
        try:
            found[str(file)] = str(tomllib.loads(file.read_text(encoding="utf-8")).get("question", ""))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError):
            found[str(file)] = "(no TOML)"
    return found


def _first(text: str | None) -> str:
    return (text or "").strip().splitlines()[0]


KINDS: dict[str, Callable[[], dict[str, str]]] = {"models": _models, "measures": _measures, "data": _data, "studies": _studies}
