"""The report of a study: its tables and figures as files, and all of it in one self-contained HTML page."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from synctopo import figures
from synctopo.store import code_version, write_bytes
from synctopo.tables import ENDINGS, FORMATS, Table, means, rendered, study_tables, tidy
from synctopo.work import Plan, rows


@dataclass(frozen=True)
class Written:
    """What `write_all` wrote: the tables to show at once, as text, and where the files are, by what they are."""

    shown: tuple[str, ...]
    places: Mapping[str, Path]


def tables_of(plan: Plan, root: Path) -> list[Table]:
    """Every table of a study from the rows that are there, and `tidy` with all of them."""
    found = rows(root, plan.of("judge") + plan.of("compare"))
    if not any(r["kind"] == "model" for r in found):
        raise ValueError(f"there are no rows of this study in {root} yet; run it first: synctopo run.")
    study = plan.study
    tables = study_tables(found, list(study.models), study.compare.contrasts)
    return [*tables, Table("tidy", "All rows", tidy(found).astype(object).where(lambda f: f.notna(), ""))]


def write_all(plan: Plan, root: Path) -> Written:
    """Write tables/ (every format), figures/ and report.html into the study's folder, from the rows that are there."""
    found = rows(root, plan.of("judge") + plan.of("compare"))
    if not any(r["kind"] == "model" for r in found):
        return Written((), {})
    tables = tables_of(plan, root)
    for table in tables:
        for form in FORMATS if table.name != "tidy" else ("csv",):
            write_bytes(root / "tables" / f"{table.name}.{ENDINGS[form]}", rendered(table, form).encode())
    drawn = _figures(plan, found, root)
    page = _page(plan, tables, {name: next(p for p in paths if p.suffix == ".png") for name, paths in drawn.items()})
    write_bytes(root / "report.html", page.encode())
    places = {"Tables (Markdown, CSV, LaTeX, HTML)": root / "tables"}
    if drawn:
        places["Figures (PNG, PDF, SVG)"] = root / "figures"
    places["Report (open it in a browser)"] = root / "report.html"
    measure, site = plan.study.compare.measures[0], _site(plan, tables)
    shown = [t for t in _main_tables(plan, tables) if t.name != f"{measure}_{site}"]
    if site:
        # with its spreads the matrix is wider than a terminal; they are in the file
        here = [r for r in found if r["kind"] == "pair" and r["measure"] == measure and r["site_a"] == site]
        shown.append(means(here, list(plan.study.models), measure, site))
    return Written(tuple(rendered(t, "md") for t in shown), places)


def _main_tables(plan: Plan, tables: Sequence[Table]) -> list[Table]:
    measure = plan.study.compare.measures[0]
    wanted = ["models", "edges", f"{measure}_{_site(plan, tables)}", f"{measure}_layers"]
    return [t for t in tables if t.name in wanted]


def _site(plan: Plan, tables: Sequence[Table]) -> str:
    start = f"{plan.study.compare.measures[0]}_"
    sites = [t.name.removeprefix(start) for t in tables if t.name.startswith(start)]
    return next((s for s in sites if s not in ("layers", "contrasts")), "")


def _figures(plan: Plan, found: Sequence[dict[str, Any]], root: Path) -> dict[str, list[Path]]:
    pairs = [r for r in found if r["kind"] == "pair"]
    drawn: dict[str, list[Path]] = {}
    if not pairs:
        return drawn
    conditions = list(plan.study.models)
    sites = list(dict.fromkeys(r["site_a"] for r in pairs))
    for measure in plan.study.compare.measures:
        name = f"{measure}_matrix"
        drawn[name] = figures.write(figures.rtd_matrix(pairs, conditions, measure=measure, site=sites[0]), root / "figures", name)
        layers = [s for s in sites[1:] if not s.startswith("random.")]
        contrasts = plan.study.compare.contrasts
        for kind, chosen in (("layers", layers), ("random", [s for s in sites if s.startswith("random.")])):
            if chosen and contrasts:
                title = {
                    "layers": "along the layers of the unrolled network (betweenness partition)",
                    "random": "control: random partitions of the same sizes",
                }[kind]
                figure = figures.layer_profile(pairs, contrasts, measure=measure, sites=chosen, title=f"{measure} {title}")
                drawn[f"{measure}_{kind}"] = figures.write(figure, root / "figures", f"{measure}_{kind}")
    return drawn


def _page(plan: Plan, tables: Sequence[Table], pictures: dict[str, Path]) -> str:
    environment = jinja2.Environment(loader=jinja2.PackageLoader("synctopo"), autoescape=True, undefined=jinja2.StrictUndefined)
    main = _main_tables(plan, tables)
    size = f" --size {plan.study.size}" if plan.study.size else ""
    return environment.get_template("report.html").render(
        study=plan.study,
        main=main,
        more=[t for t in tables if t not in main and t.name != "tidy"],
        pictures={name: base64.b64encode(path.read_bytes()).decode() for name, path in pictures.items()},
        command=f"synctopo run studies/{plan.study.name}.toml{size}",
        code=code_version(),
    )
