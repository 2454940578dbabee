"""What is left of a study and how long it should take, from what finished pieces took."""

from pathlib import Path

import pytest

from synctopo.cost import Cost, costs, duration, left, projected, told, told_of
from synctopo.store import write_json
from synctopo.study import Study
from synctopo.work import FOLDERS, plan

pytestmark = pytest.mark.smoke

TABLE = {
    "name": "cost",
    "question": "How long?",
    "seeds": [0, 1],
    "data": {"name": "digits", "train": 50, "test": 20},
    "models": {"a": {"family": "mlp", "hidden": [4]}, "b": {"family": "mlp", "hidden": [5]}},
}


def measured(root: Path, stage: str, like: str, seconds: float) -> None:
    write_json(
        root / FOLDERS[stage] / f"{stage}-{like}-{seconds}.meta.json",
        {"stage": stage, "like": like, "seconds": seconds, "processor_seconds": seconds},
    )


def test_before_anything_is_measured_the_time_is_not_known(tmp_path):
    found = costs(plan(Study.from_table(TABLE)), tmp_path)
    assert [c.pieces for c in found] == [4, 4, 4, 6]
    assert left(found, 2) is None
    said = told(found, 2)
    assert said == "18 pieces left; how long they take is not known yet: no piece of fit, record, judge, compare has been measured"


def test_a_piece_takes_the_median_of_those_like_it(tmp_path):
    for seconds in (9.0, 1.0, 2.0):
        measured(tmp_path, "fit", "a", seconds)
    fit, record, *_ = costs(plan(Study.from_table(TABLE)), tmp_path)
    # nothing is known of b: as long as the median of all
    assert fit == Cost("fit", 4, 2 * 2.0 + 2 * 2.0)
    assert record.seconds is None
    measured(tmp_path, "fit", "b", 5.0)
    assert costs(plan(Study.from_table(TABLE)), tmp_path)[0].seconds == 2 * 2.0 + 2 * 5.0


def test_another_null_is_another_cost(tmp_path):
    measured(tmp_path, "compare", "rtd, null 0, bootstrap 0", 0.5)
    assert costs(plan(Study.from_table(TABLE)), tmp_path)[3].seconds == 3.0
    dear = TABLE | {"compare": {"null": 200}}
    assert costs(plan(Study.from_table(dear)), tmp_path)[3].seconds is None


def test_processors_share_the_work_but_not_one_piece():
    found = [Cost("fit", 1, 100.0), Cost("compare", 10, 100.0)]
    assert left(found, 4) == 100 + 25
    assert told(found, 4) == "11 pieces left: about 2 min on 4 processors, as the finished ones took"
    assert told([Cost("fit", 0, 0.0)], 1) == "nothing is left to do"
    part = told([Cost("fit", 2, 10.0), Cost("compare", 3, None)], 1)
    assert part == "5 pieces left: about 10 s on 1 processor without compare, of which no piece has been measured yet"


def test_a_thousand_models_cost_their_own_time_and_that_of_half_a_million_pairs(tmp_path):
    study = plan(Study.from_table(TABLE))
    for stage in ("fit", "record", "judge"):
        measured(tmp_path, stage, "a", 1.0)
        measured(tmp_path, stage, "b", 3.0)
    with pytest.raises(ValueError, match="no piece of compare has been measured"):
        projected(study, tmp_path, 1000)
    measured(tmp_path, "compare", "rtd, null 0, bootstrap 0", 0.5)
    measured(tmp_path, "compare", "cka, null 0, bootstrap 0", 99.0)
    found = projected(study, tmp_path, 1000)
    assert (found.pairs, found.per_model, found.per_pair) == (499500, 6.0, 0.5)
    assert found.seconds == 6000.0 + 249750.0
    assert told_of(found)[2] == "together 71.0 core hours, as the finished pieces took:"
    with pytest.raises(ValueError, match="from 2 on; got 1"):
        projected(study, tmp_path, 1)


def test_times_are_told_in_words():
    assert [duration(s) for s in (0.1, 99.0, 100.0, 5990.0, 12000.0)] == ["1 s", "99 s", "2 min", "1 h 40 min", "3 h 20 min"]
