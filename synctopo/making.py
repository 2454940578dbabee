"""Making: what each piece of work computes, from files of the study's folder to one new file."""

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
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
from synctopo.families.judging import asked
from synctopo.learning.training import stream
from synctopo.measures import Cloud, measure_from
from synctopo.recorder import record
from synctopo.recording import Recording, joined
from synctopo.spec import CompareSpec, DataSpec, RecordSpec, UnrollSpec
from synctopo.store import read_tensors, write_json, write_tensors

ROOM = 512 * 2**20
"""Bytes of distance matrices that a process may hold at a time."""


@dataclass(frozen=True)
class Run:
    """One trained model of a study: its condition, its seed, and the key of its recording."""

    condition: str
    seed: int
    recording: str

    def __str__(self) -> str:
        return f"{self.condition}, seed {self.seed}"


def fit(spec: ModelSpec, of: DataSpec, seed: int, _root: Path, target: Path) -> None:
    """Build and train one model; write its weights and the history of its training."""
    split = split_of(of)
    family = FAMILIES[spec.family]
    model = built(spec, split, seed)
    x = family.inputs(spec, split.train.images, stream(seed, "encoding"))
    history = family.fit(spec, model, x, torch.from_numpy(split.train.labels), seed)
    arrays = {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}
    lost = [name for name, array in arrays.items() if array.dtype.kind == "f" and not np.isfinite(array).all()]
    if lost:
        raise ValueError(f"training left NaN or infinite numbers in {lost[0]!r}; a lower learning rate usually helps.")
    write_tensors(target, arrays, {"history": json.dumps(history, sort_keys=True)})


def keep(
    fit_key: str, spec: ModelSpec, of: DataSpec, seed: int, what: RecordSpec, unroll: UnrollSpec | None, root: Path, target: Path
) -> None:
    """Record one model on the test samples: whole sites, and its layers where it is unrolled."""
    split = split_of(of)
    model, _ = fitted(root, fit_key, spec, split, seed)
    x = test_input(spec, of, split)
    reduce = catalog.reduction_named(what.reduce, spec)
    asked = _sites(spec, what)
    sites = tuple(dict.fromkeys((*asked.values(), *([spec.signal] if unroll is not None and spec.signal else []))))
    whole = record(model, x, sites=sites, reduce=reduce, maps=catalog.MAPS[what.maps], every=what.every, samples=split.test.samples)
    parts = [whole.renamed({site: name}) for name, site in asked.items()]
    if unroll is not None and spec.signal is not None:
        graph = rtd.unroll_graph(model, unroll.layers, unroll.bottleneck, site=spec.signal)
        # the layers are groups of the neurons just recorded: the network need not run again for them
        parts.append(whole.parts(spec.signal, {n: i.numpy() for n, i in zip(graph.names, graph.layers, strict=True)}))
        if unroll.random:
            control = rtd.random_partition(model, graph.sizes, site=spec.signal, generator=stream(seed, "partition"))
            members = {f"random.{n}": i.numpy() for n, i in zip(control.names, control.layers, strict=True)}
            parts.append(whole.parts(spec.signal, members))
    joined(parts).save(target)


def judge(
    fit_key: str, spec: ModelSpec, of: DataSpec, seed: int, unroll: UnrollSpec | None, about: Mapping[str, Any], root: Path, target: Path
) -> None:
    """Say how good and how alive one model is; write one row."""
    split = split_of(of)
    model, history = fitted(root, fit_key, spec, split, seed)
    row: dict[str, Any] = {"kind": "model", **about, "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad)}
    family = FAMILIES[spec.family]
    train = family.inputs(spec, split.train.images, stream(seed, "encoding"))
    if family.judged is not None:
        row |= family.judged(spec, model, test_input(spec, of, split), split.test.labels, stream(of.seed, "encoding"))
    elif of.train:
        row |= performance(model, spec, train, split.train.labels, test_input(spec, of, split), split.test.labels)
    row |= {f"training_{name}": value for name, value in history.items()}
    if isinstance(model, rsnn.RSNN):
        first, now = (net.state_dict()["recurrent_weight"] for net in (built(spec, split, seed), model))
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
    write_json(target, [row])


def performance(model: nn.Module, spec: ModelSpec, x: Tensor, y: np.ndarray, test_x: Tensor, test_y: np.ndarray) -> dict[str, Any]:
    """Accuracy on the test samples of a read-out (logistic regression on the main site) and of the model's own, and spiking activity.

    Of scenes accuracy is the share of classes among the k highest scores of an image with k.
    """
    found: dict[str, Any] = {**asked(test_y), "classes": data.classes_of(y), "samples_train": len(y)}
    site = spec.main_site
    family = FAMILIES[spec.family]
    features = reduction.named(family.reduction)
    answer = reduction.mean if features is reduction.count else features
    learned, shown = (torch.from_numpy(record(model, z, sites=[site], reduce=features).cloud(site)) for z in (x, test_x))
    readout = rsnn.fit_readout(learned, torch.from_numpy(y))
    found["readout_accuracy"] = readout.accuracy(shown, torch.from_numpy(test_y))
    found["own_accuracy"] = None
    if spec.learning.supervised:
        scores = record(model, test_x, sites=["readout"], reduce=answer).cloud("readout")
        found["own_accuracy"] = rsnn.labels.named(torch.from_numpy(scores), torch.from_numpy(test_y)).each
    if family.activity is not None:
        found |= family.activity(spec, shown)
    return found


def compare(measure: str, spec: CompareSpec, study: str, a: Run, b: Run, root: Path, target: Path) -> None:
    """Compare two recordings with one measure at every site, against chance and over halves of the samples where asked; write the rows."""
    about = {
        "study": study,
        "condition_a": a.condition,
        "condition_b": b.condition,
        "seed_a": a.seed,
        "seed_b": b.seed,
        "recording_a": a.recording,
        "recording_b": b.recording,
    }
    one, other = (_recording(root / "recordings" / f"{run.recording}.safetensors") for run in (a, b))
    clouds = {(str(run), site, time): cloud for run, held in ((a, one), (b, other)) for (site, time), cloud in held.clouds.items()}
    chosen = measure_from(measure, batch=spec.batch, trials=spec.trials)
    pair = (str(a), one.recording, str(b), other.recording)
    rows = rows_of_pair(*pair, [chosen], Asked(spec.null, spec.bootstrap), sites=spec.sites, clouds=clouds or None)
    write_json(target, [{"kind": "pair", **about, **row} for row in rows])


def forget(but: int = 0) -> None:
    """Let go of the recordings, and their distances, that comparisons of this process hold, but the last ones."""
    while len(_HELD) > but:
        _HELD.popitem(last=False)


@dataclass(frozen=True)
class _Held:
    recording: Recording
    clouds: dict[tuple[str, int | None], Cloud]

    @property
    def size(self) -> int:
        return sum(8 * len(cloud) ** 2 for cloud in self.clouds.values())


_HELD: OrderedDict[Path, _Held] = OrderedDict()


def _recording(path: Path) -> _Held:
    # the pairs of a block share their recordings, and with them the distances between samples
    if path in _HELD:
        _HELD.move_to_end(path)
        return _HELD[path]
    recording = Recording.load(path)
    # of every step the distances are too many to be kept
    clouds: dict[tuple[str, int | None], Cloud] = {(s, None): Cloud(recording.cloud(s)) for s in recording.sites if not recording.times}
    _HELD[path] = _Held(recording, clouds)
    while len(_HELD) > 2 and sum(held.size for held in _HELD.values()) > ROOM:
        _HELD.popitem(last=False)
    return _HELD[path]


@lru_cache(maxsize=2)
def split_of(of: DataSpec) -> data.Split:
    """The samples of a study; the last ones asked for are kept."""
    return data.split(data.load(of.name), train=of.train, test=of.test, seed=of.seed)


def built(spec: ModelSpec, split: data.Split, seed: int) -> nn.Module:
    """The model of a specification for these data, as drawn."""
    rows_, columns = split.train.images.shape[-2:]
    return catalog.build(spec, (rows_, columns), split.train.classes, seed)


def fitted(root: Path, fit_key: str, spec: ModelSpec, split: data.Split, seed: int) -> tuple[nn.Module, dict[str, Any]]:
    """The model with the weights of its file, and the history of its training. Raises ValueError for weights of another model."""
    model = built(spec, split, seed)
    path = root / "fits" / f"{fit_key}.safetensors"
    arrays, metadata = read_tensors(path)
    try:
        model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
        return model, json.loads(metadata["history"])
    except (RuntimeError, KeyError, ValueError) as error:
        raise ValueError(f"{path} holds no weights of this model; delete it and run again to make it anew.") from error


def test_input(spec: ModelSpec, of: DataSpec, split: data.Split) -> Tensor:
    """What the model takes of the test samples."""
    # one encoding for all models: the same sample is the same spike train for everybody
    return FAMILIES[spec.family].inputs(spec, split.test.images, stream(of.seed, "encoding"))


def _sites(spec: ModelSpec, what: RecordSpec) -> dict[str, str]:
    """What is recorded under which name: the model's site of that name, or in that role."""
    found = {name: catalog.site_of(spec, name) for name in what.sites or (spec.main_site,)}
    return {name: site for name, site in found.items() if site is not None}
