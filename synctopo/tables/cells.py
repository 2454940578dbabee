"""Cells: numbers as a reader wants them; all rounding of tables happens here, and all of their signs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synctopo.statistics.significance import LEVEL, adjusted, together

DAGGER = "†"
ARROWS = {"lower": "↓", "higher": "↑"}


def headed(measure: str, closer: str) -> str:
    """A measure with the arrow of its direction: rtd ↓ is more alike where it is lower, cka ↑ where it is higher."""
    return f"{measure} {ARROWS[closer]}"


def digits_of(closer: str) -> int:
    """How many digits behind the point a value has: similarities end at 1 and need one more than divergences."""
    return 3 if closer == "higher" else 2


def number(value: float | None, digits: int, *, sign: bool = False) -> str:
    """A number with so many digits behind the point; "" for none. What rounds to zero has no minus."""
    if value is None:
        return ""
    rounded = round(float(value), digits)
    return f"{rounded + 0.0:{'+' if sign else ''}.{digits}f}"


def spread(values: Sequence[float | None], digits: int, scale: float | int = 1, *, count: bool = False) -> str:
    """Mean ± standard deviation of those that are there, and their number in brackets if `count`; "" for none, no spread for one."""
    held = np.array([v for v in values if v is not None], dtype=float) * scale
    if not len(held):
        return ""
    said = number(float(held.mean()), digits)
    if len(held) > 1:
        said += f" ± {number(float(held.std(ddof=1)), digits)}"
    return f"{said} ({len(held)})" if count else said


def chance_of(p: float | None, digits: int = 3) -> str:
    """A p with so many digits behind the point, and the bound where it would read as 0; "" for none."""
    if p is None:
        return ""
    least = 10.0**-digits
    return f"<{least:.{digits}f}" if p < least / 2 else f"{p:.{digits}f}"


def between(low: float | None, high: float | None, digits: int) -> str:
    """An interval in square brackets; "" for none."""
    return "" if low is None or high is None else f"[{number(low, digits)}, {number(high, digits)}]"


@dataclass(frozen=True)
class Daggers:
    """The sign behind each cell, † or "", and a clause for the title that says what it means; "" where no chance was drawn."""

    signs: tuple[str, ...]
    said: str


def daggers(ps: Sequence[Sequence[float]], permutations: int) -> Daggers:
    """Which cells cannot be told from chance: those whose p, taken together over the pairs in a cell and corrected over the table, is above
    0.05. A cell whose every p is the smallest that so many permutations can give has no sign: they are too few to mark this table.
    """
    corrected = adjusted([together(held) for held in ps])
    above = [q is not None and q > LEVEL for q in corrected]
    floor = 1.0 / (1 + permutations)
    lowest = [bool(len(held)) and max(held) <= floor * (1 + 1e-9) for held in ps]
    signs = tuple(DAGGER if high and not low else "" for high, low in zip(above, lowest, strict=True))
    said = f"{DAGGER}: not to be told from chance (p, corrected over the table, above {LEVEL:g})" if any(signs) else ""
    if any(high and low for high, low in zip(above, lowest, strict=True)):
        few = f"{permutations} random matchings are too few to tell a table of {sum(map(bool, ps))} from chance"
        said = f"{said}; {few}" if said else few
    return Daggers(signs, said)


def most_alike(values: Sequence[float | None], closer: str) -> int | None:
    """The place of the most alike of these values, None where there are fewer than two to choose from."""
    held = [(v, i) for i, v in enumerate(values) if v is not None]
    if len(held) < 2:
        return None
    return (min if closer == "lower" else max)(held)[1]
