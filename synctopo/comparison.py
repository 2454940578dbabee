"""Comparing recordings: every pair, site by site, as rows in which nothing is missing and nothing is NaN."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

import rtd
from synctopo.measures import Cloud, Measure, Quantity, named
from synctopo.naming import unknown
from synctopo.recording import Recording
from synctopo.statistics.calibration import chance, interval
from synctopo.store import digest

Key = tuple[str, str, int | None]
Listener = Callable[[str, str, str], None]
"""Called with (a, b, measure) before each value is computed."""


def compare(
    recordings: Mapping[str, Any] | Sequence[Any],
    measures: Sequence[str | Measure] = ("rtd",),
    *,
    null: int = 0,
    bootstrap: int = 0,
    sites: Sequence[str] | None = None,
    seed: int = 0,
    listen: Listener | None = None,
) -> pd.DataFrame:
    """Compare every pair of `recordings` at every site (and step) that both have; tidy, one row per value.

    recordings  name -> Recording, or array or tensor [sample, ...]; or a sequence of them (then named a, b, c, ...)
    measures    measures, or their names (`synctopo ls measures`)
    null        so many times the samples are matched at random, which gives each value its chance level and p; 0: not at all
    bootstrap   from so many random halves of the samples comes the interval of each value over stimuli; 0: none
    sites       only these
    seed        of the sub-samples, matchings and halves that are drawn: the same for all pairs
    listen      called with the names of a pair and a measure before its value is computed

    Columns, a row for each value:
      model_a, site_a, time_a, model_b, site_b, time_b; reduction, maps; n, width_a, width_b; measure, parameters, closer (`lower` or
      `higher` is more alike), identical (the value of a cloud with itself), seed
      value; forward, backward of a measure with directions; stderr over sub-samples, where there are any
      chance_mean, chance_sd, p (add-one, one-sided: more alike than by chance), permutations, calibrated (0 by chance, 1 for identical)
      ci_low, ci_high (95 %), resamples
      status (`ok`, `silent`, `degenerate`), reason; hash_a, hash_b (of what was compared), hash_samples (of their names)
    A silent or degenerate comparison is a row without a value, with its reason; what was not asked for is missing too. What chance and the
    interval are is said in `synctopo.statistics`.
    Raises ValueError for unknown measures or sites, fewer than two recordings, and recordings of different samples.
    """
    whole = recordings if isinstance(recordings, Mapping) else dict(zip(_letters(), recordings, strict=False))
    named_recordings = {name: _recording(name, held) for name, held in whole.items()}
    if len(named_recordings) < 2:
        raise ValueError(f"a comparison needs two recordings; got {len(named_recordings)}.")
    if isinstance(measures, str):
        raise ValueError(f"`measures` is a list; write measures=[{measures!r}].")
    chosen = [named(m) for m in measures]
    for name, count in (("null", null), ("bootstrap", bootstrap)):
        if isinstance(count, bool) or not isinstance(count, int) or count < 0 or (name == "bootstrap" and count == 1):
            raise ValueError(f"`{name}` is a number of draws, such as 200, or 0 for none; got {count!r}.")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise ValueError(f"`seed` is a whole number from 0 on; got {seed!r}.")
    clouds: dict[Key, Cloud] = {}
    asked = Asked(null, bootstrap, seed)
    rows = [
        row
        for a, b in combinations(named_recordings, 2)
        for row in rows_of_pair(a, named_recordings[a], b, named_recordings[b], chosen, asked, sites=sites, clouds=clouds, listen=listen)
    ]
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Asked:
    """What is wanted beside each value: `null` matchings at random, `bootstrap` halves of the samples, all drawn from `seed`."""

    null: int = 0
    bootstrap: int = 0
    seed: int = 0


def rows_of_pair(
    a: str,
    first: Recording,
    b: str,
    second: Recording,
    measures: Sequence[Measure],
    asked: Asked,
    *,
    sites: Sequence[str] | None = None,
    clouds: dict[Key, Cloud] | None = None,
    listen: Listener | None = None,
) -> list[dict[str, Any]]:
    """The rows of one pair, as `compare` gives them; `clouds` carries distances from pair to pair."""
    _same_samples(a, first, b, second)
    if first.reduction != second.reduction or first.times != second.times:
        raise ValueError(
            f"{a} was reduced over time by {first.reduction} with {len(first.times)} steps, {b} by {second.reduction} with "
            f"{len(second.times)}; record both alike."
        )
    if first.maps != second.maps:
        raise ValueError(f"the maps of {a} were recorded by {first.maps}, those of {b} by {second.maps}; record both alike.")
    held: dict[Key, Cloud] = {} if clouds is None else clouds
    samples = digest(first.samples.tolist())
    rows = []
    for site in _common(a, first, b, second, sites):
        for time in first.times or (None,):
            if clouds is None:
                # nobody asked to keep them, and the distances of every step of every site would be gigabytes
                held.clear()
            left = held.setdefault((a, site, time), Cloud(first.cloud(site, time)))
            right = held.setdefault((b, site, time), Cloud(second.cloud(site, time)))
            for measure in measures:
                if listen is not None:
                    listen(a, b, measure.name)
                rows.append(
                    {
                        "model_a": a,
                        "site_a": site,
                        "time_a": time,
                        "model_b": b,
                        "site_b": site,
                        "time_b": time,
                        "reduction": first.reduction,
                        "maps": first.maps,
                        "n": len(left),
                        "width_a": left.points.shape[1],
                        "width_b": right.points.shape[1],
                        "measure": measure.name,
                        "parameters": measure.parameters_json,
                        "closer": measure.closer,
                        "identical": measure.identical,
                        "seed": asked.seed,
                        **_measured(measure, left, right, a, b, asked),
                        "hash_a": left.quantity(CONTENT).tobytes().hex(),
                        "hash_b": right.quantity(CONTENT).tobytes().hex(),
                        "hash_samples": samples,
                    }
                )
    return rows


VALUE = ("value", "forward", "backward", "stderr")
CHANCE = ("chance_mean", "chance_sd", "p", "permutations", "calibrated")
INTERVAL = ("ci_low", "ci_high", "resamples")

CONTENT = Quantity(
    lambda cloud: np.frombuffer(hashlib.sha256(repr(cloud.points.shape).encode() + cloud.points.tobytes()).digest()[:10], np.uint8),
    samples=0,
)
"""A hash of the points, as 10 bytes."""


def _measured(measure: Measure, left: Cloud, right: Cloud, a: str, b: str, asked: Asked) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys((*VALUE, *CHANCE, *INTERVAL, "status", "reason"))
    for name, cloud in ((a, left), (b, right)):
        if cloud.silent:
            return row | {"status": "silent", "reason": f"{name} is zero for every sample"}
    for name, cloud in ((a, left), (b, right)):
        if cloud.constant:
            return row | {"status": "degenerate", "reason": f"{name} is the same for every sample"}
    try:
        found = measure.of(left, right, asked.seed)
    except rtd.DegenerateError as error:
        # the library says x and y of what the table calls by name
        side, said, rest = str(error).partition(": ")
        reason = f"{ {'x': a, 'y': b}[side] }: {rest}" if said and side in ("x", "y") else str(error)
        return row | {"status": "degenerate", "reason": reason}
    row |= {name: getattr(found, name) for name in VALUE} | {"status": "ok", "reason": ""}
    if asked.null:
        try:
            by_chance = chance(measure, left, right, found.value, permutations=asked.null, seed=asked.seed)
        except rtd.DegenerateError as error:
            return row | {"reason": f"no chance level: {error}"}
        if by_chance is None:
            row["reason"] = "no chance level: the measure does not look at which sample is which"
        else:
            told = (by_chance.mean, by_chance.sd, by_chance.p, by_chance.permutations, by_chance.calibrated)
            row |= dict(zip(CHANCE, told, strict=True))
    if asked.bootstrap:
        spread = interval(measure, left, right, found.value, draws=asked.bootstrap, seed=asked.seed)
        if spread is not None:
            row |= dict(zip(INTERVAL, (spread.low, spread.high, spread.draws), strict=True))
    return row


def _recording(name: str, held: Any) -> Recording:
    if isinstance(held, Recording):
        return held
    if isinstance(held, Tensor):
        held = held.detach().cpu().numpy()
    if not isinstance(held, np.ndarray):
        raise ValueError(f"{name} is {type(held).__name__}; a Recording, or an array or tensor [sample, feature], is wanted.")
    if held.ndim < 2 or held.size == 0 or held.dtype.kind not in "fiub":
        raise ValueError(f"{name} has shape {list(held.shape)} and type {held.dtype}; numbers [sample, feature] are wanted.")
    if not np.isfinite(held).all():
        raise ValueError(f"{name} holds NaN or infinity; leave those samples out of every array.")
    return Recording({"array": held[:, None]}, "none", (), np.arange(len(held)))


def _same_samples(a: str, first: Recording, b: str, second: Recording) -> None:
    if len(first.samples) != len(second.samples):
        raise ValueError(
            f"{a} holds {len(first.samples)} samples and {b} {len(second.samples)}; a comparison needs the same samples in both."
        )
    if not np.array_equal(first.samples, second.samples):
        raise ValueError(f"{a} and {b} hold different samples, or the same in another order; record both on the same samples.")
    if first.inputs and second.inputs and first.inputs != second.inputs and not (first.named and second.named):
        raise ValueError(
            f"{a} and {b} were shown different inputs, and their samples have no names; if they are the same samples in the same order, "
            "say so by record(..., samples=...) with the same names for both."
        )


def _common(a: str, first: Recording, b: str, second: Recording, sites: Sequence[str] | None) -> list[str]:
    if sites is not None:
        for site in sites:
            for name, recording in ((a, first), (b, second)):
                if site not in recording.sites:
                    raise unknown("site", site, recording.sites, f"in the recording {name}")
        return list(sites)
    common = [site for site in first.sites if site in second.sites]
    if not common:
        raise ValueError(
            f"{a} ({', '.join(first.sites)}) and {b} ({', '.join(second.sites)}) have no site in common; rename one with Recording.renamed."
        )
    return common


def _letters() -> Iterator[str]:
    k = 0
    while True:
        yield chr(ord("a") + k % 26) + (str(k // 26) if k >= 26 else "")
        k += 1
