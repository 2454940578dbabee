"""Whether a classifier is as often right as it is sure: expected calibration error and what a reliability diagram shows."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Reliability:
    """Samples in bins of equal width by the probability of the predicted class: mean confidence, share right and number of each bin.

    Bins without samples have a confidence and an accuracy of 0.
    """

    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]
    count: tuple[int, ...]

    @property
    def ece(self) -> float:
        """Expected calibration error (Guo et al. 2017, eq. 3): |accuracy - confidence|, mean over samples."""
        total = sum(self.count)
        return sum(n * abs(a - c) for n, a, c in zip(self.count, self.accuracy, self.confidence, strict=True)) / total


def reliability(scores: Float[Tensor, "n label"], labels: Int[Tensor, " m"], *, bins: int = 15) -> Reliability:
    """From unnormalised log-probabilities and the true classes. Raises ValueError for no sample, no bin, or a label for none."""
    if bins < 1 or not len(scores) or len(scores) != len(labels):
        raise ValueError(f"reliability needs samples with a label each, and bins; got {len(scores)}, {len(labels)} labels and {bins} bins.")
    sure, predicted = scores.double().softmax(1).max(1)
    place = (sure * bins).ceil().long().clamp(1, bins) - 1
    count = torch.bincount(place, minlength=bins)
    right = torch.bincount(place, weights=(predicted == labels).double(), minlength=bins)
    confidence = torch.bincount(place, weights=sure, minlength=bins)
    held = count.clamp(min=1)
    return Reliability(tuple((confidence / held).tolist()), tuple((right / held).tolist()), tuple(count.tolist()))
