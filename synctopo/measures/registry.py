"""Every measure by the name that a study file uses."""

from collections.abc import Callable
from typing import Any

import torch

import rtd
from synctopo.measures.alignment import ALIGNMENT
from synctopo.measures.barcodes import BARCODES
from synctopo.measures.canonical import CANONICAL
from synctopo.measures.cloud import Cloud
from synctopo.measures.measure import SHAPE, Measure, Measured, first_line
from synctopo.measures.neighbours import NEIGHBOURHOODS
from synctopo.measures.predictivity import PREDICTIVITY
from synctopo.measures.rdms import RSA
from synctopo.naming import unknown


def family(name: str, of: Callable[..., Any], batch: int = 500, trials: int = 10) -> Measure:
    """A member of the RTD family as a measure, over `trials` sub-samples of `batch` where there are more samples than that."""

    def measured(a: Cloud, b: Cloud, seed: int) -> Measured:
        generator = torch.Generator().manual_seed(seed)
        # both, so that both count
        passing = [cloud.passing(trials * batch**2) for cloud in (a, b)]
        if batch < len(a) and all(passing):
            found = of(a.points, b.points, batch=batch, trials=trials, generator=generator)
        else:
            found = of(a.distances, b.distances, batch=batch, trials=trials, generator=generator, metric="precomputed")
        return Measured(found.value, found.forward, found.backward, found.stderr)

    return Measure(
        name,
        measured,
        closer="lower",
        symmetric=True,
        identical=0.0,
        invariances=SHAPE,
        chance="grows with n, falls with width",
        about=first_line(of),
        parameters={"batch": batch, "trials": trials},
    )


FAMILY: dict[str, Callable[..., Any]] = {
    "rtd": rtd.rtd,
    "max_rtd": rtd.max_rtd,
    "srtd": rtd.srtd,
    "rtd_lite": rtd.rtd_lite,
    "max_rtd_lite": rtd.max_rtd_lite,
    "srtd_lite": rtd.srtd_lite,
}

MEASURES: dict[str, Measure] = {
    m.name: m
    for m in (*(family(name, of) for name, of in FAMILY.items()), *ALIGNMENT, *RSA, *NEIGHBOURHOODS, *PREDICTIVITY, *CANONICAL, *BARCODES)
}
"""Every measure by the name that a study file uses."""


def named(measure: str | Measure) -> Measure:
    """The measure of that name, or the measure itself. Raises ValueError with the nearest names for an unknown one."""
    if isinstance(measure, Measure):
        return measure
    if measure not in MEASURES:
        raise unknown("measure", measure, MEASURES)
    return MEASURES[measure]


def measure_from(name: str, *, batch: int, trials: int) -> Measure:
    """The measure of that name; one that draws sub-samples draws `trials` of `batch`."""
    return family(name, FAMILY[name], batch, trials) if name in FAMILY else named(name)
