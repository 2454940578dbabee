"""Statistics: what a value is worth against chance and other stimuli, and what trained models, the units, allow to be said."""

from synctopo.statistics.calibration import Chance, Interval, against, chance, interval
from synctopo.statistics.noise_ceiling import Ceiling, ceiling
from synctopo.statistics.significance import adjusted, reach, stars, together
from synctopo.statistics.units import Excess, Tested, excess, relabelling, separation, sign_flip, smallest_paired, smallest_unpaired

__all__ = [
    "Ceiling",
    "Chance",
    "Excess",
    "Interval",
    "Tested",
    "adjusted",
    "against",
    "ceiling",
    "chance",
    "excess",
    "interval",
    "reach",
    "relabelling",
    "separation",
    "sign_flip",
    "smallest_paired",
    "smallest_unpaired",
    "stars",
    "together",
]
