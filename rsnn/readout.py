"""The read-out of a frozen representation: logistic regression on standardised features such as spike counts."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from rsnn.heterogeneity import Number
from rsnn.labels import check_k_hot, named


@dataclass(frozen=True)
class Readout:
    """A linear classifier: the label of the highest (counts - mean) / scale @ weight.T + bias, or the k highest where a sample has k."""

    mean: Float[Tensor, "unit"]
    scale: Float[Tensor, "unit"]
    weight: Float[Tensor, "label unit"]
    bias: Float[Tensor, "label"]
    labels: Int[Tensor, "label"]

    def scores(self, counts: Shaped[Tensor, "*sample_unit"]) -> Float[Tensor, "sample label"]:
        """How much speaks for each label: unnormalised log-probabilities, or log-odds where several may be in a sample."""
        counts = check_counts(counts)
        if counts.shape[1] != len(self.mean):
            raise ValueError(f"this read-out was fitted to {len(self.mean)} units, these counts have {counts.shape[1]}.")
        return (counts - self.mean) / self.scale @ self.weight.T + self.bias

    def predict(self, counts: Shaped[Tensor, "*sample_unit"]) -> Int[Tensor, "sample"]:
        """The label of each sample: that of the highest score."""
        return self.labels[self.scores(counts).argmax(1)]

    def accuracy(self, counts: Shaped[Tensor, "*sample_unit"], labels: Shaped[Tensor, "*sample"]) -> float:
        """The share of samples whose label is found; of labels [sample, class], 0 and 1, the share of classes among the k highest scores
        of a sample with k classes."""
        scores = self.scores(counts)
        if labels.shape == scores.shape:
            return named(scores, labels).each
        if labels.shape != scores.shape[:1]:
            raise ValueError(f"wanted are {len(scores)} labels, one per sample, not an array of shape {tuple(labels.shape)}.")
        return float((self.labels[scores.argmax(1)] == labels).double().mean())


def fit_readout(
    counts: Shaped[Tensor, "*sample_unit"], labels: Shaped[Tensor, "*sample"], *, penalty: Number = 30.0, iterations: int = 1000
) -> Readout:
    """Multinomial logistic regression (scikit-learn, L2 `penalty` = 1 / C) on `counts` standardised per unit; silent units weigh nothing.

    `labels` are one a sample, or [sample, class], 0 and 1: then one logistic regression for each class says whether it is there.
    The counts are data here: nothing behind them is trained. The default penalty suits some hundred samples of some hundred units, where
    scikit-learn's 1 tells every training sample apart and takes four times as long.
    """
    counts = check_counts(counts)
    if labels.ndim not in (1, 2) or len(labels) != len(counts):
        raise ValueError(
            f"wanted are {len(counts)} labels, one per sample, or 0 and 1 for each class, [{len(counts)}, class]; "
            f"not an array of shape {tuple(labels.shape)}."
        )
    if labels.is_floating_point() or labels.is_complex():
        raise ValueError(f"labels are integers, not {labels.dtype}; .long() makes them so.")
    if not penalty > 0:
        raise ValueError(f"fit_readout(penalty={penalty}): it must be positive; 30 suits some hundred samples of some hundred units.")
    mean, spread = counts.mean(0), counts.std(0, correction=0)
    scale = torch.where(spread > 0, spread, 1.0)
    features = ((counts - mean) / scale).numpy(force=True)
    model = LogisticRegression(C=1 / penalty, solver="newton-cg", max_iter=iterations, tol=1e-3)
    if labels.ndim == 2:
        check_k_hot(labels)
        fitted = [_told(model, features, column) for column in labels.long().numpy(force=True).T]
        weight, bias = (torch.from_numpy(np.stack(part)).to(counts) for part in zip(*fitted, strict=True))
        return Readout(mean, scale, weight, bias, torch.arange(labels.shape[1], device=labels.device))
    kinds = labels.unique()
    if len(kinds) < 2:
        raise ValueError("there is one label only, so nothing to tell apart; at least two are needed.")
    model.fit(features, labels.numpy(force=True))
    weight, bias = torch.from_numpy(model.coef_).to(counts), torch.from_numpy(model.intercept_).to(counts)
    if len(kinds) == 2:
        weight, bias = torch.cat([-weight, weight]) / 2, torch.cat([-bias, bias]) / 2
    return Readout(mean, scale, weight, bias, kinds.long())


def _told(model: LogisticRegression, features: np.ndarray, there: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights and bias of the log-odds that a class is there."""
    count = there.sum()
    if count in (0, len(there)):
        # nothing to tell apart; half a sample each way keeps the odds finite
        return np.zeros(features.shape[1]), float(np.log((count + 0.5) / (len(there) - count + 0.5)))
    model.fit(features, there)
    return model.coef_[0], float(model.intercept_[0])


def check_counts(counts: Tensor) -> Float[Tensor, "sample unit"]:
    """`counts` as float64 if they are finite features [sample, unit]; a ValueError with one sentence if not."""
    if counts.ndim != 2 or not counts.numel():
        raise ValueError(f"wanted are features [sample, unit], at least one of each, not an array of shape {tuple(counts.shape)}.")
    if not torch.isfinite(counts).all():
        raise ValueError("the features have NaN or infinite values; leave such samples out.")
    return counts.double()
