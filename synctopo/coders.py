"""The families cnn and predictive as a study file writes them: built, trained, and judged under corruption, step by step."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

import rtd
from synctopo import corruption
from synctopo.feedback import fit_decoders
from synctopo.learning import AdamLearning, NoLearning, classifier_fitted
from synctopo.models import CNN, Hyper, Model, Order, PredictiveCoding, Scaling, predify
from synctopo.naming import unknown
from synctopo.robustness import accuracy_over_steps, correlation_distance
from synctopo.spec import Spec
from synctopo.training import stream

CORRUPTIONS = {
    of.__name__: of
    for of in (
        corruption.additive_noise,
        corruption.brightness,
        corruption.contrast,
        corruption.gaussian_blur,
        corruption.gaussian_noise,
        corruption.impulse_noise,
        corruption.occlusion,
        corruption.speckle_noise,
        corruption.uniform_noise,
    )
}
TOPOLOGY_SAMPLES = 100
"""On how many samples distances between values are computed: one batch, so that steps compare."""
TOPOLOGY_STEPS = (0, 1, 2, 5)
"""After which steps, beside the last, RTD is computed."""

CNN_APART = frozenset({"corruptions", "blur"})
PREDICTIVE_APART = frozenset({"corruptions", "hyper", "steps", "order", "scaling"})
"""Fields that no training depends on: encoder and decoders learn from the feed-forward pass."""


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


def check(spec: CNNSpec | PredictiveSpec, where: str) -> None:
    """Raise ValueError for a corruption that is not known, or hyper-parameters that cannot be."""
    for name in spec.corruptions:
        if name not in CORRUPTIONS:
            raise unknown("corruption", name, CORRUPTIONS, f"in {where}.corruptions")
    if isinstance(spec, PredictiveSpec):
        try:
            built = spec.hyper.built()
        except ValueError as error:
            raise ValueError(f"{where}.hyper: {error}") from None
        if built.steps is not None and built.steps != spec.steps:
            raise ValueError(f"{where}.hyper has numbers for {built.steps} steps, but steps is {spec.steps}; make them equal.")


def build_cnn(spec: CNNSpec, shape: tuple[int, int], classes: int, seed: int) -> nn.Module:
    """The network of a specification, its weights drawn from `seed`."""
    return CNN(shape, spec.channels, classes, generator=stream(seed, "weights"))


def build_predictive(spec: PredictiveSpec, shape: tuple[int, int], classes: int, seed: int) -> nn.Module:
    """The network of a specification with its coders; the cnn inside has the weights of `build_cnn` with the same seed."""
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


def images(_spec: CNNSpec | PredictiveSpec, shown: np.ndarray, _generator: torch.Generator) -> Tensor:
    """Images as a convolution takes them, [sample, 1, row, column]."""
    return torch.from_numpy(shown)[:, None]


def fit_cnn(spec: CNNSpec, model: Any, x: Tensor, y: Tensor, seed: int) -> dict[str, Any]:
    """Train the network as its learning says."""
    return classifier_fitted(spec.learning, model, x, y, seed)


def fit_predictive(spec: PredictiveSpec, model: Any, x: Tensor, y: Tensor, seed: int) -> dict[str, Any]:
    """Train the encoder as its learning says, then, with it frozen, the decoders."""
    assert isinstance(model, PredictiveCoding)
    history = classifier_fitted(spec.learning, model.module, x, y, seed)
    how = spec.decoders
    learned = fit_decoders(
        model, x, epochs=how.epochs, batch=how.batch, learning_rate=how.learning_rate, generator=stream(seed, "encoding")
    )
    return {**history, "prediction_error": asdict(learned)["errors"]}


def judged(spec: CNNSpec | PredictiveSpec, model: Any, x: Tensor, y: np.ndarray, generator: torch.Generator) -> dict[str, Any]:
    """Accuracy at every step, clean and under each corruption; how far the values are from their start and from the clean ones.

    `robustness` is a list with an entry for each corruption and amount (the first: none): right[step] of total, the correlation distance
    to the clean values, and, after the steps in `rtd_steps`, the RTD of each coder's value to its own at t = 0 and to the clean one.
    """
    labels = torch.from_numpy(y)
    conditions = [("clean", 0.0), *((name, amount) for name, amounts in spec.corruptions.items() for amount in amounts)]
    blur = spec.blur if isinstance(spec, CNNSpec) else 0.0
    found = []
    for name, amount in conditions:
        spoilt = x if name == "clean" else CORRUPTIONS[name](x, amount, generator=generator)
        shown = corruption.gaussian_blur(spoilt, blur)
        right = [a.right for a in accuracy_over_steps(model, shown, labels)]
        entry: dict[str, Any] = {"corruption": name, "amount": amount, "right": right, "total": len(labels)}
        if len(right) > 1:
            entry |= _moved(model, x, shown)
        found.append(entry)
    classes = int(y.max()) + 1
    own = found[0]["right"][-1] / len(labels) if spec.learning.supervised else None
    return {"classes": classes, "samples_test": len(labels), "own_accuracy": own, "robustness": found}


@torch.no_grad()
def _moved(model: Model, clean: Tensor, shown: Tensor) -> dict[str, Any]:
    clean, shown = clean[:TOPOLOGY_SAMPLES], shown[:TOPOLOGY_SAMPLES]
    distance = {s: list(d) for s, d in correlation_distance(model, clean, shown).items() if s.endswith(".value")}
    reference = _clouds(next(iter(model.states(clean))))
    start: Mapping[str, np.ndarray] = {}
    from_start: dict[str, list[float]] = {site: [] for site in reference}
    to_clean: dict[str, list[float]] = {site: [] for site in reference}
    last = len(next(iter(distance.values()))) - 1
    steps = sorted({*(t for t in TOPOLOGY_STEPS if t < last), last})
    for step, state in enumerate(model.states(shown)):
        if step not in steps:
            continue
        now = _clouds(state)
        start = start or now
        for site, cloud in now.items():
            from_start[site].append(_rtd(start[site], cloud))
            to_clean[site].append(_rtd(reference[site], cloud))
    return {"correlation_distance": distance, "rtd_steps": steps, "rtd_from_start": from_start, "rtd_to_clean": to_clean}


def _clouds(state: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {site: value.flatten(1).double().numpy() for site, value in state.items() if site.endswith(".value")}


def _rtd(a: np.ndarray, b: np.ndarray) -> float:
    return rtd.rtd(a, b, batch=TOPOLOGY_SAMPLES, trials=1).value
