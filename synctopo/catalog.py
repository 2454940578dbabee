"""The catalogue: the one place where the words of a study file become objects."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from synctopo import maps, reduction
from synctopo.families.akorn import OSCILLATORS, AKOrNSpec
from synctopo.families.boards import BOARDS, BoardsSpec
from synctopo.families.convolutional import CONVOLUTIONAL, CNNSpec
from synctopo.families.custom import CUSTOM, CustomSpec
from synctopo.families.diehl_cook import DIEHL_COOK, DiehlCookSpec
from synctopo.families.family import Family
from synctopo.families.komplexnet import KOMPLEXNET, KomplexSpec
from synctopo.families.objects import OBJECTS, ObjectsSpec
from synctopo.families.perceptron import PERCEPTRON, MLPSpec
from synctopo.families.points import POINTS, PointsSpec
from synctopo.families.predictive import PREDICTIVE, PredictiveSpec
from synctopo.families.recurrent import RECURRENT, GRUSpec
from synctopo.families.spiking import RSNN, RSNNSpec
from synctopo.maps import Maps
from synctopo.naming import unknown
from synctopo.reduction import Reduction
from synctopo.spec import parsed

ModelSpec = (
    RSNNSpec
    | DiehlCookSpec
    | MLPSpec
    | GRUSpec
    | PointsSpec
    | CNNSpec
    | PredictiveSpec
    | KomplexSpec
    | AKOrNSpec
    | BoardsSpec
    | ObjectsSpec
    | CustomSpec
)

FAMILIES: dict[str, Family] = {
    "rsnn": RSNN,
    "diehl_cook": DIEHL_COOK,
    "mlp": PERCEPTRON,
    "gru": RECURRENT,
    "points": POINTS,
    "cnn": CONVOLUTIONAL,
    "predictive": PREDICTIVE,
    "komplexnet": KOMPLEXNET,
    "akorn": OSCILLATORS,
    "boards": BOARDS,
    "objects": OBJECTS,
    "module": CUSTOM,
}

MAPS: dict[str, Maps] = {m.name: m for m in (maps.flatten, maps.pool, maps.positions)}


def model_spec(table: Mapping[str, Any], where: str) -> ModelSpec:
    """The specification of a model in a study's table. Raises ValueError for an unknown family, key or value, with the nearest known."""
    if "family" not in table:
        raise ValueError(f"{where}.family is missing; there are: {', '.join(sorted(FAMILIES))}.")
    if not isinstance(table["family"], str) or table["family"] not in FAMILIES:
        raise unknown("model family", table["family"], FAMILIES, f"in {where}")
    family = FAMILIES[table["family"]]
    found: Any = parsed(family.spec, table, where)
    if family.check is not None:
        family.check(found, where)
    return found


USUAL = "usual"
"""The reduction that asks each family for its own, so that families of unlike steps can be compared."""

ROLES = ("early", "late")
"""What a site may be called in all families alike: the first layer's, and the main one."""


def reduction_named(name: str, spec: ModelSpec | None = None) -> Reduction:
    """The reduction over time of that name, such as "count" or "window(10,20)"; of "usual" that of the model's family, under this name.

    Raises ValueError with the nearest names for another.
    """
    if name != USUAL:
        return reduction.named(name)
    own = reduction.named(FAMILIES[spec.family].reduction if spec is not None else "last")
    return replace(own, name=USUAL)


def site_of(spec: ModelSpec, name: str) -> str | None:
    """The model's site of that name, or in that role; None where it has none: a model of one layer has no early one."""
    if name in spec.sites:
        return name
    main = spec.main_site
    if name == "late":
        return main
    if name == "early":
        # the first that says the same of its layer as the main site says of the last: conv1.amplitude for hidden.amplitude
        kind = main.partition(".")[2]
        first = next(s for s in spec.sites if s.partition(".")[2] == kind and not s.startswith("input."))
        return None if first == main else first
    return None


def build(spec: ModelSpec, shape: tuple[int, int], classes: int, seed: int) -> nn.Module:
    """The model of a specification, its weights drawn from `seed`: the same bytes for the same seed."""
    return FAMILIES[spec.family].build(spec, shape, classes, seed)
