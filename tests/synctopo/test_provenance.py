"""Provenance: controls are read from the rows, and say so where something is off."""

import pytest

from synctopo.provenance import NOTED, _whole, controls

pytestmark = pytest.mark.smoke

ROW = {
    "kind": "pair",
    "recording_a": "x",
    "recording_b": "x",
    "seed_a": 0,
    "seed_b": 1,
    "site_a": "hidden",
    "value": 0.0,
    "identical": 0.0,
    "status": "ok",
    "p": None,
}


def said(*changes: dict) -> str:
    return "\n".join(controls([{**ROW, **change} for change in changes]))


def test_equal_networks_are_a_control_that_can_fail():
    assert "all have the value of a model with itself" in said({})
    assert "1 have NOT the value" in said({"value": 0.3}, {})
    assert "same network" not in said({"recording_b": "y"})
    assert "all have the value of a model with itself" in said({"value": 1.0, "identical": 1.0})


def test_chance_is_counted_where_it_was_drawn():
    text = said({"p": 0.01, "permutations": 99}, {"p": 0.2, "permutations": 99}, {})
    assert "2 values were held against 99 random matchings of the samples; 1 of them do not differ" in text
    assert "not held against chance; [compare] null = 200" in said({})


def test_one_seed_and_missing_values_are_said():
    assert "There is one seed only" in said({"seed_b": 0})
    assert "trained from 2 seeds" in said({})
    assert "Of 3 comparisons 2 have no value (1 degenerate, 1 silent)" in said({}, {"status": "silent"}, {"status": "degenerate"})
    assert "Of 1 comparisons each has a value" in said({})
    assert "Random partitions" in said({"site_a": "random.L1"})


@pytest.mark.parametrize("note", [{}, [], "x", {"seconds": "x"}, {**dict.fromkeys(NOTED, 1), "seconds": None}])
def test_a_note_that_lacks_what_it_was_written_with_is_told(tmp_path, note):
    with pytest.raises(ValueError, match=r"a\.meta\.json is no whole note \(.+\); delete it and its result, and run again"):
        _whole(note, tmp_path / "a.meta.json")
