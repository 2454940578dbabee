"""Design of heterogeneity: a search over means and spreads for networks that are right with few spikes, by Bayesian optimisation."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from synctopo import catalog
from synctopo.catalog import FAMILIES
from synctopo.data import Dataset, split
from synctopo.learning.training import stream
from synctopo.making import performance

MANY = 1e9  # spikes: worse than any network


@dataclass(frozen=True)
class Span:
    """From where to where an entry of a model is searched; `log`: evenly in its logarithm."""

    low: float | int
    high: float | int
    log: bool = False

    def __post_init__(self) -> None:
        if not (np.isfinite([self.low, self.high]).all() and self.low < self.high and (self.low > 0 or not self.log)):
            raise ValueError(f"Span({self.low:g}, {self.high:g}): it must go up between finite numbers, above 0 where it is logarithmic.")


@dataclass(frozen=True)
class Design:
    """One network that was tried: its entries, the accuracy of its read-out on samples held out of the training set, its mean number of
    spikes for a sample, and whether no other one was at least as good in both and better in one. A network that could not be trained has
    accuracy 0, infinitely many spikes, and says why."""

    values: Mapping[str, float]
    accuracy: float
    spikes: float
    best: bool
    failed: str = ""


def search(
    table: Mapping[str, Any],
    space: Mapping[str, Span],
    data: Dataset,
    *,
    trials: int = 30,
    held_out: float = 0.25,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Design, ...]:
    """Try `trials` networks, each chosen by what was learned from the ones before; for accuracy and against spikes.

    As Chakraborty and Mukhopadhyay 2023 (ICLR, arXiv 2302.11618) chose the heterogeneity of their networks. `table` is a model as a study
    file writes it, `space` says which of its entries are searched, such as {"neuron.tau_mem.cv": Span(0.05, 1)}. `data` are the samples to
    learn from: a share `held_out` of them judges, so that no test set is chosen on. The tree-structured Parzen estimator of optuna (extra
    `design`) with that seed; the same call tries the same networks.

    Raises ValueError for a model that does not spike, for entries that it does not have, and without optuna.
    """
    optuna = _optuna()
    if trials < 1 or not 0 < held_out < 1:
        raise ValueError(f"search(trials={trials}, held_out={held_out:g}): wanted is a positive number of trials and a share in (0, 1).")
    if not space:
        raise ValueError("search(space={}): nothing would be searched; name at least one entry, such as 'neuron.tau_mem.cv'.")
    count = round(held_out * len(data.labels))
    parts = split(data, train=len(data.labels) - count, test=max(1, count), seed=seed)
    found: list[tuple[dict[str, float], float, float, str]] = []
    sampler = optuna.samplers.TPESampler(seed=seed)
    plan = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    for n in range(trials):
        trial = plan.ask()
        values = {place: trial.suggest_float(place, s.low, s.high, log=s.log) for place, s in space.items()}
        spec = catalog.model_spec(_changed(table, values), "design")
        family = FAMILIES[spec.family]
        if family.activity is None:
            raise ValueError(f'family {spec.family!r} counts no spikes; design is for spiking networks, such as family = "rsnn".')
        rows, columns = parts.train.images.shape[-2:]
        model = catalog.build(spec, (rows, columns), data.classes, seed)
        x, shown = (
            family.inputs(spec, part.images, stream(seed, name)) for part, name in ((parts.train, "encoding"), (parts.test, "order"))
        )
        try:
            family.fit(spec, model, x, torch.from_numpy(parts.train.labels), seed)
            judged = performance(model, spec, x, parts.train.labels, shown, parts.test.labels)
            own = judged["own_accuracy"]
            result = (float(judged["readout_accuracy"] if own is None else own), float(judged["spikes_per_sample"]), "")
        except ValueError as reason:
            # a dead or exploding network is worth nothing, and the search learns so
            result = (0.0, math.inf, str(reason))
        plan.tell(trial, (result[0], min(result[1], MANY)))
        found.append((values, *result))
        if progress is not None:
            progress(n + 1, trials)
    return tuple(Design(values, a, s, not why and _best(a, s, found), why) for values, a, s, why in found)


def _best(accuracy: float, spikes: float, found: list[tuple[dict[str, float], float, float, str]]) -> bool:
    return not any(a >= accuracy and s <= spikes and (a > accuracy or s < spikes) for _, a, s, _ in found)


def _changed(table: Mapping[str, Any], values: Mapping[str, float]) -> dict[str, Any]:
    """A copy of a table with the entries at these places changed; a table between them is made where there is none."""
    changed = _copied(table)
    for place, value in values.items():
        *path, last = place.split(".")
        into = changed
        for step in path:
            into = into.setdefault(step, {})
            if not isinstance(into, dict):
                raise ValueError(f"{place} cannot be searched: {step!r} is no table in this model, but {into!r}.")
        into[last] = value
    return changed


def _copied(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copied(value) if isinstance(value, Mapping) else value for key, value in table.items()}


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise ValueError("a search needs optuna: pip install 'synctopo[design]'.") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
