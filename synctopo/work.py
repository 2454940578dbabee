"""Pieces of work: each reads files, computes, and writes one file named by a hash of exactly what it depends on."""

import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import rsnn
import rtd
from synctopo import catalog, data, reduction
from synctopo.catalog import FAMILIES, ModelSpec
from synctopo.comparison import Asked, rows_of_pair
from synctopo.measures import Cloud, measure_from
from synctopo.recorder import record
from synctopo.recording import Recording, joined
from synctopo.spec import CompareSpec, DataSpec, RecordSpec, Spec, UnrollSpec
from synctopo.store import code_version, digest, read_json, read_tensors, write_json, write_tensors
from synctopo.study import Study
from synctopo.training import stream

STAGES = ("fit", "record", "judge", "compare")
FOLDERS = {"fit": "fits", "record": "recordings", "judge": "rows", "compare": "rows"}
ENDINGS = {"fit": "safetensors", "record": "safetensors", "judge": "json", "compare": "json"}


@dataclass(frozen=True)
class Piece:
    """One file to be made.

    label  what a person reads; it is no part of the key
    like   pieces of one stage that are alike take about the same time: those of one condition, or of one measure and its null
    needs  the keys of the pieces whose files it reads
    make   (folder of the study) -> None; writes the file
    """

    stage: str
    key: str
    label: str
    needs: tuple[str, ...]
    make: Callable[[Path], None]
    like: str = ""

    @property
    def file(self) -> str:
        """The file that it makes, relative to the study's folder."""
        return f"{FOLDERS[self.stage]}/{self.key}.{ENDINGS[self.stage]}"

    def done(self, root: Path) -> bool:
        return (root / self.file).is_file()


@dataclass(frozen=True)
class Plan:
    """All pieces of a study, each after those that it needs, and which models they are about."""

    study: Study
    pieces: tuple[Piece, ...]

    def of(self, stage: str) -> tuple[Piece, ...]:
        return tuple(p for p in self.pieces if p.stage == stage)


def plan(study: Study) -> Plan:
    """The pieces of a study. Conditions that are the same network share their files."""
    fits: dict[str, Piece] = {}
    records: dict[str, Piece] = {}
    judges: list[Piece] = []
    runs: list[tuple[str, int, str]] = []
    whole = data.load(study.data.name)
    # a split that cannot be is said before anything is trained
    data.split(whole, train=study.data.train, test=study.data.test, seed=study.data.seed)
    content = whole.fingerprint
    for condition, spec in study.models.items():
        for seed in study.seeds:
            apart = FAMILIES[spec.family].apart
            trained, rest = spec.model_dump(mode="json", exclude=set(apart)), spec.model_dump(mode="json", include=set(apart))
            fit_key = _key("fit", spec=trained, data=study.data, content=content, seed=seed)
            label = f"{condition}, seed {seed}"
            fits.setdefault(fit_key, Piece("fit", fit_key, label, (), partial(fit, fit_key, spec, study.data, seed), condition))
            record_key = _key("record", fit=fit_key, apart=rest, record=study.record, unroll=study.unroll)
            make = partial(keep, record_key, fit_key, spec, study.data, seed, study.record, study.unroll)
            records.setdefault(record_key, Piece("record", record_key, label, (fit_key,), make, condition))
            judge_key = _key("judge", fit=fit_key, apart=rest, condition=condition, unroll=study.unroll, study=study.name)
            about = {"study": study.name, "condition": condition, "seed": seed, "fit": fit_key}
            make = partial(judge, judge_key, fit_key, spec, study.data, seed, study.unroll, about)
            judges.append(Piece("judge", judge_key, label, (fit_key,), make, condition))
            runs.append((condition, seed, record_key))
    # a piece is one pair and one measure with its null and its interval: a minute or two where they are dearest, so that a run that is
    # stopped loses little, and another measure makes nothing anew
    compares: list[Piece] = []
    for i, (a, seed_a, key_a) in enumerate(runs):
        for b, seed_b, key_b in runs[i + 1 :]:
            about = {
                "study": study.name,
                "condition_a": a,
                "condition_b": b,
                "seed_a": seed_a,
                "seed_b": seed_b,
                "recording_a": key_a,
                "recording_b": key_b,
            }
            needs = (key_a, key_b) if key_a != key_b else (key_a,)
            beside = f"null {study.compare.null}, bootstrap {study.compare.bootstrap}"
            for name in study.compare.measures:
                key = _key("compare", about=about, measure=name, compare=_what_counts(study.compare))
                make = partial(compare, key, name, study.compare, about)
                label = f"{name} of {a}, seed {seed_a} ~ {b}, seed {seed_b}"
                compares.append(Piece("compare", key, label, needs, make, f"{name}, {beside}"))
    return Plan(study, (*fits.values(), *records.values(), *judges, *compares))


def _what_counts(spec: CompareSpec) -> dict[str, Any]:
    # contrasts and the sequence choose rows for a table, and another measure is another piece; they change no row
    return spec.model_dump(mode="json", exclude={"contrasts", "measures", "sequence"})


def _key(stage: str, **parts: Any) -> str:
    plain = {name: part.model_dump(mode="json") if isinstance(part, Spec) else part for name, part in parts.items()}
    return digest({"stage": stage, "code": code_version(), **plain})


def fit(key: str, spec: ModelSpec, of: DataSpec, seed: int, root: Path) -> None:
    """Build and train one model; write its weights and the history of its training."""
    split = _split(of)
    family = FAMILIES[spec.family]
    model = _built(spec, split, seed)
    x = family.inputs(spec, split.train.images, stream(seed, "encoding"))
    history = family.fit(spec, model, x, torch.from_numpy(split.train.labels), seed)
    arrays = {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}
    write_tensors(root / "fits" / f"{key}.safetensors", arrays, {"history": json.dumps(history, sort_keys=True)})


def keep(key: str, fit_key: str, spec: ModelSpec, of: DataSpec, seed: int, what: RecordSpec, unroll: UnrollSpec | None, root: Path) -> None:
    """Record one model on the test samples: whole sites, and its layers where it is unrolled."""
    split = _split(of)
    model, _ = _fitted(root, fit_key, spec, split, seed)
    x = _test_input(spec, of, split)
    reduce = catalog.reduction_named(what.reduce)
    sites = tuple(dict.fromkeys((*_sites(spec, what), *([spec.signal] if unroll is not None and spec.signal else []))))
    whole = record(model, x, sites=sites, reduce=reduce, maps=catalog.MAPS[what.maps], every=what.every, samples=split.test.samples)
    parts = [whole.renamed({site: site for site in _sites(spec, what)})]
    if unroll is not None and spec.signal is not None:
        graph = rtd.unroll_graph(model, unroll.layers, unroll.bottleneck, site=spec.signal)
        # the layers are groups of the neurons just recorded: the network need not run again for them
        parts.append(whole.parts(spec.signal, {n: i.numpy() for n, i in zip(graph.names, graph.layers, strict=True)}))
        if unroll.random:
            control = rtd.random_partition(model, graph.sizes, site=spec.signal, generator=stream(seed, "partition"))
            members = {f"random.{n}": i.numpy() for n, i in zip(control.names, control.layers, strict=True)}
            parts.append(whole.parts(spec.signal, members))
    joined(parts).save(root / "recordings" / f"{key}.safetensors")


def judge(
    key: str, fit_key: str, spec: ModelSpec, of: DataSpec, seed: int, unroll: UnrollSpec | None, about: Mapping[str, Any], root: Path
) -> None:
    """Say how good and how alive one model is; write one row."""
    split = _split(of)
    model, history = _fitted(root, fit_key, spec, split, seed)
    row: dict[str, Any] = {"kind": "model", **about, "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad)}
    family = FAMILIES[spec.family]
    train = family.inputs(spec, split.train.images, stream(seed, "encoding"))
    if family.judged is not None:
        row |= family.judged(spec, model, _test_input(spec, of, split), split.test.labels, stream(of.seed, "encoding"))
    elif of.train:
        row |= performance(model, spec, train, split.train.labels, _test_input(spec, of, split), split.test.labels)
    row |= {f"training_{name}": value for name, value in history.items()}
    if isinstance(model, rsnn.RSNN):
        first, now = (net.state_dict()["recurrent_weight"] for net in (_built(spec, split, seed), model))
        row["recurrent_weight_moved"] = float((now - first).abs().sum() / first.abs().sum())
    if unroll is not None and spec.signal is not None:
        graph = rtd.unroll_graph(model, unroll.layers, unroll.bottleneck, site=spec.signal)
        row |= {f"edges_{name}": value for name, value in asdict(graph.shares).items()}
        row["layers"] = list(graph.sizes)
        row["edges_mass"] = graph.mass.tolist()
        control = rtd.random_partition(model, graph.sizes, site=spec.signal, generator=stream(seed, "partition"))
        row |= {f"random_edges_{name}": value for name, value in asdict(control.shares).items()}
        stable = rtd.partition_stability(model, unroll.layers, unroll.bottleneck, generator=stream(seed, "partition"))
        row |= {f"stability_{name}": value for name, value in asdict(stable).items()}
    write_json(root / "rows" / f"{key}.json", [row])


def performance(model: nn.Module, spec: ModelSpec, x: Tensor, y: np.ndarray, test_x: Tensor, test_y: np.ndarray) -> dict[str, Any]:
    """Accuracy on the test samples of a read-out (logistic regression on the main site) and of the model's own, and spiking activity."""
    found: dict[str, Any] = {"classes": int(y.max()) + 1, "samples_train": len(y), "samples_test": len(test_y)}
    site = spec.main_site
    learned, shown = (torch.from_numpy(record(model, z, sites=[site], reduce=reduction.count).cloud(site)) for z in (x, test_x))
    readout = rsnn.fit_readout(learned, torch.from_numpy(y))
    found["readout_accuracy"] = readout.accuracy(shown, torch.from_numpy(test_y))
    found["own_accuracy"] = None
    if spec.learning.supervised:
        scores = record(model, test_x, sites=["readout"], reduce=reduction.mean).cloud("readout")
        found["own_accuracy"] = float((scores.argmax(1) == test_y).mean())
    activity = FAMILIES[spec.family].activity
    if activity is not None:
        found |= activity(spec, shown)
    return found


def compare(key: str, measure: str, spec: CompareSpec, about: Mapping[str, Any], root: Path) -> None:
    """Compare two recordings with one measure at every site, against chance and over halves of the samples where asked; write the rows."""
    names = [f"{about[f'condition_{s}']}, seed {about[f'seed_{s}']}" for s in "ab"]
    recordings = [_recording(root / "recordings" / f"{about[f'recording_{s}']}.safetensors") for s in "ab"]
    clouds = {
        (name, site, time): cloud for name, held in zip(names, recordings, strict=True) for (site, time), cloud in held.clouds.items()
    }
    pair = (names[0], recordings[0].recording, names[1], recordings[1].recording)
    chosen = measure_from(measure, batch=spec.batch, trials=spec.trials)
    rows = rows_of_pair(*pair, [chosen], Asked(spec.null, spec.bootstrap), sites=spec.sites, clouds=clouds or None)
    write_json(root / "rows" / f"{key}.json", [{"kind": "pair", **about, **row} for row in rows])


def rows(root: Path, pieces: Sequence[Piece]) -> list[dict[str, Any]]:
    """The rows that these pieces have written so far, in their order."""
    found: list[dict[str, Any]] = []
    for piece in pieces:
        path = root / piece.file
        if path.is_file():
            held = read_json(path)
            if not isinstance(held, list) or not all(isinstance(row, dict) and row.get("kind") in ("model", "pair") for row in held):
                raise ValueError(f"{path} holds no rows of a study; delete it and run again to make it anew.")
            found.extend(held)
    return found


def note(root: Path, piece: Piece, seconds: float) -> None:
    """Write beside a result what is not a function of its inputs: time taken, machine, versions."""
    about = {
        "seconds": round(seconds, 3),
        "stage": piece.stage,
        "label": piece.label,
        "like": piece.like,
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "code": code_version(),
    }
    write_json(root / FOLDERS[piece.stage] / f"{piece.key}.meta.json", about)


@dataclass(frozen=True)
class _Held:
    recording: Recording
    clouds: dict[tuple[str, int | None], Cloud]


# A pair shares its first recording with the pair before. Few are held: a process that grows is taken for leaking, and replaced.
@lru_cache(maxsize=3)
def _recording(path: Path) -> _Held:
    recording = Recording.load(path)
    # of every step the distances are too many to be kept
    clouds: dict[tuple[str, int | None], Cloud] = {(s, None): Cloud(recording.cloud(s)) for s in recording.sites if not recording.times}
    return _Held(recording, clouds)


@lru_cache(maxsize=2)
def _split(of: DataSpec) -> data.Split:
    return data.split(data.load(of.name), train=of.train, test=of.test, seed=of.seed)


def _built(spec: ModelSpec, split: data.Split, seed: int) -> nn.Module:
    rows_, columns = split.train.images.shape[1:]
    return catalog.build(spec, (rows_, columns), split.train.classes, seed)


def _fitted(root: Path, fit_key: str, spec: ModelSpec, split: data.Split, seed: int) -> tuple[nn.Module, dict[str, Any]]:
    model = _built(spec, split, seed)
    path = root / "fits" / f"{fit_key}.safetensors"
    arrays, metadata = read_tensors(path)
    try:
        model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
        return model, json.loads(metadata["history"])
    except (RuntimeError, KeyError, ValueError) as error:
        raise ValueError(f"{path} holds no weights of this model; delete it and run again to make it anew.") from error


def _test_input(spec: ModelSpec, of: DataSpec, split: data.Split) -> Tensor:
    # one encoding for all models: the same sample is the same spike train for everybody
    return FAMILIES[spec.family].inputs(spec, split.test.images, stream(of.seed, "encoding"))


def _sites(spec: ModelSpec, what: RecordSpec) -> tuple[str, ...]:
    return what.sites if what.sites is not None else (spec.main_site,)
