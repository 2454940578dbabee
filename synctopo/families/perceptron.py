"""The family mlp: a perceptron with rectified hidden layers."""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from synctopo import data
from synctopo.families.family import Family
from synctopo.families.learning import AdamLearning, NoLearning, classifier_fitted
from synctopo.learning.training import stream
from synctopo.models import MLP
from synctopo.spec import Spec


class MLPSpec(Spec):
    """[models.NAME] with family = "mlp": a perceptron with rectified hidden layers."""

    family: Literal["mlp"]
    hidden: tuple[int, ...] = Field(min_length=1)
    signal: ClassVar[str | None] = None

    @property
    def main_site(self) -> str:
        """The site that is recorded and read out where a study names none."""
        return f"hidden{len(self.hidden)}"

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site of the model."""
        return (*(f"hidden{k + 1}" for k in range(len(self.hidden))), "readout")

    learning: Annotated[NoLearning | AdamLearning, Field(discriminator="rule")] = NoLearning()


def _build(spec: MLPSpec, shape: tuple[int, int], classes: int, seed: int) -> nn.Module:
    return MLP(shape[0] * shape[1], spec.hidden, classes, generator=stream(seed, "weights"))


def _pixels(_spec: MLPSpec, images: np.ndarray, _generator: torch.Generator) -> Tensor:
    return torch.from_numpy(data.pictures(images)).flatten(1)


def _fit(spec: MLPSpec, model: Any, x: Tensor, y: Tensor, seed: int) -> dict[str, Any]:
    return classifier_fitted(spec.learning, model, x, y, seed)


PERCEPTRON = Family(MLPSpec, _build, _pixels, _fit, takes=("images", "scenes"))
