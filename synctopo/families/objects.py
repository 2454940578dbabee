"""The family objects: networks that take images of several objects apart without labels, judged by FG-ARI and MBO of their states."""

from dataclasses import asdict
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from synctopo.evaluation import segmentation
from synctopo.families.blocks import main_site_of, sites_of
from synctopo.families.family import Family
from synctopo.families.learning import NoLearning
from synctopo.learning.contrastive import fit_contrast
from synctopo.learning.training import stream
from synctopo.models import AKOrN, Body, Frequency, Iterated
from synctopo.spec import Spec


class ContrastLearning(Spec):
    """learning = { rule = "contrast", ... }: gradient descent on the agreement of two views of every image (SimCLR)."""

    rule: Literal["contrast"]
    supervised: ClassVar[bool] = False
    updates: int = Field(default=1000, ge=1)
    """How many steps of gradient descent."""
    batch: int = Field(default=32, ge=2)
    learning_rate: float = Field(default=1e-3, gt=0)
    temperature: float = Field(default=0.1, gt=0)


class ObjectsSpec(Spec):
    """[models.NAME] with family = "objects": a network for the data sets tetrominoes, sprites and shapes.

    architecture  akorn, itrconv (a convolution, iterated), itrsa (self-attention, iterated, and a perceptron once), universal (a
                  transformer's whole layer, iterated); `blocks` is for akorn. Clustered are the read-out of akorn and the iterated states
                  of the others, of itrsa those before its perceptron
    """

    family: Literal["objects"]
    architecture: Literal["akorn", "itrconv", "itrsa", "universal"] = "akorn"
    colours: int = Field(default=3, ge=1)
    patch: int = Field(default=4, ge=1)
    channels: int = Field(default=64, ge=2)
    n: int = Field(default=4, ge=2)
    kernel: int = Field(default=5, ge=1)
    attentive: bool = False
    """Whether akorn's oscillators are coupled by attention, not by convolution."""
    blocks: int = Field(default=1, ge=1)
    steps: int = Field(default=8, ge=1)
    frequency: Literal["none", "shared", "each"] = "each"
    learning: Annotated[NoLearning | ContrastLearning, Field(discriminator="rule")] = NoLearning()
    groups: int = Field(default=4, ge=1)
    """Into how many groups the places of an image are clustered."""
    signal: ClassVar[str | None] = None

    @property
    def main_site(self) -> str:
        """The site that is recorded and clustered."""
        return main_site_of(self.architecture, self.blocks)

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site of the model."""
        return sites_of(self.architecture, self.blocks)


BODIES = {"itrconv": Body.CONVOLUTION, "itrsa": Body.ATTENTION, "universal": Body.LAYER}


def _build(spec: ObjectsSpec, shape: tuple[int, int], _classes: int, seed: int) -> nn.Module:
    generator = stream(seed, "weights")
    image = (spec.colours, *shape)
    if spec.architecture == "akorn":
        return AKOrN.objects(
            image,
            patch=spec.patch,
            channels=spec.channels,
            n=spec.n,
            kernel=spec.kernel,
            steps=spec.steps,
            blocks=spec.blocks,
            attentive=spec.attentive,
            frequency=Frequency(spec.frequency),
            generator=generator,
        )
    return Iterated.objects(
        image,
        patch=spec.patch,
        channels=spec.channels,
        kernel=spec.kernel,
        steps=spec.steps,
        body=BODIES[spec.architecture],
        generator=generator,
    )


def _inputs(_spec: ObjectsSpec, shown: np.ndarray, _generator: torch.Generator) -> Tensor:
    return torch.from_numpy(shown)


def _fit(spec: ObjectsSpec, model: Any, x: Tensor, _y: Tensor, seed: int) -> dict[str, Any]:
    how = spec.learning
    if isinstance(how, NoLearning):
        return {}
    fitted = fit_contrast(
        model,
        x,
        steps=how.updates,
        batch=how.batch,
        learning_rate=how.learning_rate,
        temperature=how.temperature,
        generator=stream(seed, "order"),
    )
    return asdict(fitted)


def _judged(spec: ObjectsSpec, model: Any, x: Tensor, y: np.ndarray, _generator: torch.Generator) -> dict[str, Any]:
    site = spec.main_site
    states = []
    with torch.no_grad():
        for part in x.split(100):
            last = next(reversed(list(model.states(part))))
            states.append(last[site].numpy())
    raw = nn.functional.pixel_unshuffle(x, spec.patch).numpy()
    # groups of neighbours, the same in every image, whatever it shows: what compact groups are worth by themselves
    places = np.indices(raw.shape[2:], dtype=np.float64)[None]
    row: dict[str, Any] = {"samples_test": len(x)}
    for name, clouds in (("", np.concatenate(states)), ("patches_", raw), ("places_", places)):
        groups = segmentation.clustered(clouds, spec.groups)
        found = segmentation.enlarged(np.broadcast_to(groups, (len(x), *groups.shape[1:])), (y.shape[1], y.shape[2]))
        row |= {
            f"{name}fg_ari": float(segmentation.fg_ari(found, y).mean()),
            f"{name}mbo": float(segmentation.mean_best_overlap(found, y).mean()),
        }
    return row


def _check(spec: ObjectsSpec, where: str) -> None:
    if spec.channels % spec.n or spec.kernel % 2 == 0:
        raise ValueError(
            f"{where}: channels are a multiple of n, and a kernel is odd; got {spec.channels}, n = {spec.n}, kernel {spec.kernel}."
        )
    if (spec.attentive or spec.architecture in ("itrsa", "universal")) and spec.channels % 16:
        raise ValueError(f"{where}: attention has eight heads of an even number of channels; got {spec.channels}: take a multiple of 16.")


OBJECTS = Family(ObjectsSpec, _build, _inputs, _fit, _judged, check=_check, takes=("objects",), apart=frozenset({"groups"}))
"""Takes the data sets of scenes with one mask for all objects, which are the labels."""
