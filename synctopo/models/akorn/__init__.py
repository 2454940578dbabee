"""Artificial Kuramoto oscillatory neurons (Miyato, Loewe, Geiger and Welling 2025): the layer, the network, and what it is held against."""

from synctopo.models.akorn.attention import AttentiveCoupling
from synctopo.models.akorn.baselines import Body, Iterated
from synctopo.models.akorn.coupling import ConvCoupling, DenseCoupling
from synctopo.models.akorn.dynamics import energy, kuramoto_step, normalised, order_parameter, projected, random_oscillators, rotated
from synctopo.models.akorn.layer import Frequency, KuramotoLayer, Oscillation
from synctopo.models.akorn.network import AKOrN, Block
from synctopo.models.akorn.parts import NormReadout

__all__ = [
    "AKOrN",
    "AttentiveCoupling",
    "Block",
    "Body",
    "ConvCoupling",
    "DenseCoupling",
    "Frequency",
    "Iterated",
    "KuramotoLayer",
    "NormReadout",
    "Oscillation",
    "energy",
    "kuramoto_step",
    "normalised",
    "order_parameter",
    "projected",
    "random_oscillators",
    "rotated",
]
