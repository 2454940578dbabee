"""The command line: parse, call the library once, turn its errors into a sentence."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    help="Compare what brains-in-silico learn: run a study, look at its tables, or compute RTD between your own arrays.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    epilog="Example: synctopo run studies/heterogeneity.toml --size demo",
)

STUDY = Annotated[Path, typer.Argument(metavar="STUDY.toml", help="A study file; `synctopo ls studies` lists them.")]
SIZE = Annotated[str, typer.Option("--size", metavar="NAME", help=r"One of the study's \[sizes.NAME] instead of the full one.")]
SMOKE = Annotated[bool, typer.Option("--smoke", help="Short for --size smoke.")]
SET = Annotated[list[str] | None, typer.Option("--set", metavar="PLACE=VALUE", help="Change one entry, such as data.train=200.")]
OUT = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder of the results; results/NAME-SIZE by default.")]
DATA = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="Folder with mnist.npz and the like; else $SYNCTOPO_DATA.")]


@contextmanager
def _sentences() -> Iterator[None]:
    """Turn the errors of the library into one sentence and an exit code; SYNCTOPO_DEBUG=1 shows where they arose."""
    try:
        yield
    except ValueError as error:
        if os.environ.get("SYNCTOPO_DEBUG"):
            raise
        typer.echo(f"synctopo: {error}", err=True)
        raise typer.Exit(2) from None
    except BrokenPipeError:
        # `| head` has read what it wanted: typer ends without a word
        raise
    except OSError as error:
        if os.environ.get("SYNCTOPO_DEBUG"):
            raise
        typer.echo(f"synctopo: {error.strerror or str(error).rstrip('.')}{f': {error.filename}' if error.filename else ''}.", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo("synctopo: stopped; what is done is kept, run the same command to go on.", err=True)
        raise typer.Exit(1) from None


def _loaded(study: Path, size: str, smoke: bool, changes: list[str] | None, out: Path | None, data: Path | None) -> tuple[Any, Any, Path]:
    from synctopo.study import Study
    from synctopo.work import plan

    if smoke and size not in ("", "smoke"):
        raise ValueError(f"--smoke means --size smoke; leave out --size {size}.")
    if data is not None:
        os.environ["SYNCTOPO_DATA"] = str(data)
    file = study if study.suffix == ".toml" or study.exists() else Path("studies") / f"{study}.toml"
    loaded = Study.load(file, size="smoke" if smoke else size, changes=changes or ())
    root = out if out is not None else Path("results") / "-".join(filter(None, (loaded.name, loaded.size)))
    if root.exists() and not root.is_dir():
        raise ValueError(f"--out {root} is a file; name a folder.")
    return loaded, plan(loaded), root


@app.command()
def run(
    study: STUDY,
    size: SIZE = "",
    smoke: SMOKE = False,
    set_: SET = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes; 0: as many as there are processors.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what there is to do, and do nothing.")] = False,
    out: OUT = None,
    data: DATA = None,
) -> None:
    """Train, record and compare what a study says; write its tables and figures. What is there is not made again."""
    with _sentences():
        from synctopo.executors import executor, processors
        from synctopo.pipeline import run as run_plan
        from synctopo.report import write_all

        _, plan, root = _loaded(study, size, smoke, set_, out, data)
        if dry_run:
            _print_status(plan, root)
            return
        if not all(piece.done(root) for piece in plan.of("compare")):
            _compile()
        with _progress() as listen:
            failures = run_plan(plan, root, executor(jobs if jobs != 0 else processors()), listen)
        for failure in failures:
            typer.echo(f"failed: {failure.piece.stage} of {failure.piece.label}: {failure.failure}", err=True)
        written = write_all(plan, root)
        for text in written.shown:
            typer.echo(text)
        for what, path in written.places.items():
            typer.echo(f"{what + ':':42}{path}")
        if failures:
            raise typer.Exit(1)


@app.command()
def status(study: STUDY, size: SIZE = "", smoke: SMOKE = False, set_: SET = None, out: OUT = None, data: DATA = None) -> None:
    """Say how far a study is: done, failed with the reason, to do."""
    with _sentences():
        _, plan, root = _loaded(study, size, smoke, set_, out, data)
        _print_status(plan, root)


@app.command()
def table(
    study: STUDY,
    format_: Annotated[str, typer.Option("--format", "-f", help="md, csv, latex or html.")] = "md",
    name: Annotated[str, typer.Option("--name", help="Only this table, such as models or rtd_hidden.spikes; tidy: every row.")] = "",
    size: SIZE = "",
    smoke: SMOKE = False,
    set_: SET = None,
    out: OUT = None,
    data: DATA = None,
) -> None:
    """Print the tables of a study from the rows that are there."""
    with _sentences():
        from synctopo.naming import unknown
        from synctopo.report import tables_of
        from synctopo.tables import FORMATS, rendered

        if format_ not in FORMATS:
            raise unknown("format", format_, FORMATS)
        _, plan, root = _loaded(study, size, smoke, set_, out, data)
        found = {t.name: t for t in tables_of(plan, root)}
        if name and name not in found:
            raise unknown("table", name, found, "in this study")
        for chosen in [found[name]] if name else found.values():
            typer.echo(rendered(chosen, format_))


@app.command()
def rtd(
    arrays: Annotated[
        list[Path],
        typer.Argument(
            metavar="A.npy B.npy ...", help=r"Arrays \[sample, feature] of the same samples; FILE.npz:NAME picks one of several."
        ),
    ],
    batch: Annotated[int, typer.Option("--batch", help="Samples per trial; with fewer in all, one trial sees all.")] = 500,
    trials: Annotated[int, typer.Option("--trials", help="Sub-samples drawn.")] = 10,
    seed: Annotated[int, typer.Option("--seed", help="Of the sub-samples.")] = 0,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    where: Annotated[Path | None, typer.Option("--where", metavar="FILE.png", help="Draw which samples make the difference.")] = None,
) -> None:
    """RTD between arrays (.npy, .npz, .csv, .safetensors): two give one value, more give the matrix."""
    with _sentences():
        from synctopo.arrays import rtd_between
        from synctopo.arrays import where as draw

        typer.echo(rtd_between(arrays, batch=batch, trials=trials, seed=seed, as_json=json_, ready=_compile))
        if where is not None:
            typer.echo(draw(arrays, where), err=json_)


@app.command("ls")
def ls(kind: Annotated[str, typer.Argument(metavar="models|measures|data|studies", help="What to list.")]) -> None:
    """List what a study file may name."""
    with _sentences():
        from synctopo.listing import listing

        typer.echo(listing(kind))


def _compile() -> None:
    """Compile the engine before the first barcode needs it, and say so: the first command on a machine waits some seconds for it."""
    import rtd

    if not rtd.is_compiled():
        typer.echo("compiling the RTD engine (once; later commands load it from a file) ...", err=True)
        rtd.warm_up()


def _print_status(plan: Any, root: Path) -> None:
    from synctopo.pipeline import status as status_of

    typer.echo(f"{plan.study.name}{f' ({plan.study.size})' if plan.study.size else ''} in {root}")
    for progress in status_of(plan, root):
        failed = f", {len(progress.failures)} failed" if progress.failures else ""
        typer.echo(f"  {progress.stage:8} {progress.done:6} of {progress.pieces} done{failed}")
        for label, reason in progress.failures:
            typer.echo(f"           {label}: {reason}")


@contextmanager
def _progress() -> Iterator[Callable[..., None]]:
    """Bars on a terminal, a line for each piece otherwise."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    said = {"fit": "training", "record": "recording", "judge": "judging", "compare": "comparing"}
    console = Console(stderr=True)
    if not console.is_terminal:

        def line(stage: str, done: int, pieces: int, outcome: Any) -> None:
            if outcome is None:
                typer.echo(f"{said[stage]}: {done} of {pieces} done before", err=True)
            else:
                how = f"failed: {outcome.failure}" if outcome.failure else f"{outcome.seconds:.2f} s"
                typer.echo(f"{said[stage]} {done}/{pieces}  {outcome.piece.label}  {how}", err=True)

        yield line
        return
    columns = (
        TextColumn("{task.description:10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[now]}", markup=False),
    )
    with Bars(*columns, console=console) as bars:
        tasks: dict[str, Any] = {}

        def bar(stage: str, done: int, pieces: int, outcome: Any) -> None:
            if outcome is None:
                tasks[stage] = bars.add_task(said[stage], total=pieces, completed=done, now="")
            else:
                bars.update(tasks[stage], completed=done, now=outcome.piece.label)
                if outcome.failure:
                    bars.console.print(f"failed: {outcome.piece.label}: {outcome.failure}", markup=False, highlight=False)

        yield bar


def main() -> None:
    """The entry point of the command `synctopo`."""
    # a batch system ends a job by SIGTERM: the worker processes must end with it, as they do after Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app(prog_name="synctopo")
