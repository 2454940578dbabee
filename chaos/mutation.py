"""Mutations: seeded changes to bytes, to tables of a study and to the headers of array files."""

import datetime
import json
import math
import random
import struct
from collections.abc import Callable, Sequence
from typing import Any

NUMBERS = (0, 1, -1, 2, 3, 7, 2**31 - 1, 2**31, 2**32, 2**53, 2**62, 2**63 - 1, 2**63, 2**64, -(2**63), 10**30, 10**400)
NASTY: tuple[Any, ...] = (
    *NUMBERS,
    *(0.0, -0.0, 0.5, 1e-320, 1e308, -1e308, math.inf, -math.inf, math.nan, True, False),
    *("", " ", "\x00", "a" * 5000, "../../etc/passwd", "/dev/zero", "<script>", "‮", "\ud7ff", "{{7*7}}", "%n%s", "$(id)", "nan", "1e9"),
    *([], [[]], [0], [[[[[0]]]]], {}, {"": ""}, {"a": {"b": {"c": {}}}}, datetime.date(2026, 1, 1), datetime.time(1, 2)),
)
WORDS = (
    b"\x00",
    b"\xff" * 8,
    b"\x7f" * 8,
    b"NaN",
    b"-1",
    b"1e999",
    b"null",
    b"[",
    b"{",
    b'"',
    b"'",
    b"\\",
    b"\r\n",
    b"PK\x03\x04",
    b"\x93NUMPY",
)


def flipped(draw: random.Random, content: bytes) -> bytes:
    """One bit of it turned."""
    if not content:
        return b"\x01"
    found = bytearray(content)
    found[draw.randrange(len(found))] ^= 1 << draw.randrange(8)
    return bytes(found)


def truncated(draw: random.Random, content: bytes) -> bytes:
    return content[: draw.randrange(len(content))] if content else content


def _inserted(draw: random.Random, content: bytes) -> bytes:
    at = draw.randrange(len(content) + 1)
    return content[:at] + draw.choice(WORDS) + content[at:]


def _overwritten(draw: random.Random, content: bytes) -> bytes:
    at, word = draw.randrange(len(content) + 1), draw.choice(WORDS)
    return content[:at] + word + content[at + len(word) :]


def _number(draw: random.Random, content: bytes) -> bytes:
    at = draw.randrange(max(1, len(content) - 8))
    kind = draw.choice(["<B", "<H", "<I", "<Q", ">I", ">Q"])
    size = struct.calcsize(kind)
    value = draw.choice([0, 1, 2 ** (8 * size) - 1, 2 ** (8 * size - 1), draw.randrange(2 ** (8 * size))])
    return content[:at] + struct.pack(kind, value) + content[at + size :]


def _cut(draw: random.Random, content: bytes) -> bytes:
    begin = draw.randrange(len(content) + 1)
    return content[:begin] + content[begin + draw.randint(1, 64) :]


def _doubled(draw: random.Random, content: bytes) -> bytes:
    begin = draw.randrange(len(content) + 1)
    part = content[begin : begin + draw.randint(1, 64)]
    return content[:begin] + part * draw.randint(2, 9) + content[begin:]


def _digits(draw: random.Random, content: bytes) -> bytes:
    places = [k for k, c in enumerate(content[:5000]) if 48 <= c <= 57]
    if not places:
        return flipped(draw, content)
    at = draw.choice(places)
    return content[:at] + str(draw.choice(NUMBERS[:16])).encode() + content[at + 1 :]


CHANGES: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    *(flipped, flipped, flipped, truncated, _inserted, _overwritten, _number, _number, _cut, _doubled, _digits, _digits),
)


def mutated(draw: random.Random, content: bytes, others: Sequence[bytes] = ()) -> bytes:
    """A few changes to bytes; sometimes the start of one file with the end of another."""
    if others and draw.random() < 0.05:
        other = draw.choice(others)
        content = content[: draw.randrange(len(content) + 1)] + other[draw.randrange(len(other) + 1) :]
    for _ in range(draw.choice([1, 1, 1, 2, 3, 6])):
        content = draw.choice(CHANGES)(draw, content)
    return content[: 2**18]


def changed(draw: random.Random, value: Any, others: Sequence[Any] = ()) -> Any:
    """The value with one or a few entries, at any depth, replaced, removed, renamed, added or wrapped."""
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        found = _changed(draw, value, others)
        # what has an outside keeps it
        value = found if isinstance(found, type(value)) or not isinstance(value, dict) else value
    return value


def _changed(draw: random.Random, value: Any, others: Sequence[Any]) -> Any:
    if isinstance(value, dict) and value and draw.random() < 0.9:
        key = draw.choice(sorted(value, key=str))
        found = dict(value)
        what = draw.random()
        if what < 0.6:
            found[key] = _changed(draw, found[key], others)
        elif what < 0.7:
            del found[key]
        elif what < 0.8:
            found[
                draw.choice([key + "x", key[:-1], "", "family", "rule", "distribution", "__class__", draw.choice(sorted(value, key=str))])
            ] = found.pop(key)
        elif what < 0.9:
            found[draw.choice(["family", "data", "sizes", "x", "learning", "seeds"])] = draw.choice([*NASTY, *others])
        else:
            found[key] = {"": found[key]}
        return found
    if isinstance(value, list) and value and draw.random() < 0.7:
        at = draw.randrange(len(value))
        return draw.choice([value[:at], value[at:] * 2, [*value[:at], _changed(draw, value[at], others), *value[at + 1 :]]])
    if isinstance(value, int | float) and not isinstance(value, bool) and draw.random() < 0.5:
        return draw.choice(
            [-value, value * 2, value + 1, value / 2 if abs(value) < 2**60 else 0.5, f"{value:.3g}" if abs(value) < 2**60 else "1", [value]]
        )
    if isinstance(value, str) and draw.random() < 0.5:
        return draw.choice([value + "x", value[:-1], value.upper(), value * 3, [value]])
    return draw.choice([*NASTY, *others])


def toml(table: dict[str, Any]) -> str:
    """A table as TOML, everything below the first level in one line."""
    return "".join(f"{_key(key)} = {_toml(value)}\n" for key, value in table.items())


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(inner) for inner in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return "nan" if math.isnan(value) else f"{'-' if value < 0 else ''}inf" if math.isinf(value) else repr(value)
    if isinstance(value, int):
        # Python writes no number of more than 4,300 digits
        return str(value) if abs(value) < 10**4000 else "9" * 5000
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return _key(str(value))


def _key(text: str) -> str:
    return '"' + "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in text) + '"'


def npy(draw: random.Random, content: bytes) -> bytes:
    """A .npy file whose header says something else."""
    length = int.from_bytes(content[8:10], "little")
    shape = [draw.choice([*NUMBERS[:16], -3, 2**40]) for _ in range(draw.choice([0, 1, 2, 2, 2, 3, 33, 70]))]
    descr = draw.choice(
        ["'<f8'", "'<f4'", "'|O'", "'<U9'", "'<M8[s]'", "'<c16'", "'|V8'", "'<f16'", "'<f3'", "[('a','<f8')]", "'f8,f8'", "1", "b'x'"]
    )
    about = draw.choice(
        [
            f"{{'descr': {descr}, 'fortran_order': False, 'shape': {tuple(shape)!r}, }}",
            f"{{'descr': '<f8', 'fortran_order': {draw.choice(['True', '1', 'None', '[]'])}, 'shape': {tuple(shape)!r}, }}",
            "{'descr': '<f8', 'fortran_order': False, 'shape': "
            + draw.choice(["None", "()", "(1e3,)", "('a',)", "[3, 4]", "(True, 2)"])
            + ", }",
            draw.choice(["(", "[", "{", "-"]) * draw.randrange(9000),
            "{'descr': '<f8'}",
        ]
    ).encode()
    version = draw.choice([1, 1, 1, 2, 3, 4])
    size = struct.pack("<H" if version == 1 else "<I", draw.choice([len(about)] * 8 + [0, 65535]))
    return b"\x93NUMPY" + bytes([version, 0]) + size + about + content[10 + length :]


def safetensors(draw: random.Random, content: bytes) -> bytes:
    """A safetensors file whose header says something else, of the length that it then has."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    held = header.get("__metadata__", {})
    if "recording" in held and draw.random() < 0.6:
        about = changed(draw, json.loads(held["recording"]))
        header["__metadata__"] = {**held, "recording": json.dumps(about, default=str)}
    else:
        header = changed(draw, header)
    text = json.dumps(header, default=str).encode(errors="replace")
    if draw.random() < 0.05:
        text = text[:-1] + b"," + text[1:]
    return draw.choice([len(text)] * 15 + [2**63]).to_bytes(8, "little") + text + content[8 + length :]
