"""Fuzzed inputs, by hypothesis: whatever a study table, an array file or a recording holds, the answer is a result or a sentence."""

import json
import math
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from synctopo import arrays
from synctopo.mapped import map_tensors
from synctopo.recording import Recording
from synctopo.study import Study

SETTINGS = settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])

leaves = st.one_of(
    *(st.booleans(), st.integers(), st.integers(-3, 300), st.floats(), st.text(max_size=8), st.dates(), st.none()),
    st.sampled_from(
        ["mlp", "rsnn", "module", "points", "predictive", "digits", "rings", "rtd", "adam", "bptt", "stdp", "gamma", "count", "a", "b"]
    ),
)
keys = st.one_of(
    st.sampled_from(
        [
            *(
                "name",
                "question",
                "seeds",
                "data",
                "models",
                "record",
                "unroll",
                "compare",
                "family",
                "hidden",
                "learning",
                "rule",
                "units",
            ),
            *("neuron", "tau_mem", "distribution", "mean", "cv", "train", "test", "sites", "measures", "contrasts", "callable", "epochs"),
        ]
    ),
    st.text(max_size=5),
)
values = st.recursive(leaves, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)), max_leaves=12)

GOOD = {
    "name": "a",
    "question": "?",
    "seeds": [0, 1],
    "data": {"name": "digits", "train": 20, "test": 10},
    "defaults": {"family": "mlp", "hidden": [4]},
    "models": {"a": {}, "b": {"learning": {"rule": "adam", "epochs": 1}}},
    "record": {"sites": ["hidden1"]},
    "compare": {"measures": ["rtd"], "contrasts": [["a", "b"]]},
}


@contextmanager
def result_or_sentence():
    """What is asserted inside holds, or a ValueError says in one line what is wrong."""
    try:
        yield
    except ValueError as error:
        if len(str(error)) < 12 or "\n" in str(error):
            raise AssertionError(f"no sentence: {error}") from error


@SETTINGS
@given(st.dictionaries(keys, values, max_size=8), st.booleans())
def test_a_table_is_a_study_or_is_told(table, whole):
    with result_or_sentence():
        assert Study.from_table({**GOOD, **table} if whole else table).models


@SETTINGS
@given(st.sampled_from(sorted(GOOD)), st.data())
def test_a_study_with_one_entry_exchanged_is_a_study_or_is_told(place, data):
    table = json.loads(json.dumps(GOOD))
    inner = table[place]
    if isinstance(inner, dict) and data.draw(st.booleans()):
        inner[data.draw(st.one_of(st.sampled_from(sorted(inner)), keys))] = data.draw(values)
    else:
        table[place] = data.draw(values)
    with result_or_sentence():
        assert Study.from_table(table).seeds


@SETTINGS
@given(
    st.sampled_from(["<f8", ">f4", "|O", "<U4", "?", "<c8", "|V3", "<i2", "<f9"]),
    st.lists(st.one_of(st.integers(-2, 6), st.sampled_from([2**31, 2**62, 2**63, 2**64])), max_size=4),
    st.binary(max_size=200),
)
def test_a_header_is_an_array_or_is_told(tmp_path, kind, shape, content):
    header = f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {tuple(shape)!r}, }}".encode()
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content)
    with result_or_sentence():
        found = arrays.read(tmp_path / "a.npy")
        assert found.dtype == np.float64
        assert found.size == math.prod(shape)


@SETTINGS
@given(st.text(alphabet="0123456789.,-+enaif\n \t\"#'", max_size=60))
def test_a_csv_is_an_array_or_is_told(tmp_path, text):
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with result_or_sentence():
        assert arrays.read(tmp_path / "a.csv").ndim == 2


about = st.fixed_dictionaries(
    {},
    optional={
        "format": st.one_of(st.just(2), leaves.filter(lambda v: v != v or isinstance(v, int | float | str | None))),
        "sites": st.one_of(st.just(["hidden"]), st.lists(st.sampled_from(["hidden", "samples", "x", "../x"]), max_size=3)),
        "times": st.lists(st.one_of(st.integers(-1, 3), st.text(max_size=2), st.booleans()), max_size=3),
        "samples": st.one_of(st.none(), st.lists(st.text(max_size=3), max_size=4), st.integers()),
        "reduction": st.one_of(st.just("count"), st.integers()),
        "maps": st.one_of(st.just("flatten"), st.none()),
        "inputs": st.one_of(st.just(""), st.lists(st.integers(), max_size=1)),
        "named": st.one_of(st.booleans(), st.text(max_size=2)),
        "rounded": st.one_of(
            st.just({}), st.dictionaries(st.sampled_from(["hidden", "x"]), st.floats(allow_nan=False, allow_infinity=False))
        ),
    },
)


@SETTINGS
@given(about)
def test_a_description_is_a_recording_or_is_told(tmp_path, said):
    signals = {"hidden": np.zeros((4, 1, 3)), "samples": np.arange(4)}
    base = {"format": 2, "sites": ["hidden"], "times": [], "samples": None, "reduction": "count", "maps": "flatten"}
    text = json.dumps({**base, "inputs": "", "named": True, "rounded": {}, **said}, default=str)
    save_file(signals, tmp_path / "r", metadata={"recording": text})
    with result_or_sentence():
        found = Recording.load(tmp_path / "r")
        for site in found.sites:
            assert found.cloud(site, found.times[0] if found.times else None).shape[0] == len(found.samples)
        assert repr(found)


@SETTINGS
@given(st.binary(max_size=120), st.integers(0, 2**64 - 1))
def test_bytes_are_tensors_or_are_told(tmp_path, content, length):
    for start in (length, len(content), max(0, len(content) - 8)):
        (tmp_path / "a.safetensors").write_bytes(start.to_bytes(8, "little") + content)
        with pytest.raises(ValueError, match="truncated or no safetensors file"):
            map_tensors(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a = " + "[" * 5000, "is no TOML: "),
        ("a" + ".a" * 2000 + " = 1", "more than 20 deep|no key"),
        ("name = " + "9" * 5000, "is no TOML: Exceeds the limit"),
        ("name = 0x" + "f" * 5000, "more than 256 bits"),
        ("x" * 2**21, r"has 2097152 bytes; a study file has at most 1048576"),
        ("name = '''\x00'''", "is no TOML"),
        ("[models.a]\n" + "\n".join(f"x{k} = 1" for k in range(3000)), "name is missing"),
    ],
)
def test_files_made_to_break_a_reader_are_told(tmp_path, text, sentence):
    (tmp_path / "s.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=sentence):
        Study.load(tmp_path / "s.toml")
