"""Data sets as frozen values: digits, bundled; MNIST and Fashion-MNIST from a folder or, once, from OpenML; scenes of digits; points."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8

from synctopo import imagefiles
from synctopo.generated import objects, sudoku
from synctopo.generated.overlapping import Scene, composed
from synctopo.naming import unknown


@dataclass(frozen=True)
class Dataset:
    """Images in [0, 1] with their classes, or points, an image of one row each, all of one class.

    images [sample, row, column] float32 (points: float64), labels [sample] int64, samples [sample] int64: the number of each in the
    whole data set. Scenes hold several objects: labels [sample, class] are 1 for the classes that are there, and behind each image lie the
    masks of its objects, images [sample, 1 + object, row, column].

    Boards have their solutions for labels, images of objects (synctopo.generated.objects) their masks, [sample, row, column]. Recorded
    events are spikes, images [sample, time, row, column] uint8.

    held_out  so many samples at the end are for tests alone; 0: any may be learned from
    """

    name: str
    images: Float[np.ndarray, "sample *plane row column"] | UInt8[np.ndarray, "sample time row column"]
    labels: Int[np.ndarray, "sample *label"]
    samples: Int[np.ndarray, " sample"]
    held_out: int = 0

    @property
    def classes(self) -> int:
        return classes_of(self.labels)

    @property
    def fingerprint(self) -> str:
        """A hash of images and labels: results of other data have other names."""
        return hashlib.sha256(self.images.tobytes() + self.labels.tobytes()).hexdigest()[:16]

    def take(self, index: np.ndarray) -> "Dataset":
        """The samples at `index`, in its order."""
        return Dataset(self.name, self.images[index], self.labels[index], self.samples[index])

    @property
    def scenes(self) -> bool:
        """Whether images hold several objects, with their masks."""
        return self.labels.ndim == 2


def classes_of(labels: Int[np.ndarray, "sample *label"]) -> int:
    """How many classes there are: up to the highest label, or the columns of labels [sample, class]."""
    return int(labels.max(initial=0)) + 1 if labels.ndim == 1 else labels.shape[1]


def pictures(images: Float[np.ndarray, "sample *plane row column"]) -> Float[np.ndarray, "sample row column"]:
    """The images themselves, without the masks that lie behind those of scenes."""
    return images if images.ndim == 3 else np.ascontiguousarray(images[:, 0])


@dataclass(frozen=True)
class Split:
    """Samples to learn from and samples to be judged by, without overlap."""

    train: Dataset
    test: Dataset


def digits() -> Dataset:
    """The 1,797 handwritten digits of 8 x 8 pixels that scikit-learn bundles (Alpaydin and Kaynak 1998)."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = (bunch.images / 16.0).astype(np.float32)
    return Dataset("digits", images, bunch.target.astype(np.int64), np.arange(len(images)))


def mnist(folder: str | Path | None = None) -> Dataset:
    """MNIST (LeCun et al. 1998): 60,000 + 10,000 images of 28 x 28, training samples first.

    Read from `mnist.npz` (arrays x_train, y_train, x_test, y_test) or the four IDX files in `folder`, by default `$SYNCTOPO_DATA`;
    without either, fetched once through scikit-learn's OpenML client and checked.
    """
    return _images("mnist", "mnist_784", folder)


def fashion_mnist(folder: str | Path | None = None) -> Dataset:
    """Fashion-MNIST (Xiao et al. 2017), in the format of `mnist` (file `fashion_mnist.npz`, or IDX files in a folder `fashion_mnist`)."""
    return _images("fashion_mnist", "Fashion-MNIST", folder)


def clusters(seed: int = 7) -> Dataset:
    """300 points of a standard Gaussian in the plane, in 60 groups of 5: x, y and the group (Barannikov et al. 2022, Clusters.ipynb)."""
    random = np.random.RandomState(seed)
    points = np.concatenate([random.multivariate_normal(np.zeros(2), np.eye(2), 5) for _ in range(60)])
    return _points("clusters", np.column_stack([points, np.repeat(np.arange(60), 5)]))


def rings() -> Dataset:
    """100 places at equal angles on each of 5 concentric rings: the number of the ring, the angle (Barannikov et al. 2022, Rings.ipynb)."""
    return _points("rings", np.column_stack([np.repeat(np.arange(5), 100), np.tile(2 * np.pi * np.arange(100) / 100, 5)]))


def nmnist() -> Dataset:
    """N-MNIST (Orchard et al. 2015): handwritten digits seen by a moving event camera; `nmnist.npz`, which `synctopo.events` makes."""
    return _recorded("nmnist")


def shd() -> Dataset:
    """Spiking Heidelberg Digits (Cramer et al. 2020): spoken digits heard by a cochlea; `shd.npz`, which `synctopo.events` makes."""
    return _recorded("shd")


def dvs_gesture() -> Dataset:
    """DVS-Gesture (Amir et al. 2017): hands seen by an event camera; `dvs_gesture.npz`, which `synctopo.events` makes."""
    return _recorded("dvs_gesture")


@cache
def _recorded(name: str) -> Dataset:
    place = Path(os.environ.get("SYNCTOPO_DATA", ".")) / f"{name}.npz"
    if not place.is_file():
        raise ValueError(
            f"{place} does not exist; synctopo.events.load({name!r}, folder, steps=..., dt=...).save(file) makes it of the recordings, "
            "and SYNCTOPO_DATA names its folder."
        )
    # brings the spiking networks, which nobody needs who lists data sets
    from synctopo.events import EventSpikes

    found = EventSpikes.load(place)
    return Dataset(name, found.spikes, found.labels, np.arange(len(found.labels)), held_out=found.held_out)


def _points(name: str, points: np.ndarray) -> Dataset:
    n = len(points)
    return Dataset(name, points[:, None].astype(np.float64), np.zeros(n, dtype=np.int64), np.arange(n))


# In this order, and new ones at the end: the place of a scene is a seed of its images.
SCENES: dict[str, Scene] = {
    "overlapping": Scene(),
    "overlapping_four": Scene(objects=4, glyph=14),
    "overlapping_textured": Scene(texture=0.4),
    "overlapping_three": Scene(objects=3),
    "overlapping_touching": Scene(overlap=(0.1, 0.3)),
    "overlapping_turned": Scene(scale=(0.75, 1.25), rotation=30.0),
    "overlapping_many": Scene(objects=(2, 9), glyph=10),
    "overlapping_aligned": Scene(aligned=True),
}
"""Scenes of digits: two apart; four, smaller; two on texture; three; two that share 10 to 30 % of their ink; two scaled and turned; two to
nine, small; two placed as the public code of KomplexNet does."""
LEARNED = ("overlapping", "overlapping_aligned")
"""Those that have samples to learn from; the others are for tests."""


def scenes(name: str, of: Dataset, *, learn: int, test: int, seed: int = 11) -> Dataset:
    """`learn` and `test` images of the digits of `of` as SCENES says; the last seventh of the digits is for tests alone, as in MNIST."""
    images, labels, masks = [], [], []
    border = len(of.labels) - len(of.labels) // 7
    for part, count, stream in ((slice(border), learn, 0), (slice(border, None), test, 1)):
        generator = np.random.default_rng([seed, stream, list(SCENES).index(name)])
        found = composed(of.images[part], of.labels[part], count, SCENES[name], classes=of.classes, generator=generator)
        images.append(found.images)
        labels.append(found.labels)
        masks.append(found.masks)
    planes = np.concatenate((np.concatenate(images)[:, None], np.concatenate(masks)), 1, dtype=np.float32)
    return Dataset(f"{name}_{of.name}", planes, np.concatenate(labels), np.arange(learn + test), held_out=test)


@cache
def _scenes_of_mnist(name: str) -> Dataset:
    return scenes(name, mnist(), learn=40_000 if name in LEARNED else 0, test=2000)


@cache
def _scenes_of_digits(name: str) -> Dataset:
    return scenes(name, digits(), learn=3000 if name in LEARNED else 0, test=500)


BOARDS: dict[str, tuple[int, int, int, tuple[int, int]]] = {
    "sudoku4": (4, 2000, 500, (6, 8)),
    "sudoku6": (6, 6000, 500, (12, 20)),
    "sudoku9": (9, 3000, 200, (31, 42)),
}
"""Sudoku: name -> side, boards to learn from, boards for tests, and how many digits they give."""

OBJECTS: dict[str, int] = {"tetrominoes": 3000, "sprites": 2000, "shapes": 3000}
"""Scenes of objects (`synctopo.generated.objects`): name -> how many images; the last 300 are for tests alone."""


@cache
def _boards(name: str) -> Dataset:
    side, learn, test, givens = BOARDS[name]
    found = sudoku.generate(side, learn + test, givens, seed=side)
    return Dataset(name, found.boards.astype(np.float32), found.solutions, np.arange(learn + test), held_out=test)


@cache
def _objects(name: str) -> Dataset:
    found = objects.SCENES[name](OBJECTS[name], seed=0)
    return Dataset(name, found.images, found.masks, np.arange(OBJECTS[name]), held_out=300)


EVENTS: dict[str, Callable[[], Dataset]] = {"nmnist": nmnist, "shd": shd, "dvs_gesture": dvs_gesture}
"""Recorded events, as spikes."""

POINTS: dict[str, Callable[[], Dataset]] = {"clusters": clusters, "rings": rings}
"""Points of the plane, of no class."""

DATASETS: dict[str, Callable[[], Dataset]] = {
    "digits": digits,
    "mnist": mnist,
    "fashion_mnist": fashion_mnist,
    **POINTS,
    **{f"{name}_mnist": partial(_scenes_of_mnist, name) for name in SCENES},
    **{f"{name}_digits": partial(_scenes_of_digits, name) for name in SCENES},
    **{name: partial(_boards, name) for name in BOARDS},
    **{name: partial(_objects, name) for name in OBJECTS},
    **EVENTS,
}


def load(name: str) -> Dataset:
    """The data set of that name. Raises ValueError with the nearest names for an unknown one."""
    if name not in DATASETS:
        raise unknown("data set", name, DATASETS)
    return DATASETS[name]()


def of_scenes(name: str) -> bool:
    """Whether the data set of that name holds several digits in an image, with their masks behind."""
    return kind(name) == "scenes"


def kind(name: str) -> str:
    """What the samples of the data set of that name are: "images" of one class, "scenes" of several digits, "boards", "objects", recorded
    "events", or "points"."""
    if name in POINTS:
        return "points"
    if name in EVENTS:
        return "events"
    if name in OBJECTS:
        return "objects"
    return "boards" if name in BOARDS else "scenes" if name.startswith(tuple(SCENES)) else "images"


def split(data: Dataset, *, train: int, test: int, seed: int) -> Split:
    """Draw `train` and `test` samples without overlap, the classes in proportion, the same for the same seed.

    With train=0 nothing is to be learned: `test` samples are drawn from all, or are all, in their order. Of scenes, in which no sample has
    one class, `train` samples are drawn from those that may be learned from and `test` from those held out.
    """
    if train < 0 or test < 1:
        raise ValueError(f"a split needs at least one sample to test, and to train or none; got train={train}, test={test}.")
    if data.held_out:
        return _parted(data, train, test, seed)
    if train + test > len(data.labels):
        raise ValueError(f"{data.name} has {len(data.labels)} samples; train={train} and test={test} ask for {train + test}.")
    if train == 0:
        drawn = np.sort(np.random.default_rng(seed).permutation(len(data.labels))[:test])
        return Split(data.take(drawn[:0]), data.take(drawn))
    from sklearn.model_selection import train_test_split

    try:
        ours, theirs = train_test_split(
            np.arange(len(data.labels)), train_size=train, test_size=test, stratify=data.labels, random_state=seed
        )
    except ValueError as error:
        raise ValueError(
            f"{data.name} cannot be split into train={train} and test={test} with every class on both sides: {error}"
        ) from error
    return Split(data.take(ours), data.take(theirs))


def _parted(data: Dataset, train: int, test: int, seed: int) -> Split:
    free = len(data.labels) - data.held_out
    if train > free or test > data.held_out:
        raise ValueError(
            f"{data.name} has {free} samples to learn from and {data.held_out} for tests alone; train={train} and test={test} ask for more."
        )
    random = np.random.default_rng(seed)
    ours, theirs = random.permutation(free)[:train], free + random.permutation(data.held_out)[:test]
    return Split(data.take(ours), data.take(theirs))


def _images(name: str, openml: str, folder: str | Path | None) -> Dataset:
    place = folder if folder is not None else os.environ.get("SYNCTOPO_DATA")
    images, labels = imagefiles.fetched(name, openml) if place is None else imagefiles.read(name, Path(place))
    return Dataset(name, images.astype(np.float32) / 255.0, labels, np.arange(len(images)))
