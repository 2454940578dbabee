"""What AKOrN is held against: like entries and heads around attention or convolutions, iterated with shared weights or stacked."""

from collections.abc import Iterator, Sequence
from enum import Enum

import torch
from jaxtyping import Float
from torch import Tensor, nn

from synctopo.models.akorn.attention import AttentiveCoupling
from synctopo.models.akorn.coupling import ConvCoupling
from synctopo.models.akorn.parts import CellHead, ClassHead, ContrastHead, board_of, drawn


class Body(Enum):
    """What is repeated: a convolution (ItrConv), attention alone, with a perceptron once after it (ItrSA, as in AKOrN's public code), or a
    transformer's whole layer (a universal transformer, Dehghani et al. 2019)."""

    CONVOLUTION = "convolution"
    ATTENTION = "attention"
    LAYER = "layer"


class PlaceNorm(nn.Module):
    """Layer normalisation over the channels of every place of a map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, h: Tensor) -> Tensor:
        """The normalised map."""
        normed: Tensor = self.norm(h.movedim(1, -1))
        return normed.movedim(-1, 1)


class AttentionStep(nn.Module):
    """Attention with positions as rotations, residual, normalised first: what iterative self-attention repeats."""

    def __init__(self, channels: int, heads: int, place: tuple[int, int], *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.norm = PlaceNorm(channels)
        self.attention = AttentiveCoupling(channels, heads=heads, place=place, generator=generator)

    def forward(self, h: Tensor) -> Tensor:
        """The next state."""
        return h + self.attention(self.norm(h))


class Perceptron(nn.Module):
    """A residual perceptron at every place, normalised first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            PlaceNorm(channels), nn.Conv2d(channels, 2 * channels, 1), nn.GELU(), nn.Conv2d(2 * channels, channels, 1)
        )

    def forward(self, h: Tensor) -> Tensor:
        """h and what the perceptron adds."""
        return h + self.body(h)


class AttentionBody(nn.Module):
    """A transformer's layer on a map: attention with positions as rotations, then a perceptron, both residual, normalised first."""

    def __init__(self, channels: int, heads: int, place: tuple[int, int], *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, channels)
        self.attention = AttentiveCoupling(channels, heads=heads, place=place, generator=generator)
        self.perceptron = nn.Sequential(
            nn.GroupNorm(1, channels), nn.Conv2d(channels, 2 * channels, 1), nn.ReLU(), nn.Conv2d(2 * channels, channels, 1)
        )

    def forward(self, h: Tensor) -> Tensor:
        """The next state."""
        h = h + self.attention(self.norm(h))
        return h + self.perceptron(h)


class ConvBody(nn.Module):
    """A residual convolution on a map, normalised and rectified first."""

    def __init__(self, channels: int, kernel: int, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, channels)
        self.convolution = ConvCoupling(channels, kernel, generator=generator)

    def forward(self, h: Tensor) -> Tensor:
        """The next state."""
        return h + self.convolution(self.norm(h).relu())


class Iterated(nn.Module):
    """Bodies applied over and over to a map of activities, a Model with the sites `hidden` [sample, channel, row, column] and `readout`.

    One body and many steps are the networks of `Body`; several bodies and one step a plain transformer (`Body.LAYER`) and a ResNet
    (`Body.CONVOLUTION`). Build it by `boards`, `objects` or `classifier`.

    outward  what comes between the last state and the head

    Raises ValueError for no body or no step.
    """

    def __init__(
        self, entry: nn.Module, bodies: Sequence[nn.Module], head: nn.Module, *, steps: int, outward: nn.Module | None = None
    ) -> None:
        super().__init__()
        if not bodies or steps < 1:
            raise ValueError(f"wanted: at least one body and one step; got {len(bodies)} and {steps}.")
        self.entry, self.bodies, self.head, self.steps = entry, nn.ModuleList(bodies), head, steps
        self.outward: nn.Module = outward or nn.Identity()

    @staticmethod
    def boards(
        size: int,
        *,
        channels: int = 64,
        heads: int = 8,
        steps: int = 16,
        bodies: int = 1,
        body: Body = Body.ATTENTION,
        generator: torch.Generator | None = None,
    ) -> "Iterated":
        """Attention on Sudoku boards; `readout` as of `AKOrN.boards`. Raises ValueError for convolutions."""
        if body is Body.CONVOLUTION:
            raise ValueError("cells of a board that belong together lie apart; take Body.ATTENTION or Body.LAYER.")
        made = _repeated(body, bodies, channels, heads, 1, (size, size), generator)
        if body is Body.LAYER:
            return drawn(Iterated(Cells(size, channels), made, CellHead(channels, size), steps=steps), generator)
        head = nn.Sequential(PlaceNorm(channels), nn.Conv2d(channels, size, 1))
        return drawn(Iterated(Cells(size, channels), made, head, steps=steps, outward=Perceptron(channels)), generator)

    @staticmethod
    def objects(
        shape: tuple[int, int, int],
        *,
        patch: int = 4,
        channels: int = 64,
        kernel: int = 5,
        steps: int = 8,
        bodies: int = 1,
        body: Body = Body.CONVOLUTION,
        code: int = 64,
        generator: torch.Generator | None = None,
    ) -> "Iterated":
        """Convolutions, or attention of eight heads, on the patches of images; `readout` as of `AKOrN.objects`."""
        colours, rows, columns = shape
        if patch < 1 or rows % patch or columns % patch:
            raise ValueError(f"patches of {patch} x {patch} do not tile an image of {rows} x {columns}; take a divisor of both.")
        made = _repeated(body, bodies, channels, 8, kernel, (rows // patch, columns // patch), generator)
        entry = nn.Conv2d(colours, channels, patch, stride=patch)
        outward = Perceptron(channels) if body is Body.ATTENTION else None
        return drawn(Iterated(entry, made, ContrastHead(channels, code), steps=steps, outward=outward), generator)

    @staticmethod
    def classifier(
        shape: tuple[int, int, int],
        classes: int,
        *,
        channels: int = 64,
        kernel: int = 5,
        steps: int = 3,
        bodies: int = 1,
        generator: torch.Generator | None = None,
    ) -> "Iterated":
        """Convolutions on images that a convolution has brought to a quarter of their sides."""
        colours = shape[0]
        entry = nn.Sequential(
            nn.Conv2d(colours, channels, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(channels, channels, 3, stride=2, padding=1)
        )
        made = [ConvBody(channels, kernel, generator=generator) for _ in range(bodies)]
        return drawn(Iterated(entry, made, ClassHead(channels, classes), steps=steps), generator)

    def states(self, x: Tensor, *, steps: int | None = None) -> Iterator[dict[str, Tensor]]:
        """Yield the activities and the read-out after each step."""
        h = self.entry(x)
        for _ in range(self.steps if steps is None else steps):
            for body in self.bodies:
                h = body(h)
            yield {"hidden": h, "readout": self.head(self.outward(h))}

    def forward(self, x: Tensor, *, steps: int | None = None) -> Float[Tensor, "sample *output"]:
        """The read-out after the last step."""
        h = self.entry(x)
        for _ in range(self.steps if steps is None else steps):
            for body in self.bodies:
                h = body(h)
        return self.head(self.outward(h))


def _repeated(
    body: Body, count: int, channels: int, heads: int, kernel: int, place: tuple[int, int], generator: torch.Generator | None
) -> list[nn.Module]:
    if body is Body.CONVOLUTION:
        return [ConvBody(channels, kernel, generator=generator) for _ in range(count)]
    kind = AttentionStep if body is Body.ATTENTION else AttentionBody
    return [kind(channels, heads, place, generator=generator) for _ in range(count)]


class Cells(nn.Module):
    """Boards [sample, row, column] of digits, 0 for none, as embeddings [sample, channel, row, column]."""

    def __init__(self, size: int, channels: int) -> None:
        super().__init__()
        self.digits = nn.Embedding(size + 1, channels)

    def forward(self, x: Tensor) -> Tensor:
        """The embedding of each cell's digit."""
        return self.digits(board_of(x, self.digits.num_embeddings - 1)).movedim(-1, 1)
