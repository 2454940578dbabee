"""Training of the decoders of a predictive-coding model: the encoder stays as it is."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from synctopo.models import PredictiveCoding
from synctopo.store import read_tensors, write_tensors


@dataclass(frozen=True)
class Epoch:
    """How far a training is: epochs done, and the mean square error of each coder's prediction in the last one."""

    done: int
    epochs: int
    errors: tuple[float, ...]


@dataclass(frozen=True)
class FeedbackFitted:
    """What a training of decoders did: errors[epoch][coder], the mean square error of its prediction."""

    errors: tuple[tuple[float, ...], ...]


def fit_decoders(
    model: PredictiveCoding,
    x: Tensor | Sequence[Tensor],
    *,
    epochs: int,
    batch: int = 64,
    learning_rate: float = 1e-3,
    generator: torch.Generator,
    checkpoint: str | Path | None = None,
    listen: Callable[[Epoch], None] | None = None,
) -> FeedbackFitted:
    """Train every decoder to predict the layer below from its coder's value in the feed-forward pass: Adam on sum_n mean (d_n - r_(n-1))^2.

    x           inputs [sample, ...], or several such sets, which are mixed (clean and noisy images, say); labels are not used
    generator   of the order of the samples
    checkpoint  a file written after each epoch; where it is there, training goes on from it and ends as if it had never stopped
    listen      called after each epoch

    Only the decoders' weights change. Raises ValueError for a checkpoint of another training, or an error that is no longer finite.
    """
    if epochs < 0 or batch < 1 or not learning_rate > 0:
        raise ValueError(f"wanted: epochs >= 0, batch >= 1, learning_rate > 0; got {epochs}, {batch}, {learning_rate:g}.")
    shown = x if isinstance(x, Tensor) else torch.cat(tuple(x))
    if len(shown) == 0:
        raise ValueError("there is no sample to learn from; x has length 0.")
    model.wire(shown)
    parameters = [p for p in model.decoders.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(parameters, lr=learning_rate)
    about = {"epochs": epochs, "batch": batch, "learning_rate": learning_rate, "samples": len(shown), "layers": list(model.layers)}
    file = None if checkpoint is None else Path(checkpoint)
    errors = _resumed(file, about, model, optimiser, generator) if file is not None and file.is_file() else []
    for epoch in range(len(errors), epochs):
        totals = np.zeros(len(model.layers))
        for part in torch.randperm(len(shown), generator=generator).split(batch):
            pixels = shown[part]
            with torch.no_grad():
                values = model.values(pixels)
            targets = (pixels, *values[:-1])
            losses = [
                nn.functional.mse_loss(decoder(value), target)
                for decoder, value, target in zip(model.decoders, values, targets, strict=True)
            ]
            optimiser.zero_grad()
            torch.stack(losses).sum().backward()
            optimiser.step()
            totals += len(part) * np.array([float(loss.detach()) for loss in losses])
        errors.append(tuple(float(e) for e in totals / len(shown)))
        if not np.isfinite(errors[-1]).all():
            raise ValueError(f"the error is no longer finite after epoch {epoch + 1}; try a learning rate below {learning_rate:g}.")
        if file is not None:
            _write(file, about, model, optimiser, generator, errors)
        if listen is not None:
            listen(Epoch(epoch + 1, epochs, errors[-1]))
    return FeedbackFitted(tuple(errors))


def _write(
    file: Path,
    about: dict[str, object],
    model: PredictiveCoding,
    optimiser: torch.optim.Adam,
    generator: torch.Generator,
    errors: list[tuple[float, ...]],
) -> None:
    arrays = {f"decoders.{name}": value.detach().cpu().numpy() for name, value in model.decoders.state_dict().items()}
    for k, moments in optimiser.state_dict()["state"].items():
        arrays |= {f"adam.{k}.{name}": value.cpu().numpy() for name, value in moments.items()}
    arrays["generator"] = generator.get_state().numpy()
    write_tensors(file, arrays, {"feedback": json.dumps({**about, "errors": errors}, sort_keys=True)})


def _resumed(
    file: Path, about: dict[str, object], model: PredictiveCoding, optimiser: torch.optim.Adam, generator: torch.Generator
) -> list[tuple[float, ...]]:
    arrays, metadata = read_tensors(file)
    said = json.loads(metadata.get("feedback", "{}"))
    # a longer training may go on from the end of a shorter one
    if {k: v for k, v in said.items() if k not in ("errors", "epochs")} != {k: v for k, v in about.items() if k != "epochs"}:
        raise ValueError(f"{file} is the checkpoint of another training; name another file, or delete it to begin anew.")
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    model.decoders.load_state_dict({name.removeprefix("decoders."): t for name, t in tensors.items() if name.startswith("decoders.")})
    state = optimiser.state_dict()
    for name, tensor in tensors.items():
        if name.startswith("adam."):
            _, k, moment = name.split(".")
            state["state"].setdefault(int(k), {})[moment] = tensor
    optimiser.load_state_dict(state)
    generator.set_state(tensors["generator"])
    return [tuple(e) for e in said["errors"]]
