"""The divergences as losses: the exact value, with the exact (sub)gradient through the distances that the ends of the bars are."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor, nn

from rtd.barcode import Barcode
from rtd.engine import cone_barcode, cross_barcodes
from rtd.inputs import as_clouds, as_matrices, as_positive, device_of
from rtd.lite import lite_cone_barcode
from rtd.metrics import Convention, distances, normalise, whole_matrix

Matrix = Float64[np.ndarray, "n n"]
Side = Callable[[Matrix, Matrix], Bool[np.ndarray, "n n"]]
Edges = Int64[Tensor, "edge 2"]
Lengths = Callable[[Edges], Float64[Tensor, " edge"]]


def _first(w: Matrix, _: Matrix) -> Bool[np.ndarray, "n n"]:
    return np.ones_like(w, dtype=bool)


def _second(w: Matrix, _: Matrix) -> Bool[np.ndarray, "n n"]:
    return np.zeros_like(w, dtype=bool)


def _least(w: Matrix, v: Matrix) -> Bool[np.ndarray, "n n"]:
    return w <= v


def _largest(w: Matrix, v: Matrix) -> Bool[np.ndarray, "n n"]:
    return w > v


@dataclass(frozen=True)
class Member:
    """One member of the family: the mean, over its cones, of the sum of the lengths of the bars.

    A cone is (small, big) with small <= big, each side told by where its entries come from: True for `w`, False for `v`.
    `barcode(small, big)` makes the barcode of one cone; the engine's sweeps run on the `device` that `barcodes` is given, if any.
    """

    cones: tuple[tuple[Side, Side], ...]
    barcode: Callable[[Matrix, Matrix], Barcode]

    def barcodes(self, w: Matrix, v: Matrix, device: torch.device | None = None) -> tuple[Barcode, ...]:
        if self == RTD:
            # one sweep of the engine serves both directions
            return cross_barcodes(w, v, device=device)
        of = partial(cone_barcode, device=device) if self.barcode is cone_barcode else self.barcode
        return tuple(of(np.where(small(w, v), w, v), np.where(big(w, v), w, v)) for small, big in self.cones)


_MIN = ((_least, _first), (_least, _second))
_MAX = ((_first, _largest), (_second, _largest))
_BOTH = ((_least, _largest),)
RTD, MAX_RTD, SRTD = (Member(cones, cone_barcode) for cones in (_MIN, _MAX, _BOTH))
RTD_LITE, MAX_RTD_LITE, SRTD_LITE = (Member(cones, lite_cone_barcode) for cones in (_MIN, _MAX, _BOTH))


def rtd_loss(
    x: Any,
    y: Any,
    *,
    member: Member = RTD,
    longest: int | None = None,
    quantile: float | None = 0.9,
    convention: Convention = whole_matrix,
    scale_gradient: bool = True,
) -> Float64[Tensor, ""]:
    """The divergence of two clouds of the same samples, [n, p] and [n, q], as a differentiable float64 scalar on the device of `x`.

    The value is that of `rtd.rtd` on the same samples (all of them: give it a batch), Euclidean distances; `member` chooses another
    of the family: `rtd.loss.MAX_RTD`, `SRTD`, `RTD_LITE`, `MAX_RTD_LITE` or `SRTD_LITE`.
    Every end of a bar is one entry of one distance matrix, so the gradient is that of these few entries (Trofimov et al. 2023, "Learning
    topology-preserving data representations", sec. 4.2); it is exact wherever distances differ, one of the subgradients at ties, 0 at
    a distance of 0, and can itself be differentiated to any order. `longest`: only the k longest bars of each barcode. `quantile`
    and `convention` as in `rtd.normalise`; None takes distances as they are. `scale_gradient=False` holds the two scales constant, as
    the authors do: then the loss also pulls a whole cloud together or apart, although the divergence does not depend on its size.

    Raises ValueError for clouds that are not [n, p], not finite or of different samples, and DegenerateError (a ValueError) for a
    collapsed cloud.
    """
    a, b = as_clouds(x, y)
    matrices, lengths = [], []
    for cloud in (a, b):
        d = torch.as_tensor(distances(cloud.detach()))
        measured = _between(cloud)
        if quantile is not None:
            scale = _scale(d, quantile, convention, measured if scale_gradient else None)
            d, measured = torch.as_tensor(normalise(d, quantile, convention)), _divided(measured, scale)
        matrices.append(d.cpu().numpy())
        lengths.append(measured)
    return _loss(matrices[0], matrices[1], lengths[0], lengths[1], member, longest, a.device, device_of(x, y))


def distance_loss(w: Any, v: Any, *, member: Member = RTD, longest: int | None = None) -> Float64[Tensor, ""]:
    """The same for two matrices of distances on the same points, as they are, with their gradient; float64, on the device of `w`.

    For any dissimilarity: `distance_loss(rtd.normalise(rtd.distances(x, "cosine")), w_fixed)`. Raises ValueError for what is no
    matrix of distances (see `rtd.cross_barcode`).
    """
    small_w, small_v = as_matrices(w, v)
    first, second = (d if isinstance(d, Tensor) else torch.as_tensor(np.asarray(d)) for d in (w, v))
    return _loss(small_w, small_v, _entries(first), _entries(second), member, longest, first.device, device_of(w, v))


class RTDLoss(nn.Module):
    """`rtd_loss` with its options held, for use like any other loss of torch: `RTDLoss()(x, z)`."""

    def __init__(
        self,
        *,
        member: Member = RTD,
        longest: int | None = None,
        quantile: float | None = 0.9,
        convention: Convention = whole_matrix,
        scale_gradient: bool = True,
    ) -> None:
        super().__init__()
        self.member = member
        self.longest = None if longest is None else as_positive(longest, "longest")
        self.quantile = quantile
        self.convention = convention
        self.scale_gradient = scale_gradient

    def forward(self, x: Float[Tensor, "n p"], y: Float[Tensor, "n q"]) -> Float64[Tensor, ""]:
        return rtd_loss(
            x,
            y,
            member=self.member,
            longest=self.longest,
            quantile=self.quantile,
            convention=self.convention,
            scale_gradient=self.scale_gradient,
        )


def _loss(
    w: Matrix,
    v: Matrix,
    w_lengths: Lengths,
    v_lengths: Lengths,
    member: Member,
    longest: int | None,
    device: torch.device,
    sweep_on: torch.device | None,
) -> Float64[Tensor, ""]:
    if not isinstance(member, Member):
        raise ValueError(f"`member` is rtd.loss.RTD, MAX_RTD, SRTD, RTD_LITE, MAX_RTD_LITE or SRTD_LITE; got {member!r}.")
    kept = None if longest is None else as_positive(longest, "longest")
    barcodes = member.barcodes(w, v, sweep_on)
    value = 0.0
    through = torch.zeros((), dtype=torch.float64, device=device)
    for (small, big), barcode in zip(member.cones, barcodes, strict=True):
        below, above = small(w, v), big(w, v)
        births, deaths, bars = barcode.births[:kept], barcode.deaths[:kept], barcode.bars[:kept]
        # A death is an entry of the small matrix (a triangle closes) or of the big one (a cap): the value tells which.
        closed = np.where(below, w, v)[tuple(deaths.T)] == bars[:, 1]
        from_w = np.concatenate([below[tuple(births.T)], np.where(closed, below[tuple(deaths.T)], above[tuple(deaths.T)])])
        sign = np.repeat([-1.0, 1.0], len(bars))
        edges = np.concatenate([births, deaths])
        for lengths, chosen in ((w_lengths, from_w), (v_lengths, ~from_w)):
            ends = lengths(torch.from_numpy(edges[chosen]))
            through = through + (ends * torch.from_numpy(sign[chosen]).to(ends.device)).sum().to(device)
        value += float((bars[:, 1] - bars[:, 0]).sum())
    # The engine's value to the last digit, with the gradient of the sum over the edges.
    through, value = through / len(barcodes), value / len(barcodes)
    return through + (value - through.detach())


def _between(cloud: Float64[Tensor, "n p"]) -> Lengths:
    def lengths(edges: Edges) -> Float64[Tensor, " edge"]:
        edges = edges.to(cloud.device)
        squared = (cloud[edges[:, 0]] - cloud[edges[:, 1]]).square().sum(1)
        apart = squared > 0
        # The root has no slope at 0: both branches must be finite for the gradient and for the gradient's gradient.
        return torch.where(apart, torch.where(apart, squared, 1.0).sqrt(), 0.0)

    return lengths


def _entries(d: Tensor) -> Lengths:
    def lengths(edges: Edges) -> Float64[Tensor, " edge"]:
        edges = edges.to(d.device)
        return d[edges[:, 0], edges[:, 1]].double()

    return lengths


def _divided(lengths: Lengths, scale: Float64[Tensor, ""]) -> Lengths:
    return lambda edges: lengths(edges) / scale


def _scale(d: Float64[Tensor, "n n"], quantile: float, convention: Convention, lengths: Lengths | None) -> Float64[Tensor, ""]:
    """The scale of a cloud; differentiable through the few distances that it is a mean of where their `lengths` are given."""
    if lengths is None:
        return convention(d, quantile)
    leaf = d.detach().requires_grad_()
    with torch.enable_grad():
        (share,) = torch.autograd.grad(convention(leaf, quantile), leaf)
    edges = share.nonzero()
    return (share[edges[:, 0], edges[:, 1]] * lengths(edges)).sum()
