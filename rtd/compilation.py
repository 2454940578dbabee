"""How the kernels are compiled: on first use, once, to a file that later processes load; and the two bit instructions that numba lacks."""

import inspect
from collections.abc import Callable, Collection
from typing import Any

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

KERNELS: list[Any] = []


def kernel(function: Callable[..., Any]) -> Any:
    """The function, compiled when first called and without the interpreter's lock; cached where a folder can be written to."""
    return _compiled(function)


def part_of_kernel(function: Callable[..., Any]) -> Any:
    """A function for kernels to call: as `kernel`, but faster to compile, since Python cannot call it."""
    return _compiled(function, no_cpython_wrapper=True)


def _compiled(function: Callable[..., Any], **options: Any) -> Any:
    function = inspect.unwrap(function)  # a type checker may have wrapped it
    options = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True, **options}
    try:
        compiled = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no folder to write to: neither beside the source, nor the user's, nor NUMBA_CACHE_DIR
        compiled = numba.njit(**options)(function)
    KERNELS.append(compiled)
    return compiled


def is_compiled(modules: Collection[str]) -> bool:
    """Whether every kernel of these modules is compiled, in this process or in a file that it will load."""
    return all(k.signatures or _is_in_file(k) for k in KERNELS if k.py_func.__module__ in modules)


def _is_in_file(compiled: Any) -> bool:
    # numba has no public question for this; without an answer the kernel counts as not compiled, which costs a message too many
    file = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    try:
        return bool(file._load_index())  # type: ignore[union-attr]
    except Exception:
        return False


@part_of_kernel
def longer(a: np.ndarray, size: int) -> np.ndarray:
    """A copy of the array with room for at least `size` entries, at least twice what it had."""
    more = np.empty(max(2 * len(a), size), a.dtype)
    for k in range(len(a)):
        more[k] = a[k]
    return more


@intrinsic
def trailing_zeros(_context: Any, _word: Any) -> Any:
    """How many zero bits a word has below its lowest one; 64 for the word 0."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@intrinsic
def leading_zeros(_context: Any, _word: Any) -> Any:
    """How many zero bits a word has above its highest one; 64 for the word 0."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate
