"""Sixteen numbers as one value of compiled code, for kernels that say themselves which numbers are worked on together.

A compiler turns a plain loop over arrays into vector instructions where it can show that this changes nothing. It cannot where the loop
writes to several arrays, ends early, or has memory brought near that it will need later; what is written in lanes needs no such proof.
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

COUNT = 16  # of float32, one instruction of the widest processors; two or four of others
LINE = 64  # bytes of memory that come together

BITS = {types.float32: ir.FloatType(), types.float64: ir.DoubleType(), types.boolean: ir.IntType(1)}
NUMBERS = {types.float32, types.float64}
STORED = {types.float32: ir.FloatType(), types.float64: ir.DoubleType(), types.int32: ir.IntType(32), types.uint8: ir.IntType(8)}
INT = ir.IntType(32)
TO_ALL = ir.Constant(ir.VectorType(INT, COUNT), [0] * COUNT)


class Lanes(types.Type):  # type: ignore[misc]
    """The type of COUNT float32 or float64, or, of booleans, whether something holds of each.

    Lanes of numbers know + - * / and < <= > ==, with lanes of their type or with one number for all; of booleans they know &.
    """

    def __init__(self, dtype: Any) -> None:
        super().__init__(name=f"Lanes({dtype})")
        self.dtype = dtype

    @property
    def vector(self) -> ir.VectorType:
        """What it is to the compiler."""
        return ir.VectorType(BITS[self.dtype], COUNT)


TRUTH = Lanes(types.boolean)


@register_model(Lanes)
class LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    """A value that stays in registers."""

    def __init__(self, manager: Any, kind: Lanes) -> None:
        super().__init__(manager, kind, kind.vector)


def _operator(function: Callable[..., Any], dtypes: set[Any], result: Lanes | None, code: Callable[..., Any]) -> None:
    """Let an operator work on lanes of `dtypes`, or on lanes and a number, with a `result` of their type unless it is given."""

    @infer_global(function)
    class _Typing(AbstractTemplate):  # type: ignore[misc]
        def generic(self, args: Any, kws: Any) -> Any:  # noqa: ARG002 - numba asks for it
            kind = _kind(args)
            fits = kind is not None and kind.dtype in dtypes and all(a == kind or isinstance(a, types.Number) for a in args)
            return signature(result or kind, *args) if fits else None

    def lower(context: Any, builder: Any, sig: Any, given: Any) -> Any:
        return code(builder, *(_spread(context, builder, v, t, _kind(sig.args)) for v, t in zip(given, sig.args, strict=True)))

    for pair in ((Lanes, Lanes), (Lanes, types.Number), (types.Number, Lanes)):
        lower_builtin(function, *pair)(lower)


def _kind(args: Any) -> Lanes | None:
    return next((a for a in args if isinstance(a, Lanes)), None)


def _spread(context: Any, builder: Any, value: Any, given: Any, kind: Lanes | None) -> Any:
    """A number in all lanes; lanes as they are."""
    if kind is None or isinstance(given, Lanes):
        return value
    one = context.cast(builder, value, given, kind.dtype)
    return builder.shuffle_vector(builder.insert_element(ir.Constant(kind.vector, ir.Undefined), one, INT(0)), kind.vector(None), TO_ALL)


# a product in float32 may meet its sum before it is rounded: a third fewer instructions
_operator(operator.add, NUMBERS, None, lambda b, x, y: b.fadd(x, y, flags=_fused(x)))
_operator(operator.sub, NUMBERS, None, lambda b, x, y: b.fsub(x, y, flags=_fused(x)))
_operator(operator.mul, NUMBERS, None, lambda b, x, y: b.fmul(x, y, flags=_fused(x)))
_operator(operator.truediv, NUMBERS, None, lambda b, x, y: b.fdiv(x, y))
_operator(operator.lt, NUMBERS, TRUTH, lambda b, x, y: b.fcmp_ordered("<", x, y))
_operator(operator.le, NUMBERS, TRUTH, lambda b, x, y: b.fcmp_ordered("<=", x, y))
_operator(operator.gt, NUMBERS, TRUTH, lambda b, x, y: b.fcmp_ordered(">", x, y))
_operator(operator.eq, NUMBERS, TRUTH, lambda b, x, y: b.fcmp_ordered("==", x, y))
_operator(operator.and_, {types.boolean}, None, lambda b, x, y: b.and_(x, y))


def _fused(x: Any) -> tuple[str, ...]:
    return ("contract",) if x.type.element == ir.FloatType() else ()


@intrinsic
def where(_context: Any, holds: Any, this: Any, other: Any) -> Any:
    """`this` where it `holds` and `other` where not: of lanes, of which either may be one number, or of numbers, by one boolean."""
    kind = _kind((this, other))
    found = kind or types.unliteral(this)
    # numbers of two types, or two numbers for lanes, would have to be made lanes of a type that nobody named
    if kind is None and (isinstance(holds, Lanes) or found != types.unliteral(other)):
        return None

    def code(context: Any, builder: Any, sig: Any, given: Any) -> Any:
        chosen = (_spread(context, builder, v, t, kind) for v, t in zip(given[1:], sig.args[1:], strict=True))
        return builder.select(given[0], *chosen)

    return found(holds, *(a if isinstance(a, Lanes) else found if kind is None else types.unliteral(a) for a in (this, other))), code


@intrinsic
def anywhere(_context: Any, holds: Any) -> Any:
    """Whether something holds in any lane."""

    def code(_: Any, builder: Any, __: Any, given: Any) -> Any:
        bits = ir.IntType(COUNT)
        return builder.icmp_unsigned("!=", builder.bitcast(given[0], bits), bits(0))

    return types.boolean(holds), code


@intrinsic
def first(_context: Any, number: Any) -> Any:  # noqa: ARG001 - any whole number will do
    """The first so many lanes: True there, False in the others."""

    def code(_: Any, builder: Any, __: Any, given: Any) -> Any:
        wide = ir.VectorType(ir.IntType(64), COUNT)
        one = builder.insert_element(ir.Constant(wide, ir.Undefined), given[0], INT(0))
        return builder.icmp_signed("<", ir.Constant(wide, list(range(COUNT))), builder.shuffle_vector(one, wide(None), TO_ALL))

    return TRUTH(types.int64), code


@intrinsic
def every(_context: Any, number: Any, like: Any) -> Any:
    """One number in all lanes, of the type of others."""

    def code(context: Any, builder: Any, sig: Any, given: Any) -> Any:
        return _spread(context, builder, given[0], sig.args[0], like)

    return like(types.unliteral(number), like), code


@intrinsic
def double(_context: Any, lanes: Any) -> Any:
    """Lanes as float64."""
    found = Lanes(types.float64)

    def code(_: Any, builder: Any, __: Any, given: Any) -> Any:
        return given[0] if lanes == found else builder.fpext(given[0], found.vector)

    return found(lanes), code


@intrinsic
def address(_context: Any, array: Any) -> Any:
    """Where an array begins, for `load`, `store` and `bring_near` in its place, as long as somebody else holds the array.

    An address has no references to be counted, which takes as long as a few lanes where an array is handed on with every call.
    """

    if not _lies_together(array):
        return None

    def code(context: Any, builder: Any, sig: Any, given: Any) -> Any:
        return context.make_array(sig.args[0])(context, builder, given[0]).data

    return types.CPointer(array.dtype)(array), code


@intrinsic
def load(_context: Any, array: Any, index: Any, some: Any) -> Any:  # noqa: ARG001
    """The numbers of an array from an index on, in the lanes `some`, 0 in others; in all if that is None.

    Of int32, as float64; of uint8, whether they are something else than 0. Indices count through all of an array of any dimension, C
    contiguous, and are not checked.
    """
    if not _lies_together(array):
        return None
    kept = ir.VectorType(STORED[array.dtype], COUNT)
    found = {types.int32: Lanes(types.float64), types.uint8: TRUTH}.get(array.dtype) or Lanes(array.dtype)

    def code(context: Any, builder: Any, sig: Any, given: Any) -> Any:
        place, align = _place(context, builder, sig.args[0], given[0], given[1], kept), array.dtype.bitwidth // 8
        if some == types.none:
            value = builder.load(place, align=align)
        else:
            form = ir.FunctionType(kept, [place.type, INT, TRUTH.vector, kept])
            value = builder.call(_intrinsic(builder, "load", form, array), [place, INT(align), given[2], kept(None)])
        if found == TRUTH:
            return builder.icmp_unsigned("!=", value, kept(None))
        return builder.sitofp(value, found.vector) if array.dtype == types.int32 else value

    return found(array, types.int64, some), code


@intrinsic
def store(_context: Any, array: Any, index: Any, some: Any, value: Any) -> Any:  # noqa: ARG001
    """Put lanes into an array, as `load` takes them out: of numbers into one of numbers of any length, of booleans into one of uint8."""
    if not _lies_together(array) or (value == TRUTH) != (array.dtype == types.uint8):
        return None
    kept = ir.VectorType(STORED[array.dtype], COUNT)

    def code(context: Any, builder: Any, sig: Any, given: Any) -> Any:
        place, align, put = _place(context, builder, sig.args[0], given[0], given[1], kept), array.dtype.bitwidth // 8, given[3]
        if value == TRUTH:
            put = builder.zext(put, kept)
        elif array.dtype == types.int32:
            put = builder.fptosi(put, kept)
        elif array.dtype != value.dtype:
            put = (builder.fptrunc if value.dtype == types.float64 else builder.fpext)(put, kept)
        if some == types.none:
            builder.store(put, place, align=align)
        else:
            form = ir.FunctionType(ir.VoidType(), [kept, place.type, INT, TRUTH.vector])
            builder.call(_intrinsic(builder, "store", form, array), [put, place, INT(align), given[2]])
        return context.get_dummy_value()

    return types.void(array, types.int64, some, value), code


@intrinsic
def bring_near(_context: Any, array: Any, index: Any) -> Any:  # noqa: ARG001
    """Have the COUNT numbers of an array from an index on brought into the cache, to be read and written soon; nothing if not there."""
    if not _lies_together(array):
        return None

    def code(context: Any, builder: Any, sig: Any, given: Any) -> Any:
        byte = ir.IntType(8)
        place = _place(context, builder, sig.args[0], given[0], given[1], byte)
        form = ir.FunctionType(ir.VoidType(), [place.type, INT, INT, INT])
        ahead = cgutils.get_or_insert_function(builder.module, form, "llvm.prefetch.p0")
        for begun in range(0, COUNT * array.dtype.bitwidth // 8, LINE):
            builder.call(ahead, [builder.gep(place, [INT(begun)]), INT(1), INT(3), INT(1)])
        return context.get_dummy_value()

    return types.void(array, types.int64), code


def _lies_together(array: Any) -> bool:
    return isinstance(array, types.CPointer) or (isinstance(array, types.Array) and array.layout == "C")


def _place(context: Any, builder: Any, kind: Any, array: Any, index: Any, pointed: Any) -> Any:
    begun = array if isinstance(kind, types.CPointer) else context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(begun, [index]), pointed.as_pointer())


def _intrinsic(builder: Any, name: str, form: Any, array: Any) -> Any:
    short = f"v{COUNT}{'f' if array.dtype in NUMBERS else 'i'}{array.dtype.bitwidth}"
    return cgutils.get_or_insert_function(builder.module, form, f"llvm.masked.{name}.{short}.p0")
