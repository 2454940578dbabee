"""Predictive coding around any torch module: its layers' outputs become values that predictions and errors move."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from synctopo.models.predictive.decoders import decoders_for
from synctopo.models.predictive.dynamics import Prediction, combined, predicted
from synctopo.models.predictive.hyper import Hyper, Noise, Order, Scaling, for_each
from synctopo.models.predictive.tracing import Trace, checked_names, evaluating, traced


@dataclass(frozen=True)
class _Wiring:
    trace: Trace
    scales: tuple[float, ...]


class PredictiveCoding(nn.Module):
    """What `predify` makes: a Model whose steps are t = 0, the feed-forward pass, and `steps` rounds of predictive coding.

    Coder n = 1, 2, ... stands at the layer `layers[n - 1]` of `module`, with `decoders[n - 1]`. Nothing is remembered between two calls,
    and the module is left as it was: its layers' outputs are replaced only while one pass of it runs.
    """

    def __init__(
        self,
        module: nn.Module,
        layers: tuple[str, ...],
        hyper: tuple[Hyper, ...],
        *,
        steps: int,
        order: Order,
        scaling: Scaling,
        noise: Noise | None,
        given: Mapping[str, nn.Module] | None,
        generator: torch.Generator | None,
    ) -> None:
        super().__init__()
        self.module = module
        self.layers = layers
        self.hyper = hyper
        self.steps = steps
        self.order = order
        self.scaling = scaling
        self.noise = noise
        self.decoders = nn.ModuleList()
        self._wiring: _Wiring | None = None
        self._start: tuple[Mapping[str, nn.Module] | None, torch.Generator | None] = (given, generator)

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site: value, prediction and error of each coder, and the read-out."""
        return (*(f"pcoder{n + 1}.{what}" for n in range(len(self.layers)) for what in ("value", "prediction", "error")), "readout")

    def wire(self, x: Tensor) -> "PredictiveCoding":
        """Look at the layers' shapes on `x` [sample, ...] and build the decoders; done once, at the latest by the first pass."""
        if self._wiring is None:
            given, generator = self._start
            trace, values = traced(self.module, self.layers, x[:2])
            decoders, reaches = decoders_for(self.module, trace, values, given, generator=generator)
            self.decoders.extend(decoders)
            cells = [target.numel() for target in (x[0], *(v[0] for v in values[:-1]))]
            scales = [2 / k if self.scaling is Scaling.NONE else 2 / c**0.5 for k, c in zip(cells, reaches, strict=True)]
            self._wiring = _Wiring(trace, tuple(scales))
            self._start = (None, None)
        return self

    def tuned(self, hyper: Hyper | Mapping[str, Hyper] | None = None, *, steps: int | None = None) -> "PredictiveCoding":
        """The same encoder and decoders with other settings: the modules are shared, this model stays as it is.

        Raises ValueError as `predify` does, and where the decoders are not built yet.
        """
        if self._wiring is None:
            raise ValueError("the decoders are not built yet; give predify an `example`, or run the model once.")
        steps = self.steps if steps is None else _steps(steps)
        settings = for_each(dict(zip(self.layers, self.hyper, strict=True)) if hyper is None else hyper, self.layers, steps)
        other = PredictiveCoding(
            self.module,
            self.layers,
            settings,
            steps=steps,
            order=self.order,
            scaling=self.scaling,
            noise=self.noise,
            given=None,
            generator=None,
        )
        other.decoders = self.decoders
        other._wiring = self._wiring
        return other

    def values(self, x: Tensor) -> tuple[Tensor, ...]:
        """The coders' values in the feed-forward pass, [sample, ...] each, the lowest first."""
        return self._pass(self._wired(x), x, lambda _k, forward: (forward, forward))[0]

    def states(self, x: Tensor) -> Iterator[dict[str, Tensor]]:
        """Yield, for t = 0, 1, ..., `pcoder1.value`, `.prediction` (of the layer below), `.error` (prediction - layer below), ...,
        and `readout`, each [sample, ...].

        Raises ValueError for an input of another shape than the decoders were built for.
        """
        wiring = self._wired(x)
        noise = self.noise
        generator = torch.Generator().manual_seed(noise.seed) if noise is not None else None

        def drawn(like: Tensor, amount: float) -> Tensor:
            one = torch.randn(like.shape[1:], generator=generator, dtype=torch.float64)
            return (amount * one).to(like).expand_as(like)

        def first(_k: int, forward: Tensor) -> tuple[Tensor, Tensor]:
            value = forward if noise is None or noise.start is None else drawn(forward, noise.start).contiguous()
            return value, value

        values, readout = self._pass(wiring, x, first)
        for step in range(self.steps + 1):
            following = [h.at(step + 1) if step < self.steps else (0.0, 0.0, 0.0) for h in self.hyper]
            said = [
                predicted(decoder, value, target, descend=amounts[2] != 0)
                for decoder, value, target, amounts in zip(self.decoders, values, (x, *values[:-1]), following, strict=True)
            ]
            yield _state(values, said, readout)
            if step == self.steps:
                return
            last = values

            def advance(
                k: int,
                forward: Tensor,
                last: tuple[Tensor, ...] = last,
                said: list[Prediction] = said,
                following: list[tuple[float, float, float]] = following,
            ) -> tuple[Tensor, Tensor]:
                above = said[k + 1].guess if k + 1 < len(said) else None
                pull = said[k].pull
                beta, share, alpha = following[k]
                value = combined(forward, above, last[k], pull, (beta, share, alpha * wiring.scales[k]))
                if noise is not None and noise.amount:
                    value = value + drawn(value, noise.amount)
                # the top coder's new value goes on to the read-out in either order
                held_back = self.order is Order.SYNCHRONOUS and k + 1 < len(last)
                return value, last[k] if held_back else value

            values, readout = self._pass(wiring, x, advance)

    def forward(self, x: Tensor) -> Tensor:
        """The read-out after the last step, [sample, ...]."""
        readout = x
        for state in self.states(x):
            readout = state["readout"]
        return readout

    def _wired(self, x: Tensor) -> _Wiring:
        if not isinstance(x, Tensor) or x.ndim < 2:
            raise ValueError(f"the input is a tensor [sample, ...]; got {list(x.shape) if isinstance(x, Tensor) else type(x).__name__}.")
        wiring = self.wire(x)._wiring
        assert wiring is not None
        wanted = wiring.trace.below[0]
        if tuple(x.shape[1:]) != wanted:
            raise ValueError(f"the decoders were built for inputs of {list(wanted)}, but {list(x.shape[1:])} came; wrap the module again.")
        return wiring

    def _pass(
        self, wiring: _Wiring, x: Tensor, advance: Callable[[int, Tensor], tuple[Tensor, Tensor]]
    ) -> tuple[tuple[Tensor, ...], Tensor]:
        """One pass of the encoder: `advance` turns coder k's feed-forward input into its value and what the next layers see."""
        trace = wiring.trace
        values: dict[int, Tensor] = {}

        def at(k: int) -> Callable[[nn.Module, Any, Any], Tensor]:
            def inject(_module: nn.Module, _inputs: Any, forward: Any) -> Tensor:
                if k in values:
                    raise ValueError(f"the layer {trace.names[k]!r} was called twice in one pass, and a coder has one value; name another.")
                if not isinstance(forward, Tensor) or tuple(forward.shape[1:]) != trace.shapes[k]:
                    came = list(forward.shape[1:]) if isinstance(forward, Tensor) else type(forward).__name__
                    raise ValueError(f"the layer {trace.names[k]!r} gives {came}, and gave {list(trace.shapes[k])} when it was wrapped.")
                values[k], passed = advance(k, forward)
                return passed.clone() if trace.overwritten[k] else passed

            return inject

        handles = []
        try:
            for k, name in enumerate(trace.names):
                handles.append(self.module.get_submodule(name).register_forward_hook(at(k)))
            with evaluating(self.module):
                readout = self.module(x.clone() if trace.input_overwritten else x)
        finally:
            for handle in handles:
                handle.remove()
        missing = [name for k, name in enumerate(trace.names) if k not in values]
        if missing:
            raise ValueError(f"the layer {missing[0]!r} was not called for this input; predictive coding needs it in every pass.")
        if not isinstance(readout, Tensor):
            raise ValueError(
                f"{type(self.module).__name__} returns {type(readout).__name__}; one tensor [sample, ...] is wanted as read-out."
            )
        return tuple(values[k] for k in range(len(trace.names))), readout


def _state(values: tuple[Tensor, ...], said: Sequence[Prediction], readout: Tensor) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for n, (value, prediction) in enumerate(zip(values, said, strict=True), start=1):
        state |= {f"pcoder{n}.value": value, f"pcoder{n}.prediction": prediction.guess, f"pcoder{n}.error": prediction.error}
    return state | {"readout": readout}


def _steps(steps: int) -> int:
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 0:
        raise ValueError(f"`steps` is a whole number from 0 on; got {steps!r}.")
    return steps


def predify(
    module: nn.Module,
    encoders: Sequence[str],
    decoders: Mapping[str, nn.Module] | None = None,
    hyper: Hyper | Mapping[str, Hyper] | None = None,
    *,
    steps: int = 10,
    example: Tensor | None = None,
    order: Order = Order.BOTTOM_UP,
    scaling: Scaling = Scaling.REACH,
    noise: Noise | None = None,
    generator: torch.Generator | None = None,
) -> PredictiveCoding:
    """Predictive coding (Choksi et al. 2021, Predify) in any torch module, as a Model; the module itself is not changed.

    encoders   the layers that get a coder, from the input upwards, by their names in module.named_modules()
    decoders   layer -> module from its value to a prediction of the layer below (of the input, for the first); where there is none, a
               linear one is built from the shapes (`default_decoder`), its weights drawn from `generator`
    hyper      one Hyper for all, or layer -> Hyper; by default Predify's
    steps      rounds after the feed-forward pass, t = 1, ..., steps
    example    inputs [sample, ...] to see the shapes on. Left out, this waits for the first inputs, and the default decoders' weights
               do not exist before (as in torch's lazy modules)
    order, scaling, noise   see `Order`, `Scaling`, `Noise`

    The encoder runs in evaluation mode. Raises ValueError, naming the layer, for one that is unknown, called twice, not called or out
    of order, and for a decoder that does not fit.
    """
    names = checked_names(module, encoders)
    steps = _steps(steps)
    model = PredictiveCoding(
        module,
        names,
        for_each(Hyper() if hyper is None else hyper, names, steps),
        steps=steps,
        order=order,
        scaling=scaling,
        noise=noise,
        given=None if decoders is None else dict(decoders),
        generator=generator,
    )
    return model if example is None else model.wire(example)
