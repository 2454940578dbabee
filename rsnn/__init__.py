"""Recurrent spiking networks: heterogeneous neurons, spike-timing dependent plasticity and surrogate gradients on one object."""

from rsnn import encode
from rsnn.connectivity import Dale, Dense, Sparse, WinnerTakeAll
from rsnn.eprop import eprop_gradient
from rsnn.gradient_training import BPTTHistory, Feedback, fit_bptt, fit_eprop
from rsnn.heterogeneity import Constant, Gamma, LogNormal, Uniform
from rsnn.homeostasis import AdaptiveThreshold, Homeostasis, Normalisation, SynapticScaling
from rsnn.network import RSNN
from rsnn.neurons import ALIF, LIF, Reset
from rsnn.plasticity import Pairing, PairSTDP, TripletSTDP
from rsnn.readout import Readout, fit_readout
from rsnn.stdp_training import STDPHistory, fit_stdp

__all__ = [
    "ALIF",
    "LIF",
    "RSNN",
    "AdaptiveThreshold",
    "BPTTHistory",
    "Constant",
    "Dale",
    "Dense",
    "Feedback",
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
    "SynapticScaling",
    "TripletSTDP",
    "Uniform",
    "WinnerTakeAll",
    "encode",
    "eprop_gradient",
    "fit_bptt",
    "fit_eprop",
    "fit_readout",
    "fit_stdp",
]
