"""The step function of a spike with a gradient: snntorch's surrogates, used as they are."""

from collections.abc import Callable

from snntorch import surrogate
from torch import Tensor

Surrogate = Callable[[Tensor], Tensor]
"""From voltage minus threshold to spikes (1 above zero, else 0), differentiable; for example `snntorch.surrogate.fast_sigmoid(25)`."""

DEFAULT_SURROGATE: Surrogate = surrogate.fast_sigmoid(slope=25)
"""1 / (1 + 25 |x|)^2, Zenke and Ganguli 2018."""
