"""Event data sets as spike tensors: nothing lost unsaid, from a recording to a row of a study."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synctopo import data, events
from synctopo.eventfiles import EVENT, Files
from synctopo.executors import serial
from synctopo.pipeline import run
from synctopo.study import Study
from synctopo.work import plan


def recordings(count=6, classes=2, sensor=(8, 6, 2), seed=0, length=40_000):
    rng = np.random.default_rng(seed)
    made = []
    for n in range(count):
        found = np.zeros(int(rng.integers(50, 200)), EVENT)
        for name, high in (("x", sensor[0] // 2 * (1 + n % classes)), ("y", sensor[1]), ("p", sensor[2]), ("t", length)):
            found[name] = rng.integers(0, high, len(found))
        made.append(found)
    return Files(sensor, tuple(range(count)), tuple(n % classes for n in range(count)), made.__getitem__)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), steps=st.integers(1, 25), dt=st.sampled_from([0.5, 1.0, 3.7]), down=st.integers(1, 9))
def test_a_raster_is_that_of_one_event_after_the_other_and_every_event_is_counted(seed, steps, dt, down):
    given_ = recordings(2, sensor=(8, 6, 2), seed=seed)
    found = events.binned(given_, steps=steps, dt=dt, down=down)
    rows = -(-6 // down)
    assert found.spikes.shape == (2, steps, 2 * rows, -(-8 // down))
    wanted, late = np.zeros_like(found.spikes), 0
    for n in range(2):
        for x, y, p, t in given_[n][0].tolist():
            step = t * 10 // round(1e4 * dt)
            if step < steps:
                wanted[n, step, p * rows + y // down, x // down] = 1
            late += step >= steps
    assert np.array_equal(found.spikes, wanted)
    assert found.late == late
    assert wanted.sum() + found.merged + found.late == sum(len(given_[n][0]) for n in range(2))


def test_the_recordings_for_tests_are_held_out_and_a_limit_takes_some_of_either():
    train, test = recordings(10), recordings(4, seed=1)
    whole = events.binned(train, test, steps=5, dt=8.0)
    some = events.binned(train, test, steps=5, dt=8.0, limit=3)
    assert (whole.spikes.shape[0], whole.held_out) == (14, 4)
    assert (some.spikes.shape[0], some.held_out) == (6, 3)
    assert np.array_equal(some.spikes[:3], whole.spikes[[0, 3, 6]])
    assert whole.labels.tolist() == [0, 1] * 7


def test_a_cochlea_has_channels_and_neither_rows_nor_polarities():
    made = np.zeros(3, EVENT)
    made["x"], made["p"], made["t"] = [0, 699, 350], 1, [100, 2000, 2900]
    found = events.binned(Files((700, 1, 1), (0,), (0,), lambda _: made), steps=3, dt=1.0, down=5)
    assert found.input().shape == (1, 3, 140)
    assert found.input().nonzero().tolist() == [[0, 0, 0], [0, 2, 70], [0, 2, 139]]


def test_a_data_set_of_tonic_is_taken_as_it_is(tmp_path):
    tonic = pytest.importorskip("tonic", reason="needs the extra `neuromorphic`")

    class Small(tonic.datasets.NMNIST):
        def _check_exists(self):
            return True

    place = tmp_path / "Small" / "Train" / "7"
    place.mkdir(parents=True)
    (place / "1.bin").write_bytes(bytes([3, 30, 128, 15, 160]) * 2)
    found = events.binned(Small(str(tmp_path)), steps=10, dt=1.0)
    assert found.spikes.shape == (1, 10, 68, 34)
    assert np.argwhere(found.spikes[0]).tolist() == [[4, 34 + 30, 3]]
    assert found.merged == 1
    assert found.labels.tolist() == [7]


def test_spikes_come_back_from_their_file_bit_for_bit(tmp_path):
    made = events.binned(recordings(5), recordings(2), steps=7, dt=5.0)
    made.save(tmp_path / "a.npz")
    back = events.EventSpikes.load(tmp_path / "a.npz")
    assert np.array_equal(back.spikes, made.spikes)
    assert np.array_equal(back.labels, made.labels)
    assert (back.held_out, back.dt) == (2, 5.0)
    assert torch.equal(back.input(), made.input())
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.slow
def test_a_study_learns_from_recorded_events(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNCTOPO_DATA", str(tmp_path))
    data._recorded.cache_clear()
    events.binned(recordings(40), recordings(20, seed=1), steps=20, dt=2.0).save(tmp_path / "dvs_gesture.npz")
    encoder = {"code": "recorded", "steps": 20}
    table = {
        "name": "gestures",
        "question": "Are they seen?",
        "seeds": [0],
        "data": {"name": "dvs_gesture", "train": 30, "test": 20},
        "defaults": {"family": "rsnn", "units": 20, "connectivity": 0.5, "dt": 2.0, "encoder": encoder},
        "models": {"stdp": {"learning": {"rule": "stdp"}}, "bptt": {"learning": {"rule": "bptt", "epochs": 2}}},
    }
    assert run(plan(Study.from_table(table)), tmp_path / "out", serial, lambda *_: None) == ()
    found = data.split(data.load("dvs_gesture"), train=30, test=20, seed=0)
    assert found.test.samples.min() == 40
    data._recorded.cache_clear()


def study(**changes):
    encoder = {"code": "recorded", "steps": 20, **changes}
    return Study.from_table(
        {
            "name": "s",
            "question": "?",
            "seeds": [0],
            "data": {"name": "shd", "train": 4, "test": 4},
            "models": {"a": {"family": "rsnn", "units": 3, "encoder": encoder}},
        }
    )


def test_what_does_not_fit_recorded_events_is_said(tmp_path, monkeypatch):
    assert study().models["a"].encoder.code == "recorded"
    with pytest.raises(ValueError, match="family rsnn learns from images or scenes; shd is a data set of events"):
        study(code="poisson")
    with pytest.raises(ValueError, match=r"encoder\.population is 4, but recorded spikes have no range to share"):
        study(population=4)
    with pytest.raises(ValueError, match=r"the recordings have 5 steps; set encoder\.steps, which is 20"):
        study().models["a"].encoder.encode(torch.zeros(2, 5, 3), 1.0, torch.Generator())
    monkeypatch.setenv("SYNCTOPO_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=r"shd\.npz does not exist; synctopo\.events\.load\('shd', folder"):
        data.load("shd")


def test_what_is_wrong_with_recordings_is_said(tmp_path):
    given_ = recordings(2)
    with pytest.raises(ValueError, match=r"binned\(down=0, limit=None\): both must be at least 1"):
        events.binned(given_, steps=2, dt=1.0, down=0)
    with pytest.raises(ValueError, match=r"train has a sensor of \[8, 6, 2\], test one of \[4, 6, 2\]"):
        events.binned(given_, recordings(2, sensor=(4, 6, 2)), steps=2, dt=1.0)
    small = Files((3, 6, 2), given_.places, given_.labels, given_.read)
    with pytest.raises(ValueError, match=r"recording 0 has x from 0 to \d; the sensor goes from 0 to 2"):
        events.binned(small, steps=2, dt=1.0)
    with pytest.raises(ValueError, match=r"events\(inputs=96, steps=0, dt=1.0\): all of them must be positive"):
        events.binned(given_, steps=0, dt=1.0)
    with pytest.raises(ValueError, match="no event data set 'shg'; the nearest is 'shd'"):
        events.load("shg", tmp_path, steps=2, dt=1.0)
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(ValueError, match=r"other\.npz holds a, not packed, shape, labels, held_out, dt"):
        events.EventSpikes.load(tmp_path / "other.npz")
    np.savez(tmp_path / "short.npz", packed=np.zeros(3, np.uint8), shape=[1, 2, 3, 90], labels=[0], held_out=[0], dt=[1.0])
    with pytest.raises(ValueError, match=r"short\.npz contradicts itself: \[1, 2, 3, 90\] spikes, 3 bytes"):
        events.EventSpikes.load(tmp_path / "short.npz")
