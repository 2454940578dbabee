"""Generated images of several objects with the object of every pixel: tetrominoes, sprites, and hollow shapes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

BACKGROUND = 0
OVERLAP = -1


@dataclass(frozen=True)
class Scenes:
    """Images [sample, channel, row, column] float32 in [0, 1], and masks [sample, row, column]: 0 background, 1, 2, ... objects, -1 where
    objects overlap and none can be told."""

    images: Float[np.ndarray, "sample channel row column"]
    masks: Int[np.ndarray, "sample row column"]


_TETROMINOES = ("1111", "11 11", "111 010", "110 011", "011 110", "100 111", "001 111")


def tetrominoes(count: int, *, seed: int, side: int = 32, pieces: int = 3, cell: int = 5) -> Scenes:
    """Tetrominoes of different saturated colours on black that do not touch, each turned by a multiple of a right angle.

    `cell` is the side of one of the four squares of a piece, in pixels. Raises ValueError where the pieces do not fit.
    """
    random = np.random.default_rng(seed)
    shapes = [np.kron(np.array([[int(c) for c in row] for row in t.split()]), np.ones((cell, cell))).astype(bool) for t in _TETROMINOES]
    images, masks = np.zeros((count, 3, side, side), dtype=np.float32), np.zeros((count, side, side), dtype=np.int64)
    palette = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], dtype=np.float32)
    for image, mask in zip(images, masks, strict=True):
        _placed_apart(image, mask, shapes, palette[random.permutation(len(palette))], pieces, random)
    return Scenes(images, masks)


def _placed_apart(
    image: np.ndarray, mask: np.ndarray, shapes: list[np.ndarray], colours: np.ndarray, pieces: int, random: np.random.Generator
) -> None:
    side = len(mask)
    for _ in range(200):
        image[:], mask[:] = 0, 0
        placed = 0
        for piece in range(1, pieces + 1):
            for _ in range(30):
                shape = np.rot90(shapes[random.integers(len(shapes))], random.integers(4))
                high, wide = shape.shape
                if max(high, wide) > side:
                    continue
                top, left = random.integers(side - high + 1), random.integers(side - wide + 1)
                around = np.zeros((side + 2, side + 2), dtype=bool)
                for down in range(3):
                    for right in range(3):
                        around[top + down : top + down + high, left + right : left + right + wide] |= shape
                if not mask[around[1:-1, 1:-1]].any():
                    here = mask[top : top + high, left : left + wide]
                    here[shape] = piece
                    image[:, mask == piece] = colours[(piece - 1) % len(colours), :, None]
                    placed += 1
                    break
            else:
                break
        if placed == pieces:
            return
    raise ValueError(
        f"{pieces} pieces do not fit into {side} x {side} pixels without touching; take fewer, smaller ones or a larger image."
    )


def sprites(count: int, *, seed: int, side: int = 64, objects: tuple[int, int] = (2, 5)) -> Scenes:
    """Coloured squares, ellipses and hearts of any angle and several sizes on black, later ones in front: after multi-dSprites.

    An object of which fewer than 20 pixels would be seen is drawn again.
    """
    random = np.random.default_rng(seed)
    images, masks = np.zeros((count, 3, side, side), dtype=np.float32), np.zeros((count, side, side), dtype=np.int64)
    rows, columns = np.mgrid[:side, :side] + 0.5
    for image, mask in zip(images, masks, strict=True):
        wanted = int(random.integers(objects[0], objects[1] + 1))
        while True:
            mask[:] = 0
            for k in range(1, wanted + 1):
                mask[_sprite(rows, columns, side, random)] = k
            if all((mask == k).sum() >= 20 for k in range(1, wanted + 1)):
                break
        for k in range(1, wanted + 1):
            colour = random.uniform(0.3, 1, 3)
            colour[random.integers(3)] = 1.0
            image[:, mask == k] = colour[:, None].astype(np.float32)
    return Scenes(images, masks)


def _sprite(rows: np.ndarray, columns: np.ndarray, side: int, random: np.random.Generator) -> np.ndarray:
    size, angle = side * random.uniform(0.12, 0.2), random.uniform(0, 2 * np.pi)
    down, across = rows - random.uniform(size, side - size), columns - random.uniform(size, side - size)
    u = (np.cos(angle) * across + np.sin(angle) * down) / size
    v = (np.cos(angle) * down - np.sin(angle) * across) / size
    kind = random.integers(3)
    if kind == 0:
        return (np.abs(u) < 0.8) & (np.abs(v) < 0.8)
    if kind == 1:
        return u**2 + (v / 0.6) ** 2 < 1
    # the heart x^2 + (y - |x|^(2/3))^2 = 1, a little smaller
    return (1.1 * u) ** 2 + (1.1 * v + 0.25 - np.abs(1.1 * u) ** (2 / 3)) ** 2 < 1


def shapes(count: int, *, seed: int, side: int = 40, objects: tuple[int, int] = (2, 4)) -> Scenes:
    """Hollow bright triangles, squares, circles and diamonds on a grey background of [0.1, 0.6], overlapping freely: 10 to 15 pixels wide,
    in lines of two, placed by a frame of 18 x 18.

    Grey, so one channel. A pixel of several outlines belongs to none of them and is marked -1 (the setting of Loewe et al. 2022).
    """
    random = np.random.default_rng(seed)
    images = np.broadcast_to(random.uniform(0.1, 0.6, (count, 1, 1, 1)), (count, 1, side, side)).astype(np.float32)
    masks = np.zeros((count, side, side), dtype=np.int64)
    stencils = _stencils()
    for image, mask in zip(images, masks, strict=True):
        # two equal shapes at one place leave nothing that belongs to either
        while not (mask > 0).any():
            mask[:] = 0
            for k in range(1, int(random.integers(objects[0], objects[1] + 1)) + 1):
                stencil = stencils[random.integers(len(stencils))]
                top, left = random.integers(side - 17), random.integers(side - 17)
                here = mask[top : top + 18, left : left + 18]
                here[stencil] = np.where(here[stencil] == 0, k, OVERLAP)
        image[:, mask != 0] = 1.0
    return Scenes(images, masks)


def _stencils() -> tuple[np.ndarray, ...]:
    """Triangle, square, circle and diamond in lines of two pixels, each somewhere in 18 x 18."""
    down, across = np.mgrid[:18, :18]
    # of a triangle that stands on row 11: the half width grows by one pixel a row
    half = down - 4
    triangle = (half >= 0) & (down <= 11) & (np.abs(across - 8) <= half)
    hole = (down >= 6) & (down <= 9) & (np.abs(across - 8) <= down - 6)
    far = np.maximum(np.abs(down - 7.5), np.abs(across - 7.5))
    distance = np.hypot(down - 8, across - 8)
    tilted = np.abs(down - 8) + np.abs(across - 8)
    return (
        triangle & ~hole,
        (far < 5) & (far > 3),
        (distance < 7) & (distance >= 5),
        (tilted <= 6) & (tilted > 4),
    )


SCENES: dict[str, Callable[..., Scenes]] = {"tetrominoes": tetrominoes, "sprites": sprites, "shapes": shapes}
