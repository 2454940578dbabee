"""Representation topology divergence and its family, exact, from two point clouds or two distance matrices."""

from rtd.timesteps import unroll_time
from rtd.unroll import partition_stability, random_partition, unroll_graph

__all__ = ["partition_stability", "random_partition", "unroll_graph", "unroll_time"]
