"""How well phases mark objects: synchrony within each, and the group loss that rewards it together with distance between them."""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from synctopo.models.komplexnet.layers import length_of

EPSILON = 1e-12


def synchrony_index(
    phases: Float[Tensor, "sample channel row column"],
    masks: Shaped[Tensor, "sample object row column"],
    active: Shaped[Tensor, "sample channel row column"] | None = None,
) -> Float[Tensor, "sample object"]:
    """|mean of e^(i phi)| over the active units of each object, mean over channels: 1 for one common phase, near 0 for scattered phases.

    `active` weights the units, such as amplitude > 0; without it all count. A channel that is silent in an object does not count there, and
    an object without any active unit has 0. n scattered units have sqrt(pi / 4n) by chance.
    """
    re, im, weight = _sums(phases, masks, active)
    length = (re * re + im * im).sqrt() / weight.clamp(min=EPSILON)
    there = (weight > 0).to(length.dtype)
    return (length * there).sum(2) / there.sum(2).clamp(min=1)


def group_loss(
    phases: Float[Tensor, "sample channel row column"],
    masks: Shaped[Tensor, "sample object row column"],
    active: Shaped[Tensor, "sample channel row column"] | None = None,
) -> Float[Tensor, " sample"]:
    """Synchrony within objects and distance between them, of each sample: 0 where every object has one phase and these balance.

    With G objects, r_gc the synchrony of object g in channel c and psi_g its mean phase (Ricci et al. 2021, KuraNet; KomplexNet):

    S = 1 - mean_g mean_c r_gc;  D = sum_(m <= G/2) |sum_g e^(i m psi_g)|^2 / (2 G m^2);  (S + D) / (1 + G/2 sum_(m <= G/2) 1/m^2)

    Unlike the published code, units are weighted by `active` and silent ones do not count, so that nothing depends on where phase 0 is.
    Objects whose mask is empty or silent are no objects of that sample. It needs the objects' masks: those are labels.
    """
    re, im, weight = _sums(phases, masks, active)
    there = (weight > 0).to(re.dtype)
    length = (re * re + im * im + EPSILON).sqrt() / weight.clamp(min=EPSILON)
    channels = there.sum(2)
    objects = (channels > 0).to(re.dtype)
    count = objects.sum(1).clamp(min=1)
    within = (length * there).sum(2) / channels.clamp(min=1)
    apart_within = 1 - (within * objects).sum(1) / count
    sum_re, sum_im = re.sum(2), im.sum(2)
    unit = torch.complex(sum_re, sum_im) / length_of(sum_re, sum_im) * objects
    power = torch.ones_like(unit)
    between, bound = torch.zeros_like(count), torch.ones_like(count)
    for m in range(1, 1 + masks.shape[1] // 2):
        power = power * unit
        counted = (m <= count // 2).to(re.dtype)
        total = power.sum(1)
        between = between + counted * (total.real**2 + total.imag**2) / (2 * count * m * m)
        bound = bound + counted * count / 2 / (m * m)
    return (apart_within + between) / bound


def exclusive(masks: Shaped[Tensor, "sample object row column"]) -> Shaped[Tensor, "sample object row column"]:
    """Masks without the positions that belong to several objects, which can have no phase of their own."""
    return masks * (masks.sum(1, keepdim=True) == 1)


def _sums(phases: Tensor, masks: Tensor, active: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Sums of cos, of sin and of weights, [sample, object, channel]."""
    weights = torch.ones_like(phases) if active is None else active.to(phases.dtype)
    inside = masks.flatten(2).to(phases.dtype)
    parts = torch.cat((weights * phases.cos(), weights * phases.sin(), weights), 1).flatten(2)
    found = torch.bmm(inside, parts.transpose(1, 2))
    c = phases.shape[1]
    return found[..., :c], found[..., c : 2 * c], found[..., 2 * c :]
