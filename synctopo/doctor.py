"""The doctor: whether this machine has what the suite needs, and what would add what it lacks."""

import os
import platform
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "numba", "pandas", "snntorch", "ripser", "safetensors", "matplotlib")
EXTRAS = {
    "giotto-tda": "pip install 'synctopo[giotto]' (AGPL; Python 3.11 and 3.12): barcode distances, a second engine",
    "dask": "pip install 'dask[distributed]': studies over several machines",
    "tonic": "pip install 'synctopo[neuromorphic]' (GPL): fetches event data sets",
    "pyarrow": "pip install pyarrow: tables as Parquet",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `state`: ok, missing (the suite works without it) or bad (it does not)."""

    what: str
    state: str
    said: str


def findings(folder: Path) -> list[Finding]:
    """Everything that was looked at, in the order of a report; `folder` is where results would be written."""
    looks: list[Callable[[], list[Finding]]] = [_python, _packages, _extras, _engine, _threads, _data, lambda: [_writable(folder)]]
    found = []
    for look in looks:
        try:
            found += look()
        except Exception as error:
            found.append(Finding(look.__name__.strip("_"), "bad", f"{type(error).__name__}: {error}"))
    return found


def healthy(found: list[Finding]) -> bool:
    """Whether nothing is bad."""
    return all(f.state != "bad" for f in found)


def told(found: list[Finding]) -> str:
    """The findings, a line each, and a last line with the upshot."""
    width = max(len(f.what) for f in found)
    lines = [f"{f.state:8}{f.what:{width}}  {f.said}" for f in found]
    bad = [f.what for f in found if f.state == "bad"]
    lines.append("everything that is needed is here." if not bad else f"not well: {', '.join(bad)}.")
    return "\n".join(lines)


def _python() -> list[Finding]:
    said = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return [Finding("python", "ok", said), _installed("synctopo", "pip install -e . in the checkout", needed=False)]


def _packages() -> list[Finding]:
    return [_installed(name, f"pip install {name}", needed=True) for name in PACKAGES]


def _extras() -> list[Finding]:
    return [_installed(name, how, needed=False) for name, how in EXTRAS.items()]


def _installed(name: str, how: str, *, needed: bool) -> Finding:
    try:
        return Finding(name, "ok", version(name))
    except PackageNotFoundError:
        return Finding(name, "bad" if needed else "missing", how)


def _engine() -> list[Finding]:
    import rtd

    if rtd.is_compiled():
        return [Finding("RTD engine", "ok", "compiled, loaded from a file")]
    return [Finding("RTD engine", "missing", "not compiled yet: the first command that needs it does, for some seven seconds on two cores")]


def _threads() -> list[Finding]:
    import torch

    from synctopo.executors import processors

    said = f"{processors()} for this process, of {os.cpu_count()}; torch uses {torch.get_num_threads()} threads"
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return [Finding("processors", "ok", said + (f"; {gpus} GPU" if gpus else ""))]


def _data() -> list[Finding]:
    from synctopo.data import DATASETS, kind

    place = os.environ.get("SYNCTOPO_DATA", "")
    names = [name for name in DATASETS if "mnist" in name and kind(name) != "events"]
    if not place:
        how = f"$SYNCTOPO_DATA is not set: {', '.join(names)} would be fetched from OpenML; digits are bundled"
        return [Finding("data", "missing", how)]
    folder = Path(place)
    if not folder.is_dir():
        return [Finding("data", "bad", f"$SYNCTOPO_DATA names {place}, which is no folder; correct it or unset it")]
    held = sorted(p.name for p in folder.iterdir() if p.suffix in (".npz", ".gz") or "ubyte" in p.name)
    return [Finding("data", "ok" if held else "missing", f"{place}: {', '.join(held) or 'nothing that is a data set'}")]


def _writable(folder: Path) -> Finding:
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        return Finding("results", "bad", f"{place} is a file; results want a folder")
    try:
        with tempfile.NamedTemporaryFile(dir=place):
            pass
    except OSError as error:
        return Finding("results", "bad", f"{place} cannot be written to: {error.strerror}; name another with --out")
    return Finding("results", "ok", f"{place.resolve()} can be written to")
