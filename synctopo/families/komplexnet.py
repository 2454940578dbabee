"""The family komplexnet: networks bound by phase, and their real-valued control, on scenes of several objects or images of one."""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

import rtd
from synctopo import data
from synctopo.evaluation.corruption import additive_noise
from synctopo.families.family import Family
from synctopo.families.judging import CORRUPTIONS, asked, check_corruptions
from synctopo.families.learning import NoLearning
from synctopo.learning import binding
from synctopo.learning.training import stream
from synctopo.models.komplexnet import Kernel, KomplexNet, Oscillators, Phases, RealNet
from synctopo.naming import unknown
from synctopo.spec import Spec

TOPOLOGY_SAMPLES = 200
"""On how many samples the RTD between steps is computed."""
TOPOLOGY_STEPS = (1, 2, 4, 8)
"""After which steps, beside the last."""


class StagesLearning(Spec):
    """learning = { rule = "stages", ... }: first the lateral kernel, then the classes on settled phases, then everything end to end."""

    rule: Literal["stages"]
    supervised: ClassVar[bool] = True
    images: int | None = Field(default=None, ge=1)
    """How many of the samples are learned from; left out: all."""
    updates: int = Field(default=100, ge=0)
    """Of the kernel, on the group loss, which learns from the masks of the objects."""
    synchrony_rate: float = Field(default=1e-2, gt=0)
    """Learning rate of these updates."""
    epochs: int = Field(default=5, ge=0)
    """Of the layers above, on phases that are settled once."""
    tuned: int = Field(default=0, ge=0)
    """Epochs of everything, through all steps."""
    tuned_images: int | None = Field(default=None, ge=1)
    """On how many of the samples; left out: on all that are learned from."""
    batch: int = Field(default=128, ge=1)
    learning_rate: float = Field(default=1e-2, gt=0)


class KomplexSpec(Spec):
    """[models.NAME] with family = "komplexnet": a complex network, or with phases = "real" its real-valued control of equal size."""

    family: Literal["komplexnet"]
    phases: Literal["kuramoto", "random", "zero", "ideal", "real"] = "kuramoto"
    oscillators: Literal["channels", "pixels"] = "channels"
    channels: int = Field(default=8, ge=1)
    hidden: int = Field(default=50, ge=1)
    steps: int = Field(default=16, ge=1)
    width: int = Field(default=7, ge=1)
    kernel: Literal["smooth", "random"] = "smooth"
    """The lateral kernel before it learns."""
    rate: float = Field(default=0.04, gt=0)
    desync: float = Field(default=0.0586, ge=0)
    feedback: bool = False
    phase_bias: bool = False
    learning: Annotated[NoLearning | StagesLearning, Field(discriminator="rule")] = NoLearning()
    corruptions: dict[str, tuple[float, ...]] = Field(default={})
    """Which corruptions of which amounts it is judged under after every step, as the families cnn and akorn are."""
    noise: tuple[float, ...] = ()
    """Variances of Gaussian noise under which it is judged on scenes, beside clean images."""
    others: tuple[str, ...] = ()
    """Other data sets of scenes on whose test samples it is judged too."""
    signal: ClassVar[str | None] = None

    @property
    def main_site(self) -> str:
        """The site that is recorded where a study names none: phases start where the bits of the image say, and so does that of a value."""
        return "hidden.amplitude"

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site of the model."""
        first = ("input.phase", "input.amplitude") if self.oscillators == "pixels" else ()
        layers = ("conv1", "conv2", "hidden")
        return (*first, *(f"{layer}.{what}" for layer in layers for what in ("phase", "amplitude", "value")), "readout")


def _check(spec: KomplexSpec, where: str) -> None:
    check_corruptions(spec.corruptions, where)
    for name in spec.others:
        if name not in data.DATASETS or not data.of_scenes(name):
            raise unknown("data set of scenes", name, filter(data.of_scenes, data.DATASETS), f"in {where}.others")
    for name, moves in (("feedback", spec.feedback), ("kernel", spec.kernel != "smooth")):
        if moves and spec.phases != "kuramoto":
            raise ValueError(f"{where}.{name} moves phases, and {spec.phases} phases do not move; leave it out.")
    if spec.width % 2 == 0:
        raise ValueError(f"{where}.width is {spec.width}; wanted: an odd number.")


def _net(spec: KomplexSpec, shape: tuple[int, int], classes: int, seed: int, phases: Phases) -> KomplexNet:
    return KomplexNet(
        shape,
        classes,
        phases=phases,
        oscillators=Oscillators(spec.oscillators),
        channels=spec.channels,
        hidden=spec.hidden,
        steps=spec.steps,
        width=spec.width,
        kernel=Kernel(spec.kernel),
        rate=spec.rate,
        desync=spec.desync,
        feedback=spec.feedback,
        phase_bias=spec.phase_bias,
        seed=seed,
        generator=stream(seed, "weights"),
    )


def _build(spec: KomplexSpec, shape: tuple[int, int], classes: int, seed: int) -> nn.Module:
    if spec.phases == "real":
        # as many parameters as the network has whose phases move
        like = _net(spec, shape, classes, seed, Phases.KURAMOTO)
        return RealNet.matching(like, generator=stream(seed, "weights"))
    return _net(spec, shape, classes, seed, Phases(spec.phases))


def _planes(spec: KomplexSpec, images: np.ndarray, _generator: torch.Generator) -> Tensor:
    if images.ndim == 4:
        return torch.from_numpy(images)
    if spec.noise or spec.others:
        raise ValueError(
            "komplexnet is judged under `noise` and on `others` where it learned from scenes, and these are images of one class; "
            "leave both out: corruptions = { additive_noise = [0.3] } spoils images of either kind."
        )
    # the one object of an image is its ink
    return torch.from_numpy(np.stack((images, images > 0), 1, dtype=np.float32))


def _k_hot(labels: Tensor, model: Any) -> Tensor:
    """Labels [sample, class] of 0 and 1, of labels [sample] too."""
    return labels if labels.ndim == 2 else nn.functional.one_hot(labels, len(model.readout.bias))


def _fit(spec: KomplexSpec, model: Any, x: Tensor, y: Tensor, seed: int) -> dict[str, Any]:
    how = spec.learning
    if isinstance(how, NoLearning):
        return {}
    generator = stream(seed, "order")
    x, y = x[: how.images], _k_hot(y[: how.images], model)
    about: dict[str, Any] = {"batch": how.batch, "learning_rate": how.learning_rate, "generator": generator}
    if isinstance(model, RealNet):
        learned = binding.fit_real(model, x, y, epochs=how.epochs + how.tuned, **about)
        return {"loss": learned.loss, "accuracy": learned.accuracy}
    history: dict[str, Any] = {"loss": (), "accuracy": ()}
    if spec.phases == "kuramoto" and how.updates:
        kernel = binding.fit_synchrony(model, x, updates=how.updates, learning_rate=how.synchrony_rate, generator=stream(seed, "synapses"))
        history["synchrony_loss"] = kernel.synchrony_loss
    if how.epochs:
        learned = binding.fit_two_stages(model, x, y, epochs=how.epochs, **about)
        history |= {"loss": learned.loss, "accuracy": learned.accuracy}
    if how.tuned:
        few = slice(how.tuned_images)
        # after the two stages only fine steps are wanted
        about["learning_rate"] = how.learning_rate * (0.1 if how.epochs else 1.0)
        tuned = binding.fit_end_to_end(model, x[few], y[few], epochs=how.tuned, synchrony=float(spec.phases == "kuramoto"), **about)
        history |= {"loss": (*history["loss"], *tuned.loss), "accuracy": (*history["accuracy"], *tuned.accuracy)}
    return history


def _judged(spec: KomplexSpec, model: Any, x: Tensor, y: np.ndarray, generator: torch.Generator) -> dict[str, Any]:
    """Columns of the model's row: `own_accuracy`, the share of objects named right at the end, and where phases mark objects `synchrony`.

    `robustness`, of images of one class and where corruptions are asked for, has an entry for each: right[step] of total.
    Of scenes `whole` is the share of images named right, and `scenes` has an entry for each kind of test images: right[step] of classes,
    whole[step] of total; every step of the images as learned, the last of the others. Entries have within[step] and group_loss[step].
    `rtd_to_last` has the RTD of the first phases after some steps to those after the last.
    """
    labels = torch.from_numpy(y)
    wanted = _k_hot(labels, model)
    clean = binding.judged(model, x, wanted)
    last = clean.named[-1]
    row: dict[str, Any] = {**asked(y), "own_accuracy": last.each if spec.learning.supervised else None}
    if spec.corruptions or labels.ndim == 1:
        row["robustness"] = [_spoilt("clean", 0.0, clean)]
        for name, amounts in spec.corruptions.items():
            for amount in amounts:
                shown = CORRUPTIONS[name](x[:, :1], amount, generator=generator)
                found = binding.judged(model, torch.cat((shown, x[:, 1:]), 1), wanted)
                row["robustness"].append(_spoilt(name, amount, found))
    if labels.ndim == 2:
        row["scenes"] = _scenes(spec, model, x, labels, clean, generator)
        if spec.learning.supervised:
            row |= {"each": last.each, "whole": last.all}
    if clean.within:
        row |= {"synchrony": clean.within[-1]}
    if spec.phases == "kuramoto":
        row |= _moved(model, x[:TOPOLOGY_SAMPLES])
    return row


def _spoilt(name: str, amount: float, found: binding.Judged) -> dict[str, Any]:
    right = [n.right for n in found.named]
    return {"corruption": name, "amount": amount, "right": right, "total": found.named[0].classes, **_marks(found)}


def _marks(found: binding.Judged) -> dict[str, Any]:
    return {"within": list(found.within), "group_loss": list(found.loss)} if found.within else {}


def _scenes(
    spec: KomplexSpec, model: Any, x: Tensor, labels: Tensor, clean: binding.Judged, generator: torch.Generator
) -> list[dict[str, Any]]:
    tried = [("test", 0.0, clean)]
    # over the steps for one kind of images alone: it takes a pass through all layers for each
    for variance in spec.noise:
        noisy = torch.cat((additive_noise(x[:, :1], variance**0.5, generator=generator), x[:, 1:]), 1)
        tried.append(("noise", variance, binding.judged(model, noisy, labels, every=False)))
    for name in spec.others:
        other = data.load(name)
        few = data.split(other, train=0, test=min(len(x), other.held_out), seed=0).test
        found = binding.judged(model, torch.from_numpy(few.images), torch.from_numpy(few.labels), every=False)
        tried.append((name, 0.0, found))
    return [
        {
            "images": name,
            "amount": amount,
            "right": [n.right for n in found.named],
            "classes": found.named[0].classes,
            "whole": [n.whole for n in found.named],
            "total": found.named[0].total,
            **_marks(found),
        }
        for name, amount, found in tried
    ]


@torch.no_grad()
def _moved(model: KomplexNet, x: Tensor) -> dict[str, Any]:
    image, masks = model.planes(x)
    clouds = [
        torch.cat((p.cos(), p.sin()), 1).flatten(1).double().numpy() for p in model.moves(model.amplitude(image), model.start(image, masks))
    ]
    steps = sorted({*(t for t in TOPOLOGY_STEPS if t < len(clouds)), len(clouds)})
    values = [rtd.rtd(clouds[t - 1], clouds[-1], batch=len(x), trials=1).value for t in steps]
    return {"rtd_steps": steps, "rtd_to_last": values}


KOMPLEXNET = Family(
    KomplexSpec,
    _build,
    _planes,
    _fit,
    _judged,
    check=_check,
    takes=("images", "scenes"),
    apart=frozenset({"corruptions", "noise", "others"}),
)
