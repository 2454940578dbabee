"""The model families, and the one contract between them and the suite."""

from synctopo.models.convolutional import CNN, VGG16_CODERS, vgg16
from synctopo.models.feedforward import MLP
from synctopo.models.hooked import Hooked
from synctopo.models.points import MovedPoints
from synctopo.models.predictive import Hyper, Noise, Order, PredictiveCoding, Scaling, predify
from synctopo.models.protocol import Model

__all__ = [
    "CNN",
    "MLP",
    "VGG16_CODERS",
    "Hooked",
    "Hyper",
    "Model",
    "MovedPoints",
    "Noise",
    "Order",
    "PredictiveCoding",
    "Scaling",
    "predify",
    "vgg16",
]
