"""Specifications: what a study file may say, checked, with a sentence for everything else."""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from synctopo.naming import unknown


class Spec(BaseModel):
    """A table of a study file: frozen, without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


S = TypeVar("S", bound=Spec)


def parsed(kind: type[S], table: Mapping[str, Any], where: str) -> S:
    """The specification in `table`. Raises ValueError that names the place, what came and what would do."""
    try:
        return kind.model_validate(dict(table))
    except ValidationError as error:
        # a mistyped key is also a missing one; the first says more
        found = error.errors()
        first = next((e for e in found if e["type"] == "extra_forbidden"), found[0])
        raise ValueError(_sentence(kind, first, where)) from None


def _sentence(kind: type[Spec], found: Any, where: str) -> str:
    path = [p for p in found["loc"] if isinstance(p, int) or not str(p).startswith(("function-", "float", "int", "tagged"))]
    place = ".".join(str(p) for p in (where, *path) if p != "")
    if found["type"] == "extra_forbidden":
        owner = _owner(kind, list(found["loc"][:-1]))
        known = owner.model_fields if owner is not None else {}
        inside = ".".join(str(p) for p in (where, *path[:-1]) if p != "") or "the study file"
        return str(unknown("key", str(found["loc"][-1]), known, f"in {inside}"))
    if found["type"] == "missing":
        return f"{place} is missing; add it to the study file."
    return f"{place} is {found['input']!r}; {_wanted(found)}."


def _wanted(found: Any) -> str:
    message = str(found["msg"])
    for start in ("Input should be ", "Value error, "):
        if message.startswith(start):
            return ("wanted: " if start.startswith("Input") else "") + message.removeprefix(start).rstrip(".")
    return message[:1].lower() + message[1:].rstrip(".")


def _owner(kind: type[Spec], path: list[Any]) -> type[Spec] | None:
    current: type[Spec] | None = kind
    for step in path:
        if current is None:
            return None
        if isinstance(step, int) or step not in current.model_fields:
            # a union's tag, or the name of a member of it
            continue
        current = _spec_in(current.model_fields[step].annotation, path)
    return current


def _spec_in(annotation: Any, path: list[Any]) -> type[Spec] | None:
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        return annotation
    members = [m for a in get_args(annotation) for m in [_spec_in(a, path)] if m is not None]
    for member in members:
        tags = {str(v) for f in member.model_fields.values() for v in get_args(f.annotation) if f.annotation is not None}
        if any(str(p) in tags or str(p) == member.__name__ for p in path):
            return member
    return members[0] if members else None


class DataSpec(Spec):
    """[data]: which samples are learned from and which are compared."""

    name: str
    train: int = Field(ge=1)
    test: int = Field(ge=2)
    seed: int = Field(default=0, ge=0)
    """Of the split and of the encoding of the test samples: the same for all models, so that samples correspond one to one."""


class RecordSpec(Spec):
    """[record]: which sites are kept, reduced over time how."""

    sites: tuple[str, ...] | None = None
    reduce: str = "count"


class UnrollSpec(Spec):
    """[unroll]: recurrent layers as auto-encoders with skip connections (betweenness partition), and random partitions as control."""

    layers: int = Field(default=5, ge=3)
    bottleneck: float = Field(default=0.1, gt=0, lt=1)
    random: bool = True


class CompareSpec(Spec):
    """[compare]: the measures, and the contrasts that the tables answer for."""

    measures: tuple[str, ...] = ("rtd",)
    batch: int = Field(default=500, ge=2)
    trials: int = Field(default=10, ge=1)
    sites: tuple[str, ...] | None = None
    contrasts: tuple[tuple[str, str], ...] = ()


class Header(Spec):
    """The head of a study file."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")
    question: str
    seeds: tuple[int, ...] = Field(min_length=1)
    format: Literal[1] = 1
