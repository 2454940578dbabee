"""Complex-valued networks bound by Kuramoto synchrony."""

from synctopo.models.komplexnet.control import RealNet
from synctopo.models.komplexnet.gabor import gabors
from synctopo.models.komplexnet.kuramoto import Lateral, phase_energy, phase_step, settling, symmetric
from synctopo.models.komplexnet.layers import ComplexConv2d, ComplexLinear, moving_threshold
from synctopo.models.komplexnet.network import Kernel, KomplexNet, Oscillators, Phases
from synctopo.models.komplexnet.starts import ideal, scattered
from synctopo.models.komplexnet.synchrony import exclusive, group_loss, synchrony_index

__all__ = [
    "ComplexConv2d",
    "ComplexLinear",
    "Kernel",
    "KomplexNet",
    "Lateral",
    "Oscillators",
    "Phases",
    "RealNet",
    "exclusive",
    "gabors",
    "group_loss",
    "ideal",
    "moving_threshold",
    "phase_energy",
    "phase_step",
    "scattered",
    "settling",
    "symmetric",
    "synchrony_index",
]
