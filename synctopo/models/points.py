"""Points that a rule moves: the transformations of the RTD paper's experiments, as models without weights."""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn

Move = Callable[[Float[Tensor, "sample feature"]], Float[Tensor, "sample 2"]]

RADIUS = 10.0
"""Of the circle on which clusters stand, in standard deviations of a cluster."""

STEP = 0.25
"""By which the radii of rings differ."""


class MovedPoints(nn.Module):
    """Points after `move`; a Model of one step with the one site `points`, [sample, 2]."""

    def __init__(self, move: Move) -> None:
        super().__init__()
        self.move = move

    def states(self, x: Float[Tensor, "sample *feature"]) -> Iterator[dict[str, Tensor]]:
        """Yield one state: where the points are after the move."""
        yield {"points": self.move(x.flatten(1))}


def clusters(count: int) -> Move:
    """Move each group of points to one of `count` places on a circle of radius 10: group i to place i mod count; 1 moves all alike.

    Takes [sample, 3]: the two coordinates and the number of the group (Barannikov et al. 2022, Clusters.ipynb). Raises ValueError for a
    count below 1, and when called with other than three features.
    """
    if count < 1:
        raise ValueError(f"points stand in at least one cluster; got {count}.")

    def move(x: Float[Tensor, "sample feature"]) -> Float[Tensor, "sample 2"]:
        _features(x, 3, "clusters")
        angle = 2 * torch.pi * (x[:, 2] % count) / count
        return x[:, :2] + RADIUS * torch.stack((angle.cos(), angle.sin()), 1)

    return move


def rings(count: int) -> Move:
    """Put points on concentric rings, the first `count` of them of radius 1, the next ones of 1.25, 0.75, 1.5, 0.5, ...

    Takes [sample, 2]: the number of the ring, from 0, and the angle in radians (Barannikov et al. 2022, Rings.ipynb). Raises ValueError
    for a count below 1, and when called with other than two features.
    """
    if count < 1:
        raise ValueError(f"at least one ring has the radius 1; got {count}.")

    def move(x: Float[Tensor, "sample feature"]) -> Float[Tensor, "sample 2"]:
        _features(x, 2, "rings")
        other = (x[:, 0] - count).clamp(min=-1)
        further = torch.div(other, 2, rounding_mode="floor") + 1
        radius = torch.where(other < 0, 1.0, torch.where(other % 2 == 0, 1 + STEP * further, 1 - STEP * further))
        return radius[:, None] * torch.stack((x[:, 1].cos(), x[:, 1].sin()), 1)

    return move


def _features(x: Tensor, wanted: int, name: str) -> None:
    if x.shape[1] != wanted:
        raise ValueError(f"{name} are made of {wanted} features of each point; got {x.shape[1]}: take the data set {name!r}.")
