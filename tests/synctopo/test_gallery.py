"""The gallery: a study has the figures that its rows can carry, and no more of them where it keeps every step."""

import tomllib
from itertools import combinations

import numpy as np
import pytest

from synctopo.gallery import pictures
from synctopo.study import Study

TEXT = """
name = "drawn"
question = "Which figures?"
seeds = [0, 1]
data = { name = "digits", train = 60, test = 30 }
[defaults]
family = "rsnn"
units = 20
[models.a]
[models.b]
[models.c]
[unroll]
layers = 3
[compare]
contrasts = [["a", "b"]]
"""


def rows(*, times: tuple[int | None, ...] = (None,), sites: tuple[str, ...] = ("hidden", "L1", "random.L1")) -> list[dict]:
    models = [(c, s) for c in "abc" for s in (0, 1)]
    found: list[dict] = [
        {"kind": "model", "condition": c, "seed": s, "layers": [9, 2, 9], "edges_mass": np.ones((3, 3)).tolist()} for c, s in models
    ]
    for site in sites:
        for time in times:
            for (a, s), (b, t) in combinations(models, 2):
                about = {"condition_a": a, "seed_a": s, "condition_b": b, "seed_b": t, "site_a": site, "time_a": time, "measure": "rtd"}
                value = 1.0 + (a != b) + (time or 0)
                found.append({"kind": "pair", **about, "value": value, "closer": "lower", "identical": 0.0, "status": "ok"})
    return found


def names(text: str, held: list[dict]) -> list[str]:
    return [p.name for p in pictures(Study.from_table(tomllib.loads(text)), held)]


@pytest.mark.slow
def test_a_study_has_its_matrix_map_profiles_and_unrolled_layers():
    assert names(TEXT, rows()) == ["rtd_matrix", "rtd_map", "rtd_layers", "rtd_random", "unrolled_1", "unrolled_2"]


@pytest.mark.slow
def test_where_every_step_was_kept_there_is_one_figure_more():
    found = pictures(Study.from_table(tomllib.loads(TEXT)), rows(times=(0, 5, 10)))
    assert [p.name for p in found] == ["rtd_matrix", "rtd_map", "rtd_time", "rtd_layers", "rtd_random", "unrolled_1", "unrolled_2"]
    assert "rtd at hidden@10 between conditions" in found[0].caption
    curve = found[2].drawn.figure.axes[0].lines[0]
    np.testing.assert_array_equal(curve.get_xdata(), [0, 5, 10])
    np.testing.assert_array_equal(curve.get_ydata(), [2, 7, 12])


@pytest.mark.slow
def test_without_contrasts_there_are_no_profiles_and_without_values_no_map():
    assert names(TEXT.replace('[["a", "b"]]', "[]"), rows(sites=("hidden",))) == ["rtd_matrix", "rtd_map", "unrolled_1"]
    silent = [{**r, "value": None, "status": "silent"} if r.get("condition_b") == "c" else r for r in rows(sites=("hidden",))]
    assert names(TEXT.replace('[["a", "b"]]', "[]"), silent) == ["rtd_matrix", "unrolled_1"]


def test_without_pairs_there_is_nothing_to_draw():
    assert names(TEXT, [r for r in rows() if r["kind"] == "model"]) == []


def judged(right: dict[str, list[int]]) -> list[dict]:
    entries = [{"corruption": c, "amount": 0.5, "right": r, "total": 50} for c, r in right.items()]
    half = [{**e, "right": [r // 2 for r in e["right"]]} for e in entries]
    return [{"kind": "model", "condition": "a", "seed": s, "robustness": e} for s, e in enumerate((entries, half))]


def test_what_was_judged_under_corruption_is_drawn_step_by_step():
    (found,) = pictures(Study.from_table(tomllib.loads(TEXT)), judged({"clean": [50, 48], "additive_noise": [20, 30]}))
    assert found.name == "robustness"
    clean, noisy = found.drawn.figure.axes
    assert (clean.get_title(), noisy.get_title()) == ("clean", "additive noise 0.5")
    np.testing.assert_allclose(noisy.lines[0].get_ydata(), [30, 45])


def test_models_without_steps_have_no_figure_of_steps():
    assert names(TEXT, judged({"clean": [50], "additive_noise": [20]})) == []


def test_boards_that_were_tried_after_several_steps_are_drawn():
    row = {"kind": "model", "condition": "a", "seed": 0}
    tried = {"boards": "test", "total": 10}
    study = Study.from_table(tomllib.loads(TEXT))
    (found,) = pictures(study, [{**row, "boards": [{**tried, "steps": [16, 32], "solved": [4, 6]}]}])
    assert found.name == "boards"
    np.testing.assert_allclose(found.drawn.figure.axes[0].lines[0].get_ydata(), [40, 60])
    assert pictures(study, [{**row, "boards": [{**tried, "steps": [1], "solved": [4]}]}]) == []
