"""Fuzzing led by coverage: inputs that reach new branches of our readers are changed further. python -m chaos.guided array --seconds 60

It needs atheris (`pip install atheris`; wheels for Linux and Python 3.11), which no extra brings.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from chaos.subject import STUDY

ENDINGS = ("npy", "npz", "csv", "safetensors")
KINDS = ("array", "recording", "study")


def reader(kind: str, place: Path) -> Callable[[bytes], object]:
    """What reads bytes of that kind; of an array the first byte says the ending of the file."""
    from synctopo import arrays
    from synctopo.recording import Recording
    from synctopo.study import Study

    def array(content: bytes) -> object:
        file = place / f"x.{ENDINGS[content[0] % len(ENDINGS)] if content else 'npy'}"
        file.write_bytes(content[1:])
        return arrays.read(file)

    def recording(content: bytes) -> object:
        (place / "x").write_bytes(content)
        return Recording.load(place / "x")

    def study(content: bytes) -> object:
        (place / "x.toml").write_bytes(content)
        return Study.load(place / "x.toml")

    return {"array": array, "recording": recording, "study": study}[kind]


def seeds(kind: str, folder: Path) -> None:
    """Write good inputs to start from."""
    x = np.arange(21.0).reshape(7, 3)
    if kind == "array":
        np.save(folder / "x.npy", x)
        np.savez(folder / "x.npz", a=x)
        np.savetxt(folder / "x.csv", x, delimiter=",")
        for k, ending in enumerate(ENDINGS[:3]):
            (folder / ending).write_bytes(bytes([k]) + (folder / f"x.{ending}").read_bytes())
            (folder / f"x.{ending}").unlink()
    elif kind == "recording":
        from synctopo.recording import Recording

        Recording({"hidden": x.reshape(7, 1, 3)}, "count", (), np.arange(7)).save(folder / "recording")
    else:
        (folder / "study").write_text(STUDY, encoding="utf-8")


def main() -> None:
    """Fuzz one kind of input; what is no sentence ends it with a traceback and the input in a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--seconds", type=int, default=60)
    asked = parser.parse_args()
    try:
        import atheris
    except ImportError:
        sys.exit("chaos.guided needs atheris: pip install atheris.")
    with tempfile.TemporaryDirectory() as place, atheris.instrument_imports(include=["synctopo"]):
        folder = Path(place) / "seeds"
        folder.mkdir()
        seeds(asked.kind, folder)
        read = reader(asked.kind, Path(place))

        def one(content: bytes) -> None:
            try:
                read(content)
            except (ValueError, OSError) as error:
                if len(str(error).strip()) <= 8:
                    raise AssertionError(f"no sentence: {error!r}") from error

        atheris.Setup([sys.argv[0], f"-max_total_time={asked.seconds}", "-rss_limit_mb=4096", "-timeout=10", str(folder)], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
