"""A recurrent cell whose time steps are the layers of an auto-encoder with shared weights and skip connections between mirrored steps."""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn

State = Tensor | tuple[Tensor, ...]
Cell = Callable[..., State]


class UnrolledTime(nn.Module):
    """The auto-encoder that `unroll_time` makes; an nn.Module and a Model, whose layers are the sites t0, t1, ..."""

    def __init__(self, cell: Cell, steps: int, skip: float, driven: int, readout: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.cell = cell
        self.readout = readout
        self.steps = steps
        self.skip = skip
        self.driven = driven

    @property
    def bottleneck(self) -> str:
        """Name of the middle step; of the two, the earlier one, where the number of steps is even."""
        return f"t{(self.steps - 1) // 2}"

    def states(self, x: Tensor) -> Iterator[dict[str, Tensor]]:
        """One dict for the whole pass: the state [sample, unit] after step k under the site `t{k}`; for an LSTM its hidden state h.

        `x`: [sample, time, input] with one input for each driven step, or [sample, input], held constant.
        """
        yield {f"t{k}": _visible(state) for k, state in enumerate(self._pass(x))}

    def forward(self, x: Tensor) -> Tensor:
        """The read-out of the last step: the output of the auto-encoder."""
        return self.readout(_visible(self._pass(x)[-1]))

    def _pass(self, x: Tensor) -> list[State]:
        inputs = self._inputs(x)
        passed: list[State] = []
        for k in range(self.steps):
            # None at first, as in torch's cells, which then start from zeros.
            state = passed[-1] if passed else None
            mirror = self.steps - 1 - k
            if state is not None and self.skip and mirror < k - 1:
                state = _mixed(state, passed[mirror], self.skip)
            passed.append(self.cell(inputs[k], state))
        return passed

    def _inputs(self, x: Tensor) -> list[Tensor]:
        if x.ndim == 3 and x.shape[1] == self.driven:
            driven = list(x.unbind(1))
        elif x.ndim == 2:
            driven = [x] * self.driven
        else:
            raise ValueError(
                f"{self.steps} steps of which {self.driven} are driven want x as [sample, {self.driven}, input], "
                f"or [sample, input] to hold it constant; got {list(x.shape)}."
            )
        return driven + [torch.zeros_like(driven[0])] * (self.steps - self.driven)


def unroll_time(
    cell: Cell,
    steps: int,
    *,
    skip: int | float = 0.5,
    driven: int | None = None,
    readout: Callable[[Tensor], Tensor] = nn.Identity(),  # noqa: B008 (without parameters, so sharing it is harmless)
) -> UnrolledTime:
    """A recurrent cell as a feed-forward auto-encoder with skip connections: step k is layer k, every layer has the cell's weights.

    `cell(input, state) -> state` as in `torch.nn.RNNCell`, `GRUCell` and `LSTMCell` (state (h, c)), or your own; the state is None at
    first. The first half of the steps encodes, the middle one is the bottleneck, and step t feeds its mirror image steps - 1 - t:
    in the second half a layer starts from (1 - skip) x the state before it + skip x the mirrored state. So `skip=0` is the recurrent
    network itself, bit for bit, and every state stays in the range that the cell was made for. The two innermost layers have nothing
    to skip. `driven`: how many steps, from the first, see the input; all by default. Less make an honest auto-encoder, whose
    decoder sees zeros and the code only. `readout` maps the last state to the output of `forward`, for example `nn.Linear(units, inputs)`
    to reconstruct the input; by default it is the last state itself.

    From the source (arXiv 2403.12462, abstract): a recurrent network re-formulated as feed-forward auto-encoder with skip connections.
    Our choices: the layers are time steps, the skips are mirrored (as in U-Net), and mixed rather than concatenated, since the cell's
    weights are shared and so cannot widen. Raises ValueError for fewer than 1 step, a skip outside [0, 1], or driven outside 1 ... steps.
    """
    if isinstance(cell, nn.RNNBase):
        kind = type(cell).__name__
        raise ValueError(f"unroll_time wants a cell, which makes one step per call; got {kind}, use torch.nn.{kind}Cell.")
    driven = steps if driven is None else driven
    if steps < 1:
        raise ValueError(f"an unrolled network has at least 1 step; got steps={steps}.")
    if not 0 <= skip <= 1:
        raise ValueError(f"skip is the share of the mirrored state, between 0 (the plain recurrent network) and 1; got {skip:g}.")
    if not 1 <= driven <= steps:
        raise ValueError(f"driven is how many of the {steps} steps see the input, from 1 to {steps}; got {driven}.")
    return UnrolledTime(cell, steps, float(skip), driven, readout)


def _visible(state: State) -> Float[Tensor, "sample ..."]:
    return state if isinstance(state, Tensor) else state[0]


def _mixed(state: State, mirrored: State, skip: float) -> State:
    if isinstance(state, Tensor) and isinstance(mirrored, Tensor):
        return torch.lerp(state, mirrored, skip)
    return tuple(torch.lerp(a, b, skip) for a, b in zip(state, mirrored, strict=True))
