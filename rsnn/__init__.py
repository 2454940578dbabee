"""Recurrent spiking networks: heterogeneous neurons, spike-timing dependent plasticity and surrogate gradients on one object."""

from rsnn import encode
from rsnn.connectivity import Dense, Sparse
from rsnn.heterogeneity import Constant, Gamma, LogNormal, Uniform
from rsnn.network import RSNN
from rsnn.neurons import LIF, Reset

__all__ = ["LIF", "RSNN", "Constant", "Dense", "Gamma", "LogNormal", "Reset", "Sparse", "Uniform", "encode"]
