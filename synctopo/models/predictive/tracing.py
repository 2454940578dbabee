"""What an encoder's layers give, seen once on an example: shapes, the order of calls, and who writes over whom."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from synctopo.naming import unknown


@dataclass(frozen=True)
class Trace:
    """The tapped layers of an encoder, from the input upwards.

    names        as module.named_modules() lists them
    shapes       of one sample's value in each
    below        of what each one's decoder predicts: the input, then the layer below
    overwritten  whether a later layer writes into the value (an in-place activation), which then must be given a copy
    input_overwritten  the same of the input
    """

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    below: tuple[tuple[int, ...], ...]
    overwritten: tuple[bool, ...]
    input_overwritten: bool


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """The module in evaluation mode, each part's own mode afterwards."""
    # batch normalisation in training mode would change the encoder and make samples see each other
    training = [part for part in module.modules() if part.training]
    try:
        for part in training:
            part.training = False
        yield
    finally:
        for part in training:
            part.training = True


def checked_names(module: object, encoders: Sequence[str]) -> tuple[str, ...]:
    """The names of the layers. Raises ValueError for none, a double or an unknown one."""
    if not isinstance(module, nn.Module):
        raise ValueError(f"predify wraps a torch module; got {type(module).__name__}.")
    if isinstance(encoders, str) or not all(isinstance(name, str) for name in encoders):
        raise ValueError(f"`encoders` is a list of layer names, as module.named_modules() gives them; got {encoders!r}.")
    names = tuple(encoders)
    if not names:
        raise ValueError("predictive coding needs at least one layer; name some of module.named_modules() in `encoders`.")
    known = [name for name, _ in module.named_modules() if name]
    for name in names:
        if name not in known:
            raise unknown("layer", name, known, f"in this {type(module).__name__}")
        if names.count(name) > 1:
            raise ValueError(f"`encoders` names the layer {name!r} more than once; leave the others out.")
    return names


@torch.no_grad()
def traced(module: nn.Module, names: tuple[str, ...], x: Tensor) -> tuple[Trace, tuple[Tensor, ...]]:
    """Run the module once on `x` [sample, ...]; returns what its layers are like, and their values [sample, ...].

    Raises ValueError, with the layer's name, for one that is not called, called twice or out of order, or gives no tensor of samples.
    """
    calls: list[tuple[str, Any, int]] = []
    layers = dict(module.named_modules())
    # in-place writing is seen by the version of a tensor, which inference mode does not count
    with torch.inference_mode(False):
        shown = x.detach().clone()
        version = shown._version
        handles = [
            layers[name].register_forward_hook(
                lambda _m, _i, out, name=name: calls.append((name, out, out._version if isinstance(out, Tensor) else 0))
            )
            for name in names
        ]
        try:
            with evaluating(module):
                module(shown)
        finally:
            for handle in handles:
                handle.remove()
    order = [name for name, _, _ in calls]
    for name in names:
        if order.count(name) == 0:
            raise ValueError(f"the layer {name!r} is not called in module(x); name one that the forward pass uses.")
        if order.count(name) > 1:
            raise ValueError(
                f"the layer {name!r} is called {order.count(name)} times in one pass, and a coder has one value; "
                "give each place a layer of its own, or name another."
            )
    if order != list(names):
        raise ValueError(f"`encoders` names layers from the input upwards; the pass calls them in the order {', '.join(order)}.")
    for name, out, _ in calls:
        if not isinstance(out, Tensor):
            raise ValueError(f"the layer {name!r} returns {type(out).__name__}; a coder's layer returns one tensor.")
        if out.ndim < 2 or out.shape[0] != len(x):
            raise ValueError(f"the layer {name!r} gives {list(out.shape)} for {len(x)} samples; [sample, feature, ...] is wanted.")
        if not out.is_floating_point():
            raise ValueError(f"the layer {name!r} gives {out.dtype}; a coder's value is a floating-point tensor.")
    shapes = tuple(tuple(out.shape[1:]) for _, out, _ in calls)
    overwritten = tuple(out._version != before for _, out, before in calls)
    about = Trace(names, shapes, (tuple(x.shape[1:]), *shapes[:-1]), overwritten, shown._version != version)
    return about, tuple(out for _, out, _ in calls)
