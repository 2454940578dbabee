"""Decoders: from a coder's value to a prediction of the layer below, built from traced shapes or given, and checked."""

from collections.abc import Mapping
from math import prod

import torch
from torch import Tensor, nn

from synctopo.models.predictive.tracing import Trace, evaluating
from synctopo.naming import unknown

_CONVOLUTIONS: dict[int, type[nn.Conv1d] | type[nn.Conv2d] | type[nn.Conv3d]] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}


def default_decoder(value: tuple[int, ...], target: tuple[int, ...], *, generator: torch.Generator | None = None) -> nn.Module:
    """A linear decoder between two shapes of one sample.

    Maps [channel, ...] of the same rank: interpolated to the size of the target, then a convolution of width 3 (the map of Predify's
    transposed convolution, which at stride 1 is the same and slower). Anything else: one dense layer. Weights are uniform, from
    `generator`, within the bounds in which torch draws a transposed convolution and a dense layer.
    """
    spatial = len(value) - 1
    if len(target) == len(value) and spatial in _CONVOLUTIONS:
        layer: nn.Module = _CONVOLUTIONS[spatial](value[0], target[0], kernel_size=3, padding=1)
        decoder = nn.Sequential(layer)
        if value[1:] != target[1:]:
            decoder.insert(0, nn.Upsample(size=target[1:], mode=_MODES[spatial], align_corners=False))
        # of a transposed convolution torch counts the other side
        fan_in = target[0] * 3**spatial
    else:
        fan_in = prod(value)
        layer = nn.Linear(fan_in, prod(target))
        decoder = nn.Sequential(nn.Flatten(), layer, nn.Unflatten(1, target))
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=generator)
    return decoder


def decoders_for(
    module: nn.Module,
    trace: Trace,
    values: tuple[Tensor, ...],
    given: Mapping[str, nn.Module] | None,
    *,
    generator: torch.Generator | None = None,
) -> tuple[list[nn.Module], tuple[int, ...]]:
    """One decoder for each coder, those of `given` or default ones, and the reach of each.

    Raises ValueError, with the layer's name, for a decoder of the wrong shape, one that writes into its input, or one of the encoder's.
    """
    given = {} if given is None else given
    for name, decoder in given.items():
        if name not in trace.names:
            raise unknown("coder", name, trace.names, "that `decoders` could be for")
        if not isinstance(decoder, nn.Module):
            raise ValueError(f"the decoder of {name!r} is {type(decoder).__name__}; a torch module is wanted.")
    encoder_weights = {id(p) for p in module.parameters()}
    found, reaches = [], []
    for k, name in enumerate(trace.names):
        if name in given:
            decoder = given[name]
        else:
            decoder = default_decoder(trace.shapes[k], trace.below[k], generator=generator).to(values[k])
        if any(id(p) in encoder_weights for p in decoder.parameters()):
            raise ValueError(f"the decoder of {name!r} shares weights with the encoder, which must stay as it is; give it a copy.")
        with evaluating(decoder):
            _check(name, decoder, values[k], trace.below[k], trace.names[k - 1] if k else None)
            reaches.append(reach(decoder, values[k][:1]))
        if reaches[-1] == 0:
            raise ValueError(f"the decoder of {name!r} gives the same for every value; give it weights that are not zero.")
        found.append(decoder)
    return found, tuple(reaches)


@torch.no_grad()
def _check(name: str, decoder: nn.Module, value: Tensor, target: tuple[int, ...], below: str | None) -> None:
    with torch.inference_mode(False):
        shown = value.clone()
        version = shown._version
        try:
            guess = decoder(shown)
        except RuntimeError as error:
            raise ValueError(
                f"the decoder of {name!r} cannot take its value, {list(value.shape[1:])} for a sample: {str(error).splitlines()[0]}."
            ) from None
    what = f"the layer below, {below!r}," if below else "the input"
    if not isinstance(guess, Tensor) or guess.shape != (len(value), *target):
        came = list(guess.shape[1:]) if isinstance(guess, Tensor) else type(guess).__name__
        raise ValueError(f"the decoder of {name!r} gives {came} for a sample, but {what} has {list(target)}; make its output fit.")
    if shown._version != version:
        raise ValueError(
            f"the decoder of {name!r} writes into its input, which is the coder's value; use inplace=False in its first layer."
        )


def reach(decoder: nn.Module, value: Tensor, draws: int = 4) -> int:
    """How many cells of a prediction one cell of the value moves: C in the scaling of the error gradient.

    The cell in the middle of each channel's map, or of the vector; counted where the derivative is not zero at any of `draws` random
    values [1, ...], since a rectified decoder hides some at each. Predify adds +-10,000 to a cell and counts what changes.
    """
    generator = torch.Generator().manual_seed(0)
    direction = torch.zeros_like(value)
    if value.ndim > 2:
        direction[(0, 0, *(size // 2 for size in value.shape[2:]))] = 1
    else:
        direction[0, value.shape[1] // 2] = 1
    moved = torch.zeros((), dtype=torch.bool, device=value.device)
    with torch.inference_mode(False), torch.enable_grad():
        for _ in range(draws):
            point = torch.randn(value.shape, generator=generator, dtype=torch.float64).to(value).requires_grad_()
            guess = decoder(point)
            if not guess.requires_grad:
                return 0
            # J v as the derivative of J^T u by u: reverse mode alone, which every layer has
            probe = torch.zeros_like(guess, requires_grad=True)
            (back,) = torch.autograd.grad(guess, point, probe, create_graph=True)
            (slope,) = torch.autograd.grad(back, probe, direction)
            moved = moved | (slope != 0)
    return int(moved.sum())
