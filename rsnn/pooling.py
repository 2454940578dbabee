"""How a read-out averages spikes over time: each counts with the mean of what its decay leaves in the steps to the end."""

import torch
from jaxtyping import Float
from torch import Tensor


def share_of_steps(tau: Float[Tensor, " output"], steps: int, *, dt: float) -> Float[Tensor, "time *output"]:
    """How much a spike of each step counts in the mean over all steps of a read-out with time constants `tau` (ms).

    For each output [time, output] where they are unequal or learn, else one column for all [time].
    """
    left = torch.arange(steps, 0, -1, dtype=torch.float64, device=tau.device)
    shared = not tau.requires_grad and bool((tau == tau[0]).all())
    decay = torch.exp(-dt / (tau[0] if shared else tau))
    return (1 - decay ** (left if shared else left[:, None])) / ((1 - decay) * steps)


def averaged(
    spikes: Float[Tensor, "*time sample unit"], share: Float[Tensor, "time *output"], weight: Float[Tensor, "output unit"]
) -> Float[Tensor, "sample output"]:
    """The read-out of spikes [time, sample, unit], or, where all outputs share it, of what is pooled by `share` [sample, unit]."""
    if spikes.ndim == 2:
        return spikes @ weight.t()
    if share.ndim == 1:
        return torch.einsum("t,tsu->su", share, spikes) @ weight.t()
    return torch.einsum("to,tso->so", share, spikes @ weight.t())
