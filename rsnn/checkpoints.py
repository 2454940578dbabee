"""Checkpoints: all that a training carries from one piece to the next, as named tensors: a resumed run is the whole one bit for bit.

A checkpoint is a flat dict that `safetensors.torch.save_file` writes as it is. A run is resumed by the same call (the network as it was
before training, the same samples, rules and generator) with `resume=` the dict: what follows from the arguments is not kept.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor, nn

Checkpoint = dict[str, Tensor]
Save = Callable[[Checkpoint], None]


def fingerprint(net: nn.Module, generator: torch.Generator, *settings: object) -> UInt8[Tensor, "32"]:
    """What tells one run from another: a hash of the weights before training, the state of the generator, and the settings."""
    sha = hashlib.sha256(repr(settings).encode())
    for name, value in net.state_dict().items():
        sha.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    sha.update(generator.get_state().numpy().tobytes())
    return torch.frombuffer(bytearray(sha.digest()), dtype=torch.uint8)


def flattened(prefix: str, value: Any) -> Checkpoint:
    """Copies of all arrays of a nested tuple, each under the path to it."""
    if isinstance(value, np.ndarray):
        return {prefix: torch.from_numpy(value.copy())}
    if isinstance(value, tuple):
        names = getattr(value, "_fields", range(len(value)))
        return {k: v for name, part in zip(names, value, strict=True) for k, v in flattened(f"{prefix}.{name}", part).items()}
    return {}


def put_back(prefix: str, value: Any, checkpoint: Mapping[str, Tensor]) -> None:
    """Overwrite all arrays of a nested tuple, in place, by those that `flattened` copied."""
    if isinstance(value, np.ndarray):
        value[:] = checkpoint[prefix].numpy()
    elif isinstance(value, tuple):
        for name, part in zip(getattr(value, "_fields", range(len(value))), value, strict=True):
            put_back(f"{prefix}.{name}", part, checkpoint)


def check_resumed(resume: Mapping[str, Tensor], mark: Tensor, kind: str) -> None:
    """Raise a sentence unless a checkpoint is one of `kind` and of the run with that fingerprint."""
    if f"{kind}.run" not in resume:
        raise ValueError(f"resume= is no checkpoint of {kind}: it holds {', '.join(sorted(resume)[:3]) or 'nothing'}.")
    if not torch.equal(resume[f"{kind}.run"], mark):
        raise ValueError(
            f"resume= is a checkpoint of another run of {kind}; resume with the network as it was before training, the same samples, "
            "settings and seed of the generator."
        )
