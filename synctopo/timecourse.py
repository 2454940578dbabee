"""Comparison over time: every step of one recording against every step of another, as a matrix and as a curve."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from synctopo.comparison import Asked, rows_of_pair
from synctopo.measures import Cloud, Measure, named
from synctopo.naming import unknown
from synctopo.recording import Recording


def compare_over_time(
    a: Recording,
    b: Recording,
    measure: str | Measure = "rtd",
    *,
    site: str,
    site_b: str | None = None,
    times: Sequence[int] | None = None,
    names: tuple[str, str] = ("a", "b"),
    null: int = 0,
    seed: int = 0,
) -> pd.DataFrame:
    """`measure` between `site` of `a` after step t and `site_b` (the same by default) of `b` after step t', for all t and t'.

    times  only these steps of both; by default all that each recording holds
    names  what the rows call the two
    null   so many times the samples are matched at random, which gives each value its chance level and p; 0: not at all
    seed   of the sub-samples and matchings that are drawn: the same for all pairs of steps

    A tidy frame with the columns of `synctopo.compare`, a row for each (time_a, time_b). The distances of each step are computed once; a
    recording against itself, by a symmetric measure, takes half of the pairs. `matrix` and `curve` arrange it.
    Raises ValueError for recordings without steps or of different samples, and for an unknown site or step.
    """
    chosen = named(measure)
    other = site if site_b is None else site_b
    steps_a, steps_b = (_steps(name, r, times) for name, r in zip(names, (a, b), strict=True))
    itself = a is b and other == site and chosen.symmetric
    clouds: dict[tuple[str, str, int | None], Cloud] = {}
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for s in steps_a:
        for t in steps_b:
            if itself and (t, s) in found:
                row = found[t, s]
                found[s, t] = {**row, "time_a": s, "time_b": t, "forward": row["backward"], "backward": row["forward"]}
                continue
            one, two = f"{names[0]}@{s}", f"{names[1] if not itself else names[0]}@{t}"
            left, right = _snapshot(a, site, s), _snapshot(b, other, t)
            (row,) = rows_of_pair(one, left, two, right, [chosen], Asked(null=null, seed=seed), clouds=clouds)
            about = {"model_a": names[0], "site_a": site, "time_a": s, "model_b": names[1], "site_b": other, "time_b": t}
            found[s, t] = {**row, **about}
    return pd.DataFrame(list(found.values()))


def matrix(frame: pd.DataFrame) -> pd.DataFrame:
    """The values of `compare_over_time` as [time_a, time_b]; not a number where there is none, for figures."""
    return frame.assign(value=frame["value"].astype(float)).pivot(index="time_a", columns="time_b", values="value")


def curve(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of `compare_over_time` in which both are at the same step, in the order of time."""
    return frame[frame["time_a"] == frame["time_b"]].sort_values("time_a", ignore_index=True)


def _steps(name: str, recording: Recording, times: Sequence[int] | None) -> tuple[int, ...]:
    if not recording.times:
        raise ValueError(f"{name} holds no steps (its reduction is {recording.reduction}); record it with reduce=reduction.steps.")
    for time in times or ():
        if time not in recording.times:
            raise unknown("step", time, map(str, recording.times), f"in {name}")
    return recording.times if times is None else tuple(times)


def _snapshot(recording: Recording, site: str, time: int) -> Recording:
    """One site after one step, as a recording of its own; under one name, so that different sites can be compared."""
    cloud = recording.cloud(site, time)
    return Recording(
        {"site": cloud[:, None]}, recording.reduction, (), recording.samples, recording.maps, recording.inputs, recording.named
    )
