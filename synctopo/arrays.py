"""Arrays of a user's own, read from files; and where two of them differ, drawn."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import rtd
from synctopo.headers import fits, read_npy, read_npz
from synctopo.mapped import map_tensors
from synctopo.naming import unknown

ENDINGS = (".npy", ".npz", ".csv", ".safetensors")


def read(path: Path) -> np.ndarray:
    """The array [sample, feature] in a file. Raises ValueError with a sentence for a file that holds no such thing.

    A `.npz` or `.safetensors` file must hold one array, or one is named behind a colon: `activations.npz:layer1`. More than two
    dimensions are flattened behind the first. What a file claims of itself is checked before memory is taken for it.
    """
    file, _, name = str(path).partition(":") if not path.exists() else (str(path), "", "")
    place = Path(file)
    if not place.is_file():
        raise ValueError(f"there is no file {place}.")
    if place.suffix.lower() not in ENDINGS:
        raise unknown("array format", place.suffix or place.name, ENDINGS)
    try:
        array = _one(place, name)
    except UnicodeDecodeError as error:
        raise ValueError(f"{place} is no text of numbers: {error.reason} at byte {error.start}.") from None
    except (ValueError, OSError) as error:
        if isinstance(error, ValueError) and str(place) in str(error):
            raise
        raise ValueError(f"{place} is truncated, or no {place.suffix} file of numbers: {str(error).rstrip('.')}.") from None
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{place} holds {array.dtype}; numbers are wanted.")
    if array.ndim < 2:
        raise ValueError(f"{place} has shape {list(array.shape)}; an array [sample, feature] is wanted.")
    if array.size == 0:
        raise ValueError(f"{place} has shape {list(array.shape)} and holds nothing; an array [sample, feature] is wanted.")
    if array.dtype.kind in "iu" and max(int(array.max()), -int(array.min())) > 2**53:
        raise ValueError(f"{place} holds whole numbers beyond 2^53, which float64 cannot tell apart; subtract an offset first.")
    with np.errstate(over="ignore"):
        # what is beyond float64 is told as infinite
        cloud = array.reshape(len(array), -1).astype(np.float64, copy=False)
    # of a mapped file, which must not be written
    return cloud if cloud.flags.writeable else cloud.copy()


def can_draw(paths: Sequence[Path], picture: Path) -> None:
    """Raise a ValueError, before anything is computed, for other than two arrays and for a picture of a format that there is not."""
    if len(paths) != 2:
        raise ValueError(f"--where tells two arrays apart; got {len(paths)} files.")
    from synctopo import figures

    if picture.suffix.removeprefix(".") not in figures.FORMATS:
        raise unknown("figure format", picture.suffix or picture.name, [f".{form}" for form in figures.FORMATS])


def where(paths: Sequence[Path], picture: Path, *, shown: int = 8) -> str:
    """Draw where the two arrays in `paths` differ, and say which samples make most of their RTD. Raises what `can_draw` raises."""
    can_draw(paths, picture)
    from synctopo import figures

    clouds = [read(p) for p in paths]
    found = rtd.localise(*clouds)
    names = [str(p) if paths[0].name == paths[1].name else p.name for p in paths]
    figures.save(figures.localisation(found, dict(zip(names, clouds, strict=True))), picture)
    order = np.argsort(-found.contributions, kind="stable")[:shown]
    parts = ", ".join(f"{i} ({found.contributions[i] / found.value:.1%})" for i in order if found.contributions[i] > 0)
    return f"samples that make most of it: {parts or 'none'}\npicture: {picture}"


def _one(place: Path, name: str) -> np.ndarray:
    ending = place.suffix.lower()
    if name and ending in (".npy", ".csv"):
        raise ValueError(f"{place} holds one array, without a name; leave out :{name}.")
    if ending == ".npy":
        return read_npy(place)
    if ending == ".csv":
        # two characters make a number at least, which takes eight bytes while it is read and eight when it is kept
        fits(8 * place.stat().st_size, str(place))
        with warnings.catch_warnings():
            # an empty file is told by its shape
            warnings.filterwarnings("ignore", message="loadtxt: input contained no data")
            try:
                return np.loadtxt(place, delimiter=",", ndmin=2, encoding="utf-8-sig")
            except UnicodeDecodeError:
                raise
            except ValueError as error:
                said = str(error).split(";")[0].rstrip(".")
                raise ValueError(
                    f"{place} is no .csv file of numbers alone: {said}; lines of as many numbers, separated by commas, are wanted, without "
                    "a header or empty cells."
                ) from None
    if ending == ".npz":
        (array,) = read_npz(place, lambda held: [_chosen(place, name, held)]).values()
        return array
    arrays, _ = map_tensors(place)
    mapped = arrays[_chosen(place, name, list(arrays))]
    fits(8 * mapped.size, str(place))
    return mapped


def _chosen(place: Path, name: str, held: Sequence[str]) -> str:
    if name:
        if name not in held:
            raise unknown("array", name, held, f"in {place}")
        return name
    if not held:
        raise ValueError(f"{place} holds no array.")
    if len(held) != 1:
        raise ValueError(f"{place} holds {len(held)} arrays ({', '.join(held)}); name one: {place}:{held[0]}.")
    return held[0]
