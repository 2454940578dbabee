"""Specifications: what a study file may say, checked, with a sentence for everything else."""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from synctopo.naming import unknown


class Spec(BaseModel):
    """A table of a study file: frozen, without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, table: Any) -> Any:
        # pydantic would take true for 1 and "120" for 120; a whole number past 63 bits fails deep inside what computes with it
        for name, field in cls.model_fields.items():
            kinds = _kinds(field.annotation)
            for leaf in _leaves(table[name]) if isinstance(table, Mapping) and name in table and kinds & {int, float} else ():
                wanted = ""
                if isinstance(leaf, bool) and bool not in kinds:
                    wanted = "wanted: a number, not true or false"
                elif isinstance(leaf, str) and not kinds & {str, Literal} and _numeric(leaf):
                    wanted = "wanted: a number without quotes"
                elif isinstance(leaf, int) and not -(2**63) <= leaf < 2**63:
                    wanted = "wanted: a number below 2^63"
                if wanted:
                    raise PydanticCustomError("as_written", "{wanted}", {"name": name, "value": repr(table[name]), "wanted": wanted})
        return table


def _kinds(annotation: Any) -> set[Any]:
    inner = get_args(annotation)
    found = {annotation} | ({Literal} if get_origin(annotation) is Literal else set())
    return found.union(*(_kinds(a) for a in inner)) if inner else found


def _leaves(value: Any) -> list[Any]:
    return [leaf for item in value for leaf in _leaves(item)] if isinstance(value, list | tuple) else [value]


def _numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


S = TypeVar("S", bound=Spec)


def _nearest(found: list[Any]) -> Any:
    # of a number or a distribution, a table was meant as a distribution: that it is no number says nothing
    return next((e for e in found if not (e["type"] == "float_type" and isinstance(e["input"], Mapping))), found[0])


def parsed(kind: type[S], table: Mapping[str, Any], where: str) -> S:
    """The specification in `table`. Raises ValueError that names the place, what came and what would do."""
    try:
        return kind.model_validate(dict(table))
    except ValidationError as error:
        # a mistyped key is also a missing one; the first says more
        found = error.errors()
        first = next((e for e in found if e["type"] == "extra_forbidden"), _nearest(found))
        raise ValueError(_sentence(kind, first, where)) from None


# What pydantic adds to the place: the validators and the members of a union that it tried.
_INTERNAL = ("function-", "float", "int", "tagged")


def _sentence(kind: type[Spec], found: Any, where: str) -> str:
    path = _written(kind, found["loc"])
    place = ".".join(str(p) for p in (where, *path) if p != "")
    if found["type"] == "extra_forbidden":
        owner = _owner(kind, list(found["loc"][:-1]))
        known = owner.model_fields if owner is not None else {}
        inside = ".".join(str(p) for p in (where, *path[:-1]) if p != "") or "the study file"
        return str(unknown("key", str(found["loc"][-1]), known, f"in {inside}"))
    if found["type"] == "as_written":
        about = found["ctx"]
        return f"{'.'.join(filter(None, (place, about['name'])))} is {about['value']}; {about['wanted']}."
    if found["type"] == "missing" and isinstance(found["loc"][-1], int):
        return f"{'.'.join(place.split('.')[:-1])} is {found['input']!r}; it is too short, add what is missing."
    if found["type"] == "missing":
        return f"{place} is missing; add it to the study file."
    return f"{place} is {found['input']!r}; {_wanted(found)}."


def _written(kind: type[Spec], loc: tuple[str | int, ...]) -> list[str | int]:
    """The place as the study file has it: without the validators and the members of unions that pydantic names."""
    path: list[str | int] = []
    for k, step in enumerate(loc):
        owner = _owner(kind, list(loc[: k + 1]))
        # a member of a union is named by its rule
        tag = owner is not None and any(get_args(field.annotation) == (step,) for field in owner.model_fields.values())
        if isinstance(step, int) or not (tag or step.startswith(_INTERNAL) or step.endswith("Spec")):
            path.append(step)
    return path


def _wanted(found: Any) -> str:
    message, about = str(found["msg"]), found.get("ctx", {})
    if found["type"] == "tuple_type":
        return "wanted: a list, in square brackets"
    if found["type"] == "too_short":
        return f"wanted: at least {about['min_length']}"
    if found["type"] == "too_long":
        return f"wanted: at most {about['max_length']}"
    if found["type"].startswith("model_") or found["type"] == "dict_type":
        return "wanted: a table, such as { key = value }"
    if found["type"] == "union_tag_not_found":
        return f"wanted: a table with the key {about['discriminator']}"
    if found["type"] == "union_tag_invalid":
        return f"wanted: {about['discriminator']} is one of {about['expected_tags']}"
    if found["type"] == "string_pattern_mismatch":
        return "wanted: letters, digits, - and _, beginning with a letter or digit"
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
    train: int = Field(ge=0)
    """0: nothing is learned."""
    test: int = Field(ge=2)
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Of the split and of the encoding of the test samples: the same for all models, so that samples correspond one to one."""


class RecordSpec(Spec):
    """[record]: which sites are kept, reduced over time how."""

    sites: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Sites of the models, or roles that sites play in every family: "early", the first layer's, and "late", the main one."""
    reduce: str = "count"
    """A reduction of `synctopo.reduction`, or "usual": the spike count of spiking networks, the state after the last step of all others."""
    every: int = Field(default=1, ge=1)
    """With reduce = "steps": keep every so many steps only."""
    maps: Literal["flatten", "pool", "positions"] = "flatten"
    """What the points of convolutional maps are."""


class UnrollSpec(Spec):
    """[unroll]: recurrent layers as auto-encoders with skip connections (betweenness partition), and random partitions as control."""

    layers: int = Field(default=5, ge=3)
    bottleneck: float = Field(default=0.1, gt=0, lt=1)
    random: bool = True


class CompareSpec(Spec):
    """[compare]: the measures, what is wanted beside each value, and the contrasts that the tables answer for."""

    measures: tuple[str, ...] = Field(default=("rtd",), min_length=1)
    batch: int = Field(default=500, ge=2)
    trials: int = Field(default=10, ge=1)
    null: int = Field(default=0, ge=0)
    """So many times the samples are matched at random: chance level and p of each value. 0: not at all; 200 is usual."""
    bootstrap: int = Field(default=0, ge=0)
    """From so many random halves of the samples comes the interval of each value. 0: none; 200 is usual."""
    sites: tuple[str, ...] | None = Field(default=None, min_length=1)
    contrasts: tuple[tuple[str, str], ...] = ()

    @field_validator("bootstrap")
    @classmethod
    def _spread_needs_two(cls, draws: int) -> int:
        if draws == 1:
            raise ValueError("wanted: 0 for no intervals, or at least 2; 200 is usual")
        return draws

    sequence: tuple[str, ...] | None = Field(default=None, min_length=3)
    """A condition, and others that should lie further from it one after the other: a table says whether each measure finds it so."""


class ResistSpec(Spec):
    """[resist]: every model on spoilt images: what is still told apart, and how far its representation moves from the clean one."""

    corruptions: dict[str, tuple[float, ...]] = Field(min_length=1)
    """Which corruptions, of which amounts."""
    measures: tuple[str, ...] = Field(default=("rtd", "cka"), min_length=1)
    """Of the clean representation and the spoilt one, at the main site."""
    samples: int = Field(default=300, ge=4)
    """On how many of the test samples the measures are computed."""
    null: int = Field(default=20, ge=1)
    """So many times the samples are matched at random: distances of unlike models compare by their place between identity and chance."""
    learned: int = Field(default=2000, ge=10)
    """From how many of the samples to learn from the read-out that all models share is fitted."""


class CourseSpec(Spec):
    """[course]: how each representation comes to be what it ends as, along the steps of a model and along its training."""

    moments: int = Field(default=0, ge=0)
    """So many moments, evenly spread, of the steps of each model; 0: none."""
    epochs: tuple[int, ...] = ()
    """After which epochs of its training a model is held against its end; 0: before it."""
    conditions: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Whose training is followed, which trains them once more for each of `epochs`; left out: everybody's."""
    measures: tuple[str, ...] = Field(default=("rtd", "cka"), min_length=1)
    samples: int = Field(default=300, ge=4)
    """On how many of the test samples the measures are computed."""
    null: int = Field(default=20, ge=1)
    """So many times the samples are matched at random."""


class Header(Spec):
    """The head of a study file."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")
    question: str
    answer: str = ""
    """What its authors say that it showed; the report prints it beneath the question."""
    seeds: tuple[int, ...] = Field(min_length=1)
    format: Literal[1] = 1
