"""A gated recurrent network that reads an image row by row: the plain reference for everything that has time steps."""

import math
from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn


class GRU(nn.Module):
    """Gated recurrent units (Cho et al. 2014) with a linear read-out; a Model of one step for each row of an image, the first row first.

    `shape` is (row, column) of an image. Sites: `hidden` [sample, unit], between -1 and 1, and `readout` [sample, class]. Weights are
    uniform within units ** -0.5, as those of `torch.nn.GRU` are, from `generator`.
    """

    def __init__(self, shape: Sequence[int], units: int, classes: int, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        if len(shape) != 2 or min(*shape, units, classes) < 1:
            raise ValueError(
                f"a GRU needs an image shape (row, column), and at least one unit and one class; "
                f"got shape {list(shape)}, {units} units, {classes} classes."
            )
        self.shape = (shape[0], shape[1])
        self.cell = nn.GRU(shape[1], units, batch_first=True)
        self.readout = nn.Linear(units, classes)
        bound = units**-0.5
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-bound, bound, generator=generator)

    @property
    def recurrent_weight(self) -> Float[Tensor, "post pre"]:
        """The hidden weights of the candidate, W_hn: by these alone a unit's activity becomes another's; the two gates, whose weights
        are left out, only say how much of it is taken in."""
        return self.cell.get_parameter("weight_hh_l0")[2 * self.cell.hidden_size :]

    def states(self, x: Float[Tensor, "sample *feature"]) -> Iterator[dict[str, Tensor]]:
        """Yield the state after each row. Pixels come in any shape that holds the image's."""
        hidden = self._over_rows(x)
        for now, scores in zip(hidden.unbind(1), self.readout(hidden).unbind(1), strict=True):
            yield {"hidden": now, "readout": scores}

    def forward(self, x: Float[Tensor, "sample *feature"]) -> Float[Tensor, "sample output"]:
        """The read-out after the last row, [sample, class]: unnormalised log-probabilities where it was trained by cross-entropy."""
        return self.readout(self._over_rows(x)[:, -1])

    def _over_rows(self, x: Tensor) -> Float[Tensor, "sample row unit"]:
        if math.prod(x.shape[1:]) != math.prod(self.shape):
            raise ValueError(f"this network reads images of {self.shape[0]} x {self.shape[1]}; got {list(x.shape[1:])} for a sample.")
        return self.cell(x.reshape(len(x), *self.shape))[0]
