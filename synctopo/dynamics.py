"""Dynamics: how unlike two systems move, from trajectories, whatever the coordinates in which each was recorded."""

import contextlib
import io

import numpy as np
from jaxtyping import Shaped

from rtd import DegenerateError

Trajectories = Shaped[np.ndarray, "sample time *unit"]


def dsa(x: Trajectories, y: Shaped[np.ndarray, "sample_y time_y *unit_y"], *, delays: int = 4, rank: int = 10) -> float:
    """Dynamical similarity analysis (Ostrow et al. 2023), by dsa-metric: 0 for the same dynamics, in whatever basis; needs `dynamics`.

    A linear map from each state, seen through `delays` steps and reduced to `rank` dimensions (DMD), is fitted to each set of
    trajectories; the value is the mean squared distance of their eigenvalues in the best matching (squared 2-Wasserstein). Trajectories
    are what a recording of every step holds, `recording.signals[site]`; the samples of x and y need not correspond. The value depends on
    `delays` and `rank`, so report them.

    Raises ValueError where dsa-metric is not installed, for trajectories shorter than delays + 2, a rank that is too high, and values that
    are not finite; DegenerateError (a ValueError) for trajectories that do not move.
    """
    parts = [_states(x, "x", delays), _states(y, "y", delays)]
    for name, states in zip("xy", parts, strict=True):
        room = min(delays * states.shape[2], len(states) * (states.shape[1] - delays))
        if not 1 <= rank <= room:
            raise ValueError(f"the rank lies between 1 and the {room} dimensions that {name} has with {delays} delays; got {rank}.")
    try:
        from DSA import DSA
    except ImportError:
        raise ValueError("dsa needs dsa-metric: pip install 'synctopo[dynamics]'.") from None
    # it says on the terminal what it does
    with contextlib.redirect_stdout(io.StringIO()):
        found = DSA(parts[0], parts[1], n_delays=delays, rank=rank, score_method="wasserstein").fit_score()
    return float(np.asarray(found).reshape(-1)[0])


def _states(given: np.ndarray, name: str, delays: int) -> np.ndarray:
    """[sample, time, unit] in float64, about their mean and in units of their spread, so that a translation and a scale do not count."""
    if given.ndim < 3:
        raise ValueError(f"{name} holds trajectories [sample, time, unit]; got {list(given.shape)}: record every step (reduction.steps).")
    states = given.reshape(*given.shape[:2], -1).astype(np.float64)
    if delays < 1 or states.shape[1] < delays + 2:
        raise ValueError(
            f"{delays} delays need at least {delays + 2} steps, and there is at least one; {name} has {states.shape[1]} steps."
        )
    if not np.isfinite(states).all():
        raise ValueError(f"{name} holds NaN or infinity; look at the model that was recorded.")
    if (states == states[:, :1]).all():
        raise DegenerateError(f"{name}: no trajectory moves, so it has no dynamics to compare.")
    states -= states.mean((0, 1))
    return states / np.sqrt((states**2).mean())
