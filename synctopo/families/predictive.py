"""The family predictive: predictive coding around a cnn, judged under corruption, step by step."""

from dataclasses import asdict
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from synctopo.families.convolutional import images
from synctopo.families.family import Family
from synctopo.families.judging import check_corruptions, judged
from synctopo.families.learning import AdamLearning, NoLearning, classifier_fitted
from synctopo.learning.feedback import fit_decoders
from synctopo.learning.training import stream
from synctopo.models import CNN, Hyper, Order, PredictiveCoding, Scaling, predify
from synctopo.spec import Spec


class HyperSpec(Spec):
    """hyper = { feedforward, feedback, error }: beta, lambda and alpha, each a number or one for each step."""

    feedforward: float | tuple[float, ...] = 0.3
    feedback: float | tuple[float, ...] = 0.3
    error: float | tuple[float, ...] = 0.01

    def built(self) -> Hyper:
        return Hyper(self.feedforward, self.feedback, self.error)


class DecoderSpec(Spec):
    """decoders = { epochs, ... }: how long the decoders learn to predict the layer below; 0 epochs leave them as drawn."""

    epochs: int = Field(default=3, ge=0)
    batch: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)


class PredictiveSpec(Spec):
    """[models.NAME] with family = "predictive": predictive coding (Predify) around a cnn, one coder at each convolution."""

    family: Literal["predictive"]
    channels: tuple[int, ...] = Field(default=(8, 16, 32), min_length=1)
    learning: Annotated[NoLearning | AdamLearning, Field(discriminator="rule")] = NoLearning()
    """Of the cnn inside, which is that of family = "cnn" with the same seed."""
    decoders: DecoderSpec = DecoderSpec()
    steps: int = Field(default=10, ge=0)
    hyper: HyperSpec = HyperSpec()
    order: Literal["bottom_up", "synchronous"] = "bottom_up"
    scaling: Literal["reach", "none"] = "reach"
    corruptions: dict[str, tuple[float, ...]] = Field(default={})
    """Which corruptions of which amounts it is judged under, beside clean images."""
    signal: ClassVar[str | None] = None

    @property
    def main_site(self) -> str:
        """The site that is recorded where a study names none."""
        return f"pcoder{len(self.channels)}.value"

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site of the model."""
        coders = range(1, 1 + len(self.channels))
        return (*(f"pcoder{n}.{what}" for n in coders for what in ("value", "prediction", "error")), "readout")


def _check(spec: PredictiveSpec, where: str) -> None:
    check_corruptions(spec.corruptions, where)
    try:
        built = spec.hyper.built()
    except ValueError as error:
        raise ValueError(f"{where}.hyper: {error}") from None
    if built.steps is not None and built.steps != spec.steps:
        raise ValueError(f"{where}.hyper has numbers for {built.steps} steps, but steps is {spec.steps}; make them equal.")


def _build(spec: PredictiveSpec, shape: tuple[int, int], classes: int, seed: int) -> nn.Module:
    # the weights of the cnn inside are those of the family cnn with the same seed
    net = CNN(shape, spec.channels, classes, generator=stream(seed, "weights"))
    return predify(
        net,
        net.layers,
        None,
        spec.hyper.built(),
        steps=spec.steps,
        order=Order(spec.order),
        scaling=Scaling(spec.scaling),
        example=torch.zeros(1, 1, *shape),
        generator=stream(seed, "synapses"),
    )


def _fit(spec: PredictiveSpec, model: Any, x: Tensor, y: Tensor, seed: int) -> dict[str, Any]:
    assert isinstance(model, PredictiveCoding)
    history = classifier_fitted(spec.learning, model.module, x, y, seed)
    how = spec.decoders
    learned = fit_decoders(
        model, x, epochs=how.epochs, batch=how.batch, learning_rate=how.learning_rate, generator=stream(seed, "encoding")
    )
    return {**history, "prediction_error": asdict(learned)["errors"]}


def _judged(spec: PredictiveSpec, model: Any, x: Tensor, y: np.ndarray, generator: torch.Generator) -> dict[str, Any]:
    return judged(model, x, y, spec.corruptions, supervised=spec.learning.supervised, generator=generator)


PREDICTIVE = Family(
    PredictiveSpec,
    _build,
    images,
    _fit,
    _judged,
    check=_check,
    takes=("images", "scenes"),
    # encoder and decoders learn from the feed-forward pass
    apart=frozenset({"corruptions", "hyper", "steps", "order", "scaling"}),
)
