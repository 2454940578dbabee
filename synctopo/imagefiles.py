"""Files of labelled images: .npz or IDX files in a folder, or fetched once from OpenML."""

import gzip
import hashlib
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int, Shaped

from synctopo.headers import read_npz

Labelled = tuple[Shaped[np.ndarray, "sample row column"], Int[np.ndarray, " sample"]]
"""Images and their classes, those to learn from first."""

CHECKSUMS = {"mnist": "65d00a3136b149c1f753f466d2ae8648eee5d1e5f0782525a1fb595fc6f9e02d"}
"""`checksum` of data sets that are fetched."""


def read(name: str, root: Path) -> Labelled:
    """The images in `root`: `name`.npz, or the four IDX files in a folder of that name or in `root` itself."""
    if not root.is_dir():
        raise ValueError(f"the data folder {root} does not exist; set SYNCTOPO_DATA or --data to the folder that holds {name}.npz.")
    packed = root / f"{name}.npz"
    arrays = _npz(packed) if packed.is_file() else _idx(root / name) or _idx(root)
    if arrays is None:
        raise ValueError(f"{root} holds neither {name}.npz nor the four IDX files (train-images-idx3-ubyte, ...).")
    images = np.concatenate([arrays["x_train"], arrays["x_test"]])
    labels = np.concatenate([arrays["y_train"], arrays["y_test"]]).astype(np.int64)
    if images.ndim != 3 or len(images) != len(labels):
        raise ValueError(f"{name}: images [sample, row, column] with a label each are wanted; got {images.shape} and {labels.shape}.")
    return images, labels


def fetched(name: str, openml: str) -> Labelled:
    """The images of 28 x 28 that OpenML has under the name `openml`, by scikit-learn's client, which keeps them, and checked."""
    from sklearn.datasets import fetch_openml

    try:
        # scikit-learn holds the download to OpenML's own checksum
        bunch = fetch_openml(openml, version=1, as_frame=False, parser="liac-arff")
    except OSError as error:
        raise ValueError(
            f"{name} could not be fetched from OpenML ({type(error).__name__}); put {name}.npz in a folder and set SYNCTOPO_DATA to it."
        ) from error
    images = bunch.data.reshape(-1, 28, 28).astype(np.uint8)
    if name in CHECKSUMS and checksum(images) != CHECKSUMS[name]:
        raise ValueError(f"{name} came from OpenML with another checksum than expected; fetch it again, or set SYNCTOPO_DATA.")
    return images, bunch.target.astype(np.int64)


def checksum(images: np.ndarray) -> str:
    """SHA-256 over the sorted SHA-256 of every image: the same for the same images in any order."""
    return hashlib.sha256(b"".join(sorted(hashlib.sha256(np.ascontiguousarray(i).tobytes()).digest() for i in images))).hexdigest()


def _npz(path: Path) -> dict[str, np.ndarray]:
    wanted = ("x_train", "y_train", "x_test", "y_test")

    def chosen(names: Sequence[str]) -> Sequence[str]:
        if not set(wanted) <= set(names):
            raise LookupError(", ".join(names))
        return wanted

    try:
        return read_npz(path, chosen)
    except LookupError as error:
        raise ValueError(f"{path} holds {error.args[0]}; {', '.join(wanted)} are wanted.") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is truncated or no .npz file; fetch it again.") from error


# Five times the largest file of MNIST: what unpacks to more is another thing.
_LARGEST = 2**28


def _idx(folder: Path) -> dict[str, np.ndarray] | None:
    names = {
        "x_train": "train-images-idx3-ubyte",
        "y_train": "train-labels-idx1-ubyte",
        "x_test": "t10k-images-idx3-ubyte",
        "y_test": "t10k-labels-idx1-ubyte",
    }
    arrays: dict[str, np.ndarray] = {}
    for key, name in names.items():
        found = next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)
        if found is None:
            return None
        try:
            with gzip.open(found) if found.suffix == ".gz" else open(found, "rb") as file:
                content = file.read(_LARGEST + 1)
            if len(content) > _LARGEST:
                raise ValueError(f"more than {_LARGEST} bytes")
            dimensions = content[3]
            shape = struct.unpack(f">{dimensions}I", content[4 : 4 + 4 * dimensions])
            arrays[key] = np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
        except (EOFError, OSError, IndexError, struct.error, zlib.error, ValueError) as error:
            raise ValueError(f"{found} is truncated or no IDX file; fetch it again.") from error
    return arrays
