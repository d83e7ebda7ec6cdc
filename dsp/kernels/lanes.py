"""A vector of LANES float32 as a Numba type, with the operations that the kernels need.

Numba has no vector type, and its compiler proves too little about our arrays to make vectors of plain loops: this front end,
written as loops over lanes, took eight times as long for 3 s of sound. Each operation here is one LLVM vector instruction
without fast-math flags, hence the same bits everywhere; `fma` rounds once, on every processor.

Eight lanes fill one register with AVX and two with NEON; sixteen spilled and took 1.6 times as long with AVX-512.
"""

from __future__ import annotations

import operator
from typing import Any, Callable, Sequence

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import PrimitiveModel
from numba.extending import intrinsic, overload, register_model

LANES = 8

_INDEX = ir.IntType(32)
VECTOR = ir.VectorType(ir.FloatType(), LANES)
BITS = ir.VectorType(_INDEX, LANES)
_NOTHING = ir.Constant(VECTOR, ir.Undefined)


def instruction(function: Callable[..., Any]) -> Any:
    """Numba's `intrinsic`, which says of its result what is true inside compiled code only."""
    return intrinsic(function)


class Lanes(types.Type):  # type: ignore[misc]
    """The type of a vector of LANES float32."""

    def __init__(self) -> None:
        super().__init__(name=f"Lanes{LANES}")


lanes_type = Lanes()


@register_model(Lanes)
class _LanesModel(PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, fe_type: Any) -> None:
        super().__init__(manager, fe_type, VECTOR)


def operation(result: Any, arguments: Sequence[Any], build: Callable[..., Any]) -> tuple[Any, Callable[..., Any]]:
    """(signature, code generator) of an intrinsic; `build(builder, *values)` makes its instructions."""
    return result(*arguments), lambda _context, builder, _signature, values: build(builder, *values)


def call(builder: Any, name: str, *values: Any) -> Any:
    """LLVM's own function of that name on whole vectors."""
    name = f"llvm.{name}.v{LANES}f32"
    known = builder.module.globals.get(name)
    return builder.call(known or ir.Function(builder.module, ir.FunctionType(VECTOR, [VECTOR] * len(values)), name), values)


def constant(value: float) -> Any:
    """The same float32 in every lane."""
    return ir.Constant(VECTOR, [float(np.float32(value))] * LANES)


def bits(value: int) -> Any:
    """The same 32 bits in every lane."""
    return ir.Constant(BITS, [value] * LANES)


def _shuffle(builder: Any, a: Any, b: Any, order: Sequence[int]) -> Any:
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_INDEX, len(order)), list(order)))


def _address(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), VECTOR.as_pointer())


# memory: an index counts float32 values from the array's first, however many dimensions it has


@instruction
def load(_typing: Any, array: Any, index: Any) -> Any:
    """LANES neighbours from `array[index]` on."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.load(_address(context, builder, signature.args[0], *values), align=4)

    return lanes_type(array, types.intp), build


@instruction
def store(_typing: Any, array: Any, index: Any, vector: Any) -> Any:
    """The reverse of `load`."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        builder.store(values[2], _address(context, builder, signature.args[0], values[0], values[1]), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes_type), build


@instruction
def load_across(_typing: Any, array: Any, index: Any, step: Any, last: Any) -> Any:
    """LANES vectors from LANES rows, the rows `step` apart: vector j holds `array[index + j + lane * step]`.

    Lanes beyond `last` repeat that lane: there is no frame behind them.
    """

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array, index, step, last = values
        rows = []
        for lane in range(LANES):
            number = ir.Constant(last.type, lane)
            lane_or_last = builder.select(builder.icmp_signed("<", number, last), number, last)
            at = builder.add(index, builder.mul(lane_or_last, step))
            rows.append(builder.load(_address(context, builder, signature.args[0], array, at), align=4))
        return cgutils.pack_array(builder, _transposed(builder, rows))

    return types.UniTuple(lanes_type, LANES)(array, types.intp, types.intp, types.intp), build


@instruction
def store_across(_typing: Any, rows: Any, first_row: Any, array: Any, index: Any, step: Any, n_lanes: Any) -> Any:
    """LANES rows of lanes to `n_lanes` rows of neighbours: the reverse of `load_across`."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        rows, first_row, array, index, step, n_lanes = values
        vectors = []
        for k in range(LANES):
            at = builder.mul(builder.add(first_row, ir.Constant(first_row.type, k)), ir.Constant(first_row.type, LANES))
            vectors.append(builder.load(_address(context, builder, signature.args[0], rows, at), align=4))
        for lane, vector in enumerate(_transposed(builder, vectors)):
            number = ir.Constant(n_lanes.type, lane)
            with builder.if_then(builder.icmp_signed("<", number, n_lanes)):
                at = builder.add(index, builder.mul(number, step))
                builder.store(vector, _address(context, builder, signature.args[2], array, at), align=4)
        return context.get_dummy_value()

    return types.void(rows, types.intp, array, types.intp, types.intp, types.intp), build


def _transposed(builder: Any, rows: Sequence[Any]) -> list[Any]:
    """LANES vectors, rows and columns changed places, in three rounds: of neighbours, of pairs, of halves."""
    low, high = [0, 8, 1, 9, 4, 12, 5, 13], [2, 10, 3, 11, 6, 14, 7, 15]
    ones = [_shuffle(builder, rows[k], rows[k + 1], order) for k in (0, 2, 4, 6) for order in (low, high)]
    low, high = [0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15]
    twos = [_shuffle(builder, ones[k], ones[k + 2], order) for k in (0, 1, 4, 5) for order in (low, high)]
    low, high = [0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]
    return [_shuffle(builder, twos[k], twos[k + 4], order) for order in (low, high) for k in range(4)]


# arithmetic


@instruction
def splat(_typing: Any, value: Any) -> Any:
    """One float32 in every lane."""

    def build(builder: Any, value: Any) -> Any:
        return _shuffle(builder, builder.insert_element(_NOTHING, value, ir.Constant(_INDEX, 0)), _NOTHING, [0] * LANES)

    return operation(lanes_type, [types.float32], build)


@instruction
def _add(_typing: Any, a: Any, b: Any) -> Any:
    return operation(lanes_type, [a, b], lambda builder, a, b: builder.fadd(a, b))


@instruction
def _subtract(_typing: Any, a: Any, b: Any) -> Any:
    return operation(lanes_type, [a, b], lambda builder, a, b: builder.fsub(a, b))


@instruction
def _multiply(_typing: Any, a: Any, b: Any) -> Any:
    return operation(lanes_type, [a, b], lambda builder, a, b: builder.fmul(a, b))


@instruction
def _divide(_typing: Any, a: Any, b: Any) -> Any:
    return operation(lanes_type, [a, b], lambda builder, a, b: builder.fdiv(a, b))


def _make_operator(symbol: Any, made: Any) -> None:
    def of_lanes(a: Any, b: Any) -> Any:
        def operate(a: Any, b: Any) -> Any:
            return made(a, b)

        return operate if isinstance(a, Lanes) and isinstance(b, Lanes) else None

    overload(symbol)(of_lanes)


for _symbol, _made in ((operator.add, _add), (operator.sub, _subtract), (operator.mul, _multiply), (operator.truediv, _divide)):
    _make_operator(_symbol, _made)


@instruction
def fma(_typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c, rounded once."""
    return operation(lanes_type, [a, b, c], lambda builder, a, b, c: call(builder, "fma", a, b, c))


@instruction
def fms(_typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b - c, rounded once."""
    return operation(lanes_type, [a, b, c], lambda builder, a, b, c: call(builder, "fma", a, b, builder.fneg(c)))


@instruction
def square_root(_typing: Any, a: Any) -> Any:
    """The root of each lane."""
    return operation(lanes_type, [a], lambda builder, a: call(builder, "sqrt", a))


@instruction
def magnitude(_typing: Any, a: Any) -> Any:
    """Each lane without its sign."""
    return operation(lanes_type, [a], lambda builder, a: call(builder, "fabs", a))


@instruction
def larger(_typing: Any, a: Any, b: Any) -> Any:
    """The larger of each two."""
    return operation(lanes_type, [a, b], lambda builder, a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b))


@instruction
def is_below(_typing: Any, a: Any, b: Any) -> Any:
    """1.0 where a < b, else 0.0."""
    return operation(lanes_type, [a, b], lambda builder, a, b: builder.uitofp(builder.fcmp_ordered("<", a, b), VECTOR))


@instruction
def reaches(_typing: Any, a: Any, b: Any) -> Any:
    """Whether any lane of a is at least what b has there."""

    def build(builder: Any, a: Any, b: Any) -> Any:
        lanes = builder.bitcast(builder.fcmp_ordered(">=", a, b), ir.IntType(LANES))
        return builder.icmp_unsigned("!=", lanes, ir.Constant(lanes.type, 0))

    return operation(types.boolean, [a, b], build)


@instruction
def shift_in(_typing: Any, a: Any, value: Any) -> Any:
    """`value` in lane 0, and in each other lane what the lane before it held."""

    def build(builder: Any, a: Any, value: Any) -> Any:
        first = builder.insert_element(_NOTHING, value, ir.Constant(_INDEX, 0))
        return _shuffle(builder, a, first, [LANES, *range(LANES - 1)])

    return operation(lanes_type, [a, types.float32], build)


@instruction
def total(_typing: Any, a: Any) -> Any:
    """The sum of the lanes, first to last."""

    def build(builder: Any, a: Any) -> Any:
        lanes = [builder.extract_element(a, ir.Constant(_INDEX, lane)) for lane in range(LANES)]
        result = lanes[0]
        for lane in lanes[1:]:
            result = builder.fadd(result, lane)
        return result

    return operation(types.float32, [a], build)
