"""The families cnn and predictive of a study: one encoder for both, trained apart from the decoders, judged step by step."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from synctopo import catalog
from synctopo.learning.training import stream
from synctopo.study import Study
from synctopo.work import plan

SHAPE = (6, 6)
ADAM = {"rule": "adam", "epochs": 2, "batch": 8}


def _data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.arange(24) % 3
    images = rng.uniform(0, 0.2, (24, *SHAPE)).astype(np.float32)
    images[np.arange(24), 2 * labels] += 0.7
    return images, labels


def _fitted(table: dict[str, object]) -> tuple[catalog.ModelSpec, nn.Module, Tensor, np.ndarray, dict[str, object]]:
    spec = catalog.model_spec(table, "m")
    images, labels = _data()
    model = catalog.build(spec, SHAPE, 3, 0)
    family = catalog.FAMILIES[spec.family]
    x = family.inputs(spec, images, stream(0, "encoding"))
    history = family.fit(spec, model, x, torch.from_numpy(labels), 0)
    return spec, model, x, labels, history


PREDICTIVE = {"family": "predictive", "channels": [4, 5], "steps": 3, "learning": ADAM, "decoders": {"epochs": 2, "batch": 8}}
CNN = {"family": "cnn", "channels": [4, 5], "learning": ADAM}


def test_the_encoder_inside_is_the_cnn_of_the_same_seed():
    _, plain, _, _, _ = _fitted(CNN)
    _, wrapped, _, _, history = _fitted(PREDICTIVE)
    for name, value in plain.state_dict().items():
        assert torch.equal(value, wrapped.state_dict()[f"module.{name}"])
    assert len(history["loss"]) == 2
    assert len(history["prediction_error"]) == 2


def test_without_epochs_decoders_stay_as_drawn():
    spec, model, _, _, history = _fitted(PREDICTIVE | {"decoders": {"epochs": 0}})
    fresh = catalog.build(spec, SHAPE, 3, 0)
    assert history["prediction_error"] == ()
    assert all(torch.equal(a, b) for a, b in zip(model.decoders.parameters(), fresh.decoders.parameters(), strict=True))


def test_a_row_holds_every_step_clean_and_spoilt():
    table = PREDICTIVE | {"corruptions": {"additive_noise": [0.5, 1.0]}}
    spec, model, x, labels, _ = _fitted(table)
    row = catalog.FAMILIES["predictive"].judged(spec, model, x, labels, stream(0, "encoding"))
    assert [(e["corruption"], e["amount"]) for e in row["robustness"]] == [
        ("clean", 0.0),
        ("additive_noise", 0.5),
        ("additive_noise", 1.0),
    ]
    clean, little, much = row["robustness"]
    assert all(len(e["right"]) == 4 and e["total"] == 24 for e in row["robustness"])
    assert row["own_accuracy"] == clean["right"][-1] / 24
    for entry in row["robustness"]:
        assert entry["rtd_from_start"]["pcoder1.value"][0] == pytest.approx(0, abs=1e-9)
        assert entry["rtd_steps"] == [0, 1, 2, 3]
        assert all(len(values) == 4 for key in ("correlation_distance", "rtd_from_start", "rtd_to_clean") for values in entry[key].values())
    assert clean["correlation_distance"]["pcoder1.value"][0] == pytest.approx(0, abs=1e-6)
    assert 0 < little["correlation_distance"]["pcoder1.value"][0] < much["correlation_distance"]["pcoder1.value"][0]


def test_plain_net_and_coders_start_from_the_same_accuracy_under_the_same_noise():
    noise = {"corruptions": {"additive_noise": [0.5]}}
    rows = []
    for table in (CNN | noise, PREDICTIVE | noise):
        spec, model, x, labels, _ = _fitted(table)
        rows.append(catalog.FAMILIES[spec.family].judged(spec, model, x, labels, stream(0, "encoding"))["robustness"])
    assert [e["right"][0] for e in rows[0]] == [e["right"][0] for e in rows[1]]


def test_the_blur_control_changes_what_is_judged_and_not_what_is_learned():
    table = CNN | {"learning": ADAM | {"epochs": 20, "learning_rate": 0.01}}
    spec, model, x, labels, _ = _fitted(table)
    blurred = catalog.model_spec(table | {"blur": 3.0}, "m")
    judged = catalog.FAMILIES["cnn"].judged
    sharp, soft = (judged(s, model, x, labels, stream(0, "encoding"))["robustness"][0]["right"] for s in (spec, blurred))
    assert soft[0] < sharp[0] == 24


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"corruptions": {"additive_nose": [0.5]}}, "no corruption 'additive_nose' in m.corruptions; the nearest are 'additive_noise'"),
        ({"hyper": {"feedforward": 0.8, "feedback": 0.4}}, r"m.hyper: feedforward and feedback leave memory its share"),
        ({"hyper": {"error": [0.1, 0.2]}}, "m.hyper has numbers for 2 steps, but steps is 3"),
        ({"order": "sideways"}, "m.order"),
    ],
)
def test_a_study_that_says_what_cannot_be_is_told_so(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        catalog.model_spec(PREDICTIVE | change, "m")


def test_conditions_that_differ_only_in_their_dynamics_are_trained_once_and_recorded_apart():
    table = {
        "name": "once",
        "question": "?",
        "seeds": [0],
        "data": {"name": "digits", "train": 60, "test": 20},
        "models": {
            "a": {"family": "predictive", "channels": [3]},
            "b": {"family": "predictive", "channels": [3], "hyper": {"feedback": 0.1}, "steps": 4},
            "c": {"family": "predictive", "channels": [3], "decoders": {"epochs": 0}},
        },
    }
    made = plan(Study.from_table(table))
    assert [len(made.of(stage)) for stage in ("fit", "record", "judge")] == [2, 3, 3]
    assert made.of("record")[0].needs == made.of("record")[1].needs
