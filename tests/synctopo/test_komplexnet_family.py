"""The family komplexnet in a study: what is written is built, trained by stages and judged."""

import pytest
import torch

from synctopo import catalog, data
from synctopo.families.komplexnet import KOMPLEXNET
from synctopo.learning import binding
from synctopo.learning.training import stream
from synctopo.models.komplexnet import KomplexNet, RealNet
from synctopo.study import Study


def _spec(**entries: object) -> catalog.ModelSpec:
    stages = {"rule": "stages", "updates": 1, "epochs": 1}
    small = {"channels": 2, "steps": 3, "width": 3, "hidden": 5, "learning": stages}
    return catalog.model_spec({"family": "komplexnet", **small, **entries}, "models.x")


def _study(**changes: object) -> dict[str, object]:
    model = {"family": "komplexnet", "channels": 2}
    return {
        "name": "s",
        "question": "?",
        "seeds": [0],
        "data": {"name": "overlapping_digits", "train": 20, "test": 10},
        "models": {"a": model},
        **changes,
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "entries",
    [
        {},
        {"phases": "real"},
        {"phases": "random", "oscillators": "pixels"},
        {"phases": "ideal"},
        {"feedback": True, "learning": {"rule": "stages", "updates": 1, "epochs": 1, "tuned": 1, "tuned_images": 8}},
    ],
)
def test_a_condition_is_built_trained_and_judged(entries):
    spec = _spec(noise=(0.05,), others=("overlapping_three_digits",), **entries)
    split = data.split(data.load("overlapping_digits"), train=24, test=12, seed=0)
    model = KOMPLEXNET.build(spec, (32, 32), split.train.classes, 0)
    x, test = (KOMPLEXNET.inputs(spec, part.images, stream(0, "encoding")) for part in (split.train, split.test))
    before = {name: p.clone() for name, p in model.state_dict().items()}
    history = KOMPLEXNET.fit(spec, model, x, torch.from_numpy(split.train.labels), 0)
    assert any(not torch.equal(p, before[name]) for name, p in model.state_dict().items())
    assert len(history["loss"]) == 1 + spec.learning.tuned
    row = KOMPLEXNET.judged(spec, model, test, split.test.labels, stream(0, "encoding"))
    assert [e["images"] for e in row["scenes"]] == ["test", "noise", "overlapping_three_digits"]
    assert row["scenes"][0]["classes"] == 24
    assert row["scenes"][2]["classes"] == 36
    assert len(row["scenes"][0]["right"]) == 3
    assert len(row["scenes"][1]["right"]) == 1
    assert ("synchrony" in row) == isinstance(model, KomplexNet)
    assert isinstance(model, RealNet) == (entries.get("phases") == "real")
    assert set(spec.sites) == set(next(iter(model.states(test))))


def test_the_real_control_is_as_large_as_the_network_whose_phases_move():
    sizes = [sum(p.numel() for p in KOMPLEXNET.build(_spec(phases=p), (32, 32), 10, 0).parameters()) for p in ("kuramoto", "real")]
    assert sizes[0] <= sizes[1]


def test_the_same_seed_gives_the_same_weights_and_another_does_not():
    once, again, other = (KOMPLEXNET.build(_spec(), (32, 32), 10, seed).state_dict() for seed in (4, 4, 5))
    assert all(torch.equal(once[name], again[name]) for name in once)
    assert not torch.equal(once["conv2.weight"], other["conv2.weight"])


def test_a_random_kernel_leaves_the_other_weights_as_they_are_and_learns_to_bind():
    options = {"oscillators": "pixels", "width": 13, "steps": 16, "rate": 0.05, "desync": 0.4}
    smooth, wild = (KOMPLEXNET.build(_spec(kernel=kernel, **options), (32, 32), 10, 0) for kernel in ("smooth", "random"))
    assert wild.kernel.min() < 0 < wild.kernel.max() <= 1
    assert all(torch.equal(p, smooth.state_dict()[name]) for name, p in wild.state_dict().items() if name != "kernel")
    found = data.split(data.load("overlapping_digits"), train=200, test=40, seed=0)
    train, test = (torch.from_numpy(part.images) for part in (found.train, found.test))
    labels = torch.from_numpy(found.test.labels)
    before = binding.judged(wild, test, labels, every=False)
    binding.fit_synchrony(wild, train, updates=40, learning_rate=0.03, generator=stream(0, "order"))
    after = binding.judged(wild, test, labels, every=False)
    assert before.within[0] < 0.2
    assert after.within[0] > 0.6
    assert after.loss[0] < 0.5 * before.loss[0]


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"kernel": "flat"}, "kernel is 'flat'"),
        ({"others": ["overlapping_tree_digits"]}, "overlapping_three_digits"),
        ({"feedback": True, "phases": "zero"}, "zero phases do not move"),
        ({"kernel": "random", "phases": "real"}, r"models\.x\.kernel moves phases, and real phases do not move"),
        ({"width": 4}, "odd number"),
        ({"corruptions": {"oclusion": [0.1]}}, "no corruption 'oclusion' in models.x.corruptions; the nearest is 'occlusion'"),
        ({"phases": "pixel"}, "phases is 'pixel'"),
    ],
)
def test_what_cannot_be_is_said_with_its_place(entries, said):
    with pytest.raises(ValueError, match=said):
        _spec(**entries)


@pytest.mark.parametrize(
    "entries",
    [
        {},
        {"phases": "real"},
        {"phases": "ideal"},
        {"oscillators": "pixels", "width": 13, "feedback": True, "learning": {"rule": "stages", "updates": 1, "epochs": 1, "tuned": 1}},
    ],
)
def test_images_of_one_digit_are_scenes_whose_object_is_the_ink(entries):
    spec = _spec(**entries, corruptions={"occlusion": [0.2]})
    split = data.split(data.digits(), train=40, test=20, seed=0)
    model = KOMPLEXNET.build(spec, (8, 8), 10, 0)
    x, test = (KOMPLEXNET.inputs(spec, part.images, stream(0, "encoding")) for part in (split.train, split.test))
    assert x.shape == (40, 2, 8, 8)
    assert torch.equal(x[:, 1] > 0, x[:, 0] > 0)
    history = KOMPLEXNET.fit(spec, model, x, torch.from_numpy(split.train.labels), 0)
    assert len(history["loss"]) == 1 + spec.learning.tuned
    row = KOMPLEXNET.judged(spec, model, test, split.test.labels, stream(0, "encoding"))
    assert (row["classes"], row["samples_test"]) == (10, 20)
    assert [(e["corruption"], e["total"], len(e["right"])) for e in row["robustness"]] == [("clean", 20, 3), ("occlusion", 20, 3)]
    with torch.no_grad():
        right = int((model(test).argmax(1).numpy() == split.test.labels).sum())
    assert row["robustness"][0]["right"][-1] == right
    assert row["own_accuracy"] == right / 20
    assert "scenes" not in row
    assert ("synchrony" in row) == isinstance(model, KomplexNet)


@pytest.mark.slow
def test_it_learns_to_read_single_digits():
    spec = _spec(channels=8, steps=8, width=7, hidden=50, learning={"rule": "stages", "updates": 5, "epochs": 8, "batch": 32})
    split = data.split(data.digits(), train=600, test=200, seed=0)
    model = KOMPLEXNET.build(spec, (8, 8), 10, 0)
    x, test = (KOMPLEXNET.inputs(spec, part.images, stream(0, "encoding")) for part in (split.train, split.test))
    KOMPLEXNET.fit(spec, model, x, torch.from_numpy(split.train.labels), 0)
    assert KOMPLEXNET.judged(spec, model, test, split.test.labels, stream(0, "encoding"))["own_accuracy"] > 0.8


def test_what_scenes_alone_have_is_refused_of_images_of_one_digit():
    shown = data.digits().images[:5]
    for entries in ({"noise": (0.1,)}, {"others": ("overlapping_three_digits",)}):
        with pytest.raises(ValueError, match="where it learned from scenes"):
            KOMPLEXNET.inputs(_spec(**entries), shown, stream(0, "encoding"))


def test_scenes_and_images_of_one_digit_are_both_taken():
    assert Study.from_table(_study()).models["a"].main_site == "hidden.amplitude"
    assert Study.from_table(_study(data={"name": "digits", "train": 20, "test": 10})).data.name == "digits"
    with pytest.raises(
        ValueError, match=r"models\.a of the family komplexnet learns from images or scenes; sudoku4 is a data set of boards"
    ):
        Study.from_table(_study(data={"name": "sudoku4", "train": 20, "test": 10}))
