"""Comparing recordings: every pair, site by site, as rows in which nothing is missing and nothing is NaN."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

import rtd
from synctopo.measures import Cloud, Measure, named
from synctopo.naming import unknown
from synctopo.recording import Recording


def compare(
    recordings: Mapping[str, Recording] | Sequence[Recording],
    measures: Sequence[str | Measure] = ("rtd",),
    *,
    sites: Sequence[str] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare every pair of `recordings` at every site (and step) that both have; tidy, one row per value.

    recordings  name -> Recording, or a sequence of them (then named a, b, c, ...)
    measures    measures, or their names (`synctopo ls measures`)
    sites       only these
    seed        of the sub-samples that a measure may draw: the same for all pairs

    Columns: model_a, site_a, time_a, model_b, site_b, time_b, reduction, maps, n, width_a, width_b, measure, parameters, closer, value, forward,
    backward, stderr, status (`ok`, `silent`, `degenerate`), reason. A silent or degenerate comparison is a row without a value.
    Raises ValueError for unknown measures or sites, fewer than two recordings, and recordings of different samples.
    """
    named_recordings = recordings if isinstance(recordings, Mapping) else dict(zip(_letters(), recordings, strict=False))
    if len(named_recordings) < 2:
        raise ValueError(f"a comparison needs two recordings; got {len(named_recordings)}.")
    if isinstance(measures, str):
        raise ValueError(f"`measures` is a list; write measures=[{measures!r}].")
    chosen = [named(m) for m in measures]
    clouds: dict[tuple[str, str, int | None], Cloud] = {}
    rows = [
        row
        for a, b in combinations(named_recordings, 2)
        for row in rows_of_pair(a, named_recordings[a], b, named_recordings[b], chosen, sites=sites, seed=seed, clouds=clouds)
    ]
    return pd.DataFrame(rows)


def rows_of_pair(
    a: str,
    first: Recording,
    b: str,
    second: Recording,
    measures: Sequence[Measure],
    *,
    sites: Sequence[str] | None = None,
    seed: int = 0,
    clouds: dict[tuple[str, str, int | None], Cloud] | None = None,
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
    held: dict[tuple[str, str, int | None], Cloud] = {} if clouds is None else clouds
    rows = []
    for site in _common(a, first, b, second, sites):
        for time in first.times or (None,):
            left = held.setdefault((a, site, time), Cloud(first.cloud(site, time)))
            right = held.setdefault((b, site, time), Cloud(second.cloud(site, time)))
            for measure in measures:
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
                        "n": len(left.points),
                        "width_a": left.points.shape[1],
                        "width_b": right.points.shape[1],
                        "measure": measure.name,
                        "parameters": measure.parameters_json,
                        "closer": measure.closer,
                        **_measured(measure, left, right, a, b, seed),
                    }
                )
    return rows


def _measured(measure: Measure, left: Cloud, right: Cloud, a: str, b: str, seed: int) -> dict[str, Any]:
    empty = {"value": None, "forward": None, "backward": None, "stderr": None}
    for name, cloud in ((a, left), (b, right)):
        if cloud.silent:
            return {**empty, "status": "silent", "reason": f"{name} is zero for every sample"}
    for name, cloud in ((a, left), (b, right)):
        if (cloud.points == cloud.points[0]).all():
            return {**empty, "status": "degenerate", "reason": f"{name} is the same for every sample"}
    try:
        found = measure.of(left, right, seed)
    except rtd.DegenerateError as error:
        # the library says x and y of what the table calls by name
        side, said, rest = str(error).partition(": ")
        reason = f"{ {'x': a, 'y': b}[side] }: {rest}" if said and side in ("x", "y") else str(error)
        return {**empty, "status": "degenerate", "reason": reason}
    return {
        "value": found.value,
        "forward": found.forward,
        "backward": found.backward,
        "stderr": found.stderr,
        "status": "ok",
        "reason": "",
    }


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
