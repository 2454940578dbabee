"""What a study file may name, listed with a word of explanation each."""

import tomllib
from collections.abc import Callable
from pathlib import Path

from synctopo.catalog import FAMILIES
from synctopo.data import DATASETS
from synctopo.measures import FAMILY, MEASURES
from synctopo.naming import unknown


def listing(kind: str) -> str:
    """The known models, measures, data or studies, a line each. Raises ValueError for another kind."""
    if kind not in KINDS:
        raise unknown("kind", kind, KINDS)
    lines = KINDS[kind]()
    width = max((len(name) for name in lines), default=0)
    return (
        "\n".join(f"{name:{width}}  {text}" for name, text in lines.items())
        or f"there are no {kind} here; they are looked for in ./{kind}."
    )


def _models() -> dict[str, str]:
    return {name: _first(family.spec.__doc__) for name, family in FAMILIES.items()}


def _measures() -> dict[str, str]:
    return {name: f"{_first(FAMILY[name].__doc__)} {m.closer.capitalize()} is more alike." for name, m in MEASURES.items()}


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
