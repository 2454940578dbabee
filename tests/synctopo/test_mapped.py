"""Mapped files: larger than memory, whole or not there, and what the library of safetensors reads."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from torch import Tensor, nn

from synctopo import reduction
from synctopo.mapped import TensorFile, map_tensors
from synctopo.recorder import record

pytestmark = pytest.mark.smoke


class Counter(nn.Module):
    def states(self, x: Tensor):
        for step in range(5):
            yield {"hidden": (step + 1) * x, "fixed": x[:, :1]}


X = torch.arange(14.0).reshape(7, 2)


def test_a_recording_written_while_it_was_made_is_the_file_that_saving_it_gives(tmp_path):
    filed = record(Counter(), X, batch=3, file=tmp_path / "filed")
    record(Counter(), X).save(tmp_path / "saved")
    assert (tmp_path / "filed").read_bytes() == (tmp_path / "saved").read_bytes()
    np.testing.assert_array_equal(filed.cloud("hidden", 4), 5 * X)
    assert filed.times == (0, 1, 2, 3, 4)


@pytest.mark.parametrize("reduce", [reduction.count, reduction.latency(), reduction.steps])
@pytest.mark.parametrize("dtype", [None, torch.float16, torch.float64])
def test_the_library_of_safetensors_reads_the_same(tmp_path, reduce, dtype):
    recording = record(Counter(), X, reduce=reduce, dtype=dtype, file=tmp_path / "r")
    read = load_file(tmp_path / "r")
    assert set(read) == {"hidden", "fixed", "samples"}
    for site in recording.sites:
        np.testing.assert_array_equal(read[site], recording.signals[site])


def test_a_cloud_of_a_mapped_file_may_be_written_and_the_file_may_not(tmp_path):
    recording = record(Counter(), X, reduce=reduction.count, file=tmp_path / "r")
    recording.cloud("hidden")[:] = 0
    torch.from_numpy(recording.cloud("hidden"))
    np.testing.assert_array_equal(recording.cloud("hidden"), 15 * X)
    with pytest.raises(ValueError, match="read-only"):
        recording.signals["hidden"][:] = 0


def test_a_model_that_fails_in_the_middle_leaves_no_file(tmp_path):
    class Failing(nn.Module):
        def states(self, x: Tensor):
            if x[0, 0] > 5:
                raise RuntimeError("no more")
            yield {"hidden": x}

    with pytest.raises(RuntimeError, match="no more"):
        record(Failing(), X, batch=2, file=tmp_path / "r")
    assert os.listdir(tmp_path) == []


def test_samples_named_by_texts_come_back(tmp_path):
    names = np.array(["é", 'a "b"', "c", "d", "e", "f", "g"])
    recording = record(Counter(), X, samples=names, file=tmp_path / "r")
    np.testing.assert_array_equal(recording.samples, names)
    assert recording.named


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (np.zeros((2, 3)), "'a' is to be float32 \\[2, 3\\]; rows came as float64 \\[2, 3\\]"),
        (np.zeros((2, 4), np.float32), "which does not fit"),
        (np.zeros((3, 3), np.float32), "which does not fit"),
        (np.zeros((1, 3), np.float32), "was not written to its end"),
    ],
)
def test_rows_that_are_not_those_announced_are_refused_and_leave_no_file(tmp_path, rows, sentence):
    with pytest.raises(ValueError, match=sentence), TensorFile(tmp_path / "r", {"a": ((2, 3), np.dtype(np.float32))}, room=10) as file:
        file.append("a", rows)
    assert os.listdir(tmp_path) == []


def test_types_and_texts_that_a_file_cannot_hold_are_refused(tmp_path):
    with pytest.raises(ValueError, match="is of type complex128, which a safetensors file lacks"):
        TensorFile(tmp_path / "r", {"a": ((2,), np.dtype(complex))}, room=0)
    with pytest.raises(ValueError, match="more than there is room for"), TensorFile(tmp_path / "r", {}, room=8) as file:
        file.texts = {"a": "b" * 99}
    with pytest.raises(ValueError, match="no site can be called 'samples'"):
        record(Counter(), X, sites=["fixed"], reduce=reduction.last).renamed({"fixed": "samples"}).save(tmp_path / "r")


def test_an_empty_array_and_an_empty_text_come_back(tmp_path):
    with TensorFile(tmp_path / "r", {"a": ((0, 3), np.dtype(np.int8))}, room=0):
        pass
    arrays, texts = map_tensors(tmp_path / "r")
    assert (arrays["a"].shape, texts) == ((0, 3), {})


GROWTH = """
import resource, sys
import torch
from torch import nn
from synctopo import Recording, record

class Wide(nn.Module):
    def states(self, x):
        yield {"wide": x.repeat(1, 50000)}

def grown():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

x = torch.rand(600, 1)
record(Wide(), x[:8], batch=8, file=sys.argv[1] + ".first")
before = grown()
recording = record(Wide(), x, batch=8, file=sys.argv[1])
again = Recording.load(sys.argv[1])
print(grown() - before, recording.signals["wide"].nbytes / 2**20, bool((again.signals["wide"][599] == float(x[599])).all()))
"""


@pytest.mark.slow
def test_a_recording_of_a_hundred_megabytes_takes_a_few_of_memory(tmp_path):
    done = subprocess.run([sys.executable, "-c", GROWTH, str(tmp_path / "big")], capture_output=True, text=True, check=True)
    grown, size, right = done.stdout.split()
    assert float(size) > 100
    assert float(grown) < 30
    assert right == "True"
