"""The command line: parse, call the library once, turn its errors into a sentence."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from synctopo.answers import (
    form_of,
    print_json,
    print_places,
    tell_failures,
    tell_leftovers,
    tell_projection,
    tell_status,
    tell_tables,
    tell_verdict,
)
from synctopo.naming import visible

app = typer.Typer(
    help="Compare what brains-in-silico learn: run a study, look at its tables, or compute RTD between your own arrays.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    epilog="Example: synctopo run studies/heterogeneity.toml --size demo",
)

KINDS = ("models", "measures", "data", "studies")


def _studies() -> list[str]:
    return [str(file) for file in sorted(Path("studies").glob("*.toml"))]


def _formats() -> list[str]:
    return ["md", "csv", "latex", "html", "parquet"]


STUDY = Annotated[
    Path, typer.Argument(metavar="STUDY.toml", help="A study file; `synctopo ls studies` lists them.", autocompletion=_studies)
]
SIZE = Annotated[str, typer.Option("--size", metavar="NAME", help=r"One of the study's \[sizes.NAME] instead of the full one.")]
SMOKE = Annotated[bool, typer.Option("--smoke", help="Short for --size smoke.")]
SET = Annotated[list[str] | None, typer.Option("--set", metavar="PLACE=VALUE", help="Change one entry, such as data.train=200.")]
OUT = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder of the results; results/NAME-SIZE by default.")]
JSON = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]
FORMAT = Annotated[
    str, typer.Option("--format", "-f", metavar="NAME", help="md, csv, latex, html or (with --to) parquet.", autocompletion=_formats)
]
ALLOW = Annotated[
    list[str] | None,
    typer.Option("--allow-code", metavar="MODULE", help='Let code of this module run, which a model of family "module" names.'),
]
DATA = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="Folder with mnist.npz and the like; else $SYNCTOPO_DATA.")]


@contextmanager
def _sentences() -> Iterator[None]:
    """Turn the errors of the library into one sentence and an exit code; SYNCTOPO_DEBUG=1 shows where they arose."""
    try:
        yield
    except ValueError as error:
        if os.environ.get("SYNCTOPO_DEBUG"):
            raise
        typer.echo(f"synctopo: {visible(error, lines=True)}", err=True)
        raise typer.Exit(2) from None
    except BrokenPipeError:
        # `| head` has read what it wanted: typer ends without a word
        raise
    except OSError as error:
        if os.environ.get("SYNCTOPO_DEBUG"):
            raise
        said = f"{error.strerror or str(error).rstrip('.')}{f': {error.filename}' if error.filename else ''}"
        typer.echo(f"synctopo: {visible(said, lines=True)}.", err=True)
        raise typer.Exit(1) from None
    except MemoryError:
        typer.echo("synctopo: there is not enough memory for this; take fewer samples, a smaller --batch or fewer --jobs.", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo("synctopo: stopped; what is done is kept, run the same command to go on.", err=True)
        raise typer.Exit(1) from None


def _loaded(
    study: Path,
    size: str,
    smoke: bool,
    changes: list[str] | None,
    out: Path | None,
    data: Path | None,
    allow: list[str] | None = None,
    other_code: str = "keep",
    for_folder: bool = False,
) -> tuple[Any, Any, Path]:
    from synctopo.ledger import code_of
    from synctopo.store import code_version
    from synctopo.study import Study
    from synctopo.work import plan

    if smoke and size not in ("", "smoke"):
        raise ValueError(f"--smoke means --size smoke; leave out --size {size}.")
    if data is not None:
        os.environ["SYNCTOPO_DATA"] = str(data)
    file = study if study.suffix == ".toml" or study.exists() else Path("studies") / f"{study}.toml"
    loaded = Study.load(file, size="smoke" if smoke else size, changes=changes or (), allow=allow or ())
    root = out if out is not None else Path("results") / "-".join(filter(None, (loaded.name, loaded.size)))
    if root.exists() and not root.is_dir():
        raise ValueError(f"--out {root} is a file; name a folder.")
    if for_folder:
        return loaded, None, root
    held = code_of(root)
    if other_code != "keep" or held in (None, code_version()):
        return loaded, plan(loaded), root
    typer.echo(f"the results in {root} are of other code ({held}; this is {code_version()}).", err=True)
    return loaded, plan(loaded, held), root


@app.command()
def run(
    study: STUDY,
    size: SIZE = "",
    smoke: SMOKE = False,
    set_: SET = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes; 0: as many as there are processors.")] = 0,
    dask: Annotated[
        str, typer.Option("--dask", metavar="ADDRESS|local", help="By the workers of a Dask scheduler; local: by --jobs workers here.")
    ] = "",
    shard: Annotated[
        str, typer.Option("--shard", metavar="K/N", help="Only the K-th of N parts, for job arrays; all work in one folder.")
    ] = "",
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try again what has failed before.")] = False,
    other_code: Annotated[
        str,
        typer.Option(
            "--other-code",
            metavar="keep|redo",
            help="Where the folder holds results of another version of the code: go on with them, or make all anew beside them.",
        ),
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what there is to do and what it should cost, and do nothing.")] = False,
    out: OUT = None,
    data: DATA = None,
    allow_code: ALLOW = None,
    json_: JSON = False,
) -> None:
    """Train, record and compare what a study says; write its tables and figures. What is there is not made again."""
    with _sentences():
        from synctopo.executors import executor, processors
        from synctopo.ledger import rename_code
        from synctopo.naming import unknown
        from synctopo.pipeline import run as run_plan
        from synctopo.progress import of_a_study
        from synctopo.report import Written, write_all
        from synctopo.work import part_of

        if other_code not in ("", "keep", "redo"):
            raise unknown("choice", other_code, ("keep", "redo"), "for --other-code")
        loaded, plan, root = _loaded(study, size, smoke, set_, out, data, allow_code, other_code)
        count = jobs if jobs != 0 else processors()
        execute = executor(count, dask)
        pieces = part_of(plan, shard) if shard else plan.pieces
        if dry_run:
            tell_status(plan, root, count, json_)
            return
        loaded.check_leave()
        if other_code == "redo":
            rename_code(root, plan.code)
        if not all(piece.done(root) for piece in plan.of("compare")):
            _compile()
        with of_a_study() as listen:
            failures = run_plan(plan, root, execute, listen, pieces=pieces, retry_failed=retry_failed)
        tell_failures(failures, root)
        left = sum(not piece.done(root) for piece in plan.pieces)
        if shard and left:
            typer.echo(f"shard {shard} is done; of the whole study {left} of {len(plan.pieces)} pieces are left to others.", err=True)
        written = write_all(plan, root) if not (shard and left) else Written((), {})
        if json_:
            failed = [{"stage": f.piece.stage, "label": f.piece.label, "reason": f.failure} for f in failures]
            places = {what: str(path) for what, path in written.places.items()}
            print_json({"study": plan.study.name, "size": plan.study.size, "folder": str(root), "failures": failed, "written": places})
        else:
            for text in written.shown:
                typer.echo(text)
            print_places(written.places)
        if failures:
            raise typer.Exit(1)


@app.command()
def status(
    study: STUDY,
    size: SIZE = "",
    smoke: SMOKE = False,
    set_: SET = None,
    models: Annotated[
        int | None, typer.Option("--models", metavar="N", help="Say what N models, each compared with each, would cost instead.")
    ] = None,
    out: OUT = None,
    data: DATA = None,
    json_: JSON = False,
) -> None:
    """Say how far a study is: done, running, failed with the reason, to do, and how long that should take."""
    with _sentences():
        from synctopo.executors import processors

        _, plan, root = _loaded(study, size, smoke, set_, out, data)
        if models is None:
            tell_status(plan, root, processors(), json_)
        else:
            tell_projection(plan, root, models, json_)


@app.command()
def verify(
    study: STUDY,
    size: SIZE = "",
    smoke: SMOKE = False,
    set_: SET = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Move nothing.")] = False,
    out: OUT = None,
    data: DATA = None,
    json_: JSON = False,
) -> None:
    """Find results that are corrupted, truncated or foreign, and move them into quarantine; exit code 1 where there are any."""
    with _sentences():
        from synctopo.upkeep import verify as verify_

        _, _, root = _loaded(study, size, smoke, set_, out, data, for_folder=True)
        verdict = verify_(root, dry_run=dry_run)
        tell_verdict(verdict, root, json_)
        if verdict.findings:
            raise typer.Exit(1)


@app.command()
def gc(
    study: STUDY,
    size: SIZE = "",
    smoke: SMOKE = False,
    set_: SET = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete it; without this it is only listed.")] = False,
    out: OUT = None,
    data: DATA = None,
    json_: JSON = False,
) -> None:
    """List, or delete, what is in the study's folder and no longer needed: results of other settings or code, and what dead runs left."""
    with _sentences():
        from synctopo import upkeep

        _, plan, root = _loaded(study, size, smoke, set_, out, data)
        found = upkeep.leftovers(plan, root)
        if delete:
            upkeep.delete(root, found)
        tell_leftovers(found, root, delete, json_)


@app.command()
def table(
    study: STUDY,
    format_: FORMAT = "",
    name: Annotated[str, typer.Option("--name", help="Only this table, such as models or rtd_hidden.spikes; tidy: every row.")] = "",
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Write there; FILE.parquet holds every row (tidy).")] = None,
    size: SIZE = "",
    smoke: SMOKE = False,
    set_: SET = None,
    out: OUT = None,
    data: DATA = None,
    json_: JSON = False,
) -> None:
    """Print the tables of a study from the rows that are there."""
    with _sentences():
        from synctopo.naming import unknown
        from synctopo.report import tables_of

        form = form_of(format_, to, json_)
        _, plan, root = _loaded(study, size, smoke, set_, out, data)
        found = {t.name: t for t in tables_of(plan, root)}
        if form == "parquet":
            name = name or "tidy"
        if name and name not in found:
            raise unknown("table", name, found, "in this study")
        tell_tables([found[name]] if name else list(found.values()), form, to)


@app.command()
def report(study: STUDY, size: SIZE = "", smoke: SMOKE = False, set_: SET = None, out: OUT = None, data: DATA = None) -> None:
    """Write the tables, the figures and report.html (one file, opens anywhere) anew from the rows that are there."""
    with _sentences():
        from synctopo.pipeline import status as status_of
        from synctopo.report import write_all

        _, plan, root = _loaded(study, size, smoke, set_, out, data)
        written = write_all(plan, root)
        if not written.places:
            raise ValueError(
                f"there are no rows of this study in {root} yet (rows of older code or settings do not count); run it first: synctopo run."
            )
        stages = status_of(plan, root)
        left = sum(stage.pieces - stage.done for stage in stages)
        if left:
            every = sum(stage.pieces for stage in stages)
            typer.echo(f"the report lacks what is not done yet: {left} of {every} pieces; synctopo run makes them.", err=True)
        print_places(written.places)


@app.command()
def rtd(
    arrays: Annotated[
        list[Path],
        typer.Argument(
            metavar="A.npy B.npy ...", help=r"Arrays \[sample, feature] of the same samples; FILE.npz:NAME picks one of several."
        ),
    ],
    measure: Annotated[
        list[str] | None, typer.Option("--measure", "-m", metavar="NAME", help="Another measure than rtd; may be given again.")
    ] = None,
    null: Annotated[int, typer.Option("--null", metavar="N", help="Match samples at random N times: chance, p, calibrated value.")] = 0,
    bootstrap: Annotated[int, typer.Option("--bootstrap", metavar="N", help="Interval over stimuli, from N random halves of them.")] = 0,
    batch: Annotated[int, typer.Option("--batch", help="Samples per trial; with fewer in all, one trial sees all.")] = 500,
    trials: Annotated[int, typer.Option("--trials", help="Sub-samples drawn.")] = 10,
    seed: Annotated[int, typer.Option("--seed", help="Of all that is drawn.")] = 0,
    format_: FORMAT = "",
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Write the table there instead of printing it.")] = None,
    json_: JSON = False,
    where: Annotated[Path | None, typer.Option("--where", metavar="FILE.png", help="Draw which samples make the difference.")] = None,
) -> None:
    """RTD (or other measures) between arrays (.npy, .npz, .csv, .safetensors): two give one value, more give the matrix."""
    with _sentences():
        from synctopo import pairwise
        from synctopo.arrays import can_draw
        from synctopo.arrays import where as draw
        from synctopo.progress import of_comparisons

        form = form_of(format_, to, json_)
        chosen = measure or ["rtd"]
        if where is not None:
            can_draw(arrays, where)
        total = len(set(chosen)) * len(arrays) * (len(arrays) - 1) // 2
        with of_comparisons(total, long=bool(null or bootstrap) and total > 1) as listen:
            drawn = {"null": null, "bootstrap": bootstrap, "seed": seed}
            rows = pairwise.compared(arrays, chosen, batch=batch, trials=trials, **drawn, ready=_compile, listen=listen)
        plain = pairwise.told(rows) if not (format_ or to) else None
        if form == "json":
            typer.echo(pairwise.as_json(rows))
        elif plain is not None:
            typer.echo(plain)
        else:
            tell_tables([pairwise.tidy(rows)] if form in ("csv", "parquet") else pairwise.tables(rows), form, to)
        if where is not None:
            typer.echo(draw(arrays, where), err=json_)


@app.command("ls")
def ls(
    kind: Annotated[str, typer.Argument(metavar="models|measures|data|studies", help="What to list.", autocompletion=lambda: list(KINDS))],
    json_: JSON = False,
) -> None:
    """List what a study file may name."""
    with _sentences():
        from synctopo.listing import entries, listing

        if json_:
            print_json(entries(kind))
        else:
            typer.echo(listing(kind))


@app.command()
def doctor(out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where results would be written.")] = Path("results")) -> None:
    """Say what of the suite works on this machine, and what would add the rest; exit code 1 where something is not well."""
    with _sentences():
        from synctopo import doctor as doctor_

        found = doctor_.findings(out)
        typer.echo(doctor_.told(found))
        if not doctor_.healthy(found):
            raise typer.Exit(1)


def _compile() -> None:
    """Compile the engine before the first barcode needs it, and say so: the first command on a machine waits some seconds for it."""
    import rtd

    if not rtd.is_compiled():
        typer.echo("compiling the RTD engine (once; later commands load it from a file) ...", err=True)
        rtd.warm_up()


def main() -> None:
    """The entry point of the command `synctopo`."""
    # a batch system ends a job by SIGTERM: the worker processes must end with it, as they do after Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app(prog_name="synctopo")
