"""How the kernels are compiled: on first use, once, to a file that later processes load; and the two bit instructions that numba lacks."""

import inspect
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib import import_module
from typing import Any

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

KERNELS: list[Any] = []


def kernel(function: Callable[..., Any]) -> Any:
    """The function, compiled when first called and without the interpreter's lock; cached where a folder can be written to.

    Its annotations are what it is compiled for: `int`, `float`, or arrays of jaxtyping, contiguous in memory.
    """
    compiled = _compiled(function)
    KERNELS.append(compiled)
    return compiled


def part_of_kernel(function: Callable[..., Any]) -> Any:
    """A function for kernels to call: as `kernel`, but faster to compile, since Python cannot call it."""
    return _compiled(function, no_cpython_wrapper=True)


def _compiled(function: Callable[..., Any], **options: Any) -> Any:
    function = inspect.unwrap(function)  # a type checker may have wrapped it
    options = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True, **options}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no folder to write to: neither beside the source, nor the user's, nor NUMBA_CACHE_DIR
        return numba.njit(**options)(function)


def is_compiled(modules: Sequence[str]) -> bool:
    """Whether every kernel of these modules is compiled, in this process or in a file that it will load."""
    return all(k.signatures or _is_in_file(k) for k in _kernels(modules))


def compile_kernels(here: Sequence[str], beside: Sequence[str] = ()) -> None:
    """Compile the kernels of these modules, or load them; those `beside` in a process of their own at the same time, where that helps.

    It is numba's Python that takes the time, and holds the interpreter: threads would wait for each other.
    """
    with ExitStack() as stack:
        if not is_compiled(beside) and len(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else [0, 0]) > 1:
            _start(beside, stack)
        _compile(here)
    # what the process has written is loaded; what it has not is compiled
    _compile(beside)


def _start(modules: Sequence[str], stack: ExitStack) -> None:
    # an application that is frozen into one file would start itself again
    if getattr(sys, "frozen", False) or not all(_can_be_in_file(k) for k in _kernels(modules)):
        return
    code = f"import sys; sys.path[:] = {sys.path!r}; from rtd import compilation; compilation.compile_kernels({list(modules)!r})"
    try:
        nothing = subprocess.DEVNULL
        process = subprocess.Popen([sys.executable, "-c", code], stdin=nothing, stdout=nothing, stderr=nothing)
    except OSError:  # no interpreter to be found, or no more processes allowed: all is compiled here
        return
    stack.callback(process.wait)
    stack.push(lambda kind, *_: process.kill() if kind is not None else None)


def _kernels(modules: Sequence[str]) -> list[Any]:
    for module in modules:
        import_module(module)
    return [k for k in KERNELS if k.py_func.__module__ in modules]


def _compile(modules: Sequence[str]) -> None:
    for each in _kernels(modules):
        parameters = inspect.signature(each.py_func).parameters.values()
        each.compile(tuple(_type(p.annotation) for p in parameters))


def _type(annotation: Any) -> types.Type:
    if annotation is int or annotation is float:
        return types.int64 if annotation is int else types.float64
    (name,) = annotation.dtypes
    return types.Array(numba.from_dtype(np.dtype(name)), len(annotation.dims), "C")


def _can_be_in_file(compiled: Any) -> bool:
    return getattr(compiled, "_cache", None) is not None and getattr(compiled._cache, "_cache_file", None) is not None


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
