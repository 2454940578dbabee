"""The family gru: gated recurrent units that read an image row by row."""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from synctopo import data
from synctopo.families.family import Family
from synctopo.families.learning import AdamLearning, NoLearning, classifier_fitted
from synctopo.learning.training import stream
from synctopo.models import GRU
from synctopo.spec import Spec


class GRUSpec(Spec):
    """[models.NAME] with family = "gru": gated recurrent units that read an image row by row, a row a step."""

    family: Literal["gru"]
    units: int = Field(ge=1)
    learning: Annotated[NoLearning | AdamLearning, Field(discriminator="rule")] = NoLearning()
    signal: ClassVar[str | None] = "hidden"
    """The site of the recurrent layer, which can be unrolled."""

    @property
    def main_site(self) -> str:
        """The site that is recorded and read out where a study names none."""
        return "hidden"

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site of the model."""
        return ("hidden", "readout")


def _build(spec: GRUSpec, shape: tuple[int, int], classes: int, seed: int) -> nn.Module:
    return GRU(shape, spec.units, classes, generator=stream(seed, "weights"))


def _rows(_spec: GRUSpec, images: np.ndarray, _generator: torch.Generator) -> Tensor:
    return torch.from_numpy(data.pictures(images))


def _fit(spec: GRUSpec, model: Any, x: Tensor, y: Tensor, seed: int) -> dict[str, Any]:
    return classifier_fitted(spec.learning, model, x, y, seed)


# the last row's state has seen the whole image, and its read-out is what was trained
RECURRENT = Family(GRUSpec, _build, _rows, _fit, takes=("images", "scenes"))
