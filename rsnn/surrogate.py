"""The step function of a spike with a gradient: snntorch's surrogates, used as they are."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from snntorch import surrogate
from torch import Tensor

Surrogate = Callable[[Tensor], Tensor]
"""From voltage minus threshold to spikes (1 above zero, else 0), differentiable; for example `snntorch.surrogate.atan(2)`."""


@dataclass(frozen=True)
class FastSigmoid:
    """snntorch's fast sigmoid, whose gradient, 1 / (1 + slope |x|)^2, Zenke and Ganguli 2018, is known without differentiating it."""

    slope: float = 25.0

    def __call__(self, x: Tensor) -> Tensor:
        return surrogate.fast_sigmoid(self.slope)(x)


DEFAULT_SURROGATE: Surrogate = FastSigmoid()


def gradient(step: Surrogate, distance: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The gradient that a spike passes on, at each distance of the voltage from the threshold."""
    if isinstance(step, FastSigmoid):
        return distance.abs().mul_(step.slope).add_(1.0).square_().reciprocal_()
    with torch.enable_grad():
        apart = distance.clone().requires_grad_()
        return torch.autograd.grad(step(apart).sum(), apart)[0]
