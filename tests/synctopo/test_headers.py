"""Headers that lie, archives that explode: told in a sentence, before memory is taken."""

import io
import resource
import struct
import zipfile

import numpy as np
import pytest

from synctopo import arrays, headers
from synctopo.mapped import map_tensors

pytestmark = pytest.mark.smoke

X = np.arange(12.0).reshape(4, 3)


def npy(header: str | bytes, content: bytes = b"", version: int = 1) -> bytes:
    """A .npy file with exactly this header."""
    text = header.encode("latin1") if isinstance(header, str) else header
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + content


def saying(shape: str, descr: str = "'<f8'") -> bytes:
    return npy(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n", X.tobytes())


def safetensors(header: bytes, content: bytes = b"", length: int | None = None) -> bytes:
    return (len(header) if length is None else length).to_bytes(8, "little") + header + content


@pytest.fixture
def little_memory():
    """No more address space than now and half a gigabyte: what takes terabytes first and asks later fails."""
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + 2**29, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize("fortran", [False, True])
@pytest.mark.parametrize("kind", ["<f8", ">f4", "<f2", "|b1", "|u1", "<i8"])
def test_arrays_of_every_kind_and_order_are_read_as_numpy_reads_them(tmp_path, kind, fortran):
    array = (np.asfortranarray if fortran else np.ascontiguousarray)(X.astype(kind))
    np.save(tmp_path / "a.npy", array)
    np.savez_compressed(tmp_path / "a.npz", a=array, other=X)
    for found in (headers.read_npy(tmp_path / "a.npy"), headers.read_npz(tmp_path / "a.npz", lambda held: ["a"])["a"]):
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (saying("(1000000000000, 3)"), r"shape \[1000000000000, 3\] of float64 takes 21.8 TiB, and 96 B are there"),
        (saying("(-1, 3)"), r"has the shape \(-1, 3\); at most 32 sizes from 0 on"),
        (saying("(4294967296, 4294967296)"), "takes 128 EiB|truncated"),
        (saying("(True, 12)"), r"has the shape \(True, 12\)"),
        (saying("[4, 3]"), r"has the shape \[4, 3\]"),
        (saying("(4, 3, " + "1, " * 40 + ")"), "at most 32 sizes"),
        (saying("(0x" + "f" * 5000 + ",)"), "has the shape a tuple too long to print"),
        (saying("(12,)", "'|O'"), "holds O; numbers are wanted"),
        (saying("(12,)", "[('a', '<f8')]"), r"holds \[\('a', '<f8'\)\]; numbers are wanted"),
        (saying("(12,)", "'<f7'"), "no type of numbers"),
        (saying("(12,)", "'M8[ns]'"), r"holds M8\[ns\]; numbers are wanted"),
        (npy("{" * 5000), "its header cannot be read"),
        (npy("-" * 9000 + "1"), "its header cannot be read"),
        (npy("__import__('os').getcwd()"), "its header cannot be read"),
        (npy("{'descr': '<f8'}"), "its header cannot be read"),
        (npy("{}: 1" * 3), "its header cannot be read"),
        (npy(b"\xff" * 40, version=3), "its header cannot be read"),
        (npy("", version=9), "of a version that is known"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "claims a header of 4 GiB"),
        (saying("(4, 3)")[:-1], "is truncated"),
        (saying("(4, 2)"), "takes 64 B, and 96 B are there"),
    ],
)
def test_a_header_that_lies_is_told_and_takes_no_memory(tmp_path, little_memory, content, sentence):
    (tmp_path / "a.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("x.npy", content)
    for name in ("a.npy", "a.npz"):
        with pytest.raises(ValueError, match=sentence):
            arrays.read(tmp_path / name)


def zipped(path, content: bytes, **kind) -> None:
    with zipfile.ZipFile(path, "w", **kind) as file:
        file.writestr("x.npy", content)


def with_size(path, size: int) -> None:
    """Let the archive claim that its only member unpacks to `size` bytes."""
    found = bytearray(path.read_bytes())
    found[found.index(b"PK\x01\x02") + 24 : found.index(b"PK\x01\x02") + 28] = struct.pack("<I", size)
    path.write_bytes(found)


def test_a_zip_bomb_is_not_unpacked(tmp_path, little_memory, monkeypatch):
    monkeypatch.setattr(headers, "_LARGE", 2**20)
    zeros = io.BytesIO()
    np.save(zeros, np.zeros((2**19, 1)))
    zipped(tmp_path / "a.npz", zeros.getvalue(), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match=r"unpacks from .* KiB to 4 MiB, as zip bombs do; if it is meant, save it with numpy.savez"):
        arrays.read(tmp_path / "a.npz")
    zipped(tmp_path / "a.npz", zeros.getvalue())
    assert arrays.read(tmp_path / "a.npz").shape == (2**19, 1)


def test_an_archive_that_lies_of_itself_is_told(tmp_path, little_memory):
    zipped(tmp_path / "a.npz", saying("(400000000, 1)"), compression=zipfile.ZIP_DEFLATED)
    with_size(tmp_path / "a.npz", 4_000_000_000)
    with pytest.raises(ValueError, match=r"claims 3\.73 GiB in .*, which nothing packs into so little"):
        arrays.read(tmp_path / "a.npz")
    zipped(tmp_path / "a.npz", saying("(4, 3)"), compression=zipfile.ZIP_BZIP2)
    with pytest.raises(ValueError, match=r"packed by method 12; save it with numpy\.savez"):
        arrays.read(tmp_path / "a.npz")
    zipped(tmp_path / "a.npz", saying("(4, 3)"))
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole.replace(X.tobytes(), X[::-1].tobytes()))
    with pytest.raises(ValueError, match="Bad CRC-32"):
        arrays.read(tmp_path / "a.npz")
    locked = bytearray(whole)
    locked[6] |= 1
    locked[whole.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.npz").write_bytes(locked)
    with pytest.raises(ValueError, match=r"is truncated, locked, or no \.npz file: .*encrypted"):
        arrays.read(tmp_path / "a.npz")


def test_names_in_an_archive_lead_nowhere(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("../../escaped.npy", saying("(4, 3)"))
    before = sorted(tmp_path.parent.iterdir())
    np.testing.assert_array_equal(arrays.read(tmp_path / "a.npz"), X)
    assert sorted(tmp_path.parent.iterdir()) == before


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (safetensors(b"{}", length=2**62), "truncated or no safetensors file"),
        (safetensors(b'{"a":{"dtype":"F64","shape":[1000000000000],"data_offsets":[0,8000000000000]}}'), "truncated or no safetensors"),
        (safetensors(b'{"a":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,0]}}'), "truncated or no safetensors"),
        (safetensors(b'{"a":{"dtype":"F64","shape":[-1],"data_offsets":[0,8]}}', bytes(8)), "truncated or no safetensors"),
        (safetensors(b'{"a":{"dtype":"F64","shape":[1],"data_offsets":[8,0]}}', bytes(8)), "truncated or no safetensors"),
        (
            safetensors(
                b'{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},"b":{"dtype":"F64","shape":[1],"data_offsets":[4,12]}}', bytes(12)
            ),
            "truncated or no safetensors",
        ),
        (safetensors(b'{"a":{"dtype":"I8","shape":[0,4611686018427387904],"data_offsets":[0,0]}}'), "which is not what lies there"),
        (safetensors(b'{"a":{"dtype":"I8","shape":[' + b"1," * 40 + b'1],"data_offsets":[0,1]}}', b"x"), "which is not what lies there"),
        (safetensors(b"[" * 9000), "truncated or no safetensors"),
    ],
)
def test_a_safetensors_file_that_lies_is_told_and_takes_no_memory(tmp_path, little_memory, content, sentence):
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match=sentence):
        map_tensors(tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=sentence):
        arrays.read(tmp_path / "a.safetensors")


def test_what_does_not_fit_in_memory_is_told_before_it_is_read(tmp_path, little_memory):
    with open(tmp_path / "a.npy", "wb") as file:
        # a file with a hole: it has the length that it claims, and takes no room on the disk
        file.write(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (68719476736, 4), }"))
        file.truncate(file.tell() + 4 * 2**38)
    with open(tmp_path / "a.csv", "wb") as file:
        file.truncate(2**40)
    for name in ("a.npy", "a.csv"):
        with pytest.raises(ValueError, match=r"a\.(npy|csv) needs .* TiB of memory, and this process may have .*; compare fewer samples"):
            arrays.read(tmp_path / name)


def test_sizes_are_told_for_people():
    assert [headers.told(n) for n in (0, 12, 2**10, 3 * 2**29, 2**80)] == ["0 B", "12 B", "1 KiB", "1.5 GiB", "1.05e+06 EiB"]
