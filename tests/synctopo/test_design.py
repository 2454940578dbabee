import sys

import numpy as np
import pytest

from synctopo import data
from synctopo.design import Design, Span, search

TABLE = {
    "family": "rsnn",
    "units": 15,
    "connectivity": 0.3,
    "input_scale": 2.0,
    "encoder": {"steps": 15, "rate_max": 500.0},
    "neuron": {"tau_mem": {"distribution": "gamma", "mean": 20.0, "cv": 0.5}},
    "learning": {"rule": "stdp"},
}
SPACE = {"neuron.tau_mem.cv": Span(0.0, 1.0), "input_scale": Span(0.0, 4.0)}


def some(count: int = 80) -> data.Dataset:
    return data.split(data.digits(), train=count, test=10, seed=0).train


def tried(**changes: object) -> tuple[Design, ...]:
    pytest.importorskip("optuna", reason="needs the extra `design`")
    return search(TABLE, SPACE, some(), **{"trials": 4, **changes})


def test_the_same_search_tries_the_same_networks_and_marks_those_that_no_other_beats() -> None:
    first, again = tried(), tried()
    assert first == again
    assert first != tried(seed=1)
    for d in first:
        assert SPACE.keys() == d.values.keys()
        assert 0 <= d.values["neuron.tau_mem.cv"] <= 1
        beaten = any(o.accuracy >= d.accuracy and o.spikes <= d.spikes and (o.accuracy, o.spikes) != (d.accuracy, d.spikes) for o in first)
        assert d.best is not beaten
    assert any(d.best for d in first)
    assert max(d.accuracy for d in first) > 0.2


def test_a_network_that_dies_is_told_and_does_not_end_the_search() -> None:
    pytest.importorskip("optuna", reason="needs the extra `design`")
    found = search(TABLE, {"input_scale": Span(0.0, 1e-6)}, some(), trials=2)
    assert all("no neuron fired" in d.failed and d.accuracy == 0 and not d.best for d in found)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"trials": 0}, "a positive number of trials"),
        ({"space": {}}, "nothing would be searched"),
        ({"space": {"units.cv": Span(0, 1)}}, "'units' is no table"),
        ({"space": {"neuron.tau_men": Span(0, 1)}}, "tau_men"),
        ({"table": {"family": "mlp", "hidden": [3]}, "space": {"learning.epochs": Span(1, 1.5)}}, "learning"),
    ],
)
def test_what_cannot_be_searched_is_refused_with_a_sentence(arguments: dict, sentence: str) -> None:
    pytest.importorskip("optuna", reason="needs the extra `design`")
    given = {"table": TABLE, "space": SPACE, "trials": 1, **arguments}
    with pytest.raises(ValueError, match=sentence):
        search(given.pop("table"), given.pop("space"), some(), **given)


@pytest.mark.parametrize("ends", [(1.0, 1.0), (0.0, np.inf)])
def test_a_span_that_does_not_go_up_is_refused_with_a_sentence(ends: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="it must go up between finite numbers"):
        Span(*ends)


def test_without_optuna_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ValueError, match=r"pip install 'synctopo\[design\]'"):
        search(TABLE, SPACE, some(), trials=1)
