"""What commands answer: in which form, on standard output or into a file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer


def form_of(format_: str, to: Path | None, as_json: bool) -> str:
    """The form of the answer: json, parquet, or one of formats.FORMATS; by --format, else by the ending of --to."""
    from synctopo.naming import unknown
    from synctopo.tables.formats import ENDINGS, FORMATS, needs_pyarrow

    if as_json and (format_ or to is not None):
        raise ValueError("--json is an answer of its own; leave out --format and --to.")
    if as_json:
        return "json"
    if format_ and format_ not in (*FORMATS, "parquet"):
        raise unknown("format", format_, (*FORMATS, "parquet"))
    ending = "" if to is None else to.suffix.removeprefix(".")
    by_ending = {"parquet": "parquet"} | {end: form for form, end in ENDINGS.items()}
    form = format_ or by_ending.get(ending, "" if to is not None else "md")
    if not form:
        raise unknown("format", ending or to, by_ending, "by the ending of --to")
    if form == "parquet" and to is None:
        raise ValueError("Parquet is no text to print; name a file: --to tidy.parquet.")
    if form == "parquet":
        needs_pyarrow()
    return form


def tell_tables(tables: list[Any], form: str, to: Path | None) -> None:
    """Print the tables in that form, or write them to `to` and say so. Raises ValueError for several tables as Parquet."""
    from synctopo.store import write_bytes
    from synctopo.tables.formats import parquet, rendered

    if form == "json":
        print_json([{"name": t.name, "title": t.title, "rows": _plain(t.frame)} for t in tables])
        return
    if form == "parquet" and len(tables) > 1:
        raise ValueError("a Parquet file holds one table; name it with --name.")
    content = parquet(tables[0].frame) if form == "parquet" else "\n".join(rendered(t, form) for t in tables).encode()
    if to is None:
        typer.echo(content.decode())
    else:
        write_bytes(to, content)
        typer.echo(f"written: {to}")


def _plain(frame: Any) -> list[dict[str, Any]]:
    held: list[dict[str, Any]] = json.loads(frame.astype(object).where(frame != "", None).to_json(orient="records", double_precision=15))
    return held


def tell_status(plan: Any, root: Path, processors: int, as_json: bool) -> None:
    """Print how far a study is and how long the rest should take."""
    from synctopo import cost
    from synctopo.pipeline import status as status_of

    stages, costs = status_of(plan, root), cost.costs(plan, root)
    if as_json:
        told = [
            {
                "stage": s.stage,
                "pieces": s.pieces,
                "done": s.done,
                "failures": [{"label": label, "reason": reason} for label, reason in s.failures],
                "running": [{"label": c.label, "since": c.since, "host": c.process.host, "pid": c.process.pid} for c in s.running],
                "seconds_left": c.seconds,
            }
            for s, c in zip(stages, costs, strict=True)
        ]
        left = {"pieces_left": sum(c.pieces for c in costs), "seconds_left": cost.left(costs, processors), "processors": processors}
        print_json({"study": plan.study.name, "size": plan.study.size, "folder": str(root), "stages": told, **left})
        return
    typer.echo(f"{plan.study.name}{f' ({plan.study.size})' if plan.study.size else ''} in {root}")
    for progress in stages:
        failed = f", {len(progress.failures)} failed" if progress.failures else ""
        typer.echo(f"  {progress.stage:8} {progress.done:6} of {progress.pieces} done{failed}")
        for claim in progress.running:
            typer.echo(f"           running: {claim.label}, by process {claim.process.pid} on {claim.process.host} since {claim.since}")
        for label, reason in progress.failures:
            typer.echo(f"           {label}: {reason}")
    typer.echo(f"  {cost.told(costs, processors)}")


def tell_projection(plan: Any, root: Path, models: int, as_json: bool) -> None:
    """Print what the study would cost with that many models."""
    from synctopo import cost

    found = cost.projected(plan, root, models)
    if as_json:
        print_json({**vars(found), "seconds": found.seconds})
        return
    for line in cost.told_of(found):
        typer.echo(line)


def tell_failures(failures: Any, root: Path) -> None:
    """Say on stderr what failed and why, and what would try it again."""
    for failure in failures:
        typer.echo(f"failed: {failure.piece.stage} of {failure.piece.label}: {failure.failure}", err=True)
    if failures:
        typer.echo(f"what was tried is in {root / 'logs'}; --retry-failed tries it again.", err=True)


def tell_verdict(verdict: Any, root: Path, as_json: bool) -> None:
    """Print which results are good, and what is wrong with the others."""
    if as_json:
        print_json({"folder": str(root), "good": verdict.good, "findings": [vars(f) for f in verdict.findings]})
        return
    for finding in verdict.findings:
        typer.echo(f"{finding.file}: {finding.wrong}{f'; moved to {finding.now}' if finding.now else ''}")
    typer.echo(f"{verdict.good} results in {root} are what was written; {len(verdict.findings)} files are not what they should be.")


def tell_leftovers(found: Any, root: Path, deleted: bool, as_json: bool) -> None:
    """Print what no present study needs, or what has been deleted of it."""
    if as_json:
        print_json({"folder": str(root), "deleted": deleted, "leftovers": [vars(f) for f in found]})
        return
    for leftover in found:
        typer.echo(f"{leftover.file}  {leftover.why}")
    size = f"{sum(leftover.size for leftover in found) / 1e6:.1f} MB"
    if not found:
        typer.echo(f"nothing in {root} is left over.")
    elif deleted:
        typer.echo(f"deleted: {len(found)} files and folders, {size}.")
    else:
        typer.echo(f"{len(found)} files and folders, {size}, are not needed by this study as it is now; --delete deletes them.")


def print_places(places: Mapping[str, Path]) -> None:
    """Print where files are, by what they are."""
    for what, path in places.items():
        typer.echo(f"{what + ':':42}{path}")


def print_json(value: Any) -> None:
    """Print JSON without NaN, which is none."""
    typer.echo(json.dumps(value, indent=1, allow_nan=False))
