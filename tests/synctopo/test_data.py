"""Data sets: real images, splits without overlap, and files that are said to be broken when they are."""

import gzip
import struct

import numpy as np
import pytest

from synctopo import data, imagefiles

pytestmark = pytest.mark.smoke


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    labels = np.arange(30, dtype=np.uint8) % 10
    return {
        "x_train": rng.integers(0, 256, (20, 28, 28), dtype=np.uint8),
        "y_train": labels[:20],
        "x_test": rng.integers(0, 256, (10, 28, 28), dtype=np.uint8),
        "y_test": labels[20:],
    }


def test_the_bundled_digits_are_1797_images_in_ten_classes():
    digits = data.digits()
    assert digits.images.shape == (1797, 8, 8)
    assert digits.images.min() == 0
    assert digits.images.max() == 1
    assert digits.classes == 10


def test_a_split_has_no_overlap_and_every_class_in_proportion():
    halves = data.split(data.digits(), train=1000, test=300, seed=3)
    assert len(set(halves.train.samples) | set(halves.test.samples)) == 1300
    assert np.bincount(halves.train.labels).min() >= 95
    assert np.bincount(halves.test.labels).min() >= 28


def test_the_same_seed_gives_the_same_split_and_another_one_another():
    first, again, other = (data.split(data.digits(), train=50, test=50, seed=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(first.test.samples, again.test.samples)
    assert not np.array_equal(first.test.samples, other.test.samples)


def test_other_data_has_another_fingerprint():
    digits = data.digits()
    assert digits.fingerprint == data.digits().fingerprint != digits.take(np.arange(10)).fingerprint


def test_mnist_is_read_from_an_npz_file_and_from_idx_files_alike(tmp_path, arrays, monkeypatch):
    (tmp_path / "npz").mkdir()
    (tmp_path / "idx").mkdir()
    np.savez(tmp_path / "npz" / "mnist.npz", **arrays)
    names = {"x_train": "train-images-idx3-ubyte", "y_train": "train-labels-idx1-ubyte.gz"}
    names |= {"x_test": "t10k-images-idx3-ubyte.gz", "y_test": "t10k-labels-idx1-ubyte"}
    for key, name in names.items():
        array = arrays[key]
        content = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
        (tmp_path / "idx" / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    packed = data.mnist(tmp_path / "npz")
    monkeypatch.setenv("SYNCTOPO_DATA", str(tmp_path / "idx"))
    idx = data.mnist()
    assert packed.images.shape == (30, 28, 28)
    np.testing.assert_array_equal(packed.images, idx.images)
    np.testing.assert_array_equal(packed.labels, idx.labels)


def test_a_checksum_does_not_depend_on_the_order_of_the_images(arrays):
    images = arrays["x_train"]
    assert imagefiles.checksum(images) == imagefiles.checksum(images[::-1]) != imagefiles.checksum(images[1:])


def test_what_is_wrong_with_a_data_folder_is_said(tmp_path, arrays):
    with pytest.raises(ValueError, match="does not exist; set SYNCTOPO_DATA"):
        data.mnist(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"holds neither mnist\.npz nor the four IDX files"):
        data.mnist(tmp_path)
    np.savez(tmp_path / "mnist.npz", images=arrays["x_train"])
    with pytest.raises(ValueError, match="holds images; x_train, y_train, x_test, y_test are wanted"):
        data.mnist(tmp_path)
    np.savez(tmp_path / "mnist.npz", **arrays)
    whole = (tmp_path / "mnist.npz").read_bytes()
    for cut in (0, 100, len(whole) // 2):
        (tmp_path / "mnist.npz").write_bytes(whole[:cut])
        with pytest.raises(ValueError, match=r"mnist\.npz is truncated or no \.npz file"):
            data.mnist(tmp_path)
    (tmp_path / "mnist.npz").unlink()
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"\0\0")
    with pytest.raises(ValueError, match="ubyte is truncated or no IDX file"):
        data.mnist(tmp_path)


def test_with_nothing_to_train_the_test_samples_are_all_or_drawn_from_all():
    whole = data.rings()
    all_of_it = data.split(whole, train=0, test=500, seed=0)
    assert np.array_equal(all_of_it.test.images, whole.images)
    assert len(all_of_it.train.labels) == 0
    some = data.split(whole, train=0, test=50, seed=1).test.samples
    assert len(set(some)) == 50
    assert np.array_equal(some, data.split(whole, train=0, test=50, seed=1).test.samples)
    assert not np.array_equal(some, data.split(whole, train=0, test=50, seed=2).test.samples)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: data.load("digit"), "no data set 'digit'; the nearest is 'digits'"),
        (
            lambda: data.split(data.digits(), train=5, test=0, seed=0),
            "a split needs at least one sample to test, and to train or none; got train=5",
        ),
        (lambda: data.split(data.digits(), train=1700, test=500, seed=0), "digits has 1797 samples; train=1700 and test=500 ask for 2200"),
        (
            lambda: data.split(data.digits(), train=3, test=3, seed=0),
            "digits cannot be split into train=3 and test=3 with every class on both sides",
        ),
    ],
)
def test_bad_input_is_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


@pytest.mark.slow
@pytest.mark.skipif("SYNCTOPO_DATA" not in __import__("os").environ, reason="needs SYNCTOPO_DATA")
def test_the_real_mnist_has_the_checksum_that_openml_is_held_to():
    mnist = data.mnist()
    assert mnist.images.shape == (70000, 28, 28)
    assert imagefiles.checksum(np.rint(mnist.images * 255).astype(np.uint8)) == imagefiles.CHECKSUMS["mnist"]
