"""The families akorn, boards and objects: what a study file says is built, trained, judged and put into tables."""

import numpy as np
import pytest
import torch

from synctopo import catalog, data, tables
from synctopo.study import Study

SMALL = {
    "akorn": {"channels": [4, 8], "kernels": [3, 3], "steps": 2},
    "boards": {"channels": 16, "heads": 2, "steps": 2, "test_steps": [2, 4], "hard": 6, "hard_givens": [5, 5]},
    "objects": {"channels": 16, "kernel": 3, "patch": 8, "steps": 2},
}
ADAM = {"rule": "adam", "epochs": 1, "batch": 8}


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def _row(table: dict, name: str, learn: int = 16, test: int = 8) -> dict:
    spec = catalog.model_spec(table, "m")
    family = catalog.FAMILIES[spec.family]
    split = data.split(data.load(name), train=learn, test=test, seed=0)
    model = catalog.build(spec, split.train.images.shape[-2:], split.train.classes, 0)
    x, shown = (family.inputs(spec, s.images, _generator()) for s in (split.train, split.test))
    history = family.fit(spec, model, x, torch.from_numpy(split.train.labels), 0)
    assert tuple(next(iter(model.states(shown)))) == spec.sites
    assert spec.main_site in spec.sites
    assert family.judged is not None
    return {**family.judged(spec, model, shown, split.test.labels, _generator()), "history": history}


def test_a_stimulus_is_how_large_embeddings_are_and_nothing_else():
    one, tenth = (
        dict(catalog.build(catalog.model_spec({"family": "boards", **SMALL["boards"], **said}, "m"), (4, 4), 4, 0).named_parameters())
        for said in ({"stimulus": 1.0}, {})
    )
    apart = [name for name in one if not torch.equal(one[name], tenth[name])]
    assert apart == ["entry.digits.weight"]
    torch.testing.assert_close(tenth[apart[0]], 0.1 * one[apart[0]])


@pytest.mark.slow
def test_boards_are_learned_with_numbers_of_steps_that_are_drawn():
    drawn = {"rule": "drawn_steps", "epochs": 1, "batch": 8, "between": [1, 3]}
    rows = [
        _row({"family": "boards", **SMALL["boards"], "learning": how}, "sudoku4") for how in (drawn, {**drawn, "between": [2, 2]}, ADAM)
    ]
    # two in every batch are the two that the model was built with
    assert rows[0]["history"] != rows[1]["history"]
    assert rows[1]["history"].keys() == rows[2]["history"].keys()


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["akorn", "itrsa", "universal", "transformer"])
def test_boards_are_counted_after_the_steps_that_are_asked_for(architecture):
    votes = {"votes": 2, "vote_steps": 2} if architecture == "akorn" else {}
    row = _row({"family": "boards", "architecture": architecture, **SMALL["boards"], **votes, "learning": ADAM}, "sudoku4")
    assert [e["boards"] for e in row["boards"]] == ["test", "hard"]
    assert row["boards"][0]["steps"] == ([1] if architecture == "transformer" else [2, 4])
    assert ("vote" in row["boards"][1]) == bool(votes)
    assert 0 <= row["cells_right_test"] <= 1
    assert len(row["history"]["loss"]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["akorn", "itrconv", "itrsa", "universal"])
def test_objects_are_scored_beside_raw_patches_and_places(architecture):
    learning = {"rule": "contrast", "updates": 2, "batch": 4}
    row = _row({"family": "objects", "architecture": architecture, **SMALL["objects"], "learning": learning}, "tetrominoes")
    assert -1 <= row["fg_ari"] <= 1
    assert 0 < row["mbo"] <= 1
    untrained = _row({"family": "objects", "architecture": architecture, **SMALL["objects"]}, "tetrominoes")
    # raw patches, and places, are what they are, whatever the network
    assert untrained["patches_fg_ari"] == row["patches_fg_ari"]
    assert untrained["places_fg_ari"] == row["places_fg_ari"]
    assert 0 < row["places_mbo"] < 1
    assert untrained["history"] == {}


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["akorn", "itrconv", "resnet"])
def test_classifiers_are_judged_clean_spoilt_and_attacked(architecture):
    spoilt = {"corruptions": {"contrast": [0.5]}, "attacks": {"fgsm": [0.1], "pgd": [0.1]}, "attacked": 4}
    row = _row({"family": "akorn", "architecture": architecture, **SMALL["akorn"], **spoilt, "learning": ADAM}, "digits", 64, 16)
    assert [e["corruption"] for e in row["robustness"]] == ["clean", "contrast", "fgsm", "pgd"]
    assert [e["total"] for e in row["robustness"]] == [16, 16, 4, 4]
    assert sum(row["reliability"]["count"]) == 16
    assert 0 <= row["ece"] <= 1


def test_the_table_of_boards_has_a_line_for_each_kind_and_condition():
    entry = {"total": 10, "steps": [2, 4], "cells": [0.1, 0.2]}
    vote = {"one_by_one": 2.5, "last_energy": 3, "energy_sum": 4, "mean_readout": 5, "boards": 10}
    rows = [
        {"kind": "model", "condition": c, "seed": s, "boards": [{"boards": "test", **entry, "solved": [s, 10 * s], **more}]}
        for c, more in (("a", {"vote": vote}), ("b", {}))
        for s in (0, 1)
    ]
    boards, votes = tables.study_tables(rows, ["a", "b"], [])[1:3]
    assert list(boards.frame["4 steps"]) == ["50.0 ± 70.7", "50.0 ± 70.7"]
    assert list(boards.frame["2 steps"]) == ["5.0 ± 7.1", "5.0 ± 7.1"]
    assert votes.frame.to_dict("records") == [
        {
            "boards": "test",
            "condition": "a",
            "one by one": "25.0 ± 0.0",
            "last energy": "30.0 ± 0.0",
            "sum of energies": "40.0 ± 0.0",
            "mean read-out": "50.0 ± 0.0",
        }
    ]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"family": "boards", "channels": 24, "heads": 8}, "twice the heads"),
        ({"family": "boards", "test_steps": [0]}, "from 1 on"),
        ({"family": "boards", "learning": {"rule": "drawn_steps", "batch": 0}}, r"models\.x\.learning\.batch is 0"),
        ({"family": "boards", "learning": {"rule": "drawn_steps", "between": [9, 8]}}, r"between is \[least, largest\]"),
        ({"family": "boards", "learning": {"rule": "drawn_steps"}, "architecture": "transformer"}, "a transformer has one step"),
        ({"family": "objects", "channels": 10, "n": 4}, "a multiple of n"),
        ({"family": "objects", "channels": 24, "n": 4, "attentive": True}, "a multiple of 16"),
        ({"family": "akorn", "kernels": [3]}, "its channels and its kernel"),
        ({"family": "akorn", "channels": [3], "kernels": [3]}, "multiples of n"),
        ({"family": "akorn", "attacks": {"fgms": [0.1]}}, "fgsm"),
        ({"family": "akorn", "corruptions": {"blur": [0.1]}}, "no corruption 'blur'"),
    ],
)
def test_what_cannot_be_gets_a_sentence(table, said):
    with pytest.raises(ValueError, match=said):
        catalog.model_spec(table, "models.x")


def test_a_family_takes_its_own_kind_of_data():
    table = {"name": "x", "question": "?", "seeds": [0], "data": {"name": "digits", "train": 20, "test": 10}}
    with pytest.raises(ValueError, match="learns from boards; digits is a data set of images"):
        Study.from_table({**table, "models": {"m": {"family": "boards"}}})


@pytest.mark.slow
def test_boards_and_masks_are_the_labels_of_their_data_sets():
    split = data.split(data.load("sudoku4"), train=30, test=10, seed=1)
    given = split.test.images > 0
    np.testing.assert_array_equal(split.test.images[given], split.test.labels[given])
    assert not set(split.train.samples) & set(split.test.samples)
    scenes = data.load("tetrominoes")
    assert scenes.labels.shape == (3000, 32, 32)
    assert scenes.images.shape == (3000, 3, 32, 32)
