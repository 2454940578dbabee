"""Any torch module as a Model: its submodules' outputs, call by call."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from synctopo.naming import unknown


class Hooked:
    """A torch module of a user's own as a Model; a step is the n-th call of the named submodules during one `module(x)`.

    `sites` names the submodules as `module.named_modules()` does ("" is the module itself), either as a list, or as a mapping from the
    name that the site shall have to the submodule. A submodule that returns a tuple (snnTorch's neurons return spikes and membrane) gives
    one site for each tensor in it, `name.0`, `name.1`, ...; in a mapping, `{"lif1.spikes": "lif1.0"}` picks one of them.

    The hooks exist inside one call of `states` and are removed whatever happens. Outputs are what the submodule returned; a model that
    is called T times per forward pass yields T states, where other tools keep only the first or the last.
    """

    def __init__(self, module: nn.Module, sites: Sequence[str] | Mapping[str, str]) -> None:
        self.module = module
        named = dict(sites) if isinstance(sites, Mapping) else {s: s for s in sites}
        if not named:
            raise ValueError("Hooked needs at least one site; give names of submodules, as module.named_modules() lists them.")
        known = dict(module.named_modules())
        self._wanted: dict[str, tuple[str, int | None]] = {}
        for site, target in named.items():
            head, _, tail = target.rpartition(".")
            if target in known:
                self._wanted[site] = (target, None)
            elif tail.isdigit() and head in known:
                self._wanted[site] = (head, int(tail))
            else:
                raise unknown("submodule", target, [k for k in known if k], f"in this {type(module).__name__}")

    def states(self, x: Tensor) -> Iterator[dict[str, Tensor]]:
        """Yield, for each call of the submodules during `module(x)`, site -> [sample, ...].

        Raises ValueError if a site was never called, if the sites were not all called equally often, or if an output is not a tensor
        with one row per sample.
        """
        calls: dict[str, list[Any]] = {name: [] for name, _ in self._wanted.values()}
        modules = dict(self.module.named_modules())
        handles = []
        try:
            for name, seen in calls.items():
                handles.append(modules[name].register_forward_hook(lambda _m, _i, out, seen=seen: seen.append(_kept(out))))
            self.module(x)
        finally:
            for handle in handles:
                handle.remove()
        silent = [name for name, seen in calls.items() if not seen]
        if silent:
            raise ValueError(f"the submodule {silent[0]!r} was never called during module(x); name one that the forward pass uses.")
        counts = {name: len(seen) for name, seen in calls.items()}
        if len(set(counts.values())) > 1:
            said = ", ".join(f"{name} {k}x" for name, k in counts.items())
            raise ValueError(f"all sites of one Hooked must be called equally often; they were called {said}: hook them separately.")
        for step in range(next(iter(counts.values()))):
            state: dict[str, Tensor] = {}
            for site, (name, part) in self._wanted.items():
                state.update(_named(site, calls[name][step], part))
            for site, value in state.items():
                if value.ndim == 0 or value.shape[0] != x.shape[0]:
                    raise ValueError(
                        f"the site {site!r} has shape {list(value.shape)} for {x.shape[0]} samples; dimension 0 must be the sample."
                    )
            yield state


def _kept(out: Any) -> Any:
    # a layer after the hooked one may write in place (an inplace ReLU), which would change what was seen
    if isinstance(out, Tensor):
        return out.clone()
    if isinstance(out, tuple | list):
        return tuple(o.clone() if isinstance(o, Tensor) else o for o in out)
    return out


def _named(site: str, out: Any, part: int | None) -> dict[str, Tensor]:
    if isinstance(out, Tensor):
        if part is not None:
            raise ValueError(f"the site {site!r} asks for output {part}, but the submodule returns a single tensor; leave the number out.")
        return {site: out}
    if isinstance(out, tuple | list):
        tensors = {k: o for k, o in enumerate(out) if isinstance(o, Tensor)}
        if part is not None:
            if part not in tensors:
                raise ValueError(f"the site {site!r} asks for output {part}, but the submodule returns tensors at {sorted(tensors)}.")
            return {site: tensors[part]}
        if tensors:
            return {f"{site}.{k}": o for k, o in tensors.items()}
    raise ValueError(f"the site {site!r} returns {type(out).__name__}; a tensor, or a tuple of tensors, is wanted.")
