"""Training and judging of models that solve boards: accuracy over steps, and voting among starts by their energy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from synctopo.learning.resuming import restored, saved
from synctopo.learning.training import hold_finite
from synctopo.models import AKOrN, Iterated

Boards = Float[Tensor, "board row column"]
Solutions = Int[Tensor, "board row column"]


@dataclass(frozen=True)
class BoardsFitted:
    """What a training did: mean loss of every epoch, and the share of blank cells that were right in it."""

    loss: tuple[float, ...]
    cells: tuple[float, ...]


def fit_boards(
    model: AKOrN | Iterated,
    x: Boards,
    y: Int[Tensor, "solution r c"],
    *,
    epochs: int,
    batch: int = 16,
    learning_rate: float = 2e-3,
    steps: tuple[int, int] | None = None,
    generator: torch.Generator,
    checkpoint: str | Path | None = None,
    listen: Callable[[int, float, float], None] | None = None,
) -> BoardsFitted:
    """Train a model to fill blanks, by Adam on the cross-entropy of every cell's digit; its weights change in place.

    An AKOrN's blanks start somewhere else each time.

    x           boards, 0 for blanks; y their solutions
    steps       (least, largest): every batch takes a number of steps drawn between them, both included; None: as many as the model was
                built with
    checkpoint  a file written after each epoch; where it is there, training goes on from it and ends as if it had never stopped
    listen      called after each epoch with its number, loss and share of blank cells right

    Raises ValueError for a loss that is no longer finite, boards without solutions, steps in the wrong order, or the checkpoint of another
    training.
    """
    if steps is not None:
        check_drawn(steps, "steps")
    if x.shape != y.shape or not len(x):
        raise ValueError(f"every board needs its solution, and there is at least one; got {list(x.shape)} and {list(y.shape)}.")
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=learning_rate)
    drawn = None if steps is None else list(steps)
    about = {"batch": batch, "learning_rate": learning_rate, "samples": len(x), "steps": drawn}
    history: list[list[float]] = restored(checkpoint, about, model, optimiser, generator)
    for epoch in range(len(history), epochs):
        total, right, blanks = 0.0, 0, 0
        for part in torch.randperm(len(x), generator=generator).split(batch):
            boards, answers = x[part], y[part] - 1
            optimiser.zero_grad()
            count = None if steps is None else int(torch.randint(steps[0], steps[1] + 1, (), generator=generator))
            if isinstance(model, AKOrN):
                scores = model(boards, start=model.start(boards, generator=generator), steps=count)
            else:
                scores = model(boards, steps=count)
            loss = nn.functional.cross_entropy(scores, answers)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            blank = boards == 0
            total += float(loss.detach()) * len(part)
            right += int(((scores.argmax(1) == answers) & blank).sum())
            blanks += int(blank.sum())
        history.append([total / len(x), right / max(blanks, 1)])
        hold_finite(history[-1][0], f"epoch {epoch + 1}", learning_rate)
        if checkpoint is not None:
            saved(checkpoint, about, model, optimiser, generator, history)
        if listen is not None:
            listen(epoch + 1, *history[-1])
    return BoardsFitted(tuple(h[0] for h in history), tuple(h[1] for h in history))


def check_drawn(steps: tuple[int, int], what: str) -> None:
    """Raises ValueError for steps that a training cannot draw from."""
    if not 1 <= steps[0] <= steps[1]:
        raise ValueError(f"{what} is [least, largest] number of steps, from 1 on; got {list(steps)}.")


def filled(boards: Boards, scores: Float[Tensor, "board digit row column"]) -> Solutions:
    """The answer: given digits as they are, blanks by the best score."""
    return torch.where(boards > 0, boards.long(), scores.argmax(1) + 1)


@torch.no_grad()
def solved_over_steps(
    model: AKOrN | Iterated, x: Boards, y: Solutions, steps: Sequence[int], *, batch: int = 250
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """After each of these numbers of steps: how many boards are solved, every cell right, and which share of blank cells is.

    The model may be asked for more steps than it was trained with. Raises ValueError for no board, or steps below 1.
    """
    if not len(x) or not steps or min(steps) < 1:
        raise ValueError(f"wanted: boards, and steps from 1 on; got {len(x)} boards and steps {list(steps)}.")
    boards, cells = np.zeros(len(steps), dtype=int), np.zeros(len(steps), dtype=int)
    first = 0 if isinstance(model, AKOrN) else 1
    for shown, truth in zip(x.split(batch), y.split(batch), strict=True):
        for step, state in enumerate(model.states(shown, steps=max(steps)), start=first):
            if step in steps:
                same = filled(shown, state["readout"]) == truth
                for k in (k for k, s in enumerate(steps) if s == step):
                    boards[k] += int(same.flatten(1).all(1).sum())
                    cells[k] += int((same & (shown == 0)).sum())
    blanks = max(int((x == 0).sum()), 1)
    return tuple(int(b) for b in boards), tuple(float(c / blanks) for c in cells)


@dataclass(frozen=True)
class Voted:
    """How many boards are solved by each way to one answer from several starts: mean of the starts one by one, the start of the lowest
    energy after the last step, that of the lowest sum of energies over all steps, and the mean of all read-outs."""

    one_by_one: float
    last_energy: int
    energy_sum: int
    mean_readout: int
    boards: int


@torch.no_grad()
def vote(model: AKOrN, x: Boards, y: Solutions, *, starts: int, steps: int, generator: torch.Generator, batch: int = 250) -> Voted:
    """Solve each board from several starts and choose one answer by the energy of the last block. Raises ValueError for no start."""
    if starts < 1 or not len(x):
        raise ValueError(f"a vote needs starts and boards; got {starts} and {len(x)}.")
    site = f"block{len(model.blocks)}.energy"
    counts = np.zeros(4)
    for shown, truth in zip(x.split(batch), y.split(batch), strict=True):
        right, last, total, mean = [], [], [], torch.zeros(())
        for _ in range(starts):
            energies = []
            for state in model.states(shown, start=model.start(shown, generator=generator), steps=steps):
                energies.append(state[site][:, 0])
            right.append((filled(shown, state["readout"]) == truth).flatten(1).all(1))
            last.append(energies[-1])
            total.append(torch.stack(energies[1:]).sum(0))
            mean = mean + state["readout"].softmax(1)
        of = torch.stack(right)
        board = torch.arange(len(shown))
        counts[0] += float(of.double().mean(0).sum())
        counts[1] += int(of[torch.stack(last).argmin(0), board].sum())
        counts[2] += int(of[torch.stack(total).argmin(0), board].sum())
        counts[3] += int((filled(shown, mean) == truth).flatten(1).all(1).sum())
    return Voted(float(counts[0]), int(counts[1]), int(counts[2]), int(counts[3]), len(x))
