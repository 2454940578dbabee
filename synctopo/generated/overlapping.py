"""Images with several glyphs that overlap as much as is asked for, counted in pixels, with a mask for each."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

INK = 0.25
"""A pixel belongs to a glyph where the glyph is at least so bright."""
ALIGNED = (21 / 50, 29 / 50)
"""How far from the upper and left edge the first glyph of an aligned scene begins at most, and the others do, of the image's size."""
TRIES = 40
ROUNDS = 60


@dataclass(frozen=True)
class Scene:
    """How an image is put together.

    objects   glyphs in an image, or the least and the most of them; all of different classes
    size      rows and columns of the image; `glyph` those of the square that a whole glyph is scaled to
    overlap   least and most share of the inked pixels that belong to more than one glyph
    scale     glyphs are scaled by a factor between these, and turned by up to `rotation` degrees to either side
    shift     how far from the middle of the image a glyph may stand, 0 to 1; 1: wherever it is whole
    texture   how bright the smooth random texture behind the glyphs gets, 0 to 1
    noise     standard deviation of Gaussian noise upon everything; the image is not clipped after it
    aligned   any two glyphs' boxes share rows or columns, not both, and the first glyph stands above and to the left more often: as the
              public code of KomplexNet places them
    """

    objects: int | tuple[int, int] = 2
    size: int = 32
    glyph: int = 18
    overlap: tuple[float, float] = (0.0, 0.0)
    scale: tuple[float, float] = (1.0, 1.0)
    rotation: float = 0.0
    shift: float = 1.0
    texture: float = 0.0
    noise: float = 0.0
    aligned: bool = False

    def __post_init__(self) -> None:
        least, most = self.range
        if not 1 <= least <= most:
            raise ValueError(f"Scene(objects=...) is a number from 1 on, or a least and a most; got {self.objects!r}.")
        if not 2 <= self.glyph <= self.size:
            raise ValueError(f"a glyph has at least 2 pixels and is no larger than the image; got {self.glyph} in {self.size}.")
        low, high = self.overlap
        if not 0 <= low <= high <= 1:
            raise ValueError(f"Scene(overlap=...) is the least and the most share of overlap, 0 to 1; got {self.overlap!r}.")
        if not 0 < self.scale[0] <= self.scale[1]:
            raise ValueError(f"Scene(scale=...) is the least and the greatest factor, above 0; got {self.scale!r}.")
        if not (0 <= self.shift <= 1 and 0 <= self.texture <= 1 and 0 <= self.rotation <= 180 and self.noise >= 0):
            raise ValueError(
                f"wanted: shift and texture in [0, 1], rotation in [0, 180], noise from 0 on; "
                f"got {self.shift:g}, {self.texture:g}, {self.rotation:g}, {self.noise:g}."
            )

    @property
    def range(self) -> tuple[int, int]:
        """The least and the most glyphs in an image."""
        return self.objects if isinstance(self.objects, tuple) else (self.objects, self.objects)


@dataclass(frozen=True)
class Composed:
    """Images [sample, row, column] float32, which classes are in them [sample, class] 0 or 1, and the masks of the glyphs.

    masks [sample, object, row, column]: the pixels of each glyph, also where another overlaps; empty where an image has fewer glyphs
    """

    images: Float[np.ndarray, "sample row column"]
    labels: Int[np.ndarray, "sample class"]
    masks: Bool[np.ndarray, "sample object row column"]


def composed(
    glyphs: Float[np.ndarray, "glyph height width"],
    labels: Int[np.ndarray, " glyph"],
    count: int,
    scene: Scene,
    *,
    classes: int | None = None,
    generator: np.random.Generator,
) -> Composed:
    """`count` images of glyphs in [0, 1] that are added up and clipped, each scaled, turned and placed at random as `scene` says.

    Glyphs are placed one after the other, anew until the overlap so far is within bounds; those without a place together are drawn anew.
    Raises ValueError where there are fewer classes than objects, or where no arrangement is found.
    """
    classes = int(labels.max(initial=0)) + 1 if classes is None else classes
    least, most = scene.range
    present = np.unique(labels)
    if len(present) < most:
        raise ValueError(f"{most} glyphs of different classes are wanted in an image; there are {len(present)} classes.")
    numbers = generator.integers(least, most + 1, size=count)
    chosen = _chosen(labels, present, count, most, generator)
    images = np.zeros((count, scene.size, scene.size), np.float32)
    masks = np.zeros((count, most, scene.size, scene.size), bool)
    pending = np.arange(count)
    for attempt in range(ROUNDS):
        if attempt:
            # two large glyphs may have no place together
            chosen[pending] = _chosen(labels, present, len(pending), most, generator)
        patches = _patches(glyphs, chosen[pending], scene, generator)
        placed, inside, done = _arranged(patches, numbers[pending], scene, generator)
        images[pending[done]], masks[pending[done]] = placed[done], inside[done]
        pending = pending[~done]
        if not len(pending):
            break
    else:
        raise ValueError(
            f"{len(pending)} of {count} images found no place for {most} glyphs of {scene.glyph} pixels in {scene.size} x {scene.size} with"
            f" an overlap within {scene.overlap[0]:g} and {scene.overlap[1]:g}; take smaller glyphs, a larger image or wider bounds."
        )
    if scene.texture:
        images += (1 - np.minimum(images, 1)) * scene.texture * _texture(count, scene.size, generator)
    images = np.minimum(images, 1)
    if scene.noise:
        images = images + scene.noise * generator.standard_normal(images.shape, dtype=np.float32)
    hot = np.zeros((count, classes), np.int64)
    for k in range(most):
        there = numbers > k
        hot[np.flatnonzero(there), labels[chosen[there, k]]] = 1
    return Composed(images.astype(np.float32), hot, masks)


def overlap_of(masks: Bool[np.ndarray, "sample object row column"]) -> Float[np.ndarray, " sample"]:
    """The share of each image's inked pixels that belong to more than one object."""
    covered = masks.sum(1)
    return (covered > 1).sum((1, 2)) / np.maximum((covered > 0).sum((1, 2)), 1)


def _chosen(labels: np.ndarray, present: np.ndarray, count: int, most: int, generator: np.random.Generator) -> np.ndarray:
    """Which glyphs [sample, object], of different classes in an image."""
    which = present[generator.random((count, len(present))).argsort(1)[:, :most]]
    order = np.argsort(labels, kind="stable")
    first = np.searchsorted(labels[order], which)
    size = np.searchsorted(labels[order], which, side="right") - first
    return order[first + (generator.random(which.shape) * size).astype(np.int64)]


def _patches(glyphs: np.ndarray, chosen: np.ndarray, scene: Scene, generator: np.random.Generator) -> np.ndarray:
    """Glyphs scaled and turned, [sample, object, side, side], with room for the largest and for its corners."""
    count, most = chosen.shape
    factor = generator.uniform(*scene.scale, size=chosen.shape)
    angle = np.deg2rad(generator.uniform(-scene.rotation, scene.rotation, size=chosen.shape))
    turned = 1.0 if scene.rotation == 0 else math.sqrt(2)
    side = min(scene.size, math.ceil(scene.glyph * scene.scale[1] * turned))
    zoom = side / (scene.glyph * factor)
    cos, sin = (zoom * np.cos(angle)), (zoom * np.sin(angle))
    affine = np.zeros((count * most, 2, 3), np.float32)
    affine[:, 0, 0], affine[:, 0, 1], affine[:, 1, 0], affine[:, 1, 1] = cos.ravel(), -sin.ravel(), sin.ravel(), cos.ravel()
    found = np.empty((count * most, side, side), np.float32)
    for start in range(0, count * most, 4096):
        part = slice(start, start + 4096)
        shown = torch.from_numpy(glyphs[chosen.ravel()[part]].astype(np.float32))[:, None]
        theta = torch.from_numpy(affine[part])
        grid = torch.nn.functional.affine_grid(theta, [len(shown), 1, side, side], align_corners=False)
        found[part] = torch.nn.functional.grid_sample(shown, grid, align_corners=False)[:, 0].numpy()
    return found.reshape(count, most, side, side)


def _arranged(
    patches: np.ndarray, numbers: np.ndarray, scene: Scene, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images, masks, and in which samples every glyph found its place."""
    count, most, side, _ = patches.shape
    # a margin on every side, so that a patch whose ink is inside may reach out
    wide = scene.size + 2 * side
    images = np.zeros((count, wide * wide), np.float32)
    masks = np.zeros((count, most, wide * wide), bool)
    covered = np.zeros((count, wide * wide), np.int8)
    inked, several = np.zeros(count, np.int64), np.zeros(count, np.int64)
    good = np.ones(count, bool)
    square = (np.arange(side)[:, None] * wide + np.arange(side)).ravel()
    # of the box around the ink of each glyph
    starts, extents = np.zeros((count, most, 2), np.int64), np.zeros((count, most, 2), np.int64)
    for k in range(most):
        ink = (patches[:, k] >= INK).reshape(count, side * side)
        lows, highs = _reach(patches[:, k] >= INK, scene.size)
        extents[:, k] = scene.size - (highs - lows)
        if scene.aligned:
            highs = np.minimum(highs, lows + int(scene.size * ALIGNED[k > 0]))
        pending = np.flatnonzero(good & (numbers > k))
        for _ in range(TRIES):
            middle = (lows[pending] + highs[pending]) / 2
            half = scene.shift * (highs[pending] - lows[pending] + 1) / 2
            corner = np.floor(middle + 0.5 + half * generator.uniform(-1, 1, size=(len(pending), 2))).astype(np.int64)
            corner = np.clip(corner, lows[pending], highs[pending])
            starts[pending, k] = corner - lows[pending]
            corner = corner + side
            at = (corner[:, :1] * wide + corner[:, 1:]) + square
            here = np.take_along_axis(covered[pending], at, 1)
            mine = ink[pending]
            twice, ever = several[pending] + (mine & (here == 1)).sum(1), inked[pending] + (mine & (here == 0)).sum(1)
            share = twice / np.maximum(ever, 1)
            fits = (share <= scene.overlap[1]) & ((share >= scene.overlap[0]) | (k == 0))
            if scene.aligned:
                fits &= _aligned(starts[pending, : k + 1], extents[pending, : k + 1])
            placed = pending[fits]
            rows, places = placed[:, None], at[fits]
            images[rows, places] += patches[placed, k].reshape(len(placed), side * side)
            masks[rows, k, places] = mine[fits]
            covered[rows, places] += mine[fits]
            several[placed], inked[placed] = twice[fits], ever[fits]
            pending = pending[~fits]
            if not len(pending):
                break
        good[pending] = False
    inner = (slice(side, side + scene.size), slice(side, side + scene.size))
    whole = images.reshape(count, wide, wide)[(slice(None), *inner)]
    return whole, masks.reshape(count, most, wide, wide)[(slice(None), slice(None), *inner)], good


def _aligned(starts: np.ndarray, extents: np.ndarray) -> np.ndarray:
    """In which samples the last box [sample, box, axis] shares one axis, and not both, with every box before it; touching is neither."""
    stops = starts + extents
    gap = np.maximum(starts[:, :-1], starts[:, -1:]) - np.minimum(stops[:, :-1], stops[:, -1:])
    return (gap.prod(2) <= 0).all(1)


def _reach(ink: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest corner (row, column) of each patch for which all of its ink is in the image."""
    side = ink.shape[1]
    lows, highs = [], []
    for axis in (2, 1):
        line = ink.any(axis)
        first, last = line.argmax(1), side - 1 - line[:, ::-1].argmax(1)
        lows.append(-first)
        highs.append(size - 1 - last)
    return np.stack(lows, 1), np.stack(highs, 1)


def _texture(count: int, size: int, generator: np.random.Generator) -> np.ndarray:
    """Smooth random fields in [0, 1]: noise on a coarse grid between whose points it is interpolated."""
    coarse = torch.from_numpy(generator.random((count, 1, max(2, size // 4), max(2, size // 4)), dtype=np.float32))
    return torch.nn.functional.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=True)[:, 0].clamp(0, 1).numpy()
