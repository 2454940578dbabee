"""The read-out of a frozen representation: logistic regression on standardised features such as spike counts."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Shaped
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from rsnn.heterogeneity import Number


@dataclass(frozen=True)
class Readout:
    """A linear classifier: the label of the highest (counts - mean) / scale @ weight.T + bias."""

    mean: Float[Tensor, "unit"]
    scale: Float[Tensor, "unit"]
    weight: Float[Tensor, "label unit"]
    bias: Float[Tensor, "label"]
    labels: Int[Tensor, "label"]

    def predict(self, counts: Shaped[Tensor, "*sample_unit"]) -> Int[Tensor, "sample"]:
        """The label of each sample."""
        counts = check_counts(counts)
        if counts.shape[1] != len(self.mean):
            raise ValueError(f"this read-out was fitted to {len(self.mean)} units, these counts have {counts.shape[1]}.")
        return self.labels[((counts - self.mean) / self.scale @ self.weight.T + self.bias).argmax(1)]

    def accuracy(self, counts: Shaped[Tensor, "*sample_unit"], labels: Shaped[Tensor, "*sample"]) -> float:
        """The share of samples whose label is found."""
        found = self.predict(counts)
        if labels.shape != found.shape:
            raise ValueError(f"wanted are {len(found)} labels, one per sample, not an array of shape {tuple(labels.shape)}.")
        return float((found == labels).double().mean())


def fit_readout(
    counts: Shaped[Tensor, "*sample_unit"], labels: Shaped[Tensor, "*sample"], *, penalty: Number = 30.0, iterations: int = 1000
) -> Readout:
    """Multinomial logistic regression (scikit-learn, L2 `penalty` = 1 / C) on `counts` standardised per unit; silent units weigh nothing.

    The counts are data here: nothing behind them is trained. The default penalty suits some hundred samples of some hundred units, where
    scikit-learn's 1 tells every training sample apart and takes four times as long.
    """
    counts = check_counts(counts)
    if labels.shape != (len(counts),):
        raise ValueError(f"wanted are {len(counts)} labels, one per sample, not an array of shape {tuple(labels.shape)}.")
    if labels.is_floating_point() or labels.is_complex():
        raise ValueError(f"labels are integers, not {labels.dtype}; .long() makes them so.")
    kinds = labels.unique()
    if len(kinds) < 2:
        raise ValueError("there is one label only, so nothing to tell apart; at least two are needed.")
    if not penalty > 0:
        raise ValueError(f"fit_readout(penalty={penalty}): it must be positive; 30 suits some hundred samples of some hundred units.")
    mean, spread = counts.mean(0), counts.std(0, correction=0)
    scale = torch.where(spread > 0, spread, 1.0)
    model = LogisticRegression(C=1 / penalty, solver="newton-cg", max_iter=iterations, tol=1e-3)
    model.fit(((counts - mean) / scale).numpy(force=True), labels.numpy(force=True))
    weight, bias = torch.from_numpy(model.coef_).to(counts), torch.from_numpy(model.intercept_).to(counts)
    if len(kinds) == 2:
        weight, bias = torch.cat([-weight, weight]) / 2, torch.cat([-bias, bias]) / 2
    return Readout(mean, scale, weight, bias, kinds.long())


def check_counts(counts: Tensor) -> Float[Tensor, "sample unit"]:
    """`counts` as float64 if they are finite features [sample, unit]; a ValueError with one sentence if not."""
    if counts.ndim != 2 or not counts.numel():
        raise ValueError(f"wanted are features [sample, unit], at least one of each, not an array of shape {tuple(counts.shape)}.")
    if not torch.isfinite(counts).all():
        raise ValueError("the features have NaN or infinite values; leave such samples out.")
    return counts.double()
