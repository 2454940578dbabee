"""The family boards: networks that solve Sudoku boards, judged by whole boards, with more steps than they learned with, and by votes."""

from dataclasses import asdict
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from synctopo.families.blocks import main_site_of, sites_of
from synctopo.families.family import Family
from synctopo.families.learning import AdamLearning, Descent, NoLearning
from synctopo.generated import sudoku
from synctopo.learning.solving import check_drawn, fit_boards, solved_over_steps, vote
from synctopo.learning.training import stream
from synctopo.models import AKOrN, Body, Frequency, Iterated
from synctopo.spec import Spec


class DrawnStepsLearning(Descent):
    """learning = { rule = "drawn_steps", ... }: as adam, but every batch learns with a number of steps that is drawn anew.

    What is right after every one of these numbers has come to rest, so that more steps at test time do not undo it.
    """

    rule: Literal["drawn_steps"]
    batch: int = Field(default=16, ge=1)
    learning_rate: float = Field(default=2e-3, gt=0)
    between: tuple[int, int] = (4, 12)
    """The least and the largest number of steps, all equally likely; training takes as long as with adam and their mean."""


class BoardsSpec(Spec):
    """[models.NAME] with family = "boards": a network for the data sets sudoku4, sudoku6 and sudoku9.

    architecture  akorn, itrsa (self-attention, iterated, and a perceptron once), universal (a transformer's whole layer, iterated), or
                  transformer (`blocks` layers, once)
    """

    family: Literal["boards"]
    architecture: Literal["akorn", "itrsa", "universal", "transformer"] = "akorn"
    channels: int = Field(default=64, ge=8)
    n: int = Field(default=4, ge=2)
    heads: int = Field(default=8, ge=1)
    blocks: int = Field(default=1, ge=1)
    steps: int = Field(default=16, ge=1)
    frequency: Literal["none", "shared", "each"] = "each"
    stimulus: float = Field(default=0.1, gt=0)
    """How large embeddings of digits are at first (akorn); with 1, as in the public code, they learn more slowly by far in
    batches of 64, hardly in batches of 16."""
    learning: Annotated[NoLearning | AdamLearning | DrawnStepsLearning, Field(discriminator="rule")] = NoLearning()
    test_steps: tuple[int, ...] = Field(default=(16, 32, 64, 128), min_length=1)
    """After how many steps boards are counted; 1 for a transformer, whatever is said here."""
    hard: int = Field(default=0, ge=0)
    """So many boards with `hard_givens`, fewer than those it learns from, are tried beside the test boards."""
    hard_givens: tuple[int, int] = (9, 11)
    votes: int = Field(default=0, ge=0)
    """From so many starts each board is solved, and one answer chosen by energy (akorn)."""
    vote_steps: int = Field(default=64, ge=1)
    vote_boards: int = Field(default=200, ge=1)
    signal: ClassVar[str | None] = None

    @property
    def main_site(self) -> str:
        """The site that is recorded where a study names none."""
        return main_site_of(self.architecture, self.blocks)

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site of the model."""
        return sites_of(self.architecture, self.blocks)


def _build(spec: BoardsSpec, shape: tuple[int, int], _classes: int, seed: int) -> nn.Module:
    generator, side = stream(seed, "weights"), shape[0]
    if spec.architecture == "akorn":
        return AKOrN.boards(
            side,
            channels=spec.channels,
            n=spec.n,
            heads=spec.heads,
            blocks=spec.blocks,
            steps=spec.steps,
            frequency=Frequency(spec.frequency),
            stimulus=spec.stimulus,
            generator=generator,
        )
    stacked = spec.architecture == "transformer"
    return Iterated.boards(
        side,
        channels=spec.channels,
        heads=spec.heads,
        steps=1 if stacked else spec.steps,
        bodies=spec.blocks if stacked else 1,
        body=Body.ATTENTION if spec.architecture == "itrsa" else Body.LAYER,
        generator=generator,
    )


def _inputs(_spec: BoardsSpec, shown: np.ndarray, _generator: torch.Generator) -> Tensor:
    return torch.from_numpy(shown)


def _fit(spec: BoardsSpec, model: Any, x: Tensor, y: Tensor, seed: int) -> dict[str, Any]:
    how = spec.learning
    if isinstance(how, NoLearning):
        return {}
    fitted = fit_boards(
        model,
        x,
        y,
        epochs=how.epochs,
        batch=how.batch,
        learning_rate=how.learning_rate,
        steps=how.between if isinstance(how, DrawnStepsLearning) else None,
        generator=stream(seed, "order"),
    )
    return asdict(fitted)


def _judged(spec: BoardsSpec, model: Any, x: Tensor, y: np.ndarray, generator: torch.Generator) -> dict[str, Any]:
    side = x.shape[1]
    tried = {"test": (x, torch.from_numpy(y))}
    if spec.hard:
        # fewer givens than any board that was learned from, so that none was
        found = sudoku.generate(side, spec.hard, spec.hard_givens, seed=int(torch.randint(2**31, (), generator=generator)))
        tried["hard"] = (torch.from_numpy(found.boards).float(), torch.from_numpy(found.solutions))
    steps = spec.test_steps if spec.architecture != "transformer" else (1,)
    own = spec.steps if spec.architecture != "transformer" else 1
    entries = []
    row: dict[str, Any] = {"samples_test": len(x)}
    for name, (boards, answers) in tried.items():
        solved, cells = solved_over_steps(model, boards, answers, sorted({*steps, own}))
        entry: dict[str, Any] = {"boards": name, "total": len(boards), "steps": sorted({*steps, own}), "solved": list(solved)}
        entry["cells"] = list(cells)
        if spec.votes and isinstance(model, AKOrN):
            few, right = boards[: spec.vote_boards], answers[: spec.vote_boards]
            entry["vote"] = asdict(vote(model, few, right, starts=spec.votes, steps=spec.vote_steps, generator=generator))
        entries.append(entry)
        k = entry["steps"].index(own)
        row |= {f"boards_solved_{name}": solved[k] / len(boards), f"cells_right_{name}": cells[k]}
    return {**row, "boards": entries}


def _check(spec: BoardsSpec, where: str) -> None:
    if spec.channels % spec.heads or spec.channels // spec.heads % 2 or spec.channels % spec.n:
        raise ValueError(
            f"{where}: channels are a multiple of n and of twice the heads; got {spec.channels}, n = {spec.n} and {spec.heads} heads."
        )
    if min(spec.test_steps) < 1:
        raise ValueError(f"{where}.test_steps are numbers of steps from 1 on; got {list(spec.test_steps)}.")
    if isinstance(spec.learning, DrawnStepsLearning):
        check_drawn(spec.learning.between, f"{where}.learning.between")
        if spec.architecture == "transformer":
            raise ValueError(f'{where}: a transformer has one step, so none can be drawn; rule = "adam" trains it.')


BOARDS = Family(
    BoardsSpec,
    _build,
    _inputs,
    _fit,
    _judged,
    check=_check,
    takes=("boards",),
    apart=frozenset({"test_steps", "hard", "hard_givens", "votes", "vote_steps", "vote_boards"}),
)
"""Takes the data sets of boards; the labels of a board are its solution."""
