"""The family cnn: a convolutional network, judged under corruption."""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from synctopo import data
from synctopo.families.family import Family
from synctopo.families.judging import check_corruptions, judged
from synctopo.families.learning import AdamLearning, NoLearning, classifier_fitted
from synctopo.learning.training import stream
from synctopo.models import CNN
from synctopo.spec import Spec


class CNNSpec(Spec):
    """[models.NAME] with family = "cnn": convolutions with ReLU, max-pooling between them, a linear read-out."""

    family: Literal["cnn"]
    channels: tuple[int, ...] = Field(default=(8, 16, 32), min_length=1)
    learning: Annotated[NoLearning | AdamLearning, Field(discriminator="rule")] = NoLearning()
    corruptions: dict[str, tuple[float, ...]] = Field(default={})
    """Which corruptions of which amounts it is judged under, beside clean images."""
    blur: float = Field(default=0.0, ge=0)
    """Standard deviation, in pixels, of a Gaussian blur of the images it is judged on, after the corruption: a control."""
    signal: ClassVar[str | None] = None

    @property
    def main_site(self) -> str:
        """The site that is recorded and read out where a study names none."""
        return f"conv{len(self.channels)}"

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site of the model."""
        return (*(f"conv{k + 1}" for k in range(len(self.channels))), "readout")


def _build(spec: CNNSpec, shape: tuple[int, int], classes: int, seed: int) -> nn.Module:
    return CNN(shape, spec.channels, classes, generator=stream(seed, "weights"))


def images(_spec: Spec, shown: np.ndarray, _generator: torch.Generator) -> Tensor:
    """Images as a convolution takes them, [sample, 1, row, column]."""
    return torch.from_numpy(data.pictures(shown))[:, None]


def _fit(spec: CNNSpec, model: Any, x: Tensor, y: Tensor, seed: int) -> dict[str, Any]:
    return classifier_fitted(spec.learning, model, x, y, seed)


def _judged(spec: CNNSpec, model: Any, x: Tensor, y: np.ndarray, generator: torch.Generator) -> dict[str, Any]:
    return judged(model, x, y, spec.corruptions, blur=spec.blur, supervised=spec.learning.supervised, generator=generator)


def _check(spec: CNNSpec, where: str) -> None:
    check_corruptions(spec.corruptions, where)


CONVOLUTIONAL = Family(
    CNNSpec, _build, images, _fit, _judged, check=_check, takes=("images", "scenes"), apart=frozenset({"corruptions", "blur"})
)
