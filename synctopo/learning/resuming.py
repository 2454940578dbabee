"""A training's state as one file: weights, Adam's moments, where the random numbers are, and what was measured so far."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from synctopo.store import read_tensors, write_tensors


def saved(
    file: str | Path,
    about: Mapping[str, Any],
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
    history: list[Any],
) -> None:
    """Write the state of a training. `about` says which it is, `history` what `restored` gives back."""
    arrays = {f"model.{name}": value.detach().cpu().numpy() for name, value in model.state_dict().items()}
    for k, moments in optimiser.state_dict()["state"].items():
        arrays |= {f"adam.{k}.{name}": value.cpu().numpy() for name, value in moments.items()}
    arrays["generator"] = generator.get_state().numpy()
    write_tensors(Path(file), arrays, {"training": json.dumps({"about": dict(about), "history": history}, sort_keys=True)})


def restored(
    file: str | Path | None,
    about: Mapping[str, Any],
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
) -> list[Any]:
    """Bring a training to the state in `file`; the history so far, empty where there is no file.

    Raises ValueError for the file of another training.
    """
    if file is None or not Path(file).is_file():
        return []
    arrays, metadata = read_tensors(Path(file))
    said = json.loads(metadata.get("training", "{}"))
    if said.get("about") != json.loads(json.dumps(dict(about))):
        raise ValueError(f"{file} is the checkpoint of another training; name another file, or delete it to begin anew.")
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    try:
        model.load_state_dict({name.removeprefix("model."): t for name, t in tensors.items() if name.startswith("model.")})
    except RuntimeError:
        raise ValueError(f"{file} is the checkpoint of another model; name another file, or delete it to begin anew.") from None
    state = optimiser.state_dict()
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    for name, tensor in tensors.items():
        if name.startswith("adam."):
            _, k, moment = name.split(".")
            # the file has no tensors without dimensions
            state["state"].setdefault(int(k), {})[moment] = tensor.reshape(() if moment == "step" else parameters[int(k)].shape)
    optimiser.load_state_dict(state)
    generator.set_state(tensors["generator"])
    return list(said["history"])
