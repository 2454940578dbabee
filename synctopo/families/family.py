"""A model family: what the pipeline needs to know of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from synctopo.spec import Spec


@dataclass(frozen=True)
class Family:
    """What the pipeline needs to know of a model family.

    build     (spec, image shape, classes, seed) -> module that is a Model
    inputs    (spec, images [sample, row, column], generator) -> what the model takes
    fit       (spec, model, x, labels, seed) -> a summary of the training; the model's weights change
    judged    (spec, model, test x, test labels, generator) -> columns of the model's row, in place of a fitted read-out and activity
    activity  (spec, counts of the main site [sample, unit]) -> columns of the model's row beside those of the read-out
    check     (spec, where) raises ValueError, with a sentence, for what no field of the specification can see alone
    data      (spec) -> the one data set that it can be used with; None: it takes any
    takes     the kinds of data sets that it learns from, of those that `data.kind` tells apart; or (spec) -> those kinds
    apart     fields of the specification that no training depends on: models that differ in them alone are trained once
    reduction what read-outs are fitted to, and what a study records as its "usual" one: the state after the last step, whose read-out is
              its answer, or the count of its spikes, and the mean of all read-outs
    """

    spec: type[Spec]
    build: Callable[[Any, tuple[int, int], int, int], nn.Module]
    inputs: Callable[[Any, np.ndarray, torch.Generator], Tensor]
    fit: Callable[[Any, Any, Tensor, Tensor, int], dict[str, Any]]
    judged: Callable[[Any, Any, Tensor, np.ndarray, torch.Generator], dict[str, Any]] | None = None
    activity: Callable[[Any, Tensor], dict[str, Any]] | None = None
    check: Callable[[Any, str], None] | None = None
    data: Callable[[Any], str] | None = None
    takes: tuple[str, ...] | Callable[[Any], tuple[str, ...]] = ("images",)
    apart: frozenset[str] = frozenset()
    reduction: str = "last"
