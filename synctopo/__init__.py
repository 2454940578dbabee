"""Record what models do, compare it by topology and by its neighbours, and write the tables."""

from synctopo import models, reduction
from synctopo.comparison import compare
from synctopo.models import Hooked, Model
from synctopo.recording import Recording, joined, record

__all__ = ["Hooked", "Model", "Recording", "compare", "joined", "models", "record", "reduction"]
