"""Record what models do, compare it by topology and by its neighbours, and write the tables."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synctopo import maps, models, reduction
    from synctopo.comparison import compare
    from synctopo.models import Hooked, Model
    from synctopo.recorder import record
    from synctopo.recording import Recording, joined
    from synctopo.timecourse import compare_over_time

__all__ = ["Hooked", "Model", "Recording", "compare", "compare_over_time", "joined", "maps", "models", "record", "reduction"]

# Loaded when first asked for: `synctopo --help` must not wait for torch.
_HOMES = {
    "Hooked": "synctopo.models",
    "Model": "synctopo.models",
    "Recording": "synctopo.recording",
    "compare": "synctopo.comparison",
    "compare_over_time": "synctopo.timecourse",
    "joined": "synctopo.recording",
    "record": "synctopo.recorder",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in __all__:
        return import_module(f"synctopo.{name}")
    raise AttributeError(f"module 'synctopo' has no attribute {name!r}; there are: {', '.join(__all__)}.")


def __dir__() -> list[str]:
    return sorted(__all__)
