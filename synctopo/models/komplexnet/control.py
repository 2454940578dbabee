"""The real-valued control of KomplexNet: the same layers of real numbers, and as many parameters."""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from synctopo.models.komplexnet.gabor import gabors
from synctopo.models.komplexnet.network import KomplexNet, Oscillators


class RealNet(nn.Module):
    """Two convolutions, a hidden layer and a read-out of real, rectified values; a Model with sites as KomplexNet has.

    A rectified activity is a complex number with phase 0: `.phase` is 1 everywhere and `.value` the amplitude beside zeros, so that a
    representation can be compared with a complex one in the same space. `steps` states, all alike.

    """

    def __init__(
        self,
        shape: Sequence[int],
        outputs: int,
        *,
        oscillators: Oscillators = Oscillators.CHANNELS,
        channels: int = 8,
        hidden: int = 50,
        steps: int = 1,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.shape, self.steps, self.oscillators = (shape[0], shape[1]), steps, oscillators
        if oscillators is Oscillators.PIXELS:
            self.conv1 = nn.Conv2d(1, channels, 5, padding=2)
            self.norm1 = nn.InstanceNorm2d(channels, affine=True)
        else:
            self.filters = nn.Parameter(gabors(channels))
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=2, padding=1)
        self.norm2 = nn.InstanceNorm2d(channels, affine=True)
        self.hidden = nn.Linear(channels * -(-shape[0] // 2) * -(-shape[1] // 2), hidden)
        self.norm3 = nn.LayerNorm(hidden)
        self.readout = nn.Linear(hidden, outputs)
        with torch.no_grad():
            for layer in self.modules():
                if isinstance(layer, nn.Conv2d | nn.Linear):
                    bound = layer.weight[0].numel() ** -0.5
                    layer.weight.uniform_(-bound, bound, generator=generator)
                    assert layer.bias is not None
                    layer.bias.uniform_(-bound, bound, generator=generator)
            # as the complex network: few classes are in an image
            self.readout.bias.fill_(-1.5)

    @staticmethod
    def matching(net: KomplexNet, *, generator: torch.Generator | None = None) -> "RealNet":
        """The real network with the same layers and the least hidden width that gives it no fewer parameters than `net` has."""
        outputs, hidden = net.readout.weight.shape
        wanted = sum(p.numel() for p in net.parameters())
        channels = net.conv2.weight.shape[0]
        made = RealNet(net.shape, outputs, oscillators=net.oscillators, channels=channels, hidden=hidden, generator=generator)
        has = sum(p.numel() for p in made.parameters())
        # each hidden unit brings its weights in, its bias, its normalisation and its weights out
        each = made.hidden.in_features + 3 + outputs
        more = max(0, -(-(wanted - has) // each))
        return RealNet(
            net.shape, outputs, oscillators=net.oscillators, channels=channels, hidden=hidden + more, steps=net.steps, generator=generator
        )

    def states(self, x: Float[Tensor, "sample *feature"]) -> Iterator[dict[str, Tensor]]:
        """Yield `steps` states, computed once."""
        state: dict[str, Tensor] = {}
        layers = self._layers(x)
        for name in ("conv1", "conv2", "hidden"):
            value = layers[name]
            state[f"{name}.phase"] = torch.cat((torch.ones_like(value), torch.zeros_like(value)), 1)
            state[f"{name}.amplitude"] = value
            state[f"{name}.value"] = torch.cat((value, torch.zeros_like(value)), 1)
        if self.oscillators is Oscillators.PIXELS:
            image = layers["input"]
            state |= {"input.phase": torch.cat((torch.ones_like(image), torch.zeros_like(image)), 1), "input.amplitude": image}
        state["readout"] = layers["readout"]
        for _ in range(self.steps):
            yield dict(state)

    def forward(self, x: Float[Tensor, "sample *feature"]) -> Float[Tensor, "sample output"]:
        """The scores of the classes, [sample, output]."""
        return self._layers(x)["readout"]

    def _layers(self, x: Tensor) -> dict[str, Tensor]:
        # masks behind the image are not for this network
        image = x.reshape(len(x), -1, *self.shape)[:, :1]
        if self.oscillators is Oscillators.PIXELS:
            image = image.relu()
            conv1 = self.norm1(self.conv1(image)).relu()
        else:
            conv1 = nn.functional.conv2d(image, self.filters, padding=self.filters.shape[-1] // 2).relu()
        conv2 = self.norm2(self.conv2(conv1)).relu()
        hidden = self.norm3(self.hidden(conv2.flatten(1))).relu()
        return {"input": image, "conv1": conv1, "conv2": conv2, "hidden": hidden, "readout": self.readout(hidden)}
