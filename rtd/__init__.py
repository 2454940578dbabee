"""Representation topology divergence and its family, exact, from two point clouds or two distance matrices."""
