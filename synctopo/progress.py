"""Progress: bars on a terminal, a line for each piece of work otherwise; always on stderr, so that stdout holds the answer alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

SAID = {"fit": "training", "record": "recording", "judge": "judging", "compare": "comparing"}


@contextmanager
def of_a_study() -> Iterator[Callable[..., None]]:
    """A listener of `pipeline.run`."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _line
        return
    with _bars(console) as bars:
        tasks: dict[str, Any] = {}

        def bar(stage: str, done: int, pieces: int, outcome: Any) -> None:
            if outcome is None:
                tasks[stage] = bars.add_task(SAID[stage], total=pieces, completed=done, now="")
            else:
                bars.update(tasks[stage], completed=done, now=outcome.piece.label)
                if outcome.failure:
                    bars.console.print(f"failed: {outcome.piece.label}: {outcome.failure}", markup=False, highlight=False)

        yield bar


@contextmanager
def of_comparisons(total: int, *, long: bool) -> Iterator[Callable[[str, str, str], None]]:
    """A listener of `compare`, for `total` values; without a terminal it says a line for each only where they take `long`."""
    console = Console(stderr=True)
    if not console.is_terminal:
        done = 0

        def line(a: str, b: str, measure: str) -> None:
            nonlocal done
            done += 1
            if long:
                typer.echo(f"{measure} {done}/{total}  {a} ~ {b}", err=True)

        yield line
        return
    with _bars(console) as bars:
        task = bars.add_task("comparing", total=total, completed=-1, now="")

        def bar(a: str, b: str, measure: str) -> None:
            bars.update(task, advance=1, now=f"{measure} of {a} ~ {b}")

        yield bar


def _bars(console: Console) -> Bars:
    return Bars(
        TextColumn("{task.description:10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[now]}", markup=False),
        console=console,
        transient=False,
    )


def _line(stage: str, done: int, pieces: int, outcome: Any) -> None:
    if outcome is None:
        typer.echo(f"{SAID[stage]}: {done} of {pieces} done before", err=True)
    else:
        done_by = "done by another process" if outcome.found else f"{outcome.seconds:.2f} s"
        how = f"failed: {outcome.failure}" if outcome.failure else done_by
        typer.echo(f"{SAID[stage]} {done}/{pieces}  {outcome.piece.label}  {how}", err=True)
