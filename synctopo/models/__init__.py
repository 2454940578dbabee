"""The model families, and the one contract between them and the suite."""

from synctopo.models.feedforward import MLP
from synctopo.models.hooked import Hooked
from synctopo.models.protocol import Model

__all__ = ["MLP", "Hooked", "Model"]
