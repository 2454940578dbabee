"""Resilience: the rows of judged models as tables."""

from typing import Any

from synctopo.tables.corrupted import resilience


def _entry(corruption: str, amount: float, right: list[int], moved: bool = False) -> dict[str, Any]:
    entry: dict[str, Any] = {"corruption": corruption, "amount": amount, "right": right, "total": 10}
    if moved:
        track = {"pcoder1.value": [0.5 - 0.1 * k for k in range(len(right))]}
        entry |= {"correlation_distance": track, "rtd_to_clean": track, "rtd_from_start": track}
    return entry


def _rows() -> list[dict[str, Any]]:
    rows = []
    for seed in (0, 1):
        plain = [_entry("clean", 0.0, [10]), _entry("additive_noise", 0.6, [6])]
        coded = [_entry("clean", 0.0, [10, 9, 9], True), _entry("additive_noise", 0.6, [6, 7, 8 - seed], True)]
        rows += [
            {"kind": "model", "condition": "plain", "seed": seed, "robustness": plain},
            {"kind": "model", "condition": "coded", "seed": seed, "robustness": coded},
        ]
    return rows


def _cells(name: str) -> dict[tuple[str, ...], dict[str, str]]:
    table = next(t for t in resilience(_rows(), ["plain", "coded"]) if t.name == name)
    lines = table.frame.to_dict("records")
    return {(line.get("images", ""), line["condition"]): line for line in lines}


def test_every_step_is_a_column_and_a_model_without_steps_leaves_them_empty():
    cells = _cells("robustness")
    coded, plain = cells["additive noise 0.6", "coded"], cells["additive noise 0.6", "plain"]
    assert (coded["t = 0"], coded["t = 1"], coded["t = 2"]) == ("60.0 ± 0.0", "70.0 ± 0.0", "75.0 ± 7.1")
    assert (plain["t = 0"], plain["t = 1"]) == ("60.0 ± 0.0", "")
    # Wilson, 8 of 10: 7.5 is rounded to the even 8
    assert coded["interval at the end"] == "[49.0, 94.3]"
    assert cells["clean", "coded"]["t = 2"] == "90.0 ± 0.0"


def test_mce_is_against_the_first_condition_seed_by_seed():
    cells = _cells("mce")
    assert cells["", "plain"]["mCE"] == "100.0 ± 0.0"
    assert cells["", "coded"]["mCE"] == "62.5 ± 17.7"


def test_values_are_told_from_the_start_to_the_end():
    line = _cells("robustness_values")["additive noise 0.6", "coded"]
    assert (line["1 - r to clean"], line["RTD to clean"], line["RTD to t = 0"]) == ("0.500 → 0.300", "0.50 → 0.30", "0.30")


def test_a_study_that_was_judged_otherwise_has_no_such_table():
    assert resilience([{"kind": "model", "condition": "a", "seed": 0, "readout_accuracy": 0.5}], ["a"]) == []


def test_without_steps_and_without_corruption_there_is_accuracy_alone():
    rows = [{"kind": "model", "condition": "a", "seed": 0, "robustness": [_entry("clean", 0.0, [7])]}]
    assert [t.name for t in resilience(rows, ["a"])] == ["robustness"]
