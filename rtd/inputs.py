"""What the public functions accept: point clouds and distance matrices as arrays, tensors on any device or lists, and nothing wrong."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor


def as_cloud(x: Any, name: str) -> Float64[Tensor, "n p"]:
    """The point cloud `x` as a float64 tensor where it lives; ValueError unless it is [n, p], real and finite."""
    found = _as_array(x, name, "a point cloud of shape [n, p]")
    # torch warns of arrays that cannot be written to, and takes none whose strides are negative
    cloud = found if isinstance(found, Tensor) else torch.from_numpy(np.array(found))
    if cloud.ndim != 2:
        fix = "flatten each sample: x.reshape(len(x), -1)" if cloud.ndim != 1 else "for n samples of one feature, give x[:, None]"
        raise ValueError(f"{name} must be a point cloud of shape [n, p], not {tuple(cloud.shape)}; {fix}.")
    finite = np.isfinite(cloud.detach().numpy()) if cloud.device.type == "cpu" else torch.isfinite(cloud)
    if not finite.all():
        row = int(torch.as_tensor(~finite).any(1).nonzero()[0, 0])
        raise ValueError(f"{name} holds NaN or infinite values, the first in row {row}; every coordinate must be finite.")
    return cloud


def as_clouds(x: Any, y: Any) -> tuple[Float64[Tensor, "n p"], Float64[Tensor, "n q"]]:
    """Two clouds of the same samples, at least two of them."""
    a, b = as_cloud(x, "x"), as_cloud(y, "y")
    _same_samples(len(a), len(b))
    return a, b


def as_matrix(d: Any, name: str) -> Float64[np.ndarray, "n n"]:
    """The distance matrix `d` in float64, C-contiguous; ValueError unless it is square, symmetric, finite, >= 0 and 0 on the diagonal."""
    wanted = "a square matrix of distances"
    found = _as_array(d, name, wanted)
    m: np.ndarray = found.detach().cpu().numpy() if isinstance(found, Tensor) else found
    if m.shape == (0,):
        m = m.reshape(0, 0)
    if m.ndim != 2 or m.shape[0] != m.shape[1]:
        raise ValueError(f"{name} must be {wanted}, not shape {m.shape}; rtd.distances(x) makes one of a point cloud.")
    if not np.isfinite(m).all():
        i, j = np.argwhere(~np.isfinite(m))[0]
        raise ValueError(f"{name} holds NaN or infinite distances, the first at ({i}, {j}); every distance must be finite.")
    if m.size and m.min() < 0:
        i, j = np.unravel_index(int(m.argmin()), m.shape)
        raise ValueError(f"{name} holds negative distances, the lowest {m[i, j]:g} at ({i}, {j}); every distance must be >= 0.")
    if m.diagonal().any():
        i = int(m.diagonal().argmax())
        raise ValueError(
            f"the diagonal of {name} must be 0 but is {m[i, i]:g} at ({i}, {i}); rtd.distances leaves no noise there, torch.cdist may."
        )
    if not np.array_equal(m, m.T):
        i, j = np.unravel_index(int(np.abs(m - m.T).argmax()), m.shape)
        raise ValueError(
            f"{name} must be symmetric, but ({i}, {j}) is {m[i, j]:.17g} and ({j}, {i}) is {m[j, i]:.17g}; give ({name} + {name}.T) / 2."
        )
    # of a symmetric matrix the transpose is the same, and in the order of C where the matrix is in that of Fortran
    return m.T if m.flags.f_contiguous else np.ascontiguousarray(m)


def as_matrices(w: Any, v: Any, names: tuple[str, str] = ("w", "v")) -> tuple[Float64[np.ndarray, "n n"], Float64[np.ndarray, "n n"]]:
    """Two distance matrices on the same points."""
    a, b = as_matrix(w, names[0]), as_matrix(v, names[1])
    if len(a) != len(b):
        raise ValueError(f"{names[0]} and {names[1]} must be on the same points, but they have {len(a)} and {len(b)}.")
    return a, b


def device_of(*arrays: Any) -> torch.device | None:
    """The device of the first tensor that does not live on the CPU; None where there is none."""
    return next((a.device for a in arrays if isinstance(a, Tensor) and a.device.type != "cpu"), None)


def as_positive(value: Any, name: str) -> int:
    """A whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}.")
    return int(value)


def _same_samples(n: int, m: int) -> None:
    if n != m:
        raise ValueError(f"x and y must hold the same samples in the same order, but x has {n} and y has {m}; give the samples both have.")
    if n < 2:
        raise ValueError(f"a divergence needs at least two samples, not {n}.")


def _as_array(x: Any, name: str, wanted: str) -> np.ndarray | Tensor:
    """`x` in float64, a tensor where it is one; without a copy where none is needed."""
    if isinstance(x, Tensor):
        if x.is_complex():
            raise ValueError(f"{name} must be {wanted}, real, but is complex; give real and imaginary parts as two features.")
        return x.double() if x.layout == torch.strided else x.to_dense().double()
    try:
        array = np.asarray(x)
    except ValueError:
        raise ValueError(f"{name} must be {wanted}, but its rows differ in length.") from None
    if array.dtype.kind not in "biuf" and array.size:
        raise ValueError(f"{name} must be {wanted} of real numbers, but has dtype {array.dtype}.")
    return np.asarray(array, dtype=np.float64)
