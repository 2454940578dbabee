"""The family akorn: oscillators that classify images, judged clean, under corruption and attack, and by how sure they are."""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from synctopo.evaluation import attack
from synctopo.evaluation.confidence import reliability
from synctopo.evaluation.robustness import accuracy_over_steps
from synctopo.families.blocks import main_site_of, sites_of
from synctopo.families.convolutional import images
from synctopo.families.family import Family
from synctopo.families.judging import CORRUPTIONS, asked, check_corruptions
from synctopo.families.learning import AdamLearning, NoLearning, classifier_fitted
from synctopo.learning.training import stream
from synctopo.models import AKOrN, Frequency, Iterated
from synctopo.naming import unknown
from synctopo.spec import Spec

ATTACKS = ("fgsm", "pgd")


class AKOrNSpec(Spec):
    """[models.NAME] with family = "akorn": an image classifier of Kuramoto layers, or what it is held against.

    architecture  akorn; itrconv (a convolution, iterated `steps` times, of the last of `channels` and `kernels`); resnet (as many different
                  ones as `channels`, once)
    """

    family: Literal["akorn"]
    architecture: Literal["akorn", "itrconv", "resnet"] = "akorn"
    channels: tuple[int, ...] = Field(default=(16, 32, 64), min_length=1)
    n: int = Field(default=2, ge=2)
    kernels: tuple[int, ...] = Field(default=(9, 7, 5), min_length=1)
    steps: int = Field(default=3, ge=1)
    attentive: bool = False
    """Whether the last block is coupled by attention."""
    frequency: Literal["none", "shared", "each"] = "each"
    learning: Annotated[NoLearning | AdamLearning, Field(discriminator="rule")] = NoLearning()
    corruptions: dict[str, tuple[float, ...]] = Field(default={})
    """Which corruptions of which amounts it is judged under, beside clean images."""
    attacks: dict[str, tuple[float, ...]] = Field(default={})
    """fgsm and pgd (20 iterations from a random start), within which changes of a pixel."""
    attacked: int = Field(default=200, ge=1)
    """How many of the test images are attacked."""
    signal: ClassVar[str | None] = None

    @property
    def main_site(self) -> str:
        """The site that is recorded where a study names none."""
        return main_site_of(self.architecture, len(self.channels))

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site of the model."""
        return sites_of(self.architecture, len(self.channels))


def _build(spec: AKOrNSpec, shape: tuple[int, int], classes: int, seed: int) -> nn.Module:
    generator = stream(seed, "weights")
    if spec.architecture == "akorn":
        return AKOrN.classifier(
            shape,
            classes,
            channels=spec.channels,
            n=spec.n,
            kernels=spec.kernels,
            steps=spec.steps,
            frequency=Frequency(spec.frequency),
            attentive=spec.attentive,
            generator=generator,
        )
    stacked = spec.architecture == "resnet"
    return Iterated.classifier(
        (1, *shape),
        classes,
        channels=spec.channels[-1],
        kernel=spec.kernels[-1],
        steps=1 if stacked else spec.steps,
        bodies=len(spec.channels) if stacked else 1,
        generator=generator,
    )


def _fit(spec: AKOrNSpec, model: Any, x: Tensor, y: Tensor, seed: int) -> dict[str, Any]:
    return classifier_fitted(spec.learning, model, x, y, seed)


def _judged(spec: AKOrNSpec, model: Any, x: Tensor, y: np.ndarray, generator: torch.Generator) -> dict[str, Any]:
    labels = torch.from_numpy(y)
    found = [_entry(model, "clean", 0.0, x, labels)]
    for name, amounts in spec.corruptions.items():
        found += [_entry(model, name, a, CORRUPTIONS[name](x, a, generator=generator), labels) for a in amounts]
    few, theirs = x[: spec.attacked], labels[: spec.attacked]
    for name, amounts in spec.attacks.items():
        for amount in amounts:
            if name == "fgsm":
                spoilt = attack.fgsm(model, few, theirs, amount)
            else:
                spoilt = attack.pgd(model, few, theirs, amount, iterations=20, generator=generator)
            found.append(_entry(model, name, amount, spoilt, theirs))
    row: dict[str, Any] = {**asked(y), "own_accuracy": None, "robustness": found}
    if spec.learning.supervised:
        row["own_accuracy"] = found[0]["right"][-1] / found[0]["total"]
    # how sure of its one class a network is, is no question where several are in an image
    if spec.learning.supervised and y.ndim == 1:
        with torch.no_grad():
            said = reliability(torch.cat([model(part) for part in x.split(500)]), labels)
        bins = {"confidence": list(said.confidence), "accuracy": list(said.accuracy), "count": list(said.count)}
        row |= {"ece": said.ece, "reliability": bins}
    return row


def _entry(model: Any, name: str, amount: float, x: Tensor, labels: Tensor) -> dict[str, Any]:
    counted = accuracy_over_steps(model, x, labels)
    return {"corruption": name, "amount": amount, "right": [a.right for a in counted], "total": counted[0].total}


def _check(spec: AKOrNSpec, where: str) -> None:
    check_corruptions(spec.corruptions, where)
    for name in spec.attacks:
        if name not in ATTACKS:
            raise unknown("attack", name, ATTACKS, f"in {where}.attacks")
    if len(spec.kernels) != len(spec.channels):
        raise ValueError(f"{where}: every block has its channels and its kernel; got {list(spec.channels)} and {list(spec.kernels)}.")
    if any(width % spec.n for width in spec.channels) or any(kernel % 2 == 0 for kernel in spec.kernels):
        raise ValueError(
            f"{where}: channels are multiples of n = {spec.n}, and kernels odd; got {list(spec.channels)}, {list(spec.kernels)}."
        )


OSCILLATORS = Family(
    AKOrNSpec,
    _build,
    images,
    _fit,
    _judged,
    check=_check,
    takes=("images", "scenes"),
    apart=frozenset({"corruptions", "attacks", "attacked"}),
)
