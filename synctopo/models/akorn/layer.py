"""A layer of Kuramoto oscillators around any connectivity; what it went through is yielded, nothing is remembered."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from synctopo.models.akorn.coupling import Drive, Order, Prepared
from synctopo.models.akorn.dynamics import Oscillators, antisymmetric, energy, kuramoto_step, normalised, order_parameter


class Frequency(Enum):
    """Natural frequencies: none, one rotation for all oscillators, or one for each."""

    NONE = "none"
    SHARED = "shared"
    EACH = "each"


@dataclass(frozen=True)
class Oscillation:
    """A layer after a step: unit vectors x [sample, oscillator, n, *place], and the energy [sample] of that state."""

    x: Tensor
    energy: Tensor

    @property
    def order(self) -> Float[Tensor, " sample"]:
        """How much all oscillators of a sample agree, from 0 to 1."""
        return order_parameter(self.x)


class KuramotoLayer(nn.Module):
    """Oscillators x_i in R^n, |x_i| = 1, that turn towards c_i + sum_j J_ij x_j (eqs. 2 to 5).

    coupling     any module that maps [sample, channel, *place] to that shape, channel = oscillator * n + component; it gives J x,
                 and what it adds to that, a bias, belongs into the stimulus if the energy is to be right
    oscillators  how many at each place
    n            the dimension of each, from 2 on
    frequency    natural rotations Omega, learned, antisymmetric; drawn normal with standard deviation `speed` (radians per unit of time)
    gamma        the size of a step, or where learning of it begins (`learn_gamma`; it stays positive)

    Raises ValueError for n below 2, no oscillator, or a gamma that is not positive.
    """

    def __init__(
        self,
        coupling: nn.Module,
        oscillators: int,
        n: int = 4,
        *,
        frequency: Frequency = Frequency.EACH,
        speed: float = 0.1,
        gamma: float = 1.0,
        learn_gamma: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if n < 2 or oscillators < 1:
            raise ValueError(
                f"an oscillator turns in at least two dimensions, and there is at least one; got n = {n}, {oscillators} of them."
            )
        if not 0 < gamma < float("inf"):
            raise ValueError(f"gamma is the size of a step, a positive number; got {gamma:g}.")
        self.coupling, self.oscillators, self.n = coupling, oscillators, n
        planes = n * (n - 1) // 2
        shape = {Frequency.NONE: None, Frequency.SHARED: (planes,), Frequency.EACH: (oscillators, planes)}[frequency]
        self.speeds = None if shape is None else nn.Parameter(speed * torch.randn(shape, generator=generator))
        log = torch.tensor(float(gamma)).log()
        self.log_gamma = nn.Parameter(log, requires_grad=learn_gamma)

    @property
    def gamma(self) -> Float[Tensor, ""]:
        """The size of a step."""
        return self.log_gamma.exp()

    def omega(self) -> Float[Tensor, "oscillator n n"] | None:
        """The antisymmetric natural frequencies of every oscillator; None where there are none."""
        if self.speeds is None:
            return None
        return antisymmetric(self.speeds.expand(self.oscillators, -1), self.n)

    def states(self, x: Oscillators, stimulus: Float[Tensor, "*shape"] | None = None, *, steps: int) -> Iterator[Oscillation]:
        """Yield the start, normalised, and then the state after each of `steps` steps, each with its energy.

        stimulus  c, of the shape of x, constant over the steps; None: 0

        Raises ValueError for shapes that do not fit, or a negative number of steps.
        """
        x, stimulus, drive, omega = self._begun(x, stimulus, steps)
        gamma = self.gamma
        for step in range(steps + 1):
            coupled = drive(x)
            yield Oscillation(x, energy(x, coupled, stimulus))
            if step < steps:
                x = kuramoto_step(x, coupled if stimulus is None else coupled + stimulus, gamma, omega)

    def forward(self, x: Oscillators, stimulus: Float[Tensor, "*shape"] | None = None, *, steps: int, segment: int = 0) -> Oscillators:
        """The state after the last step, the same as that of `states`, without energies.

        segment  with gradients, keep only the state after every so many steps and compute the others again on the way back, for less
                 memory (0: keep all)

        Raises ValueError as `states` does.
        """
        if segment < 0:
            raise ValueError(f"a segment is a number of steps, 0 to keep all; got {segment}.")
        x, stimulus, drive, omega = self._begun(x, stimulus, steps)
        gamma = self.gamma

        def run(x: Tensor, count: int) -> Tensor:
            for _ in range(count):
                coupled = drive(x)
                x = kuramoto_step(x, coupled if stimulus is None else coupled + stimulus, gamma, omega)
            return x

        if not segment or not torch.is_grad_enabled():
            return run(x, steps)
        bounds = [*range(0, steps, segment), steps]
        for a, b in itertools.pairwise(bounds):
            x = checkpoint(run, x, b - a, use_reentrant=False)
        return x

    def _begun(self, x: Tensor, stimulus: Tensor | None, steps: int) -> tuple[Tensor, Tensor | None, Drive, Tensor | None]:
        """Checked start and stimulus in the memory order of the drive, the drive, and the rotation that is not part of it."""
        if x.ndim < 3 or x.shape[1:3] != (self.oscillators, self.n):
            raise ValueError(
                f"this layer has states [sample, {self.oscillators} oscillators, {self.n} components, *place]; got {list(x.shape)}."
            )
        if stimulus is not None and stimulus.shape != x.shape:
            raise ValueError(f"the stimulus has the shape of the states, {list(x.shape)}; got {list(stimulus.shape)}.")
        if steps < 0:
            raise ValueError(f"a layer takes 0 or more steps; got {steps}.")
        omega, place, coupling = self.omega(), tuple(x.shape[3:]), self.coupling
        if isinstance(coupling, Prepared):
            # <x, Omega x> is 0: the rotation may ride on the coupling, and the energy does not see it
            flat, order = coupling.prepared(place, omega)
            omega = None
        else:
            flat, order = coupling, None
        shape = x.shape[1:3]

        def drive(x: Tensor) -> Tensor:
            found = flat(x.flatten(1, 2))
            if found.shape[:2] != (len(x), shape[0] * shape[1]) or found.shape[2:] != x.shape[3:]:
                raise ValueError(
                    f"a coupling gives drives of the shape of the states, {list(x.flatten(1, 2).shape)}; got {list(found.shape)}."
                )
            return found.unflatten(1, shape)

        start = normalised(x)
        if order is not None:
            start = _ordered(start, order)
            stimulus = None if stimulus is None else _ordered(stimulus, order)
        return start, stimulus, drive, omega


def _ordered(x: Tensor, order: Order) -> Tensor:
    # elementwise work and products then find their operands side by side in memory
    place = range(3, x.ndim)
    axes = {Order.SAMPLE_LAST: (*place, 1, 2, 0), Order.CHANNEL_LAST: (0, *place, 1, 2)}[order]
    back = [axes.index(k) for k in range(x.ndim)]
    return x.permute(axes).contiguous().permute(back)
