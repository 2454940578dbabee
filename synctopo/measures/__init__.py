"""Measures of how differently two point clouds of the same samples lie: each with its direction and what it ignores."""

from synctopo.measures.cloud import Cloud, Quantity
from synctopo.measures.measure import INVARIANCES, Measure, Measured
from synctopo.measures.registry import FAMILY, MEASURES, measure_from, named

__all__ = ["FAMILY", "INVARIANCES", "MEASURES", "Cloud", "Measure", "Measured", "Quantity", "measure_from", "named"]
