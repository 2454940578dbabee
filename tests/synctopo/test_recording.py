"""Recording: what is kept is what the model did, and files come back as they went."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from torch import Tensor, nn

import rsnn
import rtd
from synctopo import reduction
from synctopo.models import MLP
from synctopo.recorder import record
from synctopo.recording import Recording, joined

pytestmark = pytest.mark.smoke


class Counter(nn.Module):
    """After step t its site `hidden` holds (t + 1) x, its site `fixed` x."""

    def states(self, x: Tensor):
        for step in range(5):
            yield {"hidden": (step + 1) * x, "fixed": x}


X = torch.arange(1.0, 7.0).reshape(3, 2)


@pytest.mark.parametrize(
    ("reduce", "factor"),
    [
        (reduction.count, 15.0),
        (reduction.mean, 3.0),
        (reduction.last, 5.0),
        (reduction.window(1, 3), 2.5),
        (reduction.trace(1e12), 15.0),
    ],
)
def test_a_reduction_of_a_ramp_is_its_sum_mean_or_end(reduce, factor):
    cloud = record(Counter(), X, sites=["hidden"], reduce=reduce).cloud("hidden")
    np.testing.assert_allclose(cloud, factor * X.numpy(), rtol=1e-6)


def test_a_short_trace_forgets():
    cloud = record(Counter(), X, sites=["fixed"], reduce=reduction.trace(1.0)).cloud("fixed")
    np.testing.assert_allclose(cloud, X.numpy() * sum(np.exp(-k) for k in range(5)), rtol=1e-6)


def test_flattening_puts_the_steps_side_by_side():
    cloud = record(Counter(), X, sites=["hidden"], reduce=reduction.flatten).cloud("hidden")
    np.testing.assert_array_equal(cloud, np.hstack([(t + 1) * X.numpy() for t in range(5)]))


def test_every_step_is_kept_by_default_and_every_second_on_request():
    every = record(Counter(), X)
    assert every.times == (0, 1, 2, 3, 4)
    np.testing.assert_array_equal(every.cloud("hidden", 2), 3 * X.numpy())
    second = record(Counter(), X, every=2)
    assert second.times == (1, 3)
    np.testing.assert_array_equal(second.cloud("hidden", 3), 4 * X.numpy())


def test_the_result_does_not_depend_on_the_batch():
    one, many = (record(Counter(), X, batch=b, reduce=reduction.count) for b in (1, 99))
    np.testing.assert_array_equal(one.cloud("hidden"), many.cloud("hidden"))


def test_a_recording_comes_back_from_its_file(tmp_path):
    first = record(Counter(), X, samples=np.array([7, 5, 9]))
    first.save(tmp_path / "a.safetensors")
    again = Recording.load(tmp_path / "a.safetensors")
    assert again.sites == first.sites == ("hidden", "fixed")
    assert (again.times, again.reduction) == (first.times, "steps")
    np.testing.assert_array_equal(again.samples, [7, 5, 9])
    for site in first.sites:
        np.testing.assert_array_equal(again.signals[site], first.signals[site])


def test_the_same_recording_is_the_same_file(tmp_path):
    for name in ("a", "b"):
        record(Counter(), X).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_modules_get_their_own_mode_back():
    net = nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.9))
    net.train()
    net[0].eval()
    first = record(net, X, sites=["1"])
    assert (net.training, net[0].training, net[1].training) == (True, False, True)
    np.testing.assert_array_equal(first.cloud("1"), record(net, X, sites=["1"]).cloud("1"))


def test_sites_can_be_renamed_and_joined():
    counts = record(Counter(), X, reduce=reduction.count)
    both = joined([counts, counts.renamed({"hidden": "again"})])
    np.testing.assert_array_equal(both.cloud("again"), both.cloud("hidden"))
    assert both.sites == ("hidden", "fixed", "again")


def test_parts_of_a_recorded_layer_are_what_recording_the_unrolled_network_gives():
    generator = torch.Generator().manual_seed(0)
    net = rsnn.RSNN(4, 20, 2, connectivity=rsnn.Sparse(0.3), generator=generator)
    x = rsnn.encode.constant(torch.rand(3, 4, generator=generator), 8)
    graph = rtd.unroll_graph(net)
    recorded = record(graph, x, sites=graph.names, reduce=reduction.count)
    whole = record(net, x, sites=["hidden.spikes"], reduce=reduction.count)
    parts = whole.parts("hidden.spikes", {n: i.numpy() for n, i in zip(graph.names, graph.layers, strict=True)})
    for name in graph.names:
        np.testing.assert_array_equal(parts.cloud(name), recorded.cloud(name))


class Silent(nn.Module):
    def states(self, x: Tensor):
        yield from ()


class Broken(nn.Module):
    def states(self, x: Tensor):
        yield {"hidden": x / 0}


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: record(Counter(), X, sites=["hiden"]), "no site 'hiden' in this model; the nearest is 'hidden'; there are: fixed, hidden"),
        (lambda: record(Counter(), X).cloud("hidde", 0), "no site 'hidde' in this recording; the nearest is 'hidden'"),
        (lambda: record(Counter(), X).cloud("hidden", 9), "step 9 is not among them"),
        (lambda: record(Counter(), X).cloud("hidden"), "holds the steps 0, 1, 2, 3, 4; name one with `time`"),
        (lambda: record(Counter(), X, reduce=reduction.last).cloud("hidden", 1), "leave `time` out"),
        (lambda: record(Counter(), X, reduce=reduction.window(3, 9)), "the model took 5 steps"),
        (lambda: record(Counter(), X, every=9), "nothing was kept of 5 steps"),
        (lambda: record(Counter(), X, every=0), "whole numbers from 1 on"),
        (lambda: record(Counter(), X[:0]), "no sample to record"),
        (lambda: record(Counter(), X, samples=np.arange(2)), "names 2 samples, but x holds 3"),
        (lambda: record(Silent(), X), "yielded no state"),
        (lambda: record(Broken(), X), "holds NaN or infinity"),
        (lambda: record(nn.Linear(2, 2), X), r"Linear has no `states`; name the submodules to record"),
        (lambda: record(Counter(), X).renamed({"nope": "x"}), "no site 'nope'"),
        (lambda: joined([record(Counter(), X)] * 2), "both have the site 'hidden'"),
        (lambda: joined([record(Counter(), X), record(Counter(), X, every=2)]), "samples, times and reduction agree"),
        (lambda: reduction.window(3, 3), "0 <= start < stop"),
        (lambda: reduction.trace(0.0), "must be positive"),
    ],
)
def test_bad_input_is_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("record(net, [[1.0, 2.0]], sites=[''])", "`x` is a tensor [sample, ...]; got list, of which torch.as_tensor(x) makes one."),
        (
            "record(net, torch.ones(1, 2), sites=[''], reduce='count')",
            "is one of synctopo.reduction, such as reduction.count; got 'count'.",
        ),
    ],
)
def test_an_argument_of_another_type_is_one_sentence(call, sentence):
    # in a process of its own: the type checks of the test run would speak first
    code = f"import torch; from synctopo import record; net = torch.nn.Linear(2, 2); {call}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip().splitlines()[-1].startswith("ValueError: ")
    assert sentence in done.stderr


def test_a_recording_says_in_one_line_what_it_holds():
    assert repr(record(Counter(), X)) == "Recording(3 samples, 5 steps: hidden [2], fixed [2])"
    assert repr(record(Counter(), X, sites=["hidden"], reduce=reduction.mean)) == "Recording(3 samples, mean: hidden [2])"


class Leaky(nn.Module):
    """Returns a pair, as the neurons of snnTorch do."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, -x


@pytest.mark.parametrize("sites", [["0"], {"0": "0"}])
def test_a_submodule_that_returns_a_pair_is_recorded_by_its_name_alone(sites):
    recording = record(nn.Sequential(Leaky()), X, sites=sites)
    np.testing.assert_array_equal(recording.cloud("0.1", 0), -X)


def test_files_that_are_no_recording_are_named(tmp_path):
    record(Counter(), X).save(tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    for cut in (0, 4, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut").write_bytes(whole[:cut])
        with pytest.raises(ValueError, match="cut is truncated or no safetensors file"):
            Recording.load(tmp_path / "cut")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        Recording.load(tmp_path / "nothing")


def test_a_perceptron_records_its_layers():
    held = record(MLP(2, [4], 3), X)
    assert held.sites == ("hidden1", "readout")
    assert held.cloud("hidden1").shape == (3, 4)


WHOLE = {"format": 2, "sites": ["a"], "times": [], "samples": None, "reduction": "count", "maps": "flatten", "inputs": "", "named": True}


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"times": [0, 1]}, r"'a' has the shape \[3, 1, 2\] with 3 samples and 2 steps"),
        ({"times": [-1]}, "its steps are no different whole numbers"),
        ({"times": [True]}, "its steps are no different whole numbers"),
        ({"samples": ["x"]}, "with 1 samples and 0 steps"),
        ({"samples": [1, 2, 3]}, "the identities of its samples are no texts"),
        ({"samples": ["x" * 10**6] + [""] * 10**6}, "needs 3.64 TiB of memory"),
        ({"sites": "a"}, "its sites cannot be what was written"),
        ({"sites": ["a", "flat"]}, r"'flat' has the shape \[3\]"),
        ({"named": 1, "maps": None}, "its maps, named cannot be what was written"),
        ({"rounded": {"b": 0.1}}, "errors of rounding are named for sites that it lacks"),
        ({"rounded": {"a": 10**400}}, "its rounded cannot be what was written"),
        ({"rounded": {"a": "x"}}, "its rounded cannot be what was written"),
        ({"format": [2]}, r"has the recording format \[2\]; this version reads format 2"),
    ],
)
def test_a_description_that_does_not_fit_its_arrays_is_told(tmp_path, said, sentence):
    arrays = {"a": np.zeros((3, 1, 2)), "flat": np.zeros(3), "samples": np.arange(3)}
    save_file(arrays, tmp_path / "r", metadata={"recording": json.dumps({**WHOLE, "rounded": {}, **said})})
    with pytest.raises(ValueError, match=sentence):
        Recording.load(tmp_path / "r")
