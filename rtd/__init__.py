"""Representation topology divergence and its family, exact, from two point clouds or two distance matrices."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtd.barcode import Barcode
    from rtd.cone import cone_barcode, cross_barcode
    from rtd.crosscloud import cloud_barcode, mtopdiv
    from rtd.divergence import Divergence, max_rtd, rtd, srtd
    from rtd.engine import is_compiled, warm_up
    from rtd.lite import lite_cone_barcode, lite_cross_barcode, max_rtd_lite, rtd_lite, srtd_lite
    from rtd.localisation import Localisation, localise
    from rtd.loss import RTDLoss, distance_loss, rtd_loss
    from rtd.metrics import DegenerateError, distances, normalise, positive_pairs, standardise, whole_matrix
    from rtd.null import permutation_null, subsampling
    from rtd.rips import persistence
    from rtd.similarity import nts, nts_e, nts_m
    from rtd.timesteps import unroll_time
    from rtd.unroll import partition_stability, random_partition, unroll_graph

__all__ = [
    "Barcode",
    "DegenerateError",
    "Divergence",
    "Localisation",
    "RTDLoss",
    "cloud_barcode",
    "cone_barcode",
    "cross_barcode",
    "distance_loss",
    "distances",
    "is_compiled",
    "lite_cone_barcode",
    "lite_cross_barcode",
    "localise",
    "max_rtd",
    "max_rtd_lite",
    "mtopdiv",
    "normalise",
    "nts",
    "nts_e",
    "nts_m",
    "partition_stability",
    "permutation_null",
    "persistence",
    "positive_pairs",
    "random_partition",
    "rtd",
    "rtd_lite",
    "rtd_loss",
    "srtd",
    "srtd_lite",
    "standardise",
    "subsampling",
    "unroll_graph",
    "unroll_time",
    "warm_up",
    "whole_matrix",
]

# Loaded when first asked for: a process that only compiles the kernels must not wait for torch.
_NAMES = {
    "rtd.barcode": ("Barcode",),
    "rtd.cone": ("cone_barcode", "cross_barcode"),
    "rtd.crosscloud": ("cloud_barcode", "mtopdiv"),
    "rtd.divergence": ("Divergence", "max_rtd", "rtd", "srtd"),
    "rtd.engine": ("is_compiled", "warm_up"),
    "rtd.lite": ("lite_cone_barcode", "lite_cross_barcode", "max_rtd_lite", "rtd_lite", "srtd_lite"),
    "rtd.localisation": ("Localisation", "localise"),
    "rtd.loss": ("RTDLoss", "distance_loss", "rtd_loss"),
    "rtd.metrics": ("DegenerateError", "distances", "normalise", "positive_pairs", "standardise", "whole_matrix"),
    "rtd.null": ("permutation_null", "subsampling"),
    "rtd.rips": ("persistence",),
    "rtd.similarity": ("nts", "nts_e", "nts_m"),
    "rtd.timesteps": ("unroll_time",),
    "rtd.unroll": ("partition_stability", "random_partition", "unroll_graph"),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in ("loss", "partition"):  # modules whose names are part of what a user writes
        return import_module(f"rtd.{name}")
    raise AttributeError(f"module 'rtd' has no attribute {name!r}; there are: {', '.join(__all__)}.")


def __dir__() -> list[str]:
    return sorted(__all__)
