"""Adversarial images within a maximum change of each pixel, by gradients through all that a model does."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from rsnn.labels import cross_entropy

Classifier = Callable[[Tensor], Tensor]
"""From images to unnormalised log-probabilities [sample, class]; of a predictive-coding model, those after its last step."""


def fgsm(
    model: Classifier,
    x: Float[Tensor, "sample *pixel"],
    y: Int[Tensor, "sample *label"],
    epsilon: float,
    *,
    targeted: bool = False,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Float[Tensor, "sample *pixel"]:
    """The fast gradient sign method (Goodfellow et al. 2015): one step of `epsilon` up the loss of `y` in every pixel.

    `y` is the class of each sample, or where it has several 0 and 1, [sample, class].

    `targeted`: down instead, so that `y` is what the model shall see. The images stay within `bounds`.
    Raises ValueError for a negative epsilon, images out of bounds, or a model whose read-out does not depend on its input.
    """
    return _iterated(model, x, y, x.detach(), epsilon, epsilon, 1, targeted, bounds)


def bim(
    model: Classifier,
    x: Float[Tensor, "sample *pixel"],
    y: Int[Tensor, "sample *label"],
    epsilon: float,
    *,
    iterations: int = 10,
    size: float | None = None,
    targeted: bool = False,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Float[Tensor, "sample *pixel"]:
    """The basic iterative method (Kurakin et al. 2017): `iterations` steps of `size` from `x`, each pixel within `epsilon` of its own.

    `size` is by default 2.5 epsilon / iterations, so that every edge can be reached. Otherwise as `fgsm`.
    """
    return _iterated(model, x, y, x.detach(), epsilon, _size(size, epsilon, iterations), iterations, targeted, bounds)


def pgd(
    model: Classifier,
    x: Float[Tensor, "sample *pixel"],
    y: Int[Tensor, "sample *label"],
    epsilon: float,
    *,
    iterations: int = 10,
    size: float | None = None,
    targeted: bool = False,
    bounds: tuple[float, float] = (0.0, 1.0),
    generator: torch.Generator,
) -> Float[Tensor, "sample *pixel"]:
    """Projected gradient descent (Madry et al. 2018): `bim` from a start drawn uniformly within `epsilon`."""
    start = x.detach() + epsilon * (2 * torch.rand(x.shape, generator=generator).to(x) - 1)
    return _iterated(model, x, y, start.clamp(*bounds), epsilon, _size(size, epsilon, iterations), iterations, targeted, bounds)


def _size(size: float | None, epsilon: float, iterations: int) -> float:
    if iterations < 1:
        raise ValueError(f"an attack takes at least one iteration; got {iterations}.")
    return 2.5 * epsilon / iterations if size is None else size


def _iterated(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    start: Tensor,
    epsilon: float,
    size: float,
    iterations: int,
    targeted: bool,
    bounds: tuple[float, float],
) -> Tensor:
    if epsilon < 0 or size < 0:
        raise ValueError(f"epsilon and size are changes of a pixel from 0 on; got {epsilon:g} and {size:g}.")
    clean = x.detach()
    low, high = bounds
    if bool(((clean < low) | (clean > high)).any()):
        raise ValueError(f"the images leave the bounds [{low:g}, {high:g}] before the attack; give `bounds` that hold them.")
    if epsilon == 0:
        return clean
    found = start
    for _ in range(iterations):
        with torch.enable_grad():
            point = found.clone().requires_grad_()
            # the sum over samples: none has a smaller gradient for being one of many
            loss = len(y) * cross_entropy(model(point), y)
            if not loss.requires_grad:
                raise ValueError("the model's read-out has no gradient with respect to its input; an attack needs one.")
            (slope,) = torch.autograd.grad(loss, point)
        moved = found + (-size if targeted else size) * slope.sign()
        found = torch.min(torch.max(moved, clean - epsilon), clean + epsilon).clamp(low, high)
    return found
