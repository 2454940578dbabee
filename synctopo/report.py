"""The report of a study: its tables and figures as files, and all of it in one self-contained HTML page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from synctopo.gallery import Picture, pictures
from synctopo.ledger import failure
from synctopo.naming import visible
from synctopo.provenance import controls, provenance
from synctopo.store import write_bytes
from synctopo.study import Study
from synctopo.tables import study_tables, tidy
from synctopo.tables.formats import ENDINGS, FORMATS, Table, rendered
from synctopo.tables.pivots import means
from synctopo.tables.selection import Row, at_one_step, ordered
from synctopo.work import Plan, rows


@dataclass(frozen=True)
class Written:
    """What `write_all` wrote: the tables to show at once, as text, and where the files are, by what they are."""

    shown: tuple[str, ...]
    places: Mapping[str, Path]


def tables_of(plan: Plan, root: Path) -> list[Table]:
    """Every table of a study from the rows that are there, and `tidy` with all of them.

    Raises ValueError where there are no rows yet.
    """
    return [*_tables(plan, _rows(plan, root)), *_failures(plan, root)]


def page(plan: Plan, root: Path) -> str:
    """The report of a study as one HTML page that needs no other file, from the rows that are there.

    Raises ValueError where there are no rows yet.
    """
    found = _rows(plan, root)
    return _page(plan, root, found, [*_tables(plan, found), *_failures(plan, root)], pictures(plan.study, found))


def write_all(plan: Plan, root: Path) -> Written:
    """Write tables/ (every format), figures/ and report.html into the study's folder, from the rows that are there."""
    if not any(r["kind"] == "model" for r in rows(root, plan.of("judge"))):
        return Written((), {})
    found = _rows(plan, root)
    tables = [*_tables(plan, found), *_failures(plan, root)]
    for table in tables:
        for form in FORMATS if table.name != "tidy" else ("csv",):
            write_bytes(root / "tables" / f"{table.stem}.{ENDINGS[form]}", rendered(table, form).encode())
    drawn = pictures(plan.study, found)
    for picture in drawn:
        picture.write(root / "figures")
    write_bytes(root / "report.html", _page(plan, root, found, tables, drawn).encode())
    places = {"Tables (Markdown, CSV, LaTeX, HTML)": root / "tables"}
    if drawn:
        places["Figures (PNG, PDF, SVG)"] = root / "figures"
    places["Report (open it in a browser)"] = root / "report.html"
    pairs = _pairs(found)
    measure, site = plan.study.compare.measures[0], _site(plan, pairs)
    wide = (f"{measure}_{site}", f"{measure}_{site}_calibrated")
    shown = [t for t in _main(plan, site, tables) if t.name not in wide]
    if any(t.name == f"{measure}_{site}" for t in tables):
        # with its spreads the matrix is wider than a terminal; they are in the file
        here = [r for r in pairs if r["measure"] == measure and r["site_a"] == site]
        shown.append(means(here, list(plan.study.models), measure, site))
    return Written(tuple(rendered(t, "md") for t in shown), places)


def _rows(plan: Plan, root: Path) -> list[Row]:
    found = rows(root, plan.of("judge") + plan.of("compare"))
    if not any(r["kind"] == "model" for r in found):
        raise ValueError(
            f"there are no rows of this study in {root} yet (rows of older code or settings do not count); run it first: synctopo run."
        )
    return list(found)


def _tables(plan: Plan, found: Sequence[Row]) -> list[Table]:
    tables = study_tables(found, list(plan.study.models), plan.study.compare.contrasts, plan.study.compare.sequence)
    return [*tables, Table("tidy", "All rows", tidy(found).astype(object).where(lambda f: f.notna(), ""))]


def _failures(plan: Plan, root: Path) -> list[Table]:
    found = [(p, why) for p in plan.pieces if not p.done(root) and (why := failure(root, p)) is not None]
    lines = [{"stage": p.stage, "of": p.label, "status": "failed", "reason": why.reason, "log": why.log} for p, why in found]
    return [Table("failures", "What failed, and what needs it is missing above", pd.DataFrame(lines))] if lines else []


def _pairs(found: Sequence[Row]) -> list[Row]:
    return at_one_step([r for r in found if r["kind"] == "pair"])


def _site(plan: Plan, pairs: Sequence[Row]) -> str:
    sites = ordered(r["site_a"] for r in pairs if r["measure"] == plan.study.compare.measures[0])
    return sites[0] if sites else ""


def _main(plan: Plan, site: str, tables: Sequence[Table]) -> list[Table]:
    measure = plan.study.compare.measures[0]
    of_measure = (site, f"{site}_calibrated", "layers", "time")
    wanted = ["sequence", "models", "edges", "spoilt", "foresight", *(f"{measure}_{part}" for part in of_measure)]
    return [t for t in tables if t.name in wanted]


def _page(plan: Plan, root: Path, found: Sequence[Row], tables: Sequence[Table], drawn: Sequence[Picture]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("synctopo"), autoescape=True, undefined=jinja2.StrictUndefined, finalize=_seen
    )
    main = _main(plan, _site(plan, _pairs(found)), tables)
    study = plan.study
    size = f" --size {study.size}" if study.size else ""
    return environment.get_template("report.html").render(
        study=study,
        answer=[" ".join(part.split()) for part in study.answer.split("\n\n")],
        conditions=_conditions(study),
        whole=json.dumps(_whole(study), indent=1, ensure_ascii=False),
        main=main,
        more=[t for t in tables if t not in main and t.name != "tidy"],
        pictures=drawn,
        controls=controls(found),
        provenance=provenance(plan, root),
        command=f"synctopo run studies/{study.name}.toml{size}",
    )


def _seen(value: Any) -> Any:
    # the drawings are ours, and the study in full stands in lines
    return value if isinstance(value, Markup) else visible(value, lines=True)


def _whole(study: Study) -> dict[str, Any]:
    held = {field: getattr(study, field) for field in ("data", "record", "unroll", "compare", "resist", "course")}
    return {
        "name": study.name,
        "question": study.question,
        "seeds": list(study.seeds),
        **{field: spec.model_dump(mode="json") for field, spec in held.items() if spec is not None},
        "models": {name: spec.model_dump(mode="json") for name, spec in study.models.items()},
    }


def _conditions(study: Study) -> list[tuple[str, str]]:
    """What the study file says of its conditions, as (name, entries): first what they share, then what each has besides."""
    said = {name: _entries(spec.model_dump(mode="json", exclude_defaults=True)) for name, spec in study.models.items()}
    first = next(iter(said.values()))
    shared = {key: value for key, value in first.items() if all(key in of and of[key] == value for of in said.values())}
    rest = {name: {key: value for key, value in of.items() if key not in shared} for name, of in said.items()}
    lines = [("all of them", shared), *rest.items()] if len(said) > 1 else [*said.items()]
    return [(name, ", ".join(f"{key} = {value}" for key, value in of.items())) for name, of in lines]


def _entries(table: Mapping[str, Any], place: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in table.items():
        inner = isinstance(value, Mapping)
        found |= _entries(value, f"{place}{key}.") if inner else {f"{place}{key}": json.dumps(value, ensure_ascii=False)}
    return found
