"""The recurrent layer over a block of time as one operation, with the gradient written out by hand; `network.step` is its definition."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from rsnn.events import Events, add_rows, collect, spikes_in
from rsnn.kernels import Neurons, gather_constants, pool, simulate, step_back
from rsnn.neurons import LIFConstants, LIFState, Reset
from rsnn.surrogate import FastSigmoid, Surrogate, gradient

WORTH_REORDERING = 2**20  # products of two numbers
BLOCK = 2**17  # numbers computed at once: they stay in the cache


class Block(NamedTuple):
    """What a block of time was like, [time, sample, unit]: spikes, voltage after reset and current (threshold units)."""

    spikes: UInt8[Tensor, "time sample unit"]
    voltage: Float[Tensor, "time sample unit"]
    current: Float[Tensor, "time sample unit"]


def arrays(k: LIFConstants) -> Neurons:
    """The constants of a step as the kernels want them."""
    values = {name: np.ascontiguousarray(v.numpy(force=True)) for name, v in k._asdict().items() if name != "reset"}
    return Neurons(**values, reset_to_zero=k.reset is Reset.ZERO)


def run_block(
    drive: Float[Tensor, "time sample unit"],
    recurrent: Float[Tensor, "unit unit"],
    k: LIFConstants,
    neurons: LIFState,
    spikes: Float[Tensor, "sample unit"],
) -> tuple[Block, LIFState, Float[Tensor, "sample unit"]]:
    """A block of time from a state (neurons and their last spikes) on, without gradient, and the state at its end."""
    state = torch.stack([*neurons, spikes]).numpy(force=True)
    raster, awake = np.empty(drive.shape, np.uint8), np.empty(drive.shape, np.uint8)
    distance, unused = np.empty(drive.shape, np.float32), np.empty((0, *drive.shape[1:]))
    voltage, current = np.empty(drive.shape), np.empty(drive.shape)
    weights = np.ascontiguousarray(recurrent.numpy(force=True))
    simulate(np.ascontiguousarray(drive.numpy(force=True)), weights, arrays(k), state, raster, awake, distance, voltage, current, unused)
    block = Block(*(torch.from_numpy(v) for v in (raster, voltage, current)))
    *neurons_now, last = torch.from_numpy(state)
    return block, LIFState(*neurons_now), last


class Setting(NamedTuple):
    """What a layer runs by beside its weights: the constants of its neurons, the surrogate, whether the gradient is `local`, how many
    samples there are, and the events of their input, where it is given as events."""

    neurons: LIFConstants
    surrogate: Surrogate
    local: bool
    samples: int
    events: Events | None


class Spikes(torch.autograd.Function):
    """Spikes [time, sample, unit] of the layer from rest, differentiable in what is `given`, the recurrent weights [from, to] and the
    constants of the neurons that are real numbers (`learnable`).

    Given is the drive [time, sample, unit], float64, or, where the setting has events, the input weights [from, to].
    The same gradient as automatic differentiation of `network.step` has: through membrane, synapse, reset, adaptation and, unless
    `local`, the other neurons. What the gradient of the constants needs is kept only where it is wanted.
    """

    @staticmethod
    def forward(
        ctx: Any,
        setting: Setting,
        given: Tensor,
        recurrent: Tensor,
        *constants: Tensor,  # noqa: ARG004  the same as in the setting, where automatic differentiation would not see them
    ) -> Tensor:
        return torch.from_numpy(_forth(ctx, setting, given, recurrent, learns=any(ctx.needs_input_grad[3:]))).double()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return None, *_back(ctx, grad.contiguous(), np.ones(len(grad)))


class PooledSpikes(torch.autograd.Function):
    """`Spikes` summed over time [sample, unit], each with the `share` [time] of its step, and, without gradient, their number [unit].

    The spikes and their gradient are never there as real numbers, which would be most of the memory of training.
    """

    @staticmethod
    def forward(
        ctx: Any,
        share: Tensor,
        setting: Setting,
        given: Tensor,
        recurrent: Tensor,
        *constants: Tensor,  # noqa: ARG004  as in `Spikes`
    ) -> tuple[Tensor, Tensor]:
        raster = _forth(ctx, setting, given, recurrent, learns=any(ctx.needs_input_grad[4:]))
        ctx.share = share.numpy(force=True)
        pooled, often = torch.zeros(raster.shape[1:], dtype=torch.float64), torch.zeros(raster.shape[2], dtype=torch.float64)
        pool(raster, ctx.share, pooled.numpy(), often.numpy())
        ctx.mark_non_differentiable(often)
        return pooled, often

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        return None, None, *_back(ctx, grad.contiguous().expand(len(ctx.share), *grad.shape), ctx.share)


def _forth(ctx: Any, setting: Setting, given: Tensor, recurrent: Tensor, *, learns: bool) -> UInt8[np.ndarray, "time sample unit"]:
    """The spikes, and in `ctx` what `_back` needs."""
    neurons, events, samples = arrays(setting.neurons), setting.events, setting.samples
    shape = given.shape if events is None else torch.Size(((len(events.start) - 1) // samples, samples, given.shape[1]))
    raster, awake, distance = np.empty(shape, np.uint8), np.empty(shape, np.uint8), np.empty(shape, np.float32)
    none = (0, *shape[1:])
    voltage, current = (np.empty(shape if learns else none) for _ in range(2))
    adapted = np.empty(shape if learns or neurons.beta.any() else none)
    weights, drive = (np.ascontiguousarray(w.numpy(force=True)) for w in (recurrent, given))
    state = np.zeros((5, *shape[1:]))
    few = max(1, BLOCK // state[0].size)
    room = np.empty((0, *shape[1:]) if events is None else (few, *shape[1:]))
    for first in range(0, len(raster), few):
        part = slice(first, min(first + few, len(raster)))
        written = (v[part] for v in (raster, awake, distance, voltage, current, adapted))
        simulate(drive_of(part, drive, events, room), weights, neurons, state, *written)
    ctx.setting, ctx.neurons, ctx.inputs, ctx.learns = setting, neurons, len(given), learns
    kept = (raster, awake, distance, adapted, voltage, current)
    ctx.save_for_backward(recurrent, *(torch.from_numpy(v) for v in kept))
    return raster


def _back(ctx: Any, grad: Float[Tensor, "time sample unit"], share: Float[np.ndarray, " time"]) -> list[Tensor | None]:
    """From the gradient of the spikes, of which so large a `share` counts at each step, that of what was given, of the recurrent weights
    and of the constants."""
    setting, surrogate = ctx.setting, ctx.setting.surrogate
    recurrent, raster, awake, distance, adapted, voltage, current = ctx.saved_tensors
    steps, samples, units = grad.shape
    # float32 where nothing has to be exact to the last bit: half of the time and memory
    grad_current = torch.empty(grad.shape, dtype=torch.float32)
    through = None if setting.local else product_with(recurrent.float().contiguous(), samples)
    grad_constants = np.zeros((len(learnable(ctx.neurons)), units))
    state, start, others = np.zeros((5, samples, units)), np.zeros((samples, units)), torch.zeros(samples, units, dtype=torch.float32)
    given, fired, up, above, given_back = (v.numpy() for v in (grad, raster, awake, distance, grad_current))
    risen, volts, currents = (v.numpy() for v in (adapted, voltage, current))
    fast = surrogate.slope if isinstance(surrogate, FastSigmoid) else 0.0
    slopes = np.zeros((1, 0, units), np.float32)
    few = max(1, BLOCK // state[0].size)
    for t in range(steps - 1, -1, -1):
        if not fast and (t == steps - 1 or t % few == few - 1):
            slopes = gradient(surrogate, distance[t - t % few : t + 1]).contiguous().numpy()
        if through is not None and t + 1 < steps:
            others = through(grad_current[t + 1])
        slope, height = slopes[0 if fast else t % few], risen[t] if len(risen) else risen.reshape(0, units)
        was = state[2].copy() if ctx.learns else start
        step_back(given[t], share[t], slope, fast, fired[t], up[t], above[t], height, others.numpy(), ctx.neurons, state, given_back[t])
        if ctx.learns:
            before = (currents[t - 1], volts[t - 1]) if t else (start, start)
            gather_constants(state, was, up[t], height, currents[t], *before, ctx.neurons, grad_constants)
    rows = given_back.reshape(-1, units)
    of_recurrent, of_given = torch.zeros(recurrent.shape, dtype=torch.float64), grad_current
    # a spike arrives one step later
    collect(*spikes_in(fired[:-1].reshape(-1, units)), rows[samples:], of_recurrent.numpy())
    if setting.events is not None:
        of_given = of_recurrent.new_zeros(ctx.inputs, units)
        collect(*setting.events, rows, of_given.numpy())
    return [of_given, of_recurrent, *(torch.from_numpy(grad_constants) if ctx.learns else [None] * len(grad_constants))]


def product_with(weight: Float[Tensor, "output input"], rows: int) -> Callable[[Float[Tensor, "row input"]], Float[Tensor, "row output"]]:
    """What multiplies so many rows by the transposed of a weight, again and again.

    By oneDNN, which puts the weight in its own order once, where that is worth it: MKL, which torch.mm calls, leaves half of what a
    processor of AMD can do undone. The two operations are torch's own, for what it compiles; without them it is torch.mm.
    """
    ops = torch.ops.mkldnn
    known = (
        torch.backends.mkldnn.is_available()
        and torch.backends.mkldnn.enabled
        and all(hasattr(ops, name) for name in ("_reorder_linear_weight", "_linear_pointwise"))
    )
    if known and rows * weight.numel() >= WORTH_REORDERING:
        reordered = ops._reorder_linear_weight(weight, rows)
        return lambda x: ops._linear_pointwise(x, reordered, None, "none", [], "")
    turned, room = weight.t().contiguous(), weight.new_empty(rows, len(weight))
    return lambda x: torch.mm(x, turned, out=room)


def drive_of(
    part: slice, given: Float[np.ndarray, "*given unit"], events: Events | None, room: Float[np.ndarray, "most sample unit"]
) -> Float[np.ndarray, "time sample unit"]:
    """Some time steps of the drive that is `given`, or that `events` make, in that `room`, of the weights given."""
    if events is None:
        return given[part]
    out, samples = room[: part.stop - part.start], room.shape[1]
    out[:] = 0.0
    start = events.start[part.start * samples : part.stop * samples + 1]
    add_rows(start, events.which, events.value, given, out.reshape(-1, room.shape[2]))
    return out


def learnable(k: LIFConstants | Neurons) -> tuple[Any, ...]:
    """The constants of a step that have a gradient, in the order of `gather_constants`."""
    return k.decay_mem, k.decay_syn, k.gain, k.threshold, k.decay_adaptation, k.beta
