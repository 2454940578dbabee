"""Work: the pieces of a study, each of which reads files and makes one file named by a hash of exactly what it depends on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from synctopo import data
from synctopo.catalog import FAMILIES, ModelSpec
from synctopo.course import along_steps, along_training, stages
from synctopo.making import ROOM, Run, compare, fit, judge, keep
from synctopo.resilience import Subject, resist
from synctopo.spec import CompareSpec, Spec
from synctopo.store import code_version, digest, read_json
from synctopo.study import Study

STAGES = ("fit", "record", "judge", "compare")
FOLDERS = {"fit": "fits", "record": "recordings", "judge": "rows", "compare": "rows"}
KINDS = ("model", "pair", "spoilt", "course")
"""What the rows are about."""
ENDINGS = {"fit": "safetensors", "record": "safetensors", "judge": "json", "compare": "json"}


@dataclass(frozen=True, slots=True)
class Piece:
    """One file to be made.

    label  what a person reads; it is no part of the key
    like   pieces of one stage that are alike take about the same time: those of one condition, or of one measure and its null
    needs  the keys of the pieces whose files it reads
    make   (folder of the study, file) -> None; writes the file
    block  pieces of one block read the same files, and are done by one worker
    """

    stage: str
    key: str
    label: str
    needs: tuple[str, ...]
    make: Callable[[Path, Path], None]
    like: str = ""
    block: str = ""

    @property
    def file(self) -> str:
        """The file that it makes, relative to the study's folder."""
        return f"{FOLDERS[self.stage]}/{self.key}.{ENDINGS[self.stage]}"

    def done(self, root: Path) -> bool:
        return (root / self.file).is_file()


@dataclass(frozen=True)
class Block:
    """Pieces that one worker does in this order, under one claim, because they read the same files."""

    key: str
    pieces: tuple[Piece, ...]

    @property
    def stage(self) -> str:
        return self.pieces[0].stage

    @property
    def label(self) -> str:
        more = len(self.pieces) - 1
        return self.pieces[0].label + (f", and {more} more" if more else "")


@dataclass(frozen=True)
class Plan:
    """All pieces of a study, each after those that it needs, and the name of the code that makes them."""

    study: Study
    pieces: tuple[Piece, ...]
    code: str

    def of(self, stage: str) -> tuple[Piece, ...]:
        return tuple(p for p in self.pieces if p.stage == stage)


def plan(study: Study, code: str = "") -> Plan:
    """The pieces of a study. Conditions that are the same network share their files.

    `code` names the code in every key: this one's version, or that of an older one whose results are to count.
    """
    code = code or code_version()
    key = partial(_key, code)
    fits: dict[str, Piece] = {}
    records: dict[str, Piece] = {}
    judges: list[Piece] = []
    runs: list[Run] = []
    whole = data.load(study.data.name)
    # a split that cannot be is said before anything is trained
    data.split(whole, train=study.data.train, test=study.data.test, seed=study.data.seed)
    content = whole.fingerprint

    def fitting(spec: ModelSpec, seed: int, label: str, like: str) -> str:
        trained = spec.model_dump(mode="json", exclude=set(FAMILIES[spec.family].apart))
        made = key("fit", spec=trained, data=study.data, content=content, seed=seed)
        fits.setdefault(made, Piece("fit", made, label, (), partial(fit, spec, study.data, seed), like))
        return made

    for condition, spec in study.models.items():
        for seed in study.seeds:
            rest = spec.model_dump(mode="json", include=set(FAMILIES[spec.family].apart))
            label = f"{condition}, seed {seed}"
            fit_key = fitting(spec, seed, label, condition)
            record_key = key("record", fit=fit_key, apart=rest, record=study.record, unroll=study.unroll)
            make = partial(keep, fit_key, spec, study.data, seed, study.record, study.unroll)
            records.setdefault(record_key, Piece("record", record_key, label, (fit_key,), make, condition))
            judge_key = key("judge", fit=fit_key, apart=rest, condition=condition, unroll=study.unroll, study=study.name)
            about = {"study": study.name, "condition": condition, "seed": seed, "fit": fit_key}
            judges.append(
                Piece(
                    "judge",
                    judge_key,
                    label,
                    (fit_key,),
                    partial(judge, fit_key, spec, study.data, seed, study.unroll, about),
                    condition,
                )
            )
            runs.append(Run(condition, seed, record_key))
            named = {"fit": fit_key, "apart": rest, "condition": condition, "study": study.name, "maps": study.record.maps}
            subject = Subject(fit_key, spec, study.data, seed, study.record.maps, about)
            judges += _followed(study, subject, label, partial(key, **named), fitting)
    return Plan(study, (*fits.values(), *records.values(), *judges, *_comparisons(study, runs, key)), code)


def _followed(
    study: Study, subject: Subject, label: str, key: Callable[..., str], fitting: Callable[[ModelSpec, int, str, str], str]
) -> list[Piece]:
    """What is asked of one model besides: how it fares on spoilt images, and its course along its steps and its training."""
    found: list[Piece] = []
    condition, needs = subject.about["condition"], (subject.fit,)
    if study.resist is not None:
        make, made = partial(resist, subject, study.resist), key("resist", resist=study.resist)
        found.append(Piece("judge", made, f"{label}, on spoilt images", needs, make, f"{condition}, on spoilt images"))
    if study.course is not None and study.course.moments:
        make, made = partial(along_steps, subject, study.course), key("steps", course=study.course)
        found.append(Piece("judge", made, f"{label}, along its steps", needs, make, f"{condition}, along its steps"))
    if study.course is not None and condition in (study.course.conditions or study.models):
        through = []
        for epoch, earlier in stages(subject.spec, study.course.epochs):
            said = f"after {epoch} epoch{'s' * (epoch != 1)}"
            then = fitting(earlier, subject.seed, f"{label}, {said}", f"{condition}, {said}")
            through.append((epoch, replace(subject, fit=then, spec=earlier)))
        if through:
            fits = [then.fit for _, then in through]
            make, made = partial(along_training, through, study.course), key("training", course=study.course, fits=fits)
            found.append(
                Piece("judge", made, f"{label}, along its training", tuple(dict.fromkeys(fits)), make, f"{condition}, along its training")
            )
    return found


def _comparisons(study: Study, runs: Sequence[Run], key: Callable[..., str]) -> list[Piece]:
    # a piece is one pair and one measure with its null and its interval: a minute or two where they are dearest, so that a run that is
    # stopped loses little, and another measure makes nothing anew
    spec, side = study.compare, tile(study, len(runs))
    beside = f"null {spec.null}, bootstrap {spec.bootstrap}"
    counts = _what_counts(spec)
    found: list[Piece] = []
    for name in spec.measures:
        for left in range(0, len(runs), side):
            for top in range(left, len(runs), side):
                block = []
                # row by row, so that the runs on the left stay in memory and each of the others comes once
                for j in range(top, min(top + side, len(runs))):
                    for i in range(left, min(left + side, j, len(runs))):
                        a, b = runs[i], runs[j]
                        names = [study.name, a.condition, a.seed, a.recording, b.condition, b.seed, b.recording]
                        needs = (a.recording, b.recording) if a.recording != b.recording else (a.recording,)
                        make = partial(compare, name, spec, study.name, a, b)
                        made = key("compare", pair=names, measure=name, compare=counts)
                        block.append(Piece("compare", made, f"{name} of {a} ~ {b}", needs, make, f"{name}, {beside}"))
                if len(block) > 1:
                    shared = digest([p.key for p in block])
                    block = [Piece(p.stage, p.key, p.label, p.needs, p.make, p.like, shared) for p in block]
                found.extend(block)
    return found


def tile(study: Study, runs: int) -> int:
    """How many models by how many the blocks of comparisons are: each loads the distances of twice as many models once.

    Blocks are small where there are few pairs to share, or where the distances of more models would not fit in memory.
    """
    layers = 0 if study.unroll is None else study.unroll.layers * (2 if study.unroll.random else 1)
    sites = max(1, len(study.record.sites or ())) + layers
    fits = ROOM // (8 * study.data.test**2 * sites) - 2
    return int(max(1, min(fits, runs // 24, 8)))


def blocks(pieces: Sequence[Piece]) -> list[Block]:
    """The pieces in their blocks, in the order of their first pieces."""
    found: dict[str, list[Piece]] = {}
    for piece in pieces:
        found.setdefault(piece.block or piece.key, []).append(piece)
    return [Block(key, tuple(held)) for key, held in found.items()]


def part_of(made: Plan, shard: str) -> tuple[Piece, ...]:
    """The pieces of the shard "k/n", the k-th of n workers that know nothing of each other: its share of judgements and comparisons, and
    all that these need; of what others need too its own share comes first, so that workers that start together begin with different pieces.

    Raises ValueError for what is no such share.
    """
    part, slash, parts = shard.partition("/")
    if not (slash and part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise ValueError(f"--shard k/n is the k-th of n parts, from 1 on, such as 2/8; got {shard!r}.")
    k, n = int(part) - 1, int(parts)
    ends = [p for stage in ("judge", "compare") for i, block in enumerate(blocks(made.of(stage))) if i % n == k for p in block.pieces]
    records = _needed(made.of("record"), ends, k, n)
    return (*_needed(made.of("fit"), [*records, *ends], k, n), *records, *ends)


def _needed(pieces: Sequence[Piece], by: Sequence[Piece], k: int, n: int) -> list[Piece]:
    keys = {key for piece in by for key in piece.needs}
    order = sorted(range(len(pieces)), key=lambda i: (i - k) % n)
    return [pieces[i] for i in order if pieces[i].key in keys]


def rows(root: Path, pieces: Sequence[Piece]) -> list[dict[str, Any]]:
    """The rows that these pieces have written so far, in their order."""
    found: list[dict[str, Any]] = []
    for piece in pieces:
        path = root / piece.file
        if path.is_file():
            held = read_json(path)
            if not isinstance(held, list) or not all(isinstance(row, dict) and row.get("kind") in KINDS for row in held):
                raise ValueError(f"{path} holds no rows of a study; delete it and run again to make it anew.")
            found.extend(held)
    return found


def _what_counts(spec: CompareSpec) -> dict[str, Any]:
    # contrasts and the sequence choose rows for a table, and another measure is another piece; they change no row
    return spec.model_dump(mode="json", exclude={"contrasts", "measures", "sequence"})


def _key(code: str, stage: str, **parts: Any) -> str:
    plain = {name: part.model_dump(mode="json") if isinstance(part, Spec) else part for name, part in parts.items()}
    return digest({"stage": stage, "code": code, **plain})
