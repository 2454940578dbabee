"""How robust a model is, step by step: accuracy with intervals, mean corruption error, distance to the clean representation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import torch
from jaxtyping import Float, Int
from torch import Tensor

from rsnn.labels import named
from synctopo.evaluation.corruption import Corruption
from synctopo.models import Hyper, Model, PredictiveCoding


@dataclass(frozen=True)
class Accuracy:
    """`right` of `total` samples, or of the classes in them where a sample has several."""

    right: int
    total: int

    @property
    def value(self) -> float:
        return self.right / self.total

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The score interval of a proportion (Wilson 1927)."""
        z = NormalDist().inv_cdf((1 + level) / 2)
        p, n = self.value, self.total
        middle = p + z * z / (2 * n)
        half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


@torch.no_grad()
def accuracy_over_steps(
    model: Model, x: Float[Tensor, "n *pixel"], y: Int[Tensor, "m *label"], *, batch: int = 500
) -> tuple[Accuracy, ...]:
    """How many samples the read-out gets right after each step; of labels [sample, class], 0 and 1, how many classes it names among the k
    highest scores of a sample with k. Raises ValueError for no samples, a label for none, or labels that do not fit the read-out."""
    if len(x) == 0 or len(x) != len(y):
        raise ValueError(f"accuracy needs samples with a label each; got {len(x)} samples and {len(y)} labels.")
    right: list[int] = []
    for pixels, labels in zip(x.split(batch), y.split(batch), strict=True):
        counts = [named(state["readout"], labels).right for state in model.states(pixels)]
        right = counts if not right else [a + b for a, b in zip(right, counts, strict=True)]
    total = len(y) if y.ndim == 1 else int(y.sum())
    if total == 0:
        raise ValueError("accuracy needs classes to be named; no label [sample, class] is 1.")
    return tuple(Accuracy(r, total) for r in right)


def under_corruption(
    model: Model,
    x: Float[Tensor, "sample *pixel"],
    y: Int[Tensor, "sample *label"],
    suite: Mapping[str, Corruption],
    *,
    generator: torch.Generator,
) -> dict[str, tuple[tuple[Accuracy, ...], ...]]:
    """corruption -> severity -> step -> accuracy. Two models given generators of one seed see the same spoilt images."""
    return {
        name: tuple(
            accuracy_over_steps(model, one.apply(x, severity, generator=generator), y) for severity in range(1, 1 + len(one.amounts))
        )
        for name, one in suite.items()
    }


def mean_corruption_error(
    model: Mapping[str, Sequence[Sequence[Accuracy]]], plain: Mapping[str, Sequence[Sequence[Accuracy]]], *, step: int = -1
) -> float:
    """mCE of Hendrycks and Dietterich (2019): errors summed over severities, over those of the plain net, mean over corruptions.

    1 is the plain net, below is better; both as `under_corruption` gives them, the model after `step`, the plain net after its last.
    Raises ValueError for different corruptions, or one at which the plain net makes no error.
    """
    if set(model) != set(plain) or not model:
        raise ValueError(f"mCE compares errors at the same corruptions; got {sorted(model)} and {sorted(plain)}.")
    ratios = []
    for name in model:
        below = sum(1 - levels[-1].value for levels in plain[name])
        if below == 0:
            raise ValueError(f"the plain net makes no error at {name!r}, so that there is no ratio to it; leave that corruption out.")
        ratios.append(sum(1 - levels[step].value for levels in model[name]) / below)
    return sum(ratios) / len(ratios)


@torch.no_grad()
def correlation_distance(
    model: Model, clean: Float[Tensor, "n *p"], spoilt: Float[Tensor, "m *q"], *, batch: int = 500
) -> dict[str, tuple[float, ...]]:
    """site -> step -> 1 - Pearson correlation of the site after that step with its clean one at t = 0, mean over samples.

    Of a clean and a spoilt image of each sample. Raises ValueError where the two differ in shape.
    """
    if clean.shape != spoilt.shape or len(clean) == 0:
        raise ValueError(f"the clean and the spoilt images must be the same ones; got {list(clean.shape)} and {list(spoilt.shape)}.")
    found: dict[str, list[float]] = {}
    for a, b in zip(clean.split(batch), spoilt.split(batch), strict=True):
        first = next(iter(model.states(a)))
        for step, state in enumerate(model.states(b)):
            for site, value in state.items():
                kept = found.setdefault(site, [])
                kept.extend([0.0] * (step + 1 - len(kept)))
                kept[step] += float((1 - _correlation(first[site], value)).sum()) / len(clean)
    return {site: tuple(values) for site, values in found.items()}


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    a, b = (t.flatten(1).double() for t in (a, b))
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    norm = a.norm(dim=1) * b.norm(dim=1)
    # a constant pattern has no correlation; it is as far as can be from any other
    return torch.where(norm > 0, (a * b).sum(1) / norm.clamp(min=1e-300), torch.zeros_like(norm))


@dataclass(frozen=True)
class Candidate:
    """A setting and how right the model is with it after the last step, mean over the validation images' versions."""

    hyper: Hyper | Mapping[str, Hyper]
    accuracy: float


def search(
    model: PredictiveCoding,
    versions: Sequence[Float[Tensor, "sample *pixel"]],
    y: Int[Tensor, "sample *label"],
    candidates: Sequence[Hyper | Mapping[str, Hyper]],
) -> tuple[Candidate, ...]:
    """Try settings on validation images, clean and spoilt `versions` of the same samples; the best first, ties in the order given.

    Take samples that are used neither for training nor for the final test. Raises ValueError for no candidate or no version.
    """
    if not candidates or not versions:
        raise ValueError(f"a search needs settings to try and images to try them on; got {len(candidates)} and {len(versions)}.")
    found = []
    for hyper in candidates:
        tried = model.tuned(hyper)
        scores = [accuracy_over_steps(tried, x, y)[-1].value for x in versions]
        found.append(Candidate(hyper, sum(scores) / len(scores)))
    return tuple(sorted(found, key=lambda c: -c.accuracy))
