"""Spoilt images and courses: what the pieces of a study compute that hold every family to the same questions."""

import json
import re
import tomllib

import numpy as np
import pytest

from synctopo import catalog, data
from synctopo.course import moments, stages
from synctopo.executors import serial
from synctopo.pipeline import run
from synctopo.recording import Recording
from synctopo.report import write_all
from synctopo.resilience import against, spoilt
from synctopo.spec import ResistSpec
from synctopo.study import Study
from synctopo.work import plan, rows

STUDY = """
name = "families"
question = "What do they share?"
answer = "Little, & that is <all>."
seeds = [0, 1]
[data]
name = "digits"
train = 120
test = 40
[models.perceptron]
family = "mlp"
hidden = [12, 10]
learning = { rule = "adam", epochs = 3, batch = 20, learning_rate = 1e-2 }
[models.spiking]
family = "rsnn"
units = 16
connectivity = 0.4
encoder = { code = "poisson", steps = 12, rate_max = 500.0 }
learning = { rule = "stdp" }
[models.coding]
family = "predictive"
channels = [3, 4]
steps = 2
learning = { rule = "adam", epochs = 1, batch = 20 }
decoders = { epochs = 1 }
[models."coding, plain"]
family = "cnn"
channels = [3, 4]
learning = { rule = "adam", epochs = 1, batch = 20 }
[record]
sites = ["early", "late"]
reduce = "usual"
[compare]
measures = ["rtd_lite"]
[resist]
corruptions = { gaussian_noise = [0.1, 0.3], occlusion = [0.2] }
measures = ["rtd", "cka"]
samples = 30
null = 3
learned = 100
[course]
moments = 3
epochs = [0, 1]
conditions = ["perceptron", "spiking"]
measures = ["rtd"]
samples = 30
null = 3
"""


def study():
    return Study.from_table(tomllib.loads(STUDY))


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    root = tmp_path_factory.mktemp("families")
    made = plan(study())
    assert run(made, root, serial, lambda *_: None) == ()
    return made, root, rows(root, made.of("judge"))


def test_families_of_unlike_steps_are_compared_by_their_roles(done):
    made, root, _ = done
    pairs = rows(root, made.of("compare"))
    assert {r["reduction"] for r in pairs} == {"usual"}
    late = [r for r in pairs if r["site_a"] == "late"]
    assert len(late) == 8 * 7 // 2
    # one layer of spiking neurons has no early site
    assert not any("spiking" in (r["condition_a"], r["condition_b"]) for r in pairs if r["site_a"] == "early")
    assert all(r["status"] == "ok" for r in pairs)


def test_every_model_says_what_it_still_gets_right_and_how_far_it_moved(done):
    _, _, found = done
    here = [r for r in found if r["kind"] == "spoilt"]
    assert len(here) == 8 * 4
    assert all((r["own"] is None) == (r["condition"] == "spiking") for r in here)
    for r in here:
        assert 0 <= r["readout"] <= 1
        assert set(r["measures"]) == (set() if r["corruption"] == "clean" else {"rtd", "cka"})
    far = {(r["condition"], r["seed"], r["amount"]): r["measures"]["cka"]["value"] for r in here if r["corruption"] == "gaussian_noise"}
    assert all(far[c, s, 0.3] < far[c, s, 0.1] for c, s, _ in far if c == "perceptron")


def test_a_course_ends_at_its_end(done):
    _, _, found = done
    steps = [r for r in found if r["kind"] == "course" and r["along"] == "steps"]
    assert {(r["condition"], r["of"]) for r in steps} == {("perceptron", 1), ("spiking", 12), ("coding", 3), ("coding, plain", 1)}
    training = [r for r in found if r["kind"] == "course" and r["along"] == "training"]
    assert {(r["condition"], r["place"]) for r in training} == {("perceptron", e) for e in (0, 1, 3)} | {("spiking", e) for e in (0, 1)}
    for r in [*steps, *training]:
        assert r["place"] < r["of"] or r["measures"]["rtd"]["value"] == 0
    assert all(r["measures"]["rtd"]["value"] > 0 for r in training if r["place"] == 0)


def test_the_end_of_inference_of_plain_and_predictive_networks_is_where_both_say_it_is(done):
    _, _, found = done
    own = {(r["condition"], r["seed"]): r["own"] for r in found if r["kind"] == "spoilt" and r["corruption"] == "clean"}
    judged = {(r["condition"], r["seed"]): r["own_accuracy"] for r in found if r["kind"] == "model"}
    for name in ("perceptron", "coding", "coding, plain"):
        assert own[name, 0] == judged[name, 0]


def test_the_tables_the_figures_and_the_answer_stand_in_the_report(done):
    made, root, _ = done
    write_all(made, root)
    page = (root / "report.html").read_text()
    assert "Little, &amp; that is &lt;all&gt;." in page
    names = {p.stem for p in (root / "tables").glob("*.md")}
    assert {
        "spoilt",
        "spoilt_rtd",
        "spoilt_cka",
        "foresight",
        "course_steps_rtd",
        "course_training_rtd",
        "course_training_accuracy",
    } <= names
    assert {"foresight.png", "course_steps_rtd.png", "course_training_rtd.png"} <= {p.name for p in (root / "figures").iterdir()}
    said = (root / "tables" / "spoilt.md").read_text()
    assert "gaussian noise 0.3" in said
    assert "| spiking" in said
    # a model of one step has no course along its steps
    assert "perceptron" not in (root / "tables" / "course_steps_rtd.md").read_text()


def test_a_course_and_spoilt_images_make_nothing_anew_that_was_there(done):
    made, _, _ = done
    less = {k: v for k, v in tomllib.loads(STUDY).items() if k not in ("resist", "course")}
    plain = plan(Study.from_table(less))
    assert {p.key for p in plain.pieces} < {p.key for p in made.pieces}


def test_a_training_is_a_prefix_of_a_longer_one(done):
    made, root, _ = done
    from safetensors import safe_open

    history = {}
    for piece in made.of("fit"):
        if piece.label.startswith("perceptron, seed 0"):
            with safe_open(root / piece.file, "np") as file:
                history[piece.label] = json.loads(file.metadata()["history"]).get("loss", [])
    assert sorted(map(len, history.values())) == [0, 1, 3]
    assert history["perceptron, seed 0, after 1 epoch"] == history["perceptron, seed 0"][:1]


def test_spoilt_images_are_the_same_for_all_and_the_masks_of_scenes_stay():
    images = np.random.default_rng(0).random((5, 8, 8), dtype=np.float32)
    once, again = (spoilt(images, "gaussian_noise", 0.3, 4) for _ in range(2))
    assert once.shape == images.shape
    assert np.array_equal(once, again)
    assert not np.array_equal(once, images)
    assert once.min() >= 0
    assert once.max() <= 1
    scenes = np.random.default_rng(0).random((5, 3, 8, 8), dtype=np.float32)
    shown = spoilt(scenes, "occlusion", 0.4, 4)
    assert np.array_equal(shown[:, 1:], scenes[:, 1:])
    assert (shown[:, 0] == 0).mean() > 0.2


def test_a_representation_against_itself_is_at_identity_and_against_a_stranger_near_chance():
    rng = np.random.default_rng(0)
    one, other = (Recording({"site": rng.normal(size=(40, 1, 6))}, "last", (), np.arange(40)) for _ in range(2))
    same, far = (against(one, b, "site", ResistSpec(corruptions={"occlusion": (0.1,)}, samples=40, null=20), 0) for b in (one, other))
    assert same["rtd"]["value"] == 0
    assert [same[m]["calibrated"] for m in ("rtd", "cka")] == pytest.approx([1.0, 1.0])
    assert abs(far["rtd"]["calibrated"]) < 0.4
    assert abs(far["cka"]["calibrated"]) < 0.4


@pytest.mark.parametrize(("steps", "count", "expected"), [(1, 5, [0]), (3, 5, [0, 1, 2]), (40, 3, [0, 20, 39]), (10, 2, [0, 9])])
def test_moments_are_spread_from_the_first_step_to_the_last(steps, count, expected):
    assert moments(steps, count) == expected


def test_what_does_not_learn_by_epochs_has_no_stages():
    spec = catalog.model_spec({"family": "mlp", "hidden": [4]}, "models.a")
    assert stages(spec, (0, 1)) == []
    learns = catalog.model_spec({"family": "mlp", "hidden": [4], "learning": {"rule": "adam", "epochs": 2}}, "models.a")
    assert [e for e, _ in stages(learns, (1, 0, 5))] == [0, 1, 2]
    assert stages(learns, (2,)) == []
    assert stages(learns, (0,))[0][1].learning.rule == "none"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"resist__corruptions": {"gausian_noise": [0.1]}}, "no corruption 'gausian_noise' in resist.corruptions"),
        ({"resist__measures": ["rdt"]}, "no measure 'rdt'"),
        ({"course__measures": ["bottleneck"]}, "course.measures names 'bottleneck', which does not look at which sample is which"),
        ({"course__conditions": ["perceptrn"]}, "no model 'perceptrn' in course.conditions"),
        ({"course__epochs": [1, 1]}, "course.epochs are different numbers of epochs; got [1, 1]."),
        ({"record__sites": ["lat"]}, "no site 'lat' in models.perceptron"),
        ({"record__sites": ["early"]}, "models.spiking has one layer and so no early site"),
        ({"record__sites": None}, 'write record.sites = ["late"]'),
        ({"data__train": 0}, "data.train is 0"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(changes, said):
    table = tomllib.loads(STUDY)
    for place, value in changes.items():
        one, _, two = place.partition("__")
        table[one][two] = value
        if value is None:
            del table[one][two]
    with pytest.raises(ValueError, match=re.escape(said)):
        Study.from_table(table)


def test_points_cannot_be_spoilt():
    table = {
        "name": "a",
        "question": "?",
        "seeds": [0],
        "data": {"name": "rings", "train": 0, "test": 20},
        "models": {"a": {"family": "points", "shape": "rings", "count": 1}},
        "resist": {"corruptions": {"occlusion": [0.1]}},
    }
    assert data.kind("rings") == "points"
    with pytest.raises(ValueError, match=r"\[resist\] spoils images, and rings holds none"):
        Study.from_table(table)
