"""Labels for neurons that learned without them: each stands for the class it fires most for, and the neurons of a class vote."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from rsnn.readout import check_counts


@dataclass(frozen=True)
class Assignment:
    """Which class each neuron stands for: `label` [unit], -1 for a neuron that never fired; `classes` of them."""

    label: Int[Tensor, "unit"]
    classes: int

    def votes(self, counts: Shaped[Tensor, "*sample_unit"]) -> Float[Tensor, "sample label"]:
        """The mean spike count of the neurons that stand for each class; -1 for a class that none stands for."""
        counts = check_counts(counts)
        if counts.shape[1] != len(self.label):
            raise ValueError(f"labels were assigned to {len(self.label)} units, these counts have {counts.shape[1]}.")
        members = (self.label[:, None] == torch.arange(self.classes, device=self.label.device)).double()
        size = members.sum(0)
        return torch.where(size > 0, counts @ members / size.clamp_min(1), -1.0)

    def predict(self, counts: Shaped[Tensor, "*sample_unit"]) -> Int[Tensor, "sample"]:
        """The class whose neurons fired most on average, of each sample; the first of those that are equal."""
        return self.votes(counts).argmax(1)

    def accuracy(self, counts: Shaped[Tensor, "*sample_unit"], labels: Shaped[Tensor, "*sample"]) -> float:
        """The share of samples whose label is found."""
        found = self.predict(counts)
        if labels.shape != found.shape:
            raise ValueError(f"wanted are {len(found)} labels, one per sample, not an array of shape {tuple(labels.shape)}.")
        return float((found == labels).double().mean())


def assign_labels(counts: Shaped[Tensor, "*sample_unit"], labels: Shaped[Tensor, "*sample"], *, classes: int | None = None) -> Assignment:
    """To each neuron the class for whose samples it fired most on average, Diehl and Cook 2015, section 2.6.

    `counts` and `labels` are of training samples: assigned on the samples that are tested, accuracy is better than it is.
    """
    counts = check_counts(counts)
    if labels.shape != (len(counts),):
        raise ValueError(
            f"wanted are {len(counts)} labels, one per sample, not an array of shape {tuple(labels.shape)}; "
            "a neuron stands for the one class of a sample."
        )
    if labels.is_floating_point() or labels.is_complex():
        raise ValueError(f"labels are integers, not {labels.dtype}; .long() makes them so.")
    if int(labels.min()) < 0:
        raise ValueError(f"labels are integers from 0 on, these begin at {int(labels.min())}.")
    kinds = int(labels.max()) + 1 if classes is None else classes
    if int(labels.max()) >= kinds:
        raise ValueError(f"the labels go up to {int(labels.max())}, but there are {kinds} classes, 0 to {kinds - 1}.")
    there = (labels[:, None] == torch.arange(kinds, device=labels.device)).to(counts.dtype)
    mean = there.t() @ counts / there.sum(0).clamp_min(1)[:, None]
    return Assignment(torch.where(counts.sum(0) > 0, mean.argmax(0), -1), kinds)
