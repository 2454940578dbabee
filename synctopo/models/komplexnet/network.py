"""KomplexNet: a network with complex values whose first phases are oscillators, bound by Kuramoto synchrony."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn

from synctopo.models.komplexnet.gabor import gabors
from synctopo.models.komplexnet.kuramoto import Lateral, phase_step
from synctopo.models.komplexnet.layers import ComplexConv2d, ComplexLinear, Response, moving_threshold
from synctopo.models.komplexnet.starts import drawn, ideal, scattered


class Phases(Enum):
    """Where the phases of the first layer come from.

    KURAMOTO  from scattered ones, by the learned dynamics
    RANDOM    scattered, and left so
    ZERO      all 0: the complex network without phases
    IDEAL     from the masks of the objects, as far apart as can be: an upper bound, which needs the masks at every use
    """

    KURAMOTO = "kuramoto"
    RANDOM = "random"
    ZERO = "zero"
    IDEAL = "ideal"


class Oscillators(Enum):
    """What oscillates.

    CHANNELS  every unit of the first convolution, whose amplitudes are a real, rectified filter bank (Gabors, to begin with)
    PIXELS    every pixel, with its brightness as amplitude; the first convolution is complex
    """

    CHANNELS = "channels"
    PIXELS = "pixels"


class Kernel(Enum):
    """What the lateral kernel is before it learns.

    SMOOTH  1 in the middle and hardly less at the rim, in every pair of channels, as published: near things belong together
    RANDOM  every weight uniform in [-1, 1): nothing belongs to anything
    """

    SMOOTH = "smooth"
    RANDOM = "random"


@dataclass(frozen=True)
class Pass:
    """What the layers above the oscillators said, in order, and the scores of the classes."""

    layers: dict[str, Response]
    scores: Tensor


class KomplexNet(nn.Module):
    """KomplexNet (Muzellec et al. 2025): two convolutions, a hidden layer and a read-out of complex values; a Model.

    `shape` is (row, column) of an image in [0, 1], `outputs` the classes, of which several may be in one image. Sites at every step:
    `conv1`, `conv2` and `hidden`, each with `.phase` (cosines, then sines, in dimension 1), `.amplitude` and `.value` (real, then imaginary
    parts), and `readout`, the scores [sample, output]; with oscillating pixels also `input.phase` and `input.amplitude`. A step is one
    update of the phases and the pass through the layers above; where phases do not move all steps are alike, computed once.

    Images come as [sample, row, column] in any shape; further planes behind the image, [sample, 1 + object, row, column], are the masks of
    the objects, which IDEAL phases need and everything else passes by.

    steps       how many updates, `rate` their size and `desync` the repulsion between all oscillators of an image
    width       of the lateral kernel, odd; `kernel` what it is before it learns
    feedback    from the second step on conv2, hidden and readout drive the oscillators too
    phase_bias  biases shift phases, as published; else the network does not depend on where phase 0 is
    seed        of the scattered phases, which differ from image to image

    Raises ValueError for what is no image size, and where IDEAL phases meet images without masks.
    """

    def __init__(
        self,
        shape: Sequence[int],
        outputs: int,
        *,
        phases: Phases = Phases.KURAMOTO,
        oscillators: Oscillators = Oscillators.CHANNELS,
        channels: int = 8,
        hidden: int = 50,
        steps: int = 16,
        width: int = 7,
        kernel: Kernel = Kernel.SMOOTH,
        rate: float = 0.04,
        desync: float = 0.0586,
        feedback: bool = False,
        phase_bias: bool = False,
        seed: int = 0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        _check(shape, outputs, channels, hidden, steps, width, feedback, phases)
        self.shape = (shape[0], shape[1])
        self.mode, self.oscillators = phases, oscillators
        self.steps, self.rate, self.desync, self.seed = steps, rate, desync, seed
        on_pixels = oscillators is Oscillators.PIXELS
        self.units = (1 if on_pixels else channels, *self.shape)
        if on_pixels:
            self.conv1 = ComplexConv2d(1, channels, 5, phase_bias=phase_bias, generator=generator)
        else:
            self.filters = nn.Parameter(gabors(channels))
        self.conv2 = ComplexConv2d(channels, channels, 3, stride=2, phase_bias=phase_bias, generator=generator)
        inputs = channels * -(-shape[0] // 2) * -(-shape[1] // 2)
        self.hidden = ComplexLinear(inputs, hidden, phase_bias=phase_bias, generator=generator)
        self.readout = ComplexLinear(hidden, outputs, rectified=False, phase_bias=phase_bias, generator=generator)
        with torch.no_grad():
            # few classes are in an image: from even chances it takes hundreds of updates to learn as much
            self.readout.bias.fill_(-4.0)
        if phases is Phases.KURAMOTO:
            self.kernel = nn.Parameter(_kernel(kernel, self.units[0], width, generator))
        self.feedback = feedback
        if feedback:
            self.from_conv2 = nn.Parameter(torch.full((channels, self.units[0], 11, 11), 1e-6))
            self.from_hidden = nn.Parameter(torch.full((self.units[0], hidden), 1e-6))
            self.from_readout = nn.Parameter(torch.full((self.units[0], outputs), 1e-6))

    def states(self, x: Float[Tensor, "sample *feature"]) -> Iterator[dict[str, Tensor]]:
        """Yield the state after each step."""
        image, masks = self.planes(x)
        amplitude = self.amplitude(image)
        before: Tensor | None = None
        state: dict[str, Tensor] = {}
        for phases, passed in self._steps(amplitude, self.start(image, masks), every=True):
            if phases is not before:
                assert passed is not None
                state, before = self._state(amplitude, phases, passed), phases
            yield dict(state)

    def forward(self, x: Float[Tensor, "sample *feature"], *, generator: torch.Generator | None = None) -> Float[Tensor, "sample output"]:
        """The scores after the last step; with `generator` from phases that are drawn anew."""
        image, masks = self.planes(x)
        amplitude = self.amplitude(image)
        return self.scores(amplitude, self.settled(amplitude, self.start(image, masks, generator=generator)))

    def planes(self, x: Float[Tensor, "sample *feature"]) -> tuple[Float[Tensor, "sample 1 row column"], Tensor]:
        """The image, and the masks behind it [sample, object, row, column], of which there may be none."""
        size = self.shape[0] * self.shape[1]
        if len(x) and (x[0].numel() % size or not x[0].numel()):
            raise ValueError(
                f"this network takes images of {self.shape[0]} x {self.shape[1]}, with masks behind or none; got {list(x.shape[1:])}."
            )
        found = x.reshape(len(x), x[0].numel() // size if len(x) else 1, *self.shape)
        return found[:, :1], found[:, 1:]

    def amplitude(self, image: Float[Tensor, "sample 1 row column"]) -> Float[Tensor, "sample channel row column"]:
        """How strong each oscillator is."""
        if self.oscillators is Oscillators.PIXELS:
            return image.relu()
        return nn.functional.conv2d(image, self.filters, padding=self.filters.shape[-1] // 2).relu()

    def start(
        self, image: Float[Tensor, "sample 1 row column"], masks: Tensor, *, generator: torch.Generator | None = None
    ) -> Float[Tensor, "sample channel row column"]:
        """The phases before the first step; scattered by the image itself, or drawn anew from `generator`."""
        if self.mode is Phases.ZERO:
            return image.new_zeros(len(image), *self.units)
        if generator is not None:
            phases = drawn(image.new_empty(len(image), *self.units), generator=generator)
        else:
            phases = scattered(image, self.units, seed=self.seed)
        if self.mode is not Phases.IDEAL:
            return phases
        if not masks.shape[1]:
            raise ValueError(
                "ideal phases come from the masks of the objects; give [sample, 1 + object, row, column], the masks behind the image."
            )
        return ideal(masks, phases)

    def settled(
        self,
        amplitude: Float[Tensor, "sample channel row column"],
        start: Float[Tensor, "sample channel row column"],
        *,
        feedback: bool = True,
    ) -> Float[Tensor, "sample channel row column"]:
        """The phases after the last step; without `feedback` as if the layers above did not drive them."""
        *_, (phases, _) = self._steps(amplitude, start, every=False, feedback=feedback)
        return phases

    def scores(
        self, amplitude: Float[Tensor, "sample channel row column"], phases: Float[Tensor, "sample channel row column"]
    ) -> Float[Tensor, "sample output"]:
        """The read-out for oscillators of these amplitudes and phases."""
        return self._passed(amplitude, phases).scores

    def over_steps(
        self, amplitude: Float[Tensor, "sample channel row column"], start: Float[Tensor, "sample channel row column"]
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Phases and scores after each step, computed once where phases do not move."""
        for phases, passed in self._steps(amplitude, start, every=True):
            assert passed is not None
            yield phases, passed.scores

    def moves(
        self, amplitude: Float[Tensor, "sample channel row column"], start: Float[Tensor, "sample channel row column"]
    ) -> Iterator[Float[Tensor, "sample channel row column"]]:
        """The phases after each step."""
        for phases, _ in self._steps(amplitude, start, every=False):
            yield phases

    def _steps(self, amplitude: Tensor, phases: Tensor, *, every: bool, feedback: bool = True) -> Iterator[tuple[Tensor, Pass | None]]:
        """Phases after each step, with what the layers above say of them where that is asked for or fed back."""
        moving, driven = self.mode is Phases.KURAMOTO, self.feedback and feedback
        lateral = Lateral(self.kernel, self.shape) if moving else None
        weights = amplitude.tanh()
        if lateral is not None:
            phases, weights = lateral.laid(phases), lateral.laid(weights)
        passed: Pass | None = None
        for step in range(self.steps):
            if lateral is not None:
                fed = self._fed_back(passed) if driven and passed is not None else None
                phases = phase_step(phases, weights, lateral, rate=self.rate, desync=self.desync, feedback=fed)
            wanted = every or (driven and step < self.steps - 1)
            if wanted and (moving or passed is None):
                passed = self._passed(amplitude, phases.contiguous())
            yield phases.contiguous(), passed

    def _passed(self, amplitude: Tensor, phases: Tensor) -> Pass:
        first = Response(amplitude, phases.cos(), phases.sin(), torch.ones_like(phases))
        conv1 = self.conv1.response(*_parts(first)) if self.oscillators is Oscillators.PIXELS else first
        conv2 = self.conv2.response(*_parts(conv1))
        hidden = self.hidden.response(*(part.flatten(1) for part in _parts(conv2)))
        readout = self.readout.response(*_parts(hidden))
        layers = {"conv1": conv1, "conv2": conv2, "hidden": hidden, "readout": readout}
        return Pass(layers, moving_threshold(readout.magnitude))

    def _fed_back(self, passed: Pass) -> Complex[Tensor, "sample channel row column"]:
        """The field that the layers above make at the oscillators."""
        above = [r.with_magnitude(r.magnitude.tanh()).value for r in (passed.layers[n] for n in ("conv2", "hidden", "readout"))]
        parts = []
        for conv2, hidden, readout in zip(*above, strict=True):
            odd = [1 - size % 2 for size in self.shape]
            below = nn.functional.conv_transpose2d(conv2, self.from_conv2, stride=2, padding=5, output_padding=odd)
            uniform = hidden @ self.from_hidden.T + readout @ self.from_readout.T
            parts.append(below + uniform[:, :, None, None])
        return torch.complex(*parts)

    def _state(self, amplitude: Tensor, phases: Tensor, passed: Pass) -> dict[str, Tensor]:
        state: dict[str, Tensor] = {}
        if self.oscillators is Oscillators.PIXELS:
            state |= {"input.phase": torch.cat((phases.cos(), phases.sin()), 1), "input.amplitude": amplitude}
        for name in ("conv1", "conv2", "hidden"):
            of = passed.layers[name]
            state[f"{name}.phase"] = torch.cat(of.direction, 1)
            state[f"{name}.amplitude"] = of.magnitude
            state[f"{name}.value"] = torch.cat(of.value, 1)
        return state | {"readout": passed.scores}


def _kernel(kernel: Kernel, channels: int, width: int, generator: torch.Generator | None) -> Float[Tensor, "channel channel width width"]:
    if kernel is Kernel.RANDOM:
        return torch.empty(channels, channels, width, width).uniform_(-1, 1, generator=generator)
    at = torch.linspace(-1, 1, width)
    near = torch.exp(-(at[:, None] ** 2 + at**2) / 18)
    return near.expand(channels, channels, width, width).clone()


def _parts(of: Response) -> tuple[Tensor, Tensor, Tensor]:
    return *of.value, of.magnitude


def _check(shape: Sequence[int], outputs: int, channels: int, hidden: int, steps: int, width: int, feedback: bool, phases: Phases) -> None:
    if len(shape) != 2 or min(*shape, outputs, channels, hidden, steps) < 1:
        raise ValueError(
            f"a KomplexNet needs an image shape (row, column), and at least one output, channel, hidden unit and step; "
            f"got shape {list(shape)}, {outputs} outputs, {channels} channels, {hidden} hidden, {steps} steps."
        )
    if width < 1 or width % 2 == 0:
        raise ValueError(f"the lateral kernel has an odd width; got {width}.")
    if feedback and phases is not Phases.KURAMOTO:
        raise ValueError("feedback moves phases, and these do not move; take Phases.KURAMOTO, or leave feedback out.")
