"""Reductions of a stream of states to what is kept of it: one value per sample and unit, or several over time."""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp

import torch
from torch import Tensor


@dataclass(frozen=True)
class Reduction:
    """A fold over time. `name` is what tables say; `fold(kept, state, step)` takes one more state in; `finish(kept, steps)` closes.

    States are [sample, ...]; `finish` gives [sample, time, ...]. A reduction over all of time gives time = 1.
    """

    name: str
    fold: Callable[[Tensor | None, Tensor, int], Tensor | None]
    finish: Callable[[Tensor, int], Tensor]
    keeps_time: bool = False


def _sum(kept: Tensor | None, state: Tensor, _step: int) -> Tensor:
    return state.clone() if kept is None else kept.add_(state)


def _append(kept: Tensor | None, state: Tensor, _step: int) -> Tensor:
    # amortised by the caller's few steps; a list would make the fold's type two-faced
    return state.unsqueeze(1).clone() if kept is None else torch.cat([kept, state.unsqueeze(1)], dim=1)


count = Reduction("count", _sum, lambda kept, _: kept.unsqueeze(1))
"""Sum over the steps: for spikes, the spike count."""

mean = Reduction("mean", _sum, lambda kept, steps: (kept / steps).unsqueeze(1))
"""Mean over the steps: for spikes, the rate per step."""

last = Reduction("last", lambda _kept, state, _step: state.clone(), lambda kept, _: kept.unsqueeze(1))
"""The state after the last step."""

flatten = Reduction("flatten", _append, lambda kept, _: kept.flatten(1).unsqueeze(1))
"""All steps side by side as features: for spikes, the raster, [sample, 1, time * unit]."""

steps = Reduction("steps", _append, lambda kept, _: kept, keeps_time=True)
"""Every step as a point in time of its own."""


def window(start: int, stop: int) -> Reduction:
    """Mean over the steps start, ..., stop - 1 (numbered from 0)."""
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
    """Exponential trace at the end, s <- s exp(-1/tau) + state; `tau` in steps."""
    if not tau > 0:
        raise ValueError(f"the time constant of a trace must be positive; got {tau}.")
    decay = exp(-1.0 / tau)

    def fold(kept: Tensor | None, state: Tensor, _step: int) -> Tensor:
        return state.clone() if kept is None else kept.mul_(decay).add_(state)

    return Reduction(f"trace({tau:g})", fold, lambda kept, _: kept.unsqueeze(1))
