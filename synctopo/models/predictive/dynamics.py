"""One step of predictive coding as pure functions of tensors: predict, look at the error, combine."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn


@dataclass(frozen=True)
class Prediction:
    """What a coder says of the layer below.

    guess  [sample, ...] the decoder's output; error [sample, ...] guess - target
    pull   [sample, ...] gradient of half the summed squared error of each sample with respect to the coder's value; None if not asked for
    """

    guess: Tensor
    error: Tensor
    pull: Tensor | None


def predicted(decoder: nn.Module, value: Tensor, target: Tensor, *, descend: bool) -> Prediction:
    """The decoder's prediction of `target` from `value`, its error, and, to `descend`, the gradient of the error.

    The gradient is itself differentiable where gradients are on, so that an attack or a loss through several steps sees the whole
    derivative; it is also there under torch.no_grad and torch.inference_mode.
    """
    if not descend:
        guess = decoder(value)
        return Prediction(guess, guess - target, None)
    if torch.is_grad_enabled():
        point = value if value.requires_grad else value.detach().requires_grad_()
        guess = decoder(point)
        error = guess - target
        (pull,) = torch.autograd.grad(guess, point, error, create_graph=True)
        return Prediction(guess, error, pull)
    with torch.inference_mode(False):
        # a tensor born in inference mode has no gradient; its copy has
        point, wanted = (t.clone() if t.is_inference() else t.detach() for t in (value, target))
        with torch.enable_grad():
            guess = decoder(point.requires_grad_())
        error = guess.detach() - wanted
        (pull,) = torch.autograd.grad(guess, point, error)
    return Prediction(guess.detach(), error, pull)


def combined(
    forward: Float[Tensor, "*shape"],
    feedback: Float[Tensor, "*shape"] | None,
    value: Float[Tensor, "*shape"],
    descent: Float[Tensor, "*shape"] | None,
    amounts: tuple[float, float, float],
) -> Float[Tensor, "*shape"]:
    """beta forward + lambda feedback + (1 - beta - lambda) value - alpha descent, where a term with 0 is not computed.

    So a pure term comes out bit for bit. Without `feedback` lambda is 0, without `descent` alpha.
    """
    beta, share, alpha = amounts
    rest = 1.0 if feedback is None else 1.0 - share
    # two interpolations, each one pass over memory, in place of three products and two sums
    if beta == 0:
        total = value
    elif abs(rest - beta) < 1e-12:
        total = forward
    else:
        total = torch.lerp(value, forward, beta / rest)
    if feedback is not None and share != 0:
        total = feedback if rest < 1e-12 else torch.lerp(total, feedback, share)
    return total if descent is None or alpha == 0 else torch.sub(total, descent, alpha=alpha)
