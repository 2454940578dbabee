"""The recurrent layer over a block of time as one operation, with the gradient written out by hand; `network.step` is its definition."""

from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from rsnn.kernels import Neurons, simulate, step_back
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
    decay_mem, decay_syn, gain, threshold, rest = (v.numpy(force=True) for v in k[:5])
    return Neurons(decay_mem, decay_syn, gain, threshold, rest, k.reset is Reset.ZERO)


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
    distance = np.empty(drive.shape, np.float32)
    voltage, current = np.empty(drive.shape), np.empty(drive.shape)
    weights = np.ascontiguousarray(recurrent.numpy(force=True))
    simulate(drive.numpy(force=True), weights, arrays(k), state, raster, awake, distance, voltage, current)
    block = Block(*(torch.from_numpy(v) for v in (raster, voltage, current)))
    now, v, resting, last = torch.from_numpy(state)
    return block, LIFState(now, v, resting), last


class Spikes(torch.autograd.Function):
    """Spikes [time, sample, unit] of the layer from rest, differentiable in the drive and the recurrent weights [from, to].

    The same gradient as automatic differentiation of `network.step` has: through membrane, synapse, reset and the other neurons.
    """

    @staticmethod
    def forward(ctx: Any, drive: Tensor, recurrent: Tensor, k: LIFConstants, surrogate: Surrogate) -> Tensor:
        neurons = arrays(k)
        raster, awake = np.empty(drive.shape, np.uint8), np.empty(drive.shape, np.uint8)
        distance = np.empty(drive.shape, np.float32)
        unused = np.empty((0, *drive.shape[1:]))
        weights = np.ascontiguousarray(recurrent.numpy(force=True))
        simulate(drive.numpy(force=True), weights, neurons, np.zeros((4, *drive.shape[1:])), raster, awake, distance, unused, unused)
        ctx.neurons, ctx.surrogate = neurons, surrogate
        ctx.save_for_backward(recurrent, *(torch.from_numpy(v) for v in (raster, awake, distance)))
        return torch.from_numpy(raster).double()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        recurrent, raster, awake, distance = ctx.saved_tensors
        grad_current, grad_recurrent = np.empty(grad.shape), np.zeros(recurrent.shape)
        state, rounded = np.zeros((2, *grad.shape[1:])), torch.zeros(grad.shape[1:], dtype=torch.float32)
        seen = [v.numpy() for v in (grad.contiguous(), raster, awake, distance)]
        # float32 here, where nothing has to be exact to the last bit: twice as fast
        back = recurrent.t().float().contiguous()
        few = max(1, SLOPE_BLOCK // state[0].size)
        for last in range(len(grad), 0, -few):
            first = max(0, last - few)
            slopes = slope_of(ctx.surrogate, distance[first:last]).numpy()
            for t in range(last - 1, first - 1, -1):
                given, fired, up, above = (v[t] for v in seen)
                others = (rounded @ back).numpy()
                slope = slopes[t - first]
                step_back(given, slope, fired, up, above, others, ctx.neurons, state, rounded.numpy(), grad_current[t], grad_recurrent)
        return torch.from_numpy(grad_current), torch.from_numpy(grad_recurrent), None, None


def slope_of(surrogate: Surrogate, distance: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The gradient that a spike passes on, at each distance of the voltage from the threshold."""
    with torch.enable_grad():
        apart = distance.clone().requires_grad_()
        return torch.autograd.grad(surrogate(apart).sum(), apart)[0]
