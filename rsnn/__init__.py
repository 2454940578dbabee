"""Recurrent spiking networks: heterogeneous neurons, spike-timing dependent plasticity and surrogate gradients on one object."""

from rsnn import encode
from rsnn.connectivity import Dense, Sparse
from rsnn.gradient_training import BPTTHistory, fit_bptt
from rsnn.heterogeneity import Constant, Gamma, LogNormal, Uniform
from rsnn.homeostasis import AdaptiveThreshold, Homeostasis, Normalisation
from rsnn.network import RSNN
from rsnn.neurons import LIF, Reset
from rsnn.plasticity import Pairing, PairSTDP, TripletSTDP
from rsnn.readout import Readout, fit_readout
from rsnn.stdp_training import STDPHistory, fit_stdp

__all__ = [
    "LIF",
    "RSNN",
    "AdaptiveThreshold",
    "BPTTHistory",
    "Constant",
    "Dense",
    "Gamma",
    "Homeostasis",
    "LogNormal",
    "Normalisation",
    "PairSTDP",
    "Pairing",
    "Readout",
    "Reset",
    "STDPHistory",
    "Sparse",
    "TripletSTDP",
    "Uniform",
    "encode",
    "fit_bptt",
    "fit_readout",
    "fit_stdp",
]
