"""Plain feed-forward networks, the reference that every other family is compared with."""

import itertools
from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn


class MLP(nn.Module):
    """Multi-layer perceptron with rectified hidden layers; a Model of one step with the sites `hidden1`, `hidden2`, ..., `readout`.

    `inputs`, `hidden` and `outputs` are numbers of units. Weights are drawn as `torch.nn.Linear` does (Kaiming uniform, He et al. 2015),
    from `generator`.
    """

    def __init__(self, inputs: int, hidden: Sequence[int], outputs: int, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        widths = [inputs, *hidden, outputs]
        if any(w < 1 for w in widths):
            raise ValueError(f"a perceptron needs at least one unit in every layer; the widths came as {widths}.")
        layers = [nn.Linear(a, b) for a, b in itertools.pairwise(widths)]
        self.layers = nn.ModuleList(layers)
        with torch.no_grad():
            for layer in layers:
                bound = layer.in_features**-0.5
                layer.weight.uniform_(-bound, bound, generator=generator)
                layer.bias.uniform_(-bound, bound, generator=generator)

    def states(self, x: Float[Tensor, "sample *feature"]) -> Iterator[dict[str, Tensor]]:
        """Yield one state: the rectified activity of each hidden layer and the read-out, each [sample, unit]."""
        h = x.flatten(1)
        state: dict[str, Tensor] = {}
        for k, layer in enumerate(self.layers[:-1], start=1):
            h = layer(h).relu()
            state[f"hidden{k}"] = h
        state["readout"] = self.layers[-1](h)
        yield state

    def forward(self, x: Float[Tensor, "sample *feature"]) -> Float[Tensor, "sample output"]:
        """The read-out, [sample, output]: unnormalised log-probabilities where it was trained by cross-entropy."""
        return next(self.states(x))["readout"]
