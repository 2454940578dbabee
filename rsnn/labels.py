"""Labels of samples, one class each or several at once: what training holds against scores, and how many classes the scores name.

Labels are integers: [sample], the class of each, or k-hot, [sample, class], 1 for every class that is in the sample and 0 for the others.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn


@dataclass(frozen=True)
class Named:
    """How many of the classes that are in the samples are among as many highest scores, and in how many samples all are."""

    right: int
    classes: int
    whole: int
    total: int

    @property
    def each(self) -> float:
        """The share of classes that are named."""
        return self.right / self.classes

    @property
    def all(self) -> float:
        """The share of samples in which all classes are named."""
        return self.whole / self.total


def named(scores: Float[Tensor, "n label"], labels: Shaped[Tensor, "m *any"]) -> Named:
    """Hold scores against labels: with k classes in a sample its k highest scores count, with one the highest. Ties go to the first class.

    Raises ValueError for labels that do not fit the scores.
    """
    _check_fit(scores, labels)
    if labels.ndim == 1:
        right = int((scores.argmax(1) == labels).sum())
        return Named(right, len(labels), right, len(labels))
    order = scores.sort(dim=1, descending=True, stable=True).indices
    rank = torch.empty_like(order).scatter_(1, order, torch.arange(scores.shape[1], device=scores.device).expand_as(order))
    count = labels.sum(1, keepdim=True)
    hits = ((rank < count) & (labels > 0)).sum(1)
    return Named(int(hits.sum()), int(count.sum()), int((hits == count[:, 0]).sum()), len(labels))


def cross_entropy(scores: Float[Tensor, "n label"], labels: Shaped[Tensor, "m *any"]) -> Float[Tensor, ""]:
    """The loss of unnormalised scores: cross-entropy of one class a sample, mean over samples; binary cross-entropy of k-hot labels, mean
    over samples and classes.

    Raises ValueError for labels that do not fit the scores.
    """
    _check_fit(scores, labels)
    if labels.ndim == 1:
        return nn.functional.cross_entropy(scores, labels)
    return nn.functional.binary_cross_entropy_with_logits(scores, labels.to(scores.dtype))


def check_labels(y: Tensor, samples: int, outputs: int) -> Int[Tensor, "sample *label"]:
    """`y` as int64 if it is one label in [0, outputs) per sample, or k-hot; a ValueError with one sentence if not."""
    if y.shape not in ((samples,), (samples, outputs)):
        raise ValueError(
            f"wanted are {samples} labels, one per sample, or 0 and 1 for each class, [{samples}, {outputs}]; "
            f"not an array of shape {tuple(y.shape)}."
        )
    if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool:
        raise ValueError(f"labels are integers from 0 to {outputs - 1}, not {y.dtype}; .long() makes them so.")
    low, high = int(y.min()), int(y.max())
    if y.ndim == 2:
        check_k_hot(y)
    elif low < 0 or high >= outputs:
        raise ValueError(f"the labels go from {low} to {high}, but this network has {outputs} outputs, 0 to {outputs - 1}.")
    return y.long()


def check_k_hot(y: Shaped[Tensor, "sample label"]) -> None:
    """Raise ValueError with one sentence for labels [sample, class] that are not 0 and 1."""
    low, high = int(y.min()), int(y.max())
    if low < 0 or high != 1:
        raise ValueError(f"labels [sample, class] are 1 where the class is in the sample, else 0; these go from {low} to {high}.")


def _check_fit(scores: Tensor, labels: Tensor) -> None:
    if labels.shape not in (scores.shape, scores.shape[:1]):
        raise ValueError(
            f"scores {list(scores.shape)} are held against a label a sample, {list(scores.shape[:1])}, or 0 and 1 for each class, "
            f"{list(scores.shape)}; got labels {list(labels.shape)}."
        )
