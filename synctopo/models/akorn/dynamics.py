"""Kuramoto oscillators on the sphere: a step, its energy, and how much they agree.

The equations are those of Miyato, Loewe, Geiger and Welling (2025, arXiv 2410.13821). Oscillators are unit vectors along dimension 2 of
a tensor [sample, oscillator, n, *place]; n = 2 is the classical model, where the angle is the phase.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from synctopo.models.akorn import kernels

Oscillators = Float[Tensor, "sample oscillator n *place"]
Tokens = Float[Tensor, "sample place channel"]
COMPONENT = 2
"""The dimension along which an oscillator is a vector."""


def normalised(x: Oscillators) -> Oscillators:
    """Pi of eq. (5): every oscillator divided by its length.

    A vector of length 0, as near as numbers of its type can square it, has no direction; it becomes the first axis.
    """
    if x.dtype not in (torch.float32, torch.float64):
        # a square in half precision overflows
        return normalised(x.float()).to(x.dtype)
    square = summed(x.detach().square())
    # what is no number passes: a training that diverges must show it
    whole = ~(square <= torch.finfo(x.dtype).tiny)
    if bool(whole.all()):
        # a step of size 1 from nowhere: in one pass over memory there and one back
        moved: Tensor = _Update.apply(torch.zeros_like(x), x, x.new_ones(()))
        return moved
    norm = x.norm(dim=COMPONENT, keepdim=True)
    axis = torch.zeros_like(x)
    axis.select(COMPONENT, 0).fill_(1)
    return torch.where(whole, x / torch.where(whole, norm, 1), axis)


def random_oscillators(*shape: int, like: Tensor, generator: torch.Generator | None = None) -> Oscillators:
    """Oscillators of this shape, uniform on the sphere, of the type and on the device of `like`."""
    return normalised(torch.randn(shape, generator=generator, dtype=like.dtype).to(like.device))


def projected(x: Oscillators, drive: Oscillators) -> Oscillators:
    """Proj_x(drive) of eq. (2): the part of `drive` that is tangent to the sphere at x."""
    return drive - (x * drive).sum(COMPONENT, keepdim=True) * x


def rotated(x: Oscillators, omega: Float[Tensor, "*oscillator n n"]) -> Oscillators:
    """Omega x: the velocity of a natural rotation, [n, n] for all oscillators or [oscillator, n, n] for each."""
    if omega.ndim == 2:
        return torch.einsum("nm,som...->son...", omega, x)
    return torch.einsum("onm,som...->son...", omega, x)


def rotation(omega: Float[Tensor, "oscillator n n"]) -> Callable[[Tokens, Tokens], Tokens]:
    """What gives drive + Omega x of a drive and states x, for antisymmetric Omega, channel = oscillator * n + component.

    Compiled for n = 4 on a processor, from the entries below the diagonal alone. Raises ValueError for tensors of other channels.
    """
    oscillators, n, _ = omega.shape
    rows, columns = torch.triu_indices(n, n, 1)
    # gathered once for all steps
    speeds = omega[:, columns, rows].T.contiguous() if n == 4 else None

    def with_rotation(drive: Tokens, x: Float[Tensor, "s p c"]) -> Tokens:
        if drive.shape != x.shape or x.ndim != 3 or x.shape[2] != oscillators * n:
            raise ValueError(
                f"{oscillators} oscillators of {n} components turn tensors [sample, place, {oscillators * n}]; "
                f"got {list(x.shape)}, driven by {list(drive.shape)}."
            )
        if speeds is not None and all(_order(t) == (0, 1, 2) for t in (drive, x)) and drive.dtype == x.dtype == speeds.dtype:
            moved: Tensor = _Turn.apply(drive, x, speeds)
            return moved
        return _turned(drive, x, omega)

    return with_rotation


def _turned(drive: Tokens, x: Tokens, omega: Float[Tensor, "oscillator n n"]) -> Tokens:
    return drive + torch.einsum("onm,spom->spon", omega, x.unflatten(2, omega.shape[:2])).flatten(2)


class _Turn(torch.autograd.Function):
    """drive + Omega x by the speeds [plane, oscillator] of n = 4."""

    @staticmethod
    def forward(ctx: Any, drive: Tensor, x: Tensor, speeds: Tensor) -> Tensor:
        total = torch.empty_like(drive)
        kernels.turn(_of_four(x), speeds.detach().numpy(), _of_four(drive), _of_four(total))
        ctx.save_for_backward(x, speeds)
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, speeds = ctx.saved_tensors
        if torch.is_grad_enabled():
            turned = _by_definition(
                ctx.needs_input_grad[1:], lambda x, s: _turned(torch.zeros_like(x), x, antisymmetric(s.T, 4)), (x, speeds), grad
            )
            return grad, *turned
        grad, of_x, of_speeds = grad.contiguous(), torch.empty_like(x), torch.zeros_like(speeds)
        kernels.turn_back(_of_four(x), speeds.numpy(), _of_four(grad), _of_four(of_x), of_speeds.numpy())
        return grad, of_x, of_speeds


def _by_definition(
    needed: tuple[bool, ...], definition: Callable[..., Tensor], given: tuple[Tensor, ...], grad: Tensor
) -> tuple[Tensor | None, ...]:
    """The gradient by torch, which has a gradient itself: what a kernel gives is a constant to second derivatives."""
    # views, so that none of them is reached through another
    apart = [t.view_as(t) for t in given]
    wanted = [t for t, asked in zip(apart, needed, strict=True) if asked]
    found = iter(torch.autograd.grad(definition(*apart), wanted, grad, create_graph=True) if wanted else ())
    return tuple(next(found) if asked else None for asked in needed)


def _of_four(x: Tensor) -> np.ndarray:
    found: np.ndarray = x.detach().numpy().reshape(-1, x.shape[-1] // 4, 4)
    return found


def antisymmetric(speeds: Float[Tensor, "*oscillator pair"], n: int) -> Float[Tensor, "*oscillator n n"]:
    """Omega with these speeds, in radians per unit of time, in the planes (0, 1), (0, 2), ...; positive turns first to second.

    Raises ValueError for other than n (n - 1) / 2 speeds.
    """
    rows, columns = torch.triu_indices(n, n, 1)
    if speeds.shape[-1] != len(rows):
        raise ValueError(f"a rotation in {n} dimensions has {len(rows)} planes; got {speeds.shape[-1]} speeds.")
    omega = speeds.new_zeros(*speeds.shape[:-1], n, n)
    omega[..., columns, rows] = speeds
    return omega - omega.transpose(-1, -2)


def kuramoto_step(
    x: Oscillators,
    drive: Float[Tensor, "*shape"],
    gamma: float | Float[Tensor, ""] = 1.0,
    omega: Float[Tensor, "*oscillator n n"] | None = None,
) -> Oscillators:
    """One step of eqs. (4) and (5): x <- Pi(x + gamma (Omega x + Proj_x(drive))), where `drive` is c + J x.

    x      unit vectors
    gamma  the size of the step
    omega  antisymmetric natural frequencies, as `rotated` takes them; None: no rotation

    Raises ValueError for shapes that do not agree, and for oscillators of fewer than two dimensions.
    """
    if x.ndim < 3 or x.shape[COMPONENT] < 2:
        raise ValueError(f"oscillators are [sample, oscillator, n, *place] with n of at least 2; got {list(x.shape)}.")
    if x.shape != drive.shape:
        raise ValueError(f"every oscillator has a drive of its own shape; got {list(x.shape)} and {list(drive.shape)}.")
    # <x, Omega x> is 0, so that the rotation is a drive, and no projection of it is needed
    total = drive if omega is None else drive + rotated(x, omega)
    size = gamma if isinstance(gamma, Tensor) else x.new_tensor(gamma)
    moved: Tensor = _Update.apply(x, total, size)
    return moved


def summed(x: Oscillators) -> Float[Tensor, "sample oscillator 1 *place"]:
    """The sum over components; of few, by adding one after the other, several times as fast as a reduction wherever they lie in memory."""
    if not 2 <= x.shape[COMPONENT] <= 8:
        return x.sum(COMPONENT, keepdim=True)
    parts = x.split(1, COMPONENT)
    total = parts[0] + parts[1]
    for part in parts[2:]:
        total += part
    return total


def _moved(x: Oscillators, y: Oscillators, gamma: Tensor) -> Oscillators:
    z = x + gamma * projected(x, y)
    return z / summed(z.square()).sqrt()


class _Update(torch.autograd.Function):
    """Pi(x + gamma Proj_x(y)) = z / |z| with z = (1 - gamma <x, y>) x + gamma y, and its way back, in few passes over memory."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, gamma: Tensor) -> Tensor:
        order = _order(x) if _order(y) is not None else None
        if order is None:
            along = summed(x * y)
            out = x * torch.addcmul(along.new_ones(()), gamma, along, value=-1)
            out.addcmul_(y, gamma)
            inverse = summed(out.square()).rsqrt_()
            out.mul_(inverse)
        else:
            out = torch.empty_like(x)
            shape = _blocks(x, order)
            of_x, of_out = (_array(t, order, shape) for t in (x, out))
            along, inverse = (x.new_empty(shape[0], shape[2]) for _ in range(2))
            size = of_x.dtype.type(gamma.item())
            kernels.step(of_x, _array(y, order, shape), size, of_out, along.numpy(), inverse.numpy())
        ctx.order = order
        ctx.save_for_backward(x, y, gamma, along, inverse, out)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y, gamma, along, inverse, out = ctx.saved_tensors
        if torch.is_grad_enabled():
            return _by_definition(ctx.needs_input_grad, _moved, (x, y, gamma), grad)
        order = ctx.order
        if order is not None:
            shape = _blocks(x, order)
            arrays = [_array(t, order, shape) for t in (x, y, out, grad)]
            of_x, of_y = torch.empty_like(x), torch.empty_like(x)
            into = [_array(t, order, shape) for t in (of_x, of_y)]
            size = arrays[0].dtype.type(gamma.item())
            room = np.empty((2, shape[2]), dtype=arrays[0].dtype)
            kept = (along.numpy(), inverse.numpy())
            total = kernels.step_back(arrays[0], arrays[1], size, arrays[2], *kept, arrays[3], *into, room)
            return of_x, of_y, gamma.new_tensor(total)
        # of z: the part of the gradient that is tangent at the new state, over the length of z
        g = torch.addcmul(grad, summed(grad * out), out, value=-1).mul_(inverse)
        inner = summed(g * x)
        of_gamma = torch.addcmul(g * y, g * x, along, value=-1).sum().reshape(gamma.shape)
        of_y = torch.addcmul(g, inner, x, value=-1).mul_(gamma)
        of_x = g.mul_(torch.addcmul(along.new_ones(()), gamma, along, value=-1)).addcmul_(y, inner * gamma, value=-1)
        return of_x, of_y, of_gamma


def _order(x: Tensor) -> tuple[int, ...] | None:
    """The dimensions from the slowest to the fastest in memory, where a compiled step can go through it; None where torch has to."""
    if x.device.type != "cpu" or x.dtype not in (torch.float32, torch.float64) or not x.numel():
        return None
    strides = x.stride()
    order = tuple(sorted(range(x.ndim), key=lambda k: (-strides[k], k)))
    return order if x.permute(order).is_contiguous() else None


def _blocks(x: Tensor, order: tuple[int, ...]) -> tuple[int, int, int]:
    at = order.index(COMPONENT)
    sizes = [x.shape[k] for k in order]
    return math.prod(sizes[:at]), sizes[at], math.prod(sizes[at + 1 :])


def _array(x: Tensor, order: tuple[int, ...], shape: tuple[int, int, int]) -> np.ndarray:
    found: np.ndarray = x.detach().permute(order).contiguous().numpy().reshape(shape)
    return found


def energy(x: Oscillators, coupled: Oscillators, stimulus: Oscillators | None = None) -> Float[Tensor, " sample"]:
    """E = -1/2 sum_i <x_i, (J x)_i> - sum_i <c_i, x_i>, eq. (3), where `coupled` is J x and `stimulus` c.

    It falls along the dynamics for symmetric J and no rotation. The published code prints twice the first term.
    """
    found = -0.5 * (x * coupled).flatten(1).sum(1)
    return found if stimulus is None else found - (x * stimulus).flatten(1).sum(1)


def order_parameter(x: Oscillators) -> Float[Tensor, " sample"]:
    """The length of the mean of a sample's oscillators, everywhere: 1 where all agree, near 0 where they point anywhere (Kuramoto's r)."""
    return x.movedim(COMPONENT, -1).flatten(1, -2).mean(1).norm(dim=-1)
