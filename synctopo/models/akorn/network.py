"""AKOrN: blocks of Kuramoto layers for images, patches and boards; every block's oscillators, read-out and energy are sites."""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from synctopo.models.akorn.attention import AttentiveCoupling
from synctopo.models.akorn.coupling import ConvCoupling
from synctopo.models.akorn.dynamics import Oscillators, random_oscillators
from synctopo.models.akorn.layer import Frequency, KuramotoLayer, Oscillation
from synctopo.models.akorn.parts import (
    BoardEntry,
    CellHead,
    ClassHead,
    ContrastHead,
    Downward,
    ImageEntry,
    NormReadout,
    PatchEntry,
    ResidualReadout,
    drawn,
)


class Block(nn.Module):
    """A Kuramoto layer, what its stimulus goes through first, and what its oscillators are read out by.

    layer    the oscillators
    norm     of the stimulus, before the steps
    readout  m_k = |sum_i U_ki x_i| + b_k, eq. (6)
    outward  c' = g(m): the stimulus of the next block, or what the head sees
    down     (states, stimulus) of the block before -> those of this one, where the map shrinks
    """

    def __init__(
        self,
        layer: KuramotoLayer,
        readout: NormReadout,
        *,
        norm: nn.Module | None = None,
        outward: nn.Module | None = None,
        down: Downward | None = None,
    ) -> None:
        super().__init__()
        self.layer, self.readout = layer, readout
        self.norm: nn.Module = norm or nn.Identity()
        self.outward: nn.Module = outward or nn.Identity()
        self.down = down


class AKOrN(nn.Module):
    """Artificial Kuramoto oscillatory neurons, a Model with the sites `block1.x`, `block1.readout`, `block1.energy`, ..., `readout`.

    `block1.x` are unit vectors, [sample, oscillator * n, *place] with the n components of an oscillator side by side; `block1.readout`
    their lengths after a learned map, [sample, channel, *place]; `block1.energy` [sample, 1] is eq. (3), with the 1/2. A block begins with
    the stimulus and the last state of the block before it. State t is that of every block after t of its own steps, t = 0, 1, ...; a block
    of fewer steps stays where it is.

    Build it by `classifier`, `objects` or `boards`, or from an entry, blocks and a head of your own. What is random in the start is
    drawn once, from `generator`, and is the same for all samples; `start` brings another draw.

    Raises ValueError for no block, or as many numbers of steps as there are not blocks.
    """

    def __init__(self, entry: nn.Module, blocks: Sequence[Block], head: nn.Module, *, steps: Sequence[int]) -> None:
        super().__init__()
        if not blocks or len(steps) != len(blocks) or min(steps) < 1:
            raise ValueError(f"wanted: blocks, each with its number of steps from 1 on; got {len(blocks)} blocks and steps {list(steps)}.")
        self.entry, self.blocks, self.head = entry, nn.ModuleList(blocks), head
        self.steps = tuple(steps)

    @staticmethod
    def classifier(
        shape: Sequence[int],
        classes: int,
        *,
        channels: Sequence[int] = (32, 64, 128),
        n: int = 2,
        kernels: Sequence[int] = (9, 7, 5),
        steps: Sequence[int] | int = 3,
        frequency: Frequency = Frequency.EACH,
        attentive: bool = False,
        generator: torch.Generator | None = None,
    ) -> "AKOrN":
        """For images of `shape` (row, column) or (channel, row, column) of one of `classes`: a convolution that halves the image, blocks
        with convolutions that halve it between them, mean over places, linear read-out.

        `attentive` makes the last block's coupling attention (the paper's "mix"). The start is a convolution of the image. Where the
        paper has batch normalisation there is normalisation within the sample, so that samples never see each other.

        Raises ValueError for shapes that do not go together.
        """
        colours, rows, columns = _image(shape)
        every = _each(steps, len(channels))
        if len(kernels) != len(channels):
            raise ValueError(f"every block has its channels and its kernel; got {list(channels)} and {list(kernels)}.")
        _divisible(channels, n)
        place = (-(-rows // 2), -(-columns // 2))
        entry = ImageEntry(colours, channels[0], n)
        blocks = []
        for k, (width, kernel) in enumerate(zip(channels, kernels, strict=True)):
            down = Downward(channels[k - 1], width, n) if k else None
            place = (-(-place[0] // 2), -(-place[1] // 2)) if k else place
            last = attentive and k == len(channels) - 1
            coupling = (
                AttentiveCoupling(width, place=place, generator=generator) if last else ConvCoupling(width, kernel, generator=generator)
            )
            layer = KuramotoLayer(coupling, width // n, n, frequency=frequency, learn_gamma=True, generator=generator)
            outward = nn.Sequential(nn.GroupNorm(1, width), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1))
            blocks.append(Block(layer, NormReadout(width, width, n), norm=nn.GroupNorm(width // n, width), outward=outward, down=down))
        return drawn(AKOrN(entry, blocks, ClassHead(channels[-1], classes), steps=every), generator)

    @staticmethod
    def objects(
        shape: Sequence[int],
        *,
        patch: int = 4,
        channels: int = 64,
        n: int = 4,
        kernel: int = 5,
        steps: Sequence[int] | int = 8,
        blocks: int = 1,
        attentive: bool = False,
        frequency: Frequency = Frequency.EACH,
        code: int = 64,
        generator: torch.Generator | None = None,
    ) -> "AKOrN":
        """For images to be taken apart without labels: patches, blocks on their map, and `readout`, a code [sample, code] for contrastive
        learning (maximum over places, then a perceptron with four times as many hidden units). gamma is 1 and is not learned.

        Raises ValueError for patches that do not tile the image.
        """
        colours, rows, columns = _image(shape)
        if patch < 1 or rows % patch or columns % patch:
            raise ValueError(f"patches of {patch} x {patch} do not tile an image of {rows} x {columns}; take a divisor of both.")
        _divisible([channels], n)
        place = (rows // patch, columns // patch)
        made = []
        for k in range(blocks):
            coupling = (
                AttentiveCoupling(channels, place=place, generator=generator)
                if attentive
                else ConvCoupling(channels, kernel, generator=generator)
            )
            layer = KuramotoLayer(coupling, channels // n, n, frequency=frequency, generator=generator)
            outward = nn.GroupNorm(1, channels) if k < blocks - 1 else None
            made.append(Block(layer, NormReadout(channels, channels, n), norm=nn.GroupNorm(channels // n, channels), outward=outward))
        start = random_oscillators(1, channels // n, n, *place, like=torch.zeros(()), generator=generator)
        entry = PatchEntry(colours, patch, channels, n, start)
        return drawn(AKOrN(entry, made, ContrastHead(channels, code), steps=_each(steps, blocks)), generator)

    @staticmethod
    def boards(
        size: int,
        *,
        channels: int = 64,
        n: int = 4,
        heads: int = 8,
        steps: Sequence[int] | int = 16,
        blocks: int = 1,
        frequency: Frequency = Frequency.EACH,
        stimulus: float = 0.1,
        generator: torch.Generator | None = None,
    ) -> "AKOrN":
        """For Sudoku boards [sample, size, size] of digits 1 ... size, 0 where nothing is given: attention with positions as rotations, and
        `readout`, unnormalised log-probabilities [sample, digit, row, column] (digit k at index k - 1).

        A given digit's oscillators start at its embedding, those of a blank anywhere. gamma is learned. `stimulus` is the standard
        deviation of a number of an embedding at first: with 1, as in the public code, the stimulus is some thirty times as long as what
        comes from other cells, and in batches of 64 boards they learn more slowly by far, in batches of 16 hardly; with 0.1 it is three
        times as long.

        Raises ValueError for a board of one row, or a stimulus that is not positive.
        """
        if size < 2:
            raise ValueError(f"a board has at least two rows; got {size}.")
        if not 0 < stimulus < float("inf"):
            raise ValueError(f"stimulus is the spread of an embedding, a positive number; got {stimulus:g}.")
        _divisible([channels], n)
        place = (size, size)
        start = random_oscillators(1, channels // n, n, *place, like=torch.zeros(()), generator=generator)
        entry = BoardEntry(size, channels, n, start)
        made = []
        for k in range(blocks):
            coupling = AttentiveCoupling(channels, heads=heads, place=place, generator=generator)
            layer = KuramotoLayer(coupling, channels // n, n, frequency=frequency, learn_gamma=True, generator=generator)
            outward = nn.Sequential(ResidualReadout(channels), nn.GroupNorm(1, channels)) if k < blocks - 1 else ResidualReadout(channels)
            made.append(Block(layer, NormReadout(channels, channels, n), outward=outward))
        model = drawn(AKOrN(entry, made, CellHead(channels, size), steps=_each(steps, blocks)), generator)
        with torch.no_grad():
            entry.digits.weight.mul_(stimulus)
        return model

    def _blocks(self) -> list[Block]:
        return [block for block in self.blocks if isinstance(block, Block)]

    def start(self, x: Tensor, *, generator: torch.Generator | None = None) -> Oscillators | None:
        """Another draw of what is random in the start, for every sample its own; None where nothing is."""
        fixed = self.entry.fixed_start
        if not isinstance(fixed, Tensor):
            return None
        return random_oscillators(len(x), *fixed.shape[1:], like=fixed, generator=generator)

    def states(self, x: Tensor, *, start: Oscillators | None = None, steps: int | None = None) -> Iterator[dict[str, Tensor]]:
        """Yield the state of all blocks before and after each step. `steps` for all blocks in place of those the model was built with.

        Raises ValueError for inputs that the model was not built for.
        """
        counts = self.steps if steps is None else (steps,) * len(self.blocks)
        runs: list[tuple[Block, list[Oscillation]]] = []
        at, stimulus = self.entry(x, start)
        for block, count in zip(self._blocks(), counts, strict=True):
            at, stimulus = _entered(block, at, stimulus)
            runs.append((block, list(block.layer.states(at, stimulus, steps=count))))
            at = runs[-1][1][-1].x
            stimulus = block.outward(block.readout(at)).unflatten(1, (-1, block.layer.n))
        for step in range(max(counts) + 1):
            state: dict[str, Tensor] = {}
            for k, (block, run) in enumerate(runs, start=1):
                here = run[min(step, len(run) - 1)]
                found = block.readout(here.x)
                state |= {f"block{k}.x": here.x.flatten(1, 2), f"block{k}.readout": found, f"block{k}.energy": here.energy[:, None]}
            state["readout"] = self.head(block.outward(found))
            yield state

    def forward(
        self, x: Tensor, *, start: Oscillators | None = None, steps: int | None = None, segment: int = 0
    ) -> Float[Tensor, "sample *output"]:
        """The read-out after the last step. `segment` as in `KuramotoLayer.forward`: less memory for gradients, at the price of time."""
        counts = self.steps if steps is None else (steps,) * len(self.blocks)
        at, stimulus = self.entry(x, start)
        outward = x
        for block, count in zip(self._blocks(), counts, strict=True):
            at, stimulus = _entered(block, at, stimulus)
            at = block.layer(at, stimulus, steps=count, segment=segment)
            outward = block.outward(block.readout(at))
            stimulus = outward.unflatten(1, (-1, block.layer.n))
        return self.head(outward)


def _entered(block: Block, at: Tensor, stimulus: Tensor) -> tuple[Tensor, Tensor]:
    if block.down is not None:
        at, stimulus = block.down(at, stimulus)
    return at, block.norm(stimulus.flatten(1, 2)).view_as(stimulus)


def _image(shape: Sequence[int]) -> tuple[int, int, int]:
    if len(shape) not in (2, 3) or min(shape) < 1:
        raise ValueError(f"an image is (row, column) or (channel, row, column); got {list(shape)}.")
    colours, rows, columns = (1, *shape) if len(shape) == 2 else shape
    return colours, rows, columns


def _each(steps: Sequence[int] | int, blocks: int) -> tuple[int, ...]:
    return (steps,) * blocks if isinstance(steps, int) else tuple(steps)


def _divisible(channels: Sequence[int], n: int) -> None:
    for width in channels:
        if n < 2 or width < n or width % n:
            raise ValueError(f"channels are oscillators times n, n at least 2; got {width} channels and n = {n}.")
