"""Settings of predictive coding: how much of each term, in which order, scaled how, with which noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from math import isfinite

from synctopo.naming import unknown

Amount = float | tuple[float, ...]


@dataclass(frozen=True)
class Hyper:
    """How much of each term enters a coder's next value; what is left to one is memory of the last value.

    feedforward  beta, of what the encoder gives for the coder below
    feedback     lambda, of what the coder above predicts; the top coder has none and keeps its share as memory
    error        alpha, the size of the step down the gradient of the coder's own prediction error

    Each is a number, or one number for every step from 1 on. The defaults are those of Predify (Choksi et al. 2021, code of its
    release 0.0.1). Raises ValueError for a negative or infinite number, and where feedforward and feedback make more than one.
    """

    feedforward: Amount = 0.3
    feedback: Amount = 0.3
    error: Amount = 0.01

    def __post_init__(self) -> None:
        for name in ("feedforward", "feedback", "error"):
            value = getattr(self, name)
            if isinstance(value, Sequence):
                object.__setattr__(self, name, tuple(value))
            for number in _numbers(getattr(self, name)):
                if isinstance(number, bool) or not isinstance(number, int | float) or not isfinite(number) or number < 0:
                    raise ValueError(f"Hyper({name}=...) is a number from 0 on, or one for each step; got {value!r}.")
        lengths = {len(v) for v in (self.feedforward, self.feedback, self.error) if isinstance(v, tuple)}
        if len(lengths) > 1 or 0 in lengths:
            raise ValueError(f"lists in Hyper have one number for each step, so all the same length; got {sorted(lengths)}.")
        for step in range(1, 1 + max(lengths, default=1)):
            beta, feedback, _ = self.at(step)
            if beta + feedback > 1 + 1e-12:
                raise ValueError(f"feedforward and feedback leave memory its share and make at most 1; got {beta:g} + {feedback:g}.")

    def at(self, step: int) -> tuple[float, float, float]:
        """(beta, lambda, alpha) of step 1, 2, ..."""
        return (_of(self.feedforward, step), _of(self.feedback, step), _of(self.error, step))

    @property
    def steps(self) -> int | None:
        """For how many steps it has numbers; None where they hold for every step."""
        return next((len(v) for v in (self.feedforward, self.feedback, self.error) if isinstance(v, tuple)), None)


def _numbers(value: Amount) -> tuple[float, ...]:
    return value if isinstance(value, tuple) else (value,)


def _of(value: Amount, step: int) -> float:
    return value[step - 1] if isinstance(value, tuple) else value


class Order(Enum):
    """Which value of the coder below a coder sees. With r_n(t) the value of coder n, f_n the encoder between two coders, d_n its
    decoder's prediction of r_(n-1), e_(n-1) the mean square of d_n - r_(n-1) in one sample, and r_0 the input:

    BOTTOM_UP    r_n(t) = beta f_n(r_(n-1)(t)) + lambda d_(n+1)(t-1) + (1 - beta - lambda) r_n(t-1) - alpha s de_(n-1)(t-1)/dr_n(t-1)
    SYNCHRONOUS  the same with f_n(r_(n-1)(t-1)): all coders move at once, and news rises by one coder a step

    BOTTOM_UP is what Predify's code does in one pass of the encoder; SYNCHRONOUS reads its equations with the same time on every term.
    The read-out is what the encoder makes of the top coder's r(t), in both.
    """

    BOTTOM_UP = "bottom_up"
    SYNCHRONOUS = "synchronous"


class Scaling(Enum):
    """The factor s of the error gradient, always of one sample, whatever the batch.

    REACH  K / sqrt(C), with K cells in a prediction and C of them moved by one cell of the value (Predify's PCoderN): the step does not
           shrink with the size of the image
    NONE   1 (Predify's PCoder, which divides by the size of the batch as well)
    """

    REACH = "reach"
    NONE = "none"


@dataclass(frozen=True)
class Noise:
    """Gaussian noise in the values, the noisy variant.

    amount  its standard deviation at every step from 1 on
    start   where given, the values at t = 0 are noise of this standard deviation in place of the feed-forward pass
    seed    of the draw. One draw serves all samples and all runs, so that a result depends neither on the batch nor on what ran before.
    """

    amount: float = 0.0
    start: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in (("amount", self.amount), ("start", self.start)):
            if value is not None and not (isfinite(value) and value >= 0):
                raise ValueError(f"Noise({name}=...) is a standard deviation from 0 on; got {value!r}.")


def for_each(hyper: object, names: Sequence[str], steps: int) -> tuple[Hyper, ...]:
    """One setting for each coder: a shared one, or those of a mapping. Raises ValueError for a coder without, or wrong lengths."""
    if isinstance(hyper, Hyper):
        found = (hyper,) * len(names)
    elif isinstance(hyper, Mapping) and all(isinstance(h, Hyper) for h in hyper.values()):
        for name in hyper:
            if name not in names:
                raise unknown("coder", name, names, "that `hyper` could be for")
        missing = [name for name in names if name not in hyper]
        if missing:
            raise ValueError(f"`hyper` has no entry for the coder {missing[0]!r}; give one for each, or one Hyper for all.")
        found = tuple(hyper[name] for name in names)
    else:
        raise ValueError(f"`hyper` is a Hyper for all coders, or a mapping from layer to Hyper; got {hyper!r}.")
    for name, one in zip(names, found, strict=True):
        if one.steps is not None and one.steps != steps:
            raise ValueError(f"the Hyper of {name!r} has numbers for {one.steps} steps, but the model takes {steps}; make them equal.")
    return found
