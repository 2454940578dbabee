"""How a study file says that a model learns by gradient descent, or does not learn, for the families that share it."""

from dataclasses import asdict
from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from synctopo.learning.training import fit_classifier, stream
from synctopo.spec import Spec


class NoLearning(Spec):
    """learning = { rule = "none" }: the network as it was drawn."""

    rule: Literal["none"] = "none"
    supervised: ClassVar[bool] = False


class Descent(Spec):
    """What is said of every training by gradient descent on labels."""

    supervised: ClassVar[bool] = True
    epochs: int = Field(default=20, ge=1)
    batch: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)


class AdamLearning(Descent):
    """learning = { rule = "adam", ... }: gradient descent on cross-entropy."""

    rule: Literal["adam"]


def classifier_fitted(learning: NoLearning | AdamLearning, model: nn.Module, x: Tensor, y: Tensor, seed: int) -> dict[str, Any]:
    """Train a classifier as its learning says; returns the history of the training, its weights change."""
    if isinstance(learning, NoLearning):
        return {}
    fitted = fit_classifier(
        model,
        x,
        y,
        epochs=learning.epochs,
        batch=learning.batch,
        learning_rate=learning.learning_rate,
        generator=stream(seed, "order"),
    )
    return asdict(fitted)
