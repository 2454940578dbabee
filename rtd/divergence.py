"""Representation topology divergence of two clouds of the same samples, averaged over random batches, with its standard error."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float64

from rtd import engine
from rtd.inputs import as_clouds, as_matrices, as_positive, device_of
from rtd.metrics import Convention, distances, whole_matrix
from rtd.pairs import scaled

Matrix = Float64[np.ndarray, "n n"]
Directions = Callable[[Matrix, Matrix, engine.Place], tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Divergence:
    """A divergence measured on `trials` random batches of at most `batch` of the `samples` samples.

    `per_trial[k]` holds the two directions on batch k, from x to y and from y to x; a measure without direction has the same number twice.
    """

    per_trial: Float64[np.ndarray, "trial 2"]
    batch: int
    samples: int

    @property
    def trials(self) -> int:
        """How many batches were measured: one where a batch holds all samples, since every batch would then be the same."""
        return len(self.per_trial)

    @property
    def forward(self) -> float:
        """The mean over trials of the direction from x to y."""
        return float(self.per_trial[:, 0].mean())

    @property
    def backward(self) -> float:
        """The mean over trials of the direction from y to x."""
        return float(self.per_trial[:, 1].mean())

    @property
    def value(self) -> float:
        """The mean of both directions over trials."""
        return (self.forward + self.backward) / 2

    @property
    def stderr(self) -> float | None:
        """The standard error of `value` over batches: 0 where a batch held all samples, None where one trial cannot tell."""
        if self.batch >= self.samples:
            return 0.0
        if self.trials == 1:
            return None
        return float(self.per_trial.mean(1).std(ddof=1) / math.sqrt(self.trials))

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        error = "" if self.stderr is None else f" ± {self.stderr:.2g}"
        shape = f"{self.trials} x {self.batch} of {self.samples} samples"
        return f"Divergence({self.value:.6g}{error}, forward {self.forward:.6g}, backward {self.backward:.6g}, {shape})"


@runtime_checkable
class Comparison(Protocol):
    """How every member of the family is called; see `over_batches`."""

    def __call__(
        self,
        x: Any,
        y: Any,
        *,
        batch: int | None = 500,
        trials: int = 10,
        generator: torch.Generator | None = None,
        metric: str = "euclidean",
        quantile: float = 0.9,
        convention: Convention = whole_matrix,
        threads: int = 1,
    ) -> Divergence: ...


CALL = """

    x and y are clouds [n, p] and [n, q] of the same n samples (arrays, tensors on any device, lists), or [n, n] distances with
    metric="precomputed". Each of `trials` batches of `batch` samples is drawn without replacement, the same in x and y, by `generator`
    (None: a new one with seed 0, so that the same call gives the same value), and each distance matrix of a batch is divided by its own
    `quantile`, by `convention` (`whole_matrix` or `positive_pairs`). Where `batch` is None or at least n, all n samples are one batch and
    it is measured once. Values grow with the number of samples: compare only values of equal batches.

    Raises ValueError for clouds that are not [n, p], not finite, of unequal or fewer than two samples, for an unknown metric, and
    DegenerateError, one of those, for a representation whose quantile of distances is 0.
    """


def over_batches(directions: Directions) -> Comparison:
    """Make of two numbers from two normalised distance matrices a function of two clouds that averages them over random batches."""

    def compare(
        x: Any,
        y: Any,
        *,
        batch: int | None = 500,
        trials: int = 10,
        generator: torch.Generator | None = None,
        metric: str = "euclidean",
        quantile: float = 0.9,
        convention: Convention = whole_matrix,
        threads: int = 1,
    ) -> Divergence:
        place = engine.Place(as_positive(threads, "threads"), device_of(x, y))

        def measured(w: Matrix, v: Matrix) -> tuple[float, float]:
            # one name for both, so that a matrix of large n goes when its quotient comes
            w = scaled(w, "x", quantile, convention)
            v = scaled(v, "y", quantile, convention)
            return directions(w, v, place)

        return average(measured, x, y, batch=batch, trials=trials, generator=generator, metric=metric)

    compare.__name__, compare.__qualname__, compare.__module__ = directions.__name__, directions.__qualname__, directions.__module__
    compare.__doc__ = (directions.__doc__ or "").rstrip() + CALL
    return compare


def average(
    directions: Callable[[Matrix, Matrix], tuple[float, float]],
    x: Any,
    y: Any,
    *,
    batch: int | None,
    trials: int,
    generator: torch.Generator | None,
    metric: str,
) -> Divergence:
    """The two directions on random batches of the raw distances of `x` and `y`."""
    as_positive(trials, "trials")
    if batch is not None and as_positive(batch, "batch") < 2:
        raise ValueError("a batch must hold at least two samples, not 1; 500 is the size of the published values.")
    if metric == "precomputed":
        x, y = as_matrices(x, y)
        if len(x) < 2:
            raise ValueError(f"a divergence needs at least two samples, not {len(x)}.")
    else:
        x, y = as_clouds(x, y)
    n = len(x)
    size = n if batch is None else min(batch, n)
    drawn = _draws(n, size, trials, generator)
    per_trial = [directions(_block(x, index, metric), _block(y, index, metric)) for index in drawn]
    return Divergence(np.array(per_trial, dtype=np.float64).reshape(-1, 2), size, n)


def _draws(n: int, size: int, trials: int, generator: torch.Generator | None) -> Iterator[torch.Tensor | None]:
    """Indices of each batch; None stands for all samples in their order."""
    if size == n:
        yield None
        return
    generator = torch.Generator().manual_seed(0) if generator is None else generator
    for _ in range(trials):
        yield torch.randperm(n, generator=generator, device=generator.device)[:size]


def _block(x: Any, index: torch.Tensor | None, metric: str) -> Matrix:
    """The distances inside one batch."""
    if metric == "precomputed":
        block: np.ndarray = x if index is None else x[np.ix_(index.cpu().numpy(), index.cpu().numpy())]
        return block
    cloud = x.detach()
    if index is not None and cloud.device.type == "cpu":
        # by numpy on one thread: torch's wait for each other on a busy machine, ten times as long as the copy takes
        cloud = torch.from_numpy(cloud.numpy()[index.cpu().numpy()])
    elif index is not None:
        cloud = cloud[index.to(cloud.device)]
    d: np.ndarray = distances(cloud, metric).cpu().numpy()  # type: ignore[union-attr]
    return d


@over_batches
def rtd(w: Matrix, v: Matrix, place: engine.Place) -> tuple[float, float]:
    """Representation topology divergence: the mean over both directions of the total length of the degree-1 R-Cross-Barcode.

    Barannikov et al. 2022, arXiv 2201.00058. `forward` is RTD_1(w, v), of the mapping cone of
    VR(w) -> VR(min(w, v)), `backward` is RTD_1(v, w). 0 for clouds that are equal up to isometry and scale.
    """
    forward, backward = engine.cross_barcodes(w, v, threads=place.threads, device=place.device)
    return forward.total(), backward.total()


@over_batches
def max_rtd(w: Matrix, v: Matrix, place: engine.Place) -> tuple[float, float]:
    """Max-RTD: the total length in degree 1 of the mapping cone of VR(max(w, v)) -> VR(w), `forward`, and -> VR(v), `backward`.

    Wang and Hu 2026, arXiv 2606.06342, def. C.1 with matrix 1c; the authors' RTD-AE code has the two the other way round. With RTD,
    forward + forward >= SRTD (their theorem 3.3).
    """
    most = np.maximum(w, v)
    forward, backward = (engine.cone_barcode(d, most, threads=place.threads, device=place.device) for d in (w, v))
    return forward.total(), backward.total()


@over_batches
def srtd(w: Matrix, v: Matrix, place: engine.Place) -> tuple[float, float]:
    """SRTD: the total length in degree 1 of the mapping cone of VR(max(w, v)) -> VR(min(w, v)), one number for both directions.

    Wang and Hu 2026, arXiv 2606.06342, def. 3.1 and alg. 3. Their values use the convention `positive_pairs`.
    """
    total = engine.cone_barcode(np.minimum(w, v), np.maximum(w, v), threads=place.threads, device=place.device).total()
    return total, total
