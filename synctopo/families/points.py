"""The family points: the points of a data set, moved."""

from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from synctopo.families.family import Family
from synctopo.families.learning import NoLearning
from synctopo.models import MovedPoints, points
from synctopo.spec import Spec


class PointsSpec(Spec):
    """[models.NAME] with family = "points": the points of the data set `clusters` or `rings`, moved; nothing is learned."""

    family: Literal["points"]
    shape: Literal["clusters", "rings"]
    count: int = Field(ge=1)
    """How many places the groups are moved to, or how many rings have one radius."""
    signal: ClassVar[str | None] = None
    learning: NoLearning = NoLearning()

    @property
    def main_site(self) -> str:
        """The site that is recorded where a study names none."""
        return "points"

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site of the model."""
        return ("points",)


def _build(spec: PointsSpec, _shape: tuple[int, int], _classes: int, _seed: int) -> nn.Module:
    return MovedPoints({"clusters": points.clusters, "rings": points.rings}[spec.shape](spec.count))


def _as_points(_spec: PointsSpec, images: np.ndarray, _generator: torch.Generator) -> Tensor:
    return torch.from_numpy(images).flatten(1)


def _fit(_spec: PointsSpec, _model: Any, _x: Tensor, _y: Tensor, _seed: int) -> dict[str, Any]:
    return {}


def _data(spec: PointsSpec) -> str:
    return spec.shape


POINTS = Family(PointsSpec, _build, _as_points, _fit, data=_data, takes=("points",))
