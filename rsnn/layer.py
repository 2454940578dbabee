"""The recurrent layer over a block of time as one operation, with the gradient written out by hand; `network.step` is its definition."""

from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from rsnn.kernels import Neurons, gather_constants, simulate, step_back
from rsnn.neurons import LIFConstants, LIFState, Reset
from rsnn.surrogate import Surrogate

SLOPE_BLOCK = 2**19  # slopes computed at once: they stay in the cache


class Block(NamedTuple):
    """What a block of time was like, [time, sample, unit]: spikes, voltage after reset and current (threshold units)."""

    spikes: UInt8[Tensor, "time sample unit"]
    voltage: Float[Tensor, "time sample unit"]
    current: Float[Tensor, "time sample unit"]


def arrays(k: LIFConstants) -> Neurons:
    """The constants of a step as the kernels want them."""
    values = {name: v.numpy(force=True) for name, v in k._asdict().items() if name != "reset"}
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
    simulate(drive.numpy(force=True), weights, arrays(k), state, raster, awake, distance, voltage, current, unused)
    block = Block(*(torch.from_numpy(v) for v in (raster, voltage, current)))
    *neurons_now, last = torch.from_numpy(state)
    return block, LIFState(*neurons_now), last


class Spikes(torch.autograd.Function):
    """Spikes [time, sample, unit] of the layer from rest, differentiable in the drive, the recurrent weights [from, to] and the constants
    of the neurons that are real numbers (`learnable`).

    The same gradient as automatic differentiation of `network.step` has: through membrane, synapse, reset, adaptation and, unless
    `local`, the other neurons. What the gradient of the constants needs is kept only where it is wanted.
    """

    @staticmethod
    def forward(
        ctx: Any,
        drive: Tensor,
        recurrent: Tensor,
        k: LIFConstants,
        surrogate: Surrogate,
        local: bool,
        *constants: Tensor,  # noqa: ARG004  the same as in k, where automatic differentiation would not see them
    ) -> Tensor:
        neurons = arrays(k)
        learns = any(ctx.needs_input_grad[5:])
        raster, awake = np.empty(drive.shape, np.uint8), np.empty(drive.shape, np.uint8)
        distance = np.empty(drive.shape, np.float32)
        none = (0, *drive.shape[1:])
        voltage, current = (np.empty(drive.shape if learns else none) for _ in range(2))
        adapted = np.empty(drive.shape if learns or neurons.beta.any() else none)
        weights = np.ascontiguousarray(recurrent.numpy(force=True))
        state = np.zeros((5, *drive.shape[1:]))
        simulate(drive.numpy(force=True), weights, neurons, state, raster, awake, distance, voltage, current, adapted)
        ctx.neurons, ctx.surrogate, ctx.local, ctx.learns = neurons, surrogate, local, learns
        kept = (raster, awake, distance, adapted, voltage, current)
        ctx.save_for_backward(recurrent, *(torch.from_numpy(v) for v in kept))
        return torch.from_numpy(raster).double()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        recurrent, raster, awake, distance, adapted, voltage, current = ctx.saved_tensors
        grad_current, grad_recurrent = np.empty(grad.shape), np.zeros(recurrent.shape)
        grad_constants = np.zeros((len(learnable(ctx.neurons)), grad.shape[2]))
        state, rounded = np.zeros((5, *grad.shape[1:])), torch.zeros(grad.shape[1:], dtype=torch.float32)
        given, fired, up, above = (v.numpy() for v in (grad.contiguous(), raster, awake, distance))
        risen, volts, currents = (v.numpy() for v in (adapted, voltage, current))
        start = np.zeros(grad.shape[1:])
        # float32 here, where nothing has to be exact to the last bit: twice as fast
        back = recurrent.t().float().contiguous()
        others = torch.zeros_like(rounded)
        few = max(1, SLOPE_BLOCK // state[0].size)
        for last in range(len(grad), 0, -few):
            first = max(0, last - few)
            slopes = slope_of(ctx.surrogate, distance[first:last]).numpy()
            for t in range(last - 1, first - 1, -1):
                if not ctx.local:
                    others = rounded @ back
                slope, height = slopes[t - first], risen[t] if len(risen) else risen.reshape(0, grad.shape[2])
                was = state[2].copy() if ctx.learns else start
                step_back(
                    given[t],
                    slope,
                    fired[t],
                    up[t],
                    above[t],
                    height,
                    others.numpy(),
                    ctx.neurons,
                    state,
                    rounded.numpy(),
                    grad_current[t],
                    grad_recurrent,
                )
                if ctx.learns:
                    before = (currents[t - 1], volts[t - 1]) if t else (start, start)
                    gather_constants(state, was, up[t], height, currents[t], *before, ctx.neurons, grad_constants)
        of_constants = torch.from_numpy(grad_constants) if ctx.learns else [None] * len(grad_constants)
        return torch.from_numpy(grad_current), torch.from_numpy(grad_recurrent), None, None, None, *of_constants


def learnable(k: LIFConstants | Neurons) -> tuple[Any, ...]:
    """The constants of a step that have a gradient, in the order of `gather_constants`."""
    return k.decay_mem, k.decay_syn, k.gain, k.threshold, k.decay_adaptation, k.beta


def slope_of(surrogate: Surrogate, distance: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The gradient that a spike passes on, at each distance of the voltage from the threshold."""
    with torch.enable_grad():
        apart = distance.clone().requires_grad_()
        return torch.autograd.grad(surrogate(apart).sum(), apart)[0]
