"""Recurrent spiking networks: heterogeneous neurons, spike-timing dependent plasticity and surrogate gradients on one object."""

from rsnn import encode, labels, patterns
from rsnn.assignment import Assignment, assign_labels
from rsnn.connectivity import Dale, Dense, Sparse, WinnerTakeAll
from rsnn.eprop import eprop_gradient
from rsnn.gradient_training import BPTTHistory, Feedback, fit_bptt, fit_eprop
from rsnn.heterogeneity import Constant, Gamma, Given, LogNormal, Uniform
from rsnn.homeostasis import AdaptiveThreshold, Homeostasis, Normalisation, SynapticScaling
from rsnn.memory import MemoryCapacity, memory_capacity, network_memory
from rsnn.network import RSNN
from rsnn.neurons import ALIF, LIF, Reset
from rsnn.plasticity import Pairing, PairSTDP, TripletSTDP
from rsnn.readout import Readout, fit_readout
from rsnn.reward import RewardHistory, RewardSTDP, fit_reward
from rsnn.stdp_training import STDPHistory, fit_stdp
from rsnn.surrogate import FastSigmoid

__all__ = [
    "ALIF",
    "LIF",
    "RSNN",
    "AdaptiveThreshold",
    "Assignment",
    "BPTTHistory",
    "Constant",
    "Dale",
    "Dense",
    "FastSigmoid",
    "Feedback",
    "Gamma",
    "Given",
    "Homeostasis",
    "LogNormal",
    "MemoryCapacity",
    "Normalisation",
    "PairSTDP",
    "Pairing",
    "Readout",
    "Reset",
    "RewardHistory",
    "RewardSTDP",
    "STDPHistory",
    "Sparse",
    "SynapticScaling",
    "TripletSTDP",
    "Uniform",
    "WinnerTakeAll",
    "assign_labels",
    "encode",
    "eprop_gradient",
    "fit_bptt",
    "fit_eprop",
    "fit_readout",
    "fit_reward",
    "fit_stdp",
    "labels",
    "memory_capacity",
    "network_memory",
    "patterns",
]
