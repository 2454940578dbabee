"""Predictive coding in any torch module (Predify, Choksi et al. 2021) without touching the module."""

from synctopo.models.predictive.decoders import default_decoder
from synctopo.models.predictive.hyper import Hyper, Noise, Order, Scaling
from synctopo.models.predictive.network import PredictiveCoding, predify

__all__ = ["Hyper", "Noise", "Order", "PredictiveCoding", "Scaling", "default_decoder", "predify"]
