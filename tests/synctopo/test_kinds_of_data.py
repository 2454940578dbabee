"""Every family on images of one digit and on scenes of several: the same study, another data set."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from synctopo import catalog, data, making, tables, work
from synctopo.executors import serial
from synctopo.families.plasticity import RewardLearning
from synctopo.learning.training import fit_classifier, stream
from synctopo.models import MLP
from synctopo.pipeline import run
from synctopo.study import Study
from synctopo.work import plan

ADAM = {"rule": "adam", "epochs": 1, "batch": 16}
SPIKING = {"family": "rsnn", "units": 12, "connectivity": 0.4, "encoder": {"steps": 12}}
SPOILT = {"corruptions": {"occlusion": [0.2]}}
MODELS: dict[str, dict[str, Any]] = {
    "mlp": {"family": "mlp", "hidden": [8], "learning": ADAM},
    "gru": {"family": "gru", "units": 8, "learning": ADAM},
    "cnn": {"family": "cnn", "channels": [3], "learning": ADAM, **SPOILT},
    "predictive": {"family": "predictive", "channels": [3, 4], "steps": 2, "learning": ADAM, "decoders": {"epochs": 1}, **SPOILT},
    "akorn": {"family": "akorn", "channels": [4], "kernels": [3], "steps": 2, "learning": ADAM, "attacks": {"fgsm": [0.1]}, **SPOILT},
    "komplexnet": {
        "family": "komplexnet",
        "channels": 2,
        "steps": 2,
        "width": 3,
        "learning": {"rule": "stages", "updates": 1, "epochs": 1},
        **SPOILT,
    },
    "reservoir": SPIKING,
    "stdp": {**SPIKING, "learning": {"rule": "stdp"}},
    "bptt": {**SPIKING, "learning": {"rule": "bptt", "epochs": 1}},
    "eprop": {**SPIKING, "learning": {"rule": "eprop", "epochs": 1}},
}


def _study(name: str) -> Study:
    return Study.from_table(
        {
            "name": "both",
            "question": "Does every family learn from either?",
            "seeds": [0],
            "data": {"name": name, "train": 48, "test": 24},
            "models": MODELS,
            "record": {"sites": ["readout"], "reduce": "last"},
            "compare": {"trials": 1},
        }
    )


@pytest.mark.parametrize("name", ["digits", "overlapping_digits"])
@pytest.mark.parametrize("condition", MODELS)
def test_a_family_learns_from_and_is_judged_on_either_kind(condition, name):
    spec = catalog.model_spec(MODELS[condition], "m")
    split = data.split(data.load(name), train=48, test=24, seed=0)
    family = catalog.FAMILIES[spec.family]
    model = catalog.build(spec, split.train.images.shape[-2:], split.train.classes, 0)
    x, shown = (family.inputs(spec, part.images, stream(0, "encoding")) for part in (split.train, split.test))
    history = family.fit(spec, model, x, torch.from_numpy(split.train.labels), 0)
    if "accuracy" in history:
        assert 0 < history["accuracy"][-1] <= 1
    if family.judged is not None:
        row = family.judged(spec, model, shown, split.test.labels, stream(0, "encoding"))
    else:
        row = making.performance(model, spec, x, split.train.labels, shown, split.test.labels)
        assert 0 < row["readout_accuracy"] <= 1
    several = name == "overlapping_digits"
    assert (row["classes"], row["samples_test"], row.get("objects")) == (10, 24, 2.0 if several else None)
    assert (row["own_accuracy"] is None) == (not spec.learning.supervised)
    totals = [e["total"] for e in row.get("robustness", ())]
    assert totals == [48 if several else 24] * len(totals)
    if totals:
        assert row["own_accuracy"] == row["robustness"][0]["right"][-1] / totals[0]
    assert ("ece" in row) == (condition == "akorn" and not several)


@pytest.mark.slow
def test_one_study_of_all_families_runs_on_scenes_to_its_tables(tmp_path: Path):
    study = _study("overlapping_digits")
    made = plan(study)
    assert run(made, tmp_path, serial, lambda *_: None) == ()
    rows = [row for stage in ("judge", "compare") for row in work.rows(tmp_path, made.of(stage))]
    assert {r["condition"] for r in rows if r["kind"] == "model"} == set(MODELS)
    pairs = [r for r in rows if r["kind"] == "pair"]
    assert len(pairs) == len(MODELS) * (len(MODELS) - 1) / 2
    assert all(r["status"] in ("ok", "silent") for r in pairs)
    found = tables.study_tables(rows, list(MODELS), [("mlp", "gru")])
    assert "chance is 20 %" in found[0].title
    assert {"robustness", "scenes"} <= {t.name for t in found}


def test_labels_of_one_class_are_learned_alike_written_either_way_as_far_as_they_are_counted():
    x, y = torch.rand(40, 6, generator=stream(0, "encoding")), torch.arange(40) % 3
    k_hot = torch.nn.functional.one_hot(y, 3)
    fitted = [
        fit_classifier(MLP(6, [5], 3, generator=stream(0, "weights")), x, labels, epochs=1, batch=40, generator=stream(0, "order"))
        for labels in (y, k_hot)
    ]
    # the first batch is counted before anything is learned
    assert fitted[0].accuracy == fitted[1].accuracy
    assert fitted[0].loss != fitted[1].loss


def test_a_perceptron_learns_several_classes_in_a_sample():
    labels = torch.zeros(200, 5).long().scatter_(1, torch.rand(200, 5, generator=stream(0, "encoding")).topk(2).indices, 1)
    x = labels + 0.1 * torch.randn(200, 5, generator=stream(1, "encoding"))
    net = MLP(5, [16], 5, generator=stream(0, "weights"))
    fitted = fit_classifier(net, x, labels, epochs=20, batch=20, learning_rate=1e-2, generator=stream(0, "order"))
    assert fitted.accuracy[0] < fitted.accuracy[-1]
    assert fitted.accuracy[-1] > 0.95


def test_labels_that_do_not_fit_what_a_model_says_are_refused():
    with pytest.raises(ValueError, match=r"scores \[4, 3\] are held against .*; got labels \[4, 2\]"):
        fit_classifier(MLP(6, [5], 3), torch.rand(4, 6), torch.ones(4, 2).long(), epochs=1, generator=stream(0, "order"))


def test_reward_is_for_samples_of_one_class():
    spec = catalog.model_spec({**SPIKING, "learning": {"rule": "reward"}}, "m")
    assert isinstance(spec.learning, RewardLearning)
    net = catalog.build(spec, (2, 2), 3, 0)
    with pytest.raises(ValueError, match="the one class of a sample, and a scene has several"):
        spec.learning.fitted(net, torch.zeros(2, 5, 4), torch.ones(2, 3).long(), 0)


def test_families_that_need_one_class_a_sample_say_so():
    table = {"name": "x", "question": "?", "seeds": [0], "data": {"name": "overlapping_digits", "train": 20, "test": 10}}
    with pytest.raises(
        ValueError, match=r"models\.d of the family diehl_cook learns from images; overlapping_digits is a data set of scenes"
    ):
        Study.from_table({**table, "models": {"d": {"family": "diehl_cook"}}})


def test_pictures_are_images_without_the_masks_behind_them():
    planes = np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2)
    np.testing.assert_array_equal(data.pictures(planes), planes[:, 0])
    np.testing.assert_array_equal(data.pictures(planes[:, 0]), planes[:, 0])
    assert data.classes_of(np.array([[0, 1, 0]])) == data.classes_of(np.array([1, 2])) == 3
