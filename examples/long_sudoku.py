"""A long training on Sudoku boards that can be stopped at any time: `python examples/long_sudoku.py --side 9 --hours 2 --to sudoku9`.

The same command goes on where the last one stopped. In the folder lie the training's state (`training.safetensors`), what was asked for
(`asked.json`) and its curve (`curve.json`): after every epoch the loss, the share of blank cells right, and of test boards, and of hard
ones with fewer givens than any that is learned from, how many are solved after 16, 32, 64 and 128 steps; and the seconds of CPU that
training has taken so far (but those of an epoch that ended and was not counted yet when the program was killed).
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from synctopo.generated import sudoku
from synctopo.learning.solving import fit_boards, solved_over_steps
from synctopo.models import AKOrN, Body, Frequency, Iterated
from synctopo.store import write_json

GIVENS = {4: (6, 8), 6: (12, 20), 9: (31, 42)}
HARD = {4: (4, 5), 6: (9, 11), 9: (24, 30)}
STEPS = (16, 32, 64, 128)
OSCILLATORS = ("frequency", "stimulus")  # settings of oscillators alone


def main(arguments: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Train until the hours are over or the epochs done; returns the curve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=9, choices=sorted(GIVENS))
    parser.add_argument("--architecture", default="akorn", choices=("akorn", "itrsa", "universal"))
    parser.add_argument("--frequency", default="each", choices=[f.value for f in Frequency], help="natural rotations of akorn")
    parser.add_argument("--stimulus", type=float, default=0.1, help="how large embeddings of digits are at first, of akorn")
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--boards", type=int, default=18000)
    parser.add_argument("--tests", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--between", type=int, nargs=2, default=[4, 12], help="steps of a batch in training: least, largest")
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--to", type=Path, default=Path("results/long_sudoku"))
    asked = parser.parse_args(arguments)
    if asked.architecture != "akorn" and any(getattr(asked, k) != parser.get_default(k) for k in OSCILLATORS):
        parser.error(f"--frequency and --stimulus are for --architecture akorn; {asked.architecture} has neither: leave them out.")
    settings, settings_file = {k: v for k, v in vars(asked).items() if k not in ("to", "hours", "epochs")}, asked.to / "asked.json"
    if settings_file.is_file():
        hold_same(settings, json.loads(settings_file.read_text()), asked.to, parser)
    train = sudoku.generate(asked.side, asked.boards, GIVENS[asked.side], seed=2 * asked.seed)
    test = sudoku.generate(asked.side, asked.tests, GIVENS[asked.side], seed=2 * asked.seed + 1, apart=sudoku.identities(train.boards))
    hard = sudoku.generate(asked.side, asked.tests, HARD[asked.side], seed=2 * asked.seed + 1)
    x, y = torch.from_numpy(train.boards).float(), torch.from_numpy(train.solutions)
    tried = [(torch.from_numpy(p.boards).float(), torch.from_numpy(p.solutions)) for p in (test, hard)]
    shape: dict[str, Any] = {"channels": asked.channels, "heads": asked.heads, "generator": torch.Generator().manual_seed(asked.seed)}
    if asked.architecture == "akorn":
        model: AKOrN | Iterated = AKOrN.boards(asked.side, frequency=Frequency(asked.frequency), stimulus=asked.stimulus, **shape)
    else:
        model = Iterated.boards(asked.side, body=Body.LAYER if asked.architecture == "universal" else Body.ATTENTION, **shape)
    state, curve_file = asked.to / "training.safetensors", asked.to / "curve.json"
    curve: list[dict[str, Any]] = json.loads(curve_file.read_text()) if curve_file.is_file() else []
    started, spent = time.monotonic(), curve[-1].get("cpu_seconds", 0.0) if curve else 0.0
    while len(curve) < asked.epochs and time.monotonic() - started < 3600 * asked.hours:
        # what the file says already replaces the seed of this generator
        order, before = torch.Generator().manual_seed(asked.seed), time.process_time()
        fitted = fit_boards(
            model,
            x,
            y,
            epochs=len(curve) + 1,
            batch=asked.batch,
            learning_rate=asked.learning_rate,
            steps=(asked.between[0], asked.between[1]),
            generator=order,
            checkpoint=state,
        )
        spent += time.process_time() - before
        (solved, cells), (solved_hard, _) = (solved_over_steps(model, *boards, STEPS) for boards in tried)
        curve.append(
            {
                "epoch": len(curve) + 1,
                "loss": fitted.loss[-1],
                "blanks_right_in_training": fitted.cells[-1],
                "blanks_right": cells[0],
                "boards_solved": {str(step): count / asked.tests for step, count in zip(STEPS, solved, strict=True)},
                "hard_boards_solved": {str(step): count / asked.tests for step, count in zip(STEPS, solved_hard, strict=True)},
                "cpu_seconds": round(spent, 2),
                "seconds": round(time.monotonic() - started, 1),
            }
        )
        if not settings_file.is_file():
            write_json(settings_file, settings)
        write_json(curve_file, curve)
        print(json.dumps(curve[-1]), flush=True)
    return curve


def hold_same(now: dict[str, Any], then: dict[str, Any], folder: Path, parser: argparse.ArgumentParser) -> None:
    """End with one sentence where a folder holds a training of something else."""
    unused = () if now["architecture"] == then.get("architecture") == "akorn" else OSCILLATORS
    for name in (n for n in now if n in then and n not in unused and now[n] != then[n]):
        flag = "--" + name.replace("_", "-")
        parser.error(f"{folder} holds a training with {flag} {then[name]}, now {now[name]}: choose another folder for it by --to.")


if __name__ == "__main__":
    try:
        main()
    except ValueError as wrong:
        raise SystemExit(f"long_sudoku: {wrong}") from None
