"""The model families, and the one contract between them and the suite."""

from synctopo.models.akorn import (
    AKOrN,
    AttentiveCoupling,
    Body,
    ConvCoupling,
    DenseCoupling,
    Frequency,
    Iterated,
    KuramotoLayer,
    kuramoto_step,
)
from synctopo.models.convolutional import CNN, VGG16_CODERS, vgg16
from synctopo.models.feedforward import MLP
from synctopo.models.hooked import Hooked
from synctopo.models.komplexnet import Kernel, KomplexNet, Oscillators, Phases, RealNet
from synctopo.models.points import MovedPoints
from synctopo.models.predictive import Hyper, Noise, Order, PredictiveCoding, Scaling, predify
from synctopo.models.protocol import Model
from synctopo.models.recurrent import GRU

__all__ = [
    "CNN",
    "GRU",
    "MLP",
    "VGG16_CODERS",
    "AKOrN",
    "AttentiveCoupling",
    "Body",
    "ConvCoupling",
    "DenseCoupling",
    "Frequency",
    "Hooked",
    "Hyper",
    "Iterated",
    "Kernel",
    "KomplexNet",
    "KuramotoLayer",
    "Model",
    "MovedPoints",
    "Noise",
    "Order",
    "Oscillators",
    "Phases",
    "PredictiveCoding",
    "RealNet",
    "Scaling",
    "kuramoto_step",
    "predify",
    "vgg16",
]
