"""Security: nothing is unpickled, nothing is evaluated, and no archive is unpacked to the disk."""

import ast
import gzip
from pathlib import Path

import pytest

from synctopo import data, imagefiles

pytestmark = pytest.mark.smoke

ROOT = Path(__file__).parent.parent.parent
SOURCES = sorted(file for package in ("rtd", "rsnn", "synctopo") for file in (ROOT / package).rglob("*.py"))

MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "shelve", "marshal", "yaml", "tarfile", "jsonpickle"}
CALLS = {"eval", "exec", "compile", "__import__", "read_pickle", "to_pickle", "unpack_archive", "extractall", "extract"}
LOADERS = {
    ("np", "load"),
    ("numpy", "load"),
    ("torch", "load"),
    ("torch", "save"),
    ("joblib", "load"),
    ("joblib", "dump"),
    ("os", "system"),
    ("os", "popen"),
}


def offences(source: str) -> list[str]:
    """What in a source file reads code from data, or writes what an archive names."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom):
            found += [str(node.module)] if str(node.module).split(".")[0] in MODULES else []
            found += [f"{node.module}.{a.name}" for a in node.names if (str(node.module), a.name) in LOADERS]
        elif isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Name) and function.id in CALLS:
                found.append(function.id)
            if isinstance(function, ast.Attribute):
                owner = function.value.id if isinstance(function.value, ast.Name) else ""
                # a regular expression is compiled too, and a module is put into its mode `eval`
                if (owner, function.attr) in LOADERS or (function.attr in CALLS and function.attr not in ("compile", "eval")):
                    found.append(f"{owner}.{function.attr}")
            found += [f"allow_pickle at line {node.lineno}" for k in node.keywords if k.arg == "allow_pickle"]
    return found


def test_nothing_in_the_packages_reads_code_from_data():
    assert len(SOURCES) > 80
    assert {str(file.relative_to(ROOT)): offences(file.read_text(encoding="utf-8")) for file in SOURCES} == {
        str(file.relative_to(ROOT)): [] for file in SOURCES
    }


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from cloudpickle import loads",
        "from torch import load",
        "import numpy as np\nnp.load('x')",
        "f('x', allow_pickle=True)",
        "torch.load('x')",
        "eval('1')",
        "archive.extractall()",
        "pd.read_pickle('x')",
    ],
)
def test_what_would_is_found(source):
    assert offences(source)


def test_only_a_module_that_was_named_is_imported_by_name():
    importing = {file.relative_to(ROOT).as_posix() for file in SOURCES if "import_module(" in file.read_text(encoding="utf-8")}
    # ours by their own names, pyarrow, what brings threads, the extras that `doctor` looks for; and a user's own models
    assert importing <= {
        *("rtd/__init__.py", "rtd/compilation.py", "synctopo/__init__.py", "synctopo/tables/formats.py", "synctopo/doctor.py"),
        *("synctopo/executors/attempt.py", "synctopo/families/custom.py", "synctopo/eventfiles.py"),
    }


def test_a_packed_data_file_that_is_broken_or_a_bomb_is_told(tmp_path, monkeypatch):
    names = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
    for name in names:
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(bytes(2**16)))
    monkeypatch.setattr(imagefiles, "_LARGEST", 2**15)
    with pytest.raises(ValueError, match="is truncated or no IDX file") as told:
        data.mnist(tmp_path)
    assert "more than 32768 bytes" in str(told.value.__cause__)
    broken = bytearray(gzip.compress(bytes(range(256)) * 9))
    broken[12:40] = b"\xff" * 28
    (tmp_path / f"{names[0]}.gz").write_bytes(broken)
    with pytest.raises(ValueError, match="is truncated or no IDX file"):
        data.mnist(tmp_path)
