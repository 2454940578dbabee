"""Tallies: how often each fault was tried and what came of it, kept in files so that a stopped run goes on where it was."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

BAD = ("lost", "tracebacks", "hangs", "crashes", "differ", "stuck")
"""What must never happen: a row lost, an exception that is no sentence, no answer in time, a process that dies of itself, other bytes,
an undisturbed run that does not end well."""


@dataclass
class Tally:
    """Counts of one fault.

    fault   what was done
    tried   how often
    came    outcome -> how often
    bad     the first few cases that must not happen, each with what is needed to repeat it
    """

    fault: str
    seed: int
    code: str
    tried: int = 0
    seconds: float = 0.0
    came: dict[str, int] = field(default_factory=dict)
    bad: list[str] = field(default_factory=list)

    def add(self, outcomes: Mapping[str, int], example: str = "") -> None:
        """Count one more case."""
        self.tried += 1
        for outcome, times in outcomes.items():
            self.came[outcome] = self.came.get(outcome, 0) + times
        if example and len(self.bad) < 20 and any(outcomes.get(word) for word in BAD):
            self.bad.append(example)

    @property
    def clean(self) -> bool:
        return not any(self.came.get(word) for word in BAD)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.fault.replace(' ', '-').replace(',', '')}.json"
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(vars(self), indent=1, sort_keys=True) + "\n", encoding="utf-8")
        os.replace(temporary, path)


def resumed(fault: str, seed: int, folder: Path) -> Tally:
    """The tally of a fault as it was left, or a new one where the code or the seed is another."""
    fresh = Tally(fault, seed, code())
    path = folder / f"{fault.replace(' ', '-').replace(',', '')}.json"
    if not path.is_file():
        return fresh
    held = Tally(**json.loads(path.read_text(encoding="utf-8")))
    return held if (held.seed, held.code) == (fresh.seed, fresh.code) else fresh


@cache
def code() -> str:
    """A hash of every source file that is attacked and of those that attack."""
    root = Path(__file__).resolve().parent.parent
    sha = hashlib.sha256()
    for file in sorted(file for folder in ("chaos", "rsnn", "rtd", "synctopo") for file in (root / folder).rglob("*.py")):
        sha.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return sha.hexdigest()[:12]


def table(tallies: list[Tally]) -> str:
    """What was tried and what came of it, as Markdown."""
    lines = ["| fault | times tried | result |", "| --- | ---: | --- |"]
    for tally in tallies:
        came = {**dict.fromkeys(("lost", "tracebacks"), 0), **tally.came}
        words = {"lost": "rows lost", "same": "ended in the same bytes", "told": "told in a sentence"}
        ends = sorted(came, key=lambda word: (word not in ("same", "told"), word))
        lines.append(f"| {tally.fault} | {tally.tried:,} | {'; '.join(f'{came[word]:,} {words.get(word, word)}' for word in ends)} |")
    inputs = sum(tally.tried for tally in tallies if tally.fault.startswith("fuzzed"))
    kills = sum(tally.came.get("killed", 0) for tally in tallies)
    lost, traces = (sum(tally.came.get(word, 0) for tally in tallies) for word in ("lost", "tracebacks"))
    minutes = sum(tally.seconds for tally in tallies) / 60
    lines.append("")
    lines.append(
        f"In all {kills:,} kills and {inputs:,} fuzzed inputs, {lost:,} rows lost, {traces:,} tracebacks, in {minutes:.1f} minutes "
        f"(seed {tallies[0].seed if tallies else 0}, code {code()})."
    )
    return "\n".join(lines) + "\n"
