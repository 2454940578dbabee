"""Studies: one TOML file says which models learn what, what is recorded and what is compared."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synctopo import catalog
from synctopo.data import DATASETS, kind
from synctopo.families.custom import CustomSpec
from synctopo.families.judging import check_corruptions
from synctopo.measures import MEASURES
from synctopo.naming import unknown
from synctopo.spec import CompareSpec, CourseSpec, DataSpec, Header, RecordSpec, ResistSpec, UnrollSpec, parsed

TABLES = ("data", "defaults", "models", "record", "unroll", "compare", "resist", "course", "sizes")
HEADER = ("name", "question", "answer", "seeds", "format")
LONGEST, DEEPEST = 2**20, 20
"""Bytes of a study file, and tables in tables."""


@dataclass(frozen=True)
class Study:
    """A checked study: every word in it is known, every number in its range.

    models  condition -> what it is built and trained from, in the order of the file
    unroll  how recurrent layers become auto-encoders; None leaves them whole
    resist  how models are judged on spoilt images; None: they are not
    course  what is followed along the steps and the training of each model; None: nothing
    size    the size it was loaded in ("" is the full one)
    answer  what its authors say that it showed
    """

    name: str
    question: str
    seeds: tuple[int, ...]
    data: DataSpec
    models: Mapping[str, catalog.ModelSpec]
    record: RecordSpec
    unroll: UnrollSpec | None
    compare: CompareSpec
    size: str = ""
    resist: ResistSpec | None = None
    course: CourseSpec | None = None
    answer: str = ""

    def check_leave(self) -> None:
        """Raise ValueError, which names them, where code of the study's own would have to run and has not been allowed."""
        barred = {model.module: model.callable for model in self.models.values() if isinstance(model, CustomSpec) and model.needs_leave()}
        if barred:
            options = " ".join(f"--allow-code {module}" for module in barred)
            raise ValueError(f"this study runs code of its own ({', '.join(barred.values())}); read it, and if you trust it: {options}.")

    @staticmethod
    def load(path: str | Path, *, size: str = "", changes: Sequence[str] = (), allow: Sequence[str] = ()) -> "Study":
        """Read a study file, in one of its [sizes.*], with `changes` such as "data.train=200" made on top.

        `allow` names the modules whose code may run, for models of family "module"; nothing of them runs while a study is read.
        Raises ValueError with one sentence for a file that is missing, no TOML, or says something unknown or out of range.
        """
        file = Path(path)
        if not file.is_file():
            raise ValueError(f"there is no study file {file}; `synctopo ls studies` lists those in the folder studies.")
        if file.stat().st_size > LONGEST:
            raise ValueError(f"{file} has {file.stat().st_size} bytes; a study file has at most {LONGEST}.")
        try:
            table = tomllib.loads(file.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            # a number of thousands of digits is a ValueError of Python's own
            raise ValueError(f"{file} is no TOML: {str(error).rstrip('.')}.") from None
        _reasonable(table)
        sizes = _table(table.pop("sizes", {}), "sizes")
        for name in sizes:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
                raise ValueError(f"a size is called by letters, digits, - and _, as its results' folder will be; got {name!r}.")
        _known_keys(table, f"in {file}")
        if size:
            if size not in sizes:
                raise unknown("size", size, sizes, f"in {file}")
            for place, value in _table(sizes[size], f"sizes.{size}").items():
                _set(table, place, value)
        for change in changes:
            place, found, text = change.partition("=")
            if not found or not all(step.strip() for step in place.split(".")):
                raise ValueError(f"a change is written place=value, such as data.train=200; got {change!r}.")
            _set(table, place.strip(), _value(text.strip()))
        if "sizes" in table:
            raise ValueError("a change is made to what is run, not to [sizes]; choose a size with --size.")
        return Study.from_table(table, size=size, allow=allow)

    @staticmethod
    def from_table(table: Mapping[str, Any], *, size: str = "", allow: Sequence[str] = ()) -> "Study":
        """The study in a parsed TOML table. Raises ValueError as `load` does."""
        _reasonable(table)
        _known_keys(table, "in the study")
        header = parsed(Header, {k: table[k] for k in HEADER if k in table}, "")
        if len(set(header.seeds)) < len(header.seeds) or min(header.seeds) < 0:
            raise ValueError(f"seeds are different whole numbers from 0 on; got {list(header.seeds)}.")
        if "data" not in table:
            raise ValueError("[data] is missing; add a table with name, train and test.")
        data = parsed(DataSpec, _table(table["data"], "data"), "data")
        if data.name not in DATASETS:
            raise unknown("data set", data.name, DATASETS)
        defaults = _table(table.get("defaults", {}), "defaults")
        entries = _table(table.get("models", {}), "models")
        if not entries:
            raise ValueError("a study needs at least one [models.NAME].")
        for condition in entries:
            if not condition.strip() or not condition.isprintable():
                raise ValueError(f"a condition needs a name of one printable line; got [models.{condition!r}].")
            if condition[0] in "=+-@":
                raise ValueError(
                    f"[models.{condition!r}] begins as a formula does, and a spreadsheet would compute it; begin with a letter."
                )
        models = {name: catalog.model_spec(_merged(defaults, _table(m, f"models.{name}")), f"models.{name}") for name, m in entries.items()}
        models = _with_leave(models, allow)
        record = parsed(RecordSpec, _table(table.get("record", {}), "record"), "record")
        if not catalog.reduction_named(record.reduce).keeps_time and record.every > 1:
            raise ValueError(f'record.every chooses among steps, and reduce = {record.reduce!r} keeps none; write reduce = "steps".')
        unroll = parsed(UnrollSpec, _table(table["unroll"], "unroll"), "unroll") if "unroll" in table else None
        compare = parsed(CompareSpec, _table(table.get("compare", {}), "compare"), "compare")
        mains = {model.main_site for model in models.values()}
        if record.sites is None and len(mains) > 1:
            raise ValueError(
                f"the main sites of the models differ ({', '.join(sorted(mains))}), so that there is nothing to compare; write "
                'record.sites = ["late"], which is what the main site is called in all of them.'
            )
        resist = parsed(ResistSpec, _table(table["resist"], "resist"), "resist") if "resist" in table else None
        course = parsed(CourseSpec, _table(table["course"], "course"), "course") if "course" in table else None
        for place, chosen in (
            ("compare", compare.measures),
            ("resist", resist and resist.measures),
            ("course", course and course.measures),
        ):
            _known_measures(chosen or (), place)
        if resist is not None:
            check_corruptions(resist.corruptions, "resist")
            _must_be_spoilt(data)
        for condition in (course and course.conditions) or ():
            if condition not in models:
                raise unknown("model", condition, models, "in course.conditions")
        if course is not None and len(set(course.epochs)) < len(course.epochs):
            raise ValueError(f"course.epochs are different numbers of epochs; got {list(course.epochs)}.")
        for name, model in models.items():
            for site in record.sites or ():
                if site not in catalog.ROLES and site not in model.sites:
                    raise unknown("site", site, (*model.sites, *catalog.ROLES), f"in models.{name}, which record.sites asks for")
            if record.sites and not any(catalog.site_of(model, site) for site in record.sites):
                raise ValueError(f"models.{name} has one layer and so no early site, which is all that record.sites asks for; add late.")
            if data.train == 0 and model.learning.rule != "none":
                raise ValueError(f"data.train is 0, which leaves nothing to learn from for models.{name}; give it samples.")
            wanted = catalog.FAMILIES[model.family].data
            if wanted is not None and wanted(model) != data.name:
                raise ValueError(f"models.{name} is a model of the data set {wanted(model)}; set data.name to {wanted(model)!r}.")
            takes, came = catalog.FAMILIES[model.family].takes, kind(data.name)
            takes = takes if isinstance(takes, tuple) else takes(model)
            if came not in takes:
                raise ValueError(
                    f"models.{name} of the family {model.family} learns from {' or '.join(takes)}; {data.name} is a data set of {came}."
                )
        for condition in compare.sequence or ():
            if condition not in models:
                raise unknown("model", condition, models, "in compare.sequence")
        for contrast in compare.contrasts:
            for condition in contrast:
                if condition not in models:
                    raise unknown("model", condition, models, "in compare.contrasts")
            if contrast[0] == contrast[1]:
                raise ValueError(
                    f"compare.contrasts compares {contrast[0]!r} with itself; name two conditions (seeds of one are compared in any case)."
                )
        return Study(
            header.name, header.question, header.seeds, data, models, record, unroll, compare, size, resist, course, header.answer.strip()
        )


def _known_measures(measures: Sequence[str], place: str) -> None:
    for measure in measures:
        if measure not in MEASURES:
            raise unknown("measure", measure, MEASURES)
        if measures.count(measure) > 1:
            raise ValueError(f"{place}.measures names {measure!r} more than once; leave the others out.")
        if place != "compare" and not MEASURES[measure].matched:
            raise ValueError(
                f"{place}.measures names {measure!r}, which does not look at which sample is which, and so has no chance level to be held "
                "against; take another."
            )


def _must_be_spoilt(data: DataSpec) -> None:
    if kind(data.name) not in ("images", "scenes"):
        raise ValueError(f"[resist] spoils images, and {data.name} holds none; leave it out.")
    if data.train == 0:
        raise ValueError("[resist] fits a read-out to samples to learn from, and data.train is 0; give it samples.")


def _with_leave(models: Mapping[str, catalog.ModelSpec], allow: Sequence[str]) -> dict[str, catalog.ModelSpec]:
    own = {name: model for name, model in models.items() if isinstance(model, CustomSpec)}
    for module in allow:
        if module not in {model.module for model in own.values()}:
            raise unknown("module", module, {model.module for model in own.values()}, "in this study, whose code --allow-code could allow")
    return {**models, **{name: model.allowed(frozenset(allow)) for name, model in own.items()}}


def _reasonable(table: Mapping[str, Any]) -> None:
    """Raise ValueError for a table deeper than any study is, or with numbers longer than any machine's: both would fail far from here."""
    level: list[Any] = [table]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in (outer.values() if isinstance(outer, Mapping) else outer)]
        if any(isinstance(value, int) and not -(2**256) < value < 2**256 for value in level):
            raise ValueError("a number in the study has more than 256 bits; no entry of a study takes one.")
        level = [value for value in level if isinstance(value, Mapping | list | tuple)]
        if not level:
            return
    raise ValueError(f"the study has tables or lists more than {DEEPEST} deep; no entry of a study takes one.")


def _table(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{place} is {value!r}; a table [{place}] is wanted.")
    return dict(value)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        # a table that names another kind (of learning, of distribution) replaces, it does not inherit the old kind's keys
        if isinstance(old, Mapping) and isinstance(value, Mapping) and not {"rule", "distribution"} & set(value):
            merged[key] = _merged(old, value)
        else:
            merged[key] = value
    return merged


def _known_keys(table: Mapping[str, Any], where: str) -> None:
    for key in table:
        if key not in TABLES + HEADER:
            raise unknown("key", key, TABLES + HEADER, where)


def _set(table: dict[str, Any], place: str, value: Any) -> None:
    steps = place.split(".")
    for depth, step in enumerate(steps[:-1]):
        inner = table.setdefault(step, {})
        if not isinstance(inner, dict):
            raise ValueError(f"{'.'.join(steps[: depth + 1])} is {inner!r}, so {place} cannot be set in it.")
        table[step] = inner = dict(inner)
        table = inner
    table[steps[-1]] = value


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        # an unquoted word is what one types in a shell
        return text
