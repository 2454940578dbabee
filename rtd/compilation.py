"""How the kernels are compiled: on first use, once, to a file that later processes load; and the two bit instructions that numba lacks."""

import inspect
from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic


def kernel(function: Callable[..., Any]) -> Any:
    """The function, compiled when first called and without the interpreter's lock; cached where a folder can be written to."""
    function = inspect.unwrap(function)  # a type checker may have wrapped it
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no folder to write to: neither beside the source, nor the user's, nor NUMBA_CACHE_DIR
        return numba.njit(**options)(function)


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
