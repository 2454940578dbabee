"""Heterogeneity: a parameter is a number, the same everywhere, or a distribution, drawn once per neuron or per synapse.

A distribution is its quantile function, and a draw is the quantile of uniform numbers. So every distribution takes the same numbers from
the generator, whatever its kind and spread: a coefficient of variation of 0 gives the homogeneous network bit for bit, and two spreads
drawn with one seed differ in nothing but the spread. Values that are given are taken as they are.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Shaped
from scipy.special import gammaincinv
from torch import Tensor

Number = float | int

LARGEST_UNIFORM_CV = 1 / math.sqrt(3)
QUANTILES = (2.0**-54, 1 - 2.0**-53)
"""The lowest and the highest quantile that are drawn."""


@runtime_checkable
class Distribution(Protocol):
    """The values of a parameter over neurons or synapses, as a quantile function."""

    def quantile(self, u: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The value below which a share `u`, in (0, 1), of the distribution lies."""


Parameter = Number | Distribution


@dataclass(frozen=True)
class Constant:
    """One value everywhere; the same as the plain number."""

    value: Number

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ValueError(f"Constant(value={self.value}): the value must be a finite number.")

    def quantile(self, u: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return torch.full_like(u, self.value)


@dataclass(frozen=True)
class Gamma:
    """Gamma distribution with shape 1 / cv^2 and scale mean cv^2: always positive; cv = 1 / sqrt(3) is Perez-Nieves et al. 2021."""

    mean: Number
    cv: Number

    def __post_init__(self) -> None:
        _check_mean_and_cv(self)

    def quantile(self, u: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        if self.cv == 0:
            return torch.full_like(u, self.mean)
        shape = 1 / self.cv**2
        return u.new_tensor(gammaincinv(shape, u.numpy(force=True))) * (self.mean / shape)


@dataclass(frozen=True)
class LogNormal:
    """Log-normal distribution with the given mean and coefficient of variation: always positive, with a heavier tail than Gamma."""

    mean: Number
    cv: Number

    def __post_init__(self) -> None:
        _check_mean_and_cv(self)

    def quantile(self, u: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        if self.cv == 0:
            return torch.full_like(u, self.mean)
        variance = math.log1p(self.cv**2)
        return torch.exp(math.log(self.mean) - variance / 2 + math.sqrt(variance) * torch.special.ndtri(u))


@dataclass(frozen=True)
class Uniform:
    """Uniform distribution from mean (1 - sqrt(3) cv) to mean (1 + sqrt(3) cv): positive, so cv < 1 / sqrt(3) = 0.577."""

    mean: Number
    cv: Number

    def __post_init__(self) -> None:
        _check_mean_and_cv(self)
        if self.cv >= LARGEST_UNIFORM_CV:
            raise ValueError(
                f"Uniform(mean={self.mean}, cv={self.cv}) would reach zero: cv must be below 1/sqrt(3) = {LARGEST_UNIFORM_CV:.3f}; "
                "Gamma and LogNormal take any."
            )

    def quantile(self, u: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        if self.cv == 0:
            return torch.full_like(u, self.mean)
        return self.mean * (1 + math.sqrt(3) * self.cv * (2 * u - 1))


class Given:
    """Values of your own, one for each neuron, or for each synapse in the order of the mask: row by row, all onto one neuron together.

    values  numbers of any shape, finite; as many as there are neurons or synapses

    Raises ValueError for no values, or such as are no finite numbers.
    """

    def __init__(self, values: Shaped[Tensor, "..."] | Shaped[np.ndarray, "..."] | Sequence[Any]) -> None:
        try:
            known = torch.as_tensor(values).detach().cpu()
        except (TypeError, ValueError, RuntimeError):
            raise ValueError(f"Given({type(values).__name__}): it takes a tensor, an array or a list of numbers.") from None
        if known.is_complex():
            raise ValueError("Given(complex values): real numbers are wanted.")
        self.values = known.to(torch.float64, copy=True).flatten()
        if not len(self.values) or not torch.isfinite(self.values).all():
            raise ValueError(f"Given({len(self.values)} values): there must be one at least, and all of them finite.")

    def __repr__(self) -> str:
        """Tells any two of them apart, as a checkpoint has to."""
        return f"Given({len(self.values)} values, sha256 {hashlib.sha256(self.values.numpy().tobytes()).hexdigest()})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Given) and torch.equal(self.values, other.values)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __neg__(self) -> "Given":
        return Given(-self.values)

    def quantile(self, u: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        place = (u * len(self.values)).long().clamp(0, len(self.values) - 1)
        return self.values.sort().values[place]

    def of_shape(self, shape: Sequence[int]) -> Float[Tensor, "..."]:
        """The values in a shape. Raises ValueError for another number of them."""
        if math.prod(shape) != len(self.values):
            raise ValueError(f"Given has {len(self.values)} values, but {math.prod(shape)} are needed here; give one for each.")
        return self.values.reshape(tuple(shape)).clone()


def _check_mean_and_cv(d: Gamma | LogNormal | Uniform) -> None:
    name = type(d).__name__
    if not (math.isfinite(d.mean) and d.mean > 0):
        raise ValueError(f"{name}(mean={d.mean}): the mean must be positive and finite.")
    if not (math.isfinite(d.cv) and d.cv >= 0):
        raise ValueError(f"{name}(cv={d.cv}): the coefficient of variation must be 0 (homogeneous) or positive, and finite.")


def spawn(generator: torch.Generator) -> torch.Generator:
    """A new generator seeded from `generator`, which moves on by one draw, whatever the new one is used for."""
    seed = int(torch.randint(2**63 - 1, (), generator=generator))
    return torch.Generator().manual_seed(seed)


def draw(parameter: Parameter, shape: Sequence[int], *, generator: torch.Generator) -> Float[Tensor, "..."]:
    """Values of `parameter`, float64, in the given shape; takes one number from `generator`, whatever the parameter is."""
    stream = spawn(generator)
    if isinstance(parameter, float | int):
        return torch.full(tuple(shape), float(parameter), dtype=torch.float64)
    if isinstance(parameter, Given):
        return parameter.of_shape(shape)
    u = torch.rand(tuple(shape), generator=stream, dtype=torch.float64)
    return parameter.quantile(u.clamp(*QUANTILES))


def check_parameter(owner: str, name: str, parameter: Parameter, *, lowest: float, open_end: bool = False) -> None:
    """Raise a sentence if a plain number, or one of those given, lies below `lowest`, or at it where the end is open; distributions check
    themselves."""
    value = parameter.value if isinstance(parameter, Constant) else parameter
    value = float(value.values.min()) if isinstance(value, Given) else value
    if not isinstance(value, float | int):
        return
    if not math.isfinite(value) or value < lowest or (open_end and value == lowest):
        wanted = "above" if open_end else "at least"
        raise ValueError(
            f"{owner}({name}={value}): it must be a finite number {wanted} {lowest:g}, or a distribution such as Gamma(mean, cv)."
        )
