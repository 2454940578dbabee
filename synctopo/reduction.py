"""Reductions of a stream of states to what is kept of it: one value per sample and unit, or several over time."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import exp, isfinite
from typing import Any

import torch
from torch import Tensor

from synctopo.naming import unknown


@dataclass(frozen=True)
class Reduction:
    """A fold over time. `name` is what tables say; `fold(kept, state, step)` takes one more state in; `finish(kept, steps)` closes.

    States are [sample, ...]; `finish` gives [sample, time, ...]. A reduction over all of time gives time = 1. `fold` starts from None and
    gives None as long as it keeps nothing. Sums are taken in float32 at least: spikes of type bool count, halves do not stop at 2048.
    """

    name: str
    fold: Callable[[Any, Tensor, int], Any]
    finish: Callable[[Any, int], Tensor]
    keeps_time: bool = False


def _wide(state: Tensor) -> Tensor:
    """A copy in a type in which sums of many states are exact, or as exact as the model's own numbers."""
    narrow = state.dtype in (torch.bool, torch.uint8, torch.int8, torch.int16, torch.float16, torch.bfloat16)
    return state.to(torch.float32 if narrow else state.dtype if state.is_floating_point() else torch.float64, copy=True)


def _sum(kept: Tensor | None, state: Tensor, _step: int) -> Tensor:
    return _wide(state) if kept is None else kept.add_(state)


def _append(kept: list[Tensor] | None, state: Tensor, _step: int) -> list[Tensor]:
    # a copy: the model may write its next state into the same memory
    held = [] if kept is None else kept
    held.append(state.clone())
    return held


count = Reduction("count", _sum, lambda kept, _: kept.unsqueeze(1))
"""Sum over the steps: for spikes, the spike count."""

mean = Reduction("mean", _sum, lambda kept, steps: (kept / steps).unsqueeze(1))
"""Mean over the steps: for spikes, the rate per step."""

last = Reduction("last", lambda _kept, state, _step: state.clone(), lambda kept, _: kept.unsqueeze(1))
"""The state after the last step."""

flatten = Reduction("flatten", _append, lambda kept, _: torch.stack(kept, 1).flatten(1).unsqueeze(1))
"""All steps side by side as features: for spikes, the raster, [sample, 1, time * unit]."""

steps = Reduction("steps", _append, lambda kept, _: torch.stack(kept, 1), keeps_time=True)
"""Every step as a point in time of its own."""


def rate(dt: float = 1.0) -> Reduction:
    """Spikes per second (Hz), for steps of `dt` ms. Raises ValueError for a step that is not positive."""
    if not 0 < dt < float("inf"):
        raise ValueError(f"the rate needs the length of a step in ms, a positive number; got dt={dt:g}.")
    return Reduction(f"rate({dt:g})", _sum, lambda kept, total: (kept * (1000 / (total * dt))).unsqueeze(1))


def window(start: int, stop: int) -> Reduction:
    """Mean over the steps start, ..., stop - 1 (numbered from 0). Raises ValueError for an empty window."""
    if not 0 <= start < stop:
        raise ValueError(f"a window needs 0 <= start < stop; got start={start}, stop={stop}.")

    def fold(kept: Tensor | None, state: Tensor, step: int) -> Tensor | None:
        return _sum(kept, state, step) if start <= step < stop else kept

    def finish(kept: Tensor, total: int) -> Tensor:
        if total < stop:
            raise ValueError(f"the window ends at step {stop}, but the model took {total} steps; end it at {total} or earlier.")
        return (kept / (stop - start)).unsqueeze(1)

    return Reduction(f"window({start},{stop})", fold, finish)


def trace(tau: float) -> Reduction:
    """Exponential trace at the end, s <- s exp(-1/tau) + state; `tau` in steps. Raises ValueError if it is not positive."""
    if not tau > 0:
        raise ValueError(f"the time constant of a trace must be positive; got {tau}.")
    decay = exp(-1.0 / tau)

    def fold(kept: Tensor | None, state: Tensor, _step: int) -> Tensor:
        return _wide(state) if kept is None else kept.mul_(decay).add_(state)

    return Reduction(f"trace({tau:g})", fold, lambda kept, _: kept.unsqueeze(1))


def latency(never: float | None = None) -> Reduction:
    """The step (from 0) at which a unit was first above 0: for spikes, the time of the first.

    A unit that never was has the value `never`; None, the default, is the number of steps, one after the last. Raises ValueError for a
    `never` that is not finite.
    """
    if never is not None and not isfinite(never):
        raise ValueError(f"`never` is the latency of a unit that does not fire, a finite number; got {never}.")

    def fold(kept: Tensor | None, state: Tensor, step: int) -> Tensor:
        first = state.new_full(state.shape, -1.0, dtype=torch.float32) if kept is None else kept
        return first.masked_fill_((first < 0) & (state > 0), float(step))

    def finish(kept: Tensor, total: int) -> Tensor:
        return kept.masked_fill(kept < 0, float(total if never is None else never)).unsqueeze(1)

    return Reduction("latency" if never is None else f"latency({never:g})", fold, finish)


FIXED: dict[str, Reduction] = {r.name: r for r in (count, mean, last, flatten, steps)}
"""Reductions without parameters, by name."""

MADE: dict[str, tuple[Callable[..., Reduction], tuple[type, ...], int]] = {
    "rate": (rate, (float,), 0),
    "window": (window, (int, int), 2),
    "trace": (trace, (float,), 1),
    "latency": (latency, (float,), 0),
}
"""Reductions with parameters: the function that makes one, the types of its arguments, and how many of them are needed."""

NAMES = (*FIXED, "rate(ms)", "window(start,stop)", "trace(tau)", "latency")
"""What `named` takes, for a reader."""


def named(text: str) -> Reduction:
    """The reduction of that name, with its parameters: "count", "window(10,20)", "trace(5)", "rate(0.5)", "latency".

    Raises ValueError, with the nearest names, for an unknown one, and for parameters that are none.
    """
    found = re.fullmatch(r"\s*(\w+)\s*(?:\((.*)\))?\s*", text)
    word, inside = (found[1], found[2]) if found else (text, None)
    if word in FIXED:
        if inside is not None and inside.strip():
            raise ValueError(f"the reduction {word} has no parameters; got {text!r}.")
        return FIXED[word]
    if word not in MADE:
        raise unknown("reduction", text, NAMES)
    make, kinds, needed = MADE[word]
    given = [part.strip() for part in inside.split(",")] if inside and inside.strip() else []
    try:
        if not needed <= len(given) <= len(kinds):
            raise ValueError
        values = [kind(part) for kind, part in zip(kinds, given, strict=False)]
    except ValueError:
        example = next(n for n in NAMES if n.startswith(word))
        raise ValueError(f"the reduction {text!r} is not to be read; write {example} with numbers.") from None
    return make(*values)
