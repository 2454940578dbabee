"""Plain convolutional networks: a small one for small images, and VGG16 by the names of its published weights."""

import itertools
from collections import OrderedDict
from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn


class CNN(nn.Module):
    """Rectified convolutions of width 3 with max-pooling to half the size between them, and a linear read-out; a Model of one step.

    `shape` is (row, column) or (channel, row, column) of an image, `channels` one number for each convolution, `outputs` the classes.
    Sites: `conv1`, `conv2`, ... [sample, channel, row, column], after their ReLU, and `readout` [sample, output]. The convolutions
    themselves, before the ReLU, are the submodules of the same names, listed in `layers`: predify(net, net.layers) puts a coder at each.
    Weights are uniform within fan-in ** -0.5, from `generator`.
    """

    def __init__(self, shape: Sequence[int], channels: Sequence[int], outputs: int, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        if len(shape) not in (2, 3) or not channels or min(*shape, *channels, outputs) < 1:
            raise ValueError(
                f"a CNN needs an image shape (row, column) or (channel, row, column), and at least one channel in every layer; "
                f"got shape {list(shape)}, channels {list(channels)}, outputs {outputs}."
            )
        self.shape = tuple(shape) if len(shape) == 3 else (1, *shape)
        shrunk = [size >> (len(channels) - 1) for size in self.shape[1:]]
        if min(shrunk) < 1:
            raise ValueError(f"{len(channels)} layers halve an image of {self.shape[1]} x {self.shape[2]} to nothing; take fewer.")
        for k, (a, b) in enumerate(itertools.pairwise([self.shape[0], *channels]), start=1):
            self.add_module(f"conv{k}", nn.Conv2d(a, b, 3, padding=1))
        self.readout = nn.Linear(channels[-1] * shrunk[0] * shrunk[1], outputs)
        self.layers = tuple(f"conv{k}" for k in range(1, 1 + len(channels)))
        with torch.no_grad():
            for layer in self.modules():
                if isinstance(layer, nn.Conv2d | nn.Linear):
                    bound = layer.weight[0].numel() ** -0.5
                    layer.weight.uniform_(-bound, bound, generator=generator)
                    assert layer.bias is not None
                    layer.bias.uniform_(-bound, bound, generator=generator)

    def states(self, x: Float[Tensor, "sample *feature"]) -> Iterator[dict[str, Tensor]]:
        """Yield one state: each convolution's rectified activity and the read-out. Pixels come in any shape that holds the image's."""
        h = x.reshape(len(x), *self.shape)
        state: dict[str, Tensor] = {}
        for k, name in enumerate(self.layers):
            h = self.get_submodule(name)(nn.functional.max_pool2d(h, 2) if k else h).relu()
            state[name] = h
        state["readout"] = self.readout(h.flatten(1))
        yield state

    def forward(self, x: Float[Tensor, "sample *feature"]) -> Float[Tensor, "sample output"]:
        """The read-out, [sample, output]: unnormalised log-probabilities where it was trained by cross-entropy."""
        return next(self.states(x))["readout"]


_VGG16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
VGG16_CODERS = ("features.3", "features.8", "features.15", "features.22", "features.29")
"""Where Predify's PVGG16 has its five coders: the last ReLU before each pooling but for the classifier's."""


def vgg16(outputs: int = 1000, *, hidden: int = 4096, generator: torch.Generator | None = None) -> nn.Sequential:
    """VGG16 (Simonyan and Zisserman 2015, configuration D) for images [sample, 3, row, column] of at least 32 x 32.

    Layers and weights have torchvision's names (`features.0.weight`, ..., `classifier.6.bias`), so its ImageNet weights load:
    `vgg16().load_state_dict(torch.load("vgg16-397923af.pth", weights_only=True))`. `hidden` is the width of the two layers before the
    read-out. Weights are uniform of He et al. (2015, eq. 10: variance 2 / fan-in), from `generator`; biases are 0.
    """
    features = nn.Sequential()
    channels = 3
    for width in _VGG16:
        if width == 0:
            features.append(nn.MaxPool2d(2, 2))
        else:
            features.extend([nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)])
            channels = width
    classifier = nn.Sequential(
        nn.Linear(channels * 49, hidden),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        nn.Linear(hidden, hidden),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        nn.Linear(hidden, outputs),
    )
    with torch.no_grad():
        for layer in itertools.chain(features, classifier):
            if isinstance(layer, nn.Conv2d | nn.Linear):
                bound = (6 / layer.weight[0].numel()) ** 0.5
                layer.weight.uniform_(-bound, bound, generator=generator)
                assert layer.bias is not None
                layer.bias.zero_()
    parts = [("features", features), ("avgpool", nn.AdaptiveAvgPool2d((7, 7))), ("flatten", nn.Flatten()), ("classifier", classifier)]
    return nn.Sequential(OrderedDict(parts))
