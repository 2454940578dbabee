"""What the points of a convolutional map are: all of it, its channels averaged over space, or each position by itself."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Maps:
    """How states [sample, channel, *position] become points, at every step, before time is reduced.

    name     what recordings and rows say
    points   states -> [point, ...]; a state [sample, feature] has no positions and is what it is
    samples  (identities [sample], positions) -> identities [point]; `positions` is the shape of space, () where there is none
    """

    name: str
    points: Callable[[Tensor], Tensor]
    samples: Callable[[np.ndarray, tuple[int, ...]], np.ndarray]


def _pooled(state: Tensor) -> Tensor:
    if state.ndim < 3:
        return state
    # halves and whole numbers are summed in float32
    wide = state if state.dtype in (torch.float32, torch.float64) else state.float()
    return wide.flatten(2).mean(2)


def _positions(state: Tensor) -> Tensor:
    return state if state.ndim < 3 else state.flatten(2).transpose(1, 2).flatten(0, 1)


def _placed(samples: np.ndarray, positions: tuple[int, ...]) -> np.ndarray:
    if not positions:
        return samples
    if samples.dtype.kind not in "iu":
        raise ValueError(f"positions as samples are named by whole numbers [sample, position ...]; the samples are {samples.dtype}.")
    places = np.stack(np.meshgrid(*map(np.arange, positions), indexing="ij"), -1).reshape(-1, len(positions))
    return np.hstack([np.repeat(samples, len(places))[:, None], np.tile(places, (len(samples), 1))])


flatten = Maps("flatten", lambda state: state, lambda samples, _: samples)
"""A point is a sample; every channel at every position is a feature. Moving the picture by a pixel moves the point."""

pool = Maps("pool", _pooled, lambda samples, _: samples)
"""A point is a sample; a feature is the mean of a channel over all positions."""

positions = Maps("positions", _positions, _placed)
"""A point is a position of a sample, identified as (sample, row, column); a feature is a channel."""
