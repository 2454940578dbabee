"""The RTD paper's experiments: the points are theirs, and Kendall's tau along the sequence comes out as they print it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from synctopo.data import clusters, rings
from synctopo.measures import MEASURES, Cloud
from synctopo.models import MovedPoints, points
from synctopo.study import Study
from synctopo.tables.selection import over, pairs, values
from synctopo.tables.sequences import tau, trends

FEW = (2, 3, 4, 5, 6, 10, 12)
STUDIES = Path(__file__).parent.parent.parent.parent / "studies"


def moved(data, move) -> np.ndarray:
    (state,) = MovedPoints(move).states(torch.from_numpy(data.images))
    return state["points"].numpy()


def along(measure: str, data, rule, base: int, counts) -> tuple[list[float], float | None]:
    first = Cloud(moved(data, rule(base)))
    numbers = [MEASURES[measure].of(first, Cloud(moved(data, rule(k))), 0).value for k in counts]
    return numbers, tau(numbers)


def row(condition: str, value: float | None, *, measure: str = "rtd", closer: str = "lower", seed: int = 0) -> dict[str, object]:
    ends = {"condition_a": "start", "condition_b": condition, "seed_a": seed, "seed_b": seed}
    return {"kind": "pair", **ends, "measure": measure, "closer": closer, "value": value}


@pytest.mark.slow
def test_clusters_have_the_published_values_and_trends():
    numbers, found = along("rtd", clusters(), points.clusters, 1, FEW)
    assert numbers == pytest.approx([10.3758, 11.9584, 13.7854, 15.0071, 16.0479, 19.1349, 19.6730], abs=1e-4)
    assert found == 1
    assert along("cka_biased", clusters(), points.clusters, 1, FEW)[1] == pytest.approx(0.23809523809523814)
    assert along("rtd_lite", clusters(), points.clusters, 1, FEW)[1] == -1


def test_the_published_svcca_of_clusters_is_one_of_points_centred_over_the_wrong_axis():
    # the authors subtract the mean of the two coordinates of each point, which leaves their difference alone
    differences = [moved(clusters(), points.clusters(k)) @ [1, -1] for k in (1, *FEW)]
    published = [abs(np.corrcoef(differences[0], other)[0, 1]) for other in differences[1:]]
    assert tau(published) == pytest.approx(0.14285714285714288)
    assert along("svcca", clusters(), points.clusters, 1, FEW)[1] == pytest.approx(1 / 21)


@pytest.mark.slow
def test_rings_have_the_published_values_and_trends():
    numbers, found = along("rtd", rings(), points.rings, 1, range(1, 6))
    assert numbers == pytest.approx([0, 5.390032, 5.107753, 7.344689, 8.807541], abs=2e-6)
    assert found == pytest.approx(0.8)
    for measure in ("cka_biased", "svcca"):
        assert along(measure, rings(), points.rings, 1, range(1, 6))[1] == pytest.approx(-0.2)


def test_one_cluster_is_the_cloud_itself_moved_and_its_groups_have_five_points():
    data = clusters()
    cloud, one = data.images[:, 0, :2], moved(data, points.clusters(1))
    assert one - cloud == pytest.approx(np.tile([10.0, 0.0], (300, 1)))
    assert np.bincount(data.images[:, 0, 2].astype(int)).tolist() == [5] * 60
    assert (clusters(seed=8).images != data.images).any()


def test_rings_of_one_radius_are_one_after_the_other():
    radius = np.linalg.norm(moved(rings(), points.rings(2)), axis=1).reshape(5, 100)
    assert radius == pytest.approx(np.tile([[1], [1], [1.25], [0.75], [1.5]], (1, 100)))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: points.clusters(0), "points stand in at least one cluster; got 0"),
        (lambda: points.rings(0), "at least one ring has the radius 1; got 0"),
        (lambda: moved(rings(), points.clusters(2)), "clusters are made of 3 features of each point; got 2: take the data set 'clusters'"),
        (lambda: tau([1.0]), "a trend needs two numbers or more; got 1"),
    ],
)
def test_what_cannot_be_moved_or_ordered_is_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_tau_counts_pairs_in_order_and_has_no_value_for_equal_numbers():
    assert tau([1.0, 2.0, 4.0, 3.0]) == pytest.approx(4 / 6)
    assert tau([2.0, 2.0, 2.0]) is None


def test_what_learns_needs_samples_to_learn_from():
    learning = {"family": "mlp", "hidden": [3], "learning": {"rule": "adam"}}
    table = {"name": "x", "question": "?", "seeds": [0], "data": {"name": "digits", "train": 0, "test": 9}, "models": {"one": learning}}
    with pytest.raises(ValueError, match=r"data\.train is 0, which leaves nothing to learn from for models\.one; give it samples"):
        Study.from_table(table)
    assert Study.from_table({**table, "models": {"one": {**learning, "learning": {"rule": "none"}}}}).data.train == 0


def test_the_table_has_tau_of_the_value_and_of_the_dissimilarity():
    rows = [row("b", 0.5), row("c", 2.0), row("b", 0.9, measure="cka", closer="higher"), row("c", 0.1, measure="cka", closer="higher")]
    frame = trends(rows, ["start", "b", "c"]).frame
    assert list(frame["measure"]) == ["rtd ↓", "cka ↑"]
    assert list(frame["tau"]) == ["+1.000", "-1.000"]
    assert list(frame["tau of dissimilarity"]) == ["+1.000", "+1.000"]


def test_the_table_takes_means_over_seeds_and_leaves_tau_out_where_a_value_is_missing():
    rows = [row("b", 1.0), row("b", 2.0, seed=1), row("c", None), {**row("c", 9.0), "seed_b": 1}]
    (line,) = trends(rows, ["start", "b", "c"]).frame.to_dict("records")
    assert (line["b"], line["c"], line["tau"]) == ("1.50", "", "")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (["compare.sequence=['separate', '2 together', 'tree']"], "no model 'tree' in compare.sequence"),
        (["compare.sequence=['separate', '2 together']"], "compare.sequence is .*; wanted: at least 3"),
        (["data.name='clusters'"], "models.separate is a model of the data set rings; set data.name to 'rings'"),
    ],
)
def test_a_sequence_that_cannot_be_is_said_when_the_study_is_read(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        Study.load(STUDIES / "rings.toml", changes=changes)


def test_the_pairs_of_a_study_of_one_seed_are_those_of_that_seed():
    rows = [row("b", 0.5), row("c", 2.0)]
    assert values(pairs(rows, "start", "b")) == [0.5]
    assert over(rows) == "pairs of the one seed"
    more = [*rows, row("b", 0.7, seed=1), {**row("b", 0.9), "seed_b": 1}]
    assert values(pairs(more, "start", "b")) == [0.9]
    assert over(more).startswith("pairs of different seeds")
