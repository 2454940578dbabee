"""Files of event data sets: small ones, written here in the formats that they are published in."""

import builtins
import importlib.util
import struct
import sys
import types

import numpy as np
import pytest

from synctopo import eventfiles

EVENTS = np.array([(3, 30, 1, 7), (33, 0, 0, 4000), (0, 33, 1, 8191)], dtype=eventfiles.EVENT)
HAS_H5PY = importlib.util.find_spec("h5py") is not None


def write_nmnist(path, events, overflows=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = b"".join(
        bytes([e["x"], e["y"], int(e["p"]) << 7 | int(e["t"]) >> 16, int(e["t"]) >> 8 & 255, int(e["t"]) & 255]) for e in events
    )
    path.write_bytes(bytes([0, 240, 0, 0, 0]) * overflows + content)


def packet(events, kind=1, overflows=0, valid=None):
    marks = np.ones(len(events), int) if valid is None else valid
    body = b"".join(
        struct.pack("<II", int(e["x"]) << 17 | int(e["y"]) << 2 | int(e["p"]) << 1 | int(m), int(e["t"]))
        for e, m in zip(events, marks, strict=True)
    )
    return struct.pack("<hhiiiiii", kind, 1, 8, 4, overflows, len(events), len(events), int(sum(marks))) + body


HEADER = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n"


def test_nmnist_is_read_with_its_classes_and_its_overflows(tmp_path):
    write_nmnist(tmp_path / "NMNIST" / "Train" / "4" / "00001.bin", EVENTS)
    write_nmnist(tmp_path / "NMNIST" / "Train" / "0" / "00002.bin", EVENTS[:1], overflows=2)
    write_nmnist(tmp_path / "NMNIST" / "Test" / "9" / "00003.bin", EVENTS[1:])
    train, test = eventfiles.nmnist(tmp_path)
    assert [train[n][1] for n in range(len(train))] == [0, 4]
    assert test[0][1] == 9
    assert np.array_equal(train[1][0], EVENTS)
    assert np.array_equal(test[0][0], EVENTS[1:])
    assert train[0][0]["t"].tolist() == [7 + 2 * 8192]
    assert train.sensor_size == (34, 34, 2)


@pytest.mark.skipif(not HAS_H5PY, reason="needs the extra `neuromorphic`")
def test_shd_is_read_in_microseconds(tmp_path):
    import h5py

    for name, labels in (("shd_train.h5", [3, 19]), ("shd_test.h5", [7])):
        with h5py.File(tmp_path / name, "w") as file:
            for key, kind in (("times", np.float16), ("units", np.uint16)):
                made = file.create_dataset(f"spikes/{key}", len(labels), h5py.vlen_dtype(kind))
                for n in range(len(labels)):
                    made[n] = np.array([0.5, 0.125, 1.0][: 3 - n] if key == "times" else [699, 0, 12][: 3 - n], kind)
            file["labels"] = np.array(labels, np.uint16)
    train, test = eventfiles.shd(tmp_path)
    assert (len(train), len(test)) == (2, 1)
    events, label = train[0]
    assert label == 3
    assert events["t"].tolist() == [500_000, 125_000, 1_000_000]
    assert events["x"].tolist() == [699, 0, 12]
    assert len(train[1][0]) == 2
    (tmp_path / "shd_test.h5").write_bytes(b"no hdf5")
    with pytest.raises(ValueError, match=r"shd_test\.h5 is missing, truncated or no file of SHD"):
        eventfiles.shd(tmp_path)


def test_dvs_gesture_is_cut_out_of_the_original_files_by_the_table_beside_them(tmp_path):
    table = "class,startTime_usec,endTime_usec\n2,10,5000\n11,5001,9000\n"
    for name in ("user01_led", "user24_led"):
        other = packet(EVENTS, kind=2)
        (tmp_path / f"{name}.aedat").write_bytes(HEADER + other + packet(EVENTS[:2]) + packet(EVENTS[2:]))
        (tmp_path / f"{name}_labels.csv").write_text(table)
    (tmp_path / "trials_to_train.txt").write_text("user01_led.aedat\n")
    (tmp_path / "trials_to_test.txt").write_text("user24_led.aedat\n")
    train, test = eventfiles.dvs_gesture(tmp_path)
    assert [train[n][1] for n in range(2)] == [1, 10]
    assert len(test) == 2
    assert train[0][0].tolist() == [(33, 0, 0, 3990)]
    assert train[1][0].tolist() == [(0, 33, 1, 3190)]


def test_events_of_an_aedat_file_that_do_not_count_are_left_out_and_overflows_go_on_counting(tmp_path):
    path = tmp_path / "a.aedat"
    path.write_bytes(HEADER + packet(EVENTS, valid=[1, 0, 1]) + packet(EVENTS[:1], overflows=1))
    assert eventfiles.read_aedat(path)["t"].tolist() == [7, 8191, 2**31 + 7]
    path.write_bytes(HEADER)
    assert len(eventfiles.read_aedat(path)) == 0


def test_dvs_gesture_as_tonic_fetches_it_has_a_file_for_each_gesture_in_ms(tmp_path):
    for part, user in (("ibmGestureTrain", "user01_led"), ("ibmGestureTest", "user25_lab")):
        folder = tmp_path / "DVSGesture" / part / user
        folder.mkdir(parents=True)
        np.save(folder / "3.npy", np.array([[127, 5, 1, 2], [0, 127, 0, 40]], dtype=float))
    train, test = eventfiles.dvs_gesture(tmp_path)
    assert (len(train), len(test)) == (1, 1)
    events, label = test[0]
    assert label == 3
    assert events.tolist() == [(127, 5, 1, 2000), (0, 127, 0, 40_000)]


def test_the_readers_of_tonic_find_the_same_events(tmp_path):
    tonic = pytest.importorskip("tonic", reason="needs the extra `neuromorphic`")
    rng = np.random.default_rng(0)
    events = np.zeros(200, eventfiles.EVENT)
    for name, high in (("x", 34), ("y", 34), ("p", 2), ("t", 2**23)):
        events[name] = rng.integers(0, high, 200)
    write_nmnist(tmp_path / "a.bin", events, overflows=1)
    theirs = tonic.io.read_mnist_file(tmp_path / "a.bin", dtype=tonic.datasets.NMNIST.dtype)
    ours = eventfiles.read_nmnist(tmp_path / "a.bin")
    assert all(np.array_equal(ours[name], theirs[name]) for name in "xypt")
    events["t"] = np.sort(events["t"])
    (tmp_path / "a.aedat").write_bytes(HEADER + packet(events[:120]) + packet(events[120:]))
    version, start, _ = tonic.io.read_aedat_header_from_file(str(tmp_path / "a.aedat"))
    theirs = tonic.io.get_aer_events_from_file(str(tmp_path / "a.aedat"), version, start)
    ours = eventfiles.read_aedat(tmp_path / "a.aedat")
    assert np.array_equal(ours["t"], theirs["timeStamp"])
    assert np.array_equal(ours["x"], theirs["address"] >> 17)


def test_tonic_fetches_both_parts_into_the_folder(tmp_path, monkeypatch):
    asked = []
    made = types.SimpleNamespace(SHD=lambda folder, train: asked.append((folder, train)))
    monkeypatch.setitem(sys.modules, "tonic.datasets", made)
    eventfiles.fetch("shd", tmp_path)
    assert asked == [(str(tmp_path), True), (str(tmp_path), False)]


def test_without_tonic_or_h5py_a_sentence_says_what_to_install(tmp_path, monkeypatch):
    for name in ("tonic", "tonic.datasets", "h5py"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ValueError, match=r"nmnist is fetched by tonic, which cannot be imported .*pip install 'synctopo\[neuromorphic\]'"):
        eventfiles.fetch("nmnist", tmp_path)
    with pytest.raises(ValueError, match=r"shd_train\.h5 is read by h5py, which cannot be imported .*neuromorphic"):
        eventfiles.shd(tmp_path)


def test_neither_package_is_imported_before_it_is_needed(monkeypatch):
    real = builtins.__import__

    def guarded(name, *rest):
        assert name.split(".")[0] not in ("tonic", "h5py"), name
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", guarded)
    spec = importlib.util.spec_from_file_location("again", eventfiles.__file__)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "again", module)
    spec.loader.exec_module(module)


@pytest.mark.parametrize(
    ("files", "call", "sentence"),
    [
        ({}, lambda p: eventfiles.nmnist(p), "does not hold N-MNIST, files to learn from and for tests; download=True"),
        ({}, lambda p: eventfiles.dvs_gesture(p), "does not hold DVS-Gesture"),
        ({}, lambda p: eventfiles.fetch("mnist", p), "no event data set 'mnist'; the nearest is 'nmnist'"),
        ({"a.bin": b"1234567"}, lambda p: eventfiles.read_nmnist(p / "a.bin"), "has 7 bytes, no multiple of the 5 of an event"),
        ({"a.aedat": b"#!AER-DAT2.0\r\n"}, lambda p: eventfiles.read_aedat(p / "a.aedat"), "does not begin as an AEDAT 3 file does"),
        ({"a.aedat": HEADER[:20]}, lambda p: eventfiles.read_aedat(p / "a.aedat"), "its header has no end"),
        ({"a.aedat": HEADER + packet(EVENTS)[:9]}, lambda p: eventfiles.read_aedat(p / "a.aedat"), "in the header of a packet"),
        ({"a.aedat": HEADER + packet(EVENTS)[:-1]}, lambda p: eventfiles.read_aedat(p / "a.aedat"), "truncated in a packet of 3 events"),
        ({}, lambda p: eventfiles.gestures(p / "a.aedat"), r"a_labels\.csv is no table of class, startTime_usec and endTime_usec"),
        ({"a_labels.csv": b"class,start\n1,2\n"}, lambda p: eventfiles.gestures(p / "a.aedat"), "is no table of class"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, files, call, sentence):
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=sentence):
        call(tmp_path)
