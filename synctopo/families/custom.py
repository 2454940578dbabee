"""The family module: a model of the user's own, made by a function of a module that the user named on the command line."""

import hashlib
import importlib
import json
import sys
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field, PrivateAttr, computed_field, field_validator
from torch import Tensor, nn

from synctopo.families.family import Family
from synctopo.families.learning import AdamLearning, NoLearning, classifier_fitted
from synctopo.learning.training import stream
from synctopo.models import Model
from synctopo.spec import Spec

_DOTTED = r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*"
# Which code a module had when it was imported here: a process keeps it, whatever becomes of the file.
_IMPORTED: dict[str, str] = {}
Site = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_. -]*$", max_length=100)]


class CustomSpec(Spec):
    """[models.NAME] with family = "module": a model of your own, from `callable = "package.module:function"`; needs --allow-code."""

    family: Literal["module"]
    callable: str = Field(pattern=rf"^{_DOTTED}:[A-Za-z_][A-Za-z0-9_]*$", max_length=200)
    """function(shape, classes, *, generator, **arguments) -> torch module with states(x); x is [sample, row, column]."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    sites: tuple[Site, ...] = Field(min_length=1)
    """What its states are called; the first is recorded and read out where a study names none."""
    learning: Annotated[NoLearning | AdamLearning, Field(discriminator="rule")] = NoLearning()
    signal: ClassVar[str | None] = None
    # given by the command line, never by a study file; it changes no result and stands in no key
    _allowed: bool = PrivateAttr(default=False)
    _source: str = PrivateAttr(default="")

    @field_validator("arguments")
    @classmethod
    def _plain(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            json.dumps(arguments, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            raise ValueError("wanted: texts, finite numbers, true or false, and lists and tables of them") from None
        return arguments

    @property
    def module(self) -> str:
        """The module that holds the function."""
        return self.callable.partition(":")[0]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def source(self) -> str:
        """A hash of the module's file: a model of other code is another model. The modules that it imports do not count."""
        if not self._source:
            self._source = _source_of(self.module)
        return self._source

    @property
    def main_site(self) -> str:
        """The site that is recorded and read out where a study names none."""
        return self.sites[0]

    def allowed(self, modules: frozenset[str]) -> "CustomSpec":
        """The same model, which may run if its module is one of these."""
        copy = self.model_copy()
        copy._allowed = self.module in modules
        return copy

    def needs_leave(self) -> bool:
        """Whether its code must not run, as nobody has allowed it."""
        return not self._allowed


def _file_of(module: str) -> Path:
    """The file of a module, found without importing anything; the working folder comes last, so that it hides no installed package."""
    parts = module.split(".")
    for entry in _places():
        stem = Path(entry, *parts)
        for file in (stem / "__init__.py", stem.with_name(f"{stem.name}.py")):
            if file.is_file():
                return file
    raise ValueError(f"there is no module {module} here; it is looked for where Python looks, and in the working folder.")


def _source_of(module: str) -> str:
    return hashlib.sha256(_file_of(module).read_bytes()).hexdigest()[:16]


def _places() -> list[str]:
    return [*(entry for entry in sys.path if entry), str(Path.cwd())]


def _check(spec: CustomSpec, where: str) -> None:
    if spec.learning.supervised and "readout" not in spec.sites:
        raise ValueError(f"{where}.sites lacks 'readout', which learning by {spec.learning.rule} needs; name it, and yield it.")
    try:
        _file_of(spec.module)
    except ValueError as error:
        raise ValueError(f"{where}.callable: {error}") from None


def _build(spec: CustomSpec, shape: tuple[int, int], classes: int, seed: int) -> nn.Module:
    if spec.needs_leave():
        raise ValueError(
            f"{spec.callable} is code of the study's author and has not been allowed to run; read it, then: --allow-code {spec.module}."
        )
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    if _source_of(spec.module) != spec.source or _IMPORTED.setdefault(spec.module, spec.source) != spec.source:
        raise ValueError(f"the file of {spec.module} was changed while the study ran; run the same command again.")
    function = getattr(importlib.import_module(spec.module), spec.callable.partition(":")[2], None)
    if not callable(function):
        raise ValueError(f"{spec.module} has no function {spec.callable.partition(':')[2]!r}, which the study names.")
    model = function(shape, classes, generator=stream(seed, "weights"), **spec.arguments)
    if not isinstance(model, nn.Module) or not isinstance(model, Model):
        raise ValueError(f"{spec.callable} gave {type(model).__name__}; a torch module with states(x) is wanted.")
    return model


def _images(_spec: CustomSpec, images: np.ndarray, _generator: torch.Generator) -> Tensor:
    return torch.from_numpy(images)


def _fit(spec: CustomSpec, model: Any, x: Tensor, y: Tensor, seed: int) -> dict[str, Any]:
    return classifier_fitted(spec.learning, model, x, y, seed)


CUSTOM = Family(CustomSpec, _build, _images, _fit, check=_check, takes=("images", "points"))
