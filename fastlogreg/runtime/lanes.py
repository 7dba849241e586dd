"""Four float64 numbers side by side, in one register where the processor has such.

LLVM makes vector code of a long loop over contiguous numbers.  A row of ten columns is no
long loop, and many short ones become scalar code with a check for overlap before each.  A
kernel that takes four numbers at a time by itself has neither.

`Lanes` are a type of their own to the compiler.  Cells of an array are those of a C array
of any type of numbers, counted flat, as in `fastlogreg.runtime.jit.fetch`; nothing
checks that they lie inside it.  Without the compiler, lanes are arrays of four numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic, models, register_model

from fastlogreg.runtime.jit import data_of

__all__ = [
    "LANES",
    "Lanes",
    "add_cells",
    "add_into",
    "load",
    "spread",
    "store",
    "store_across",
    "sum_of_both",
    "sums_of_four",
]

P = ParamSpec("P")
R = TypeVar("R")

LANES = 4
Lanes: TypeAlias = np.ndarray

_VECTOR = ir.VectorType(ir.DoubleType(), LANES)
_INT = ir.IntType(32)
_FUSED = ("contract",)  # a product and a sum may become one instruction


class _LanesType(types.Type):
    """What the compiler knows the four numbers as."""

    def __init__(self) -> None:
        super().__init__(name="lanes of float64")


_LANES = _LanesType()


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    """Their place: one value of a vector type."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)


def _place(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """Return where four cells of an array are, as a pointer to a vector."""
    data = data_of(context, builder, kind, array)
    vector = ir.VectorType(data.type.pointee, LANES)
    return builder.bitcast(builder.gep(data, [index]), vector.as_pointer())


def _cells(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """Emit the load of four cells as float64."""
    cells = builder.load(_place(context, builder, kind, array, index))
    cells.align = kind.dtype.bitwidth // 8
    if isinstance(kind.dtype, types.Float):
        return cells if kind.dtype.bitwidth == 64 else builder.fpext(cells, _VECTOR)
    return (builder.sitofp if kind.dtype.signed else builder.uitofp)(cells, _VECTOR)


def _multiply_add(builder: Any, x: Any, y: Any, z: Any) -> Any:
    return builder.fadd(builder.fmul(x, y, flags=_FUSED), z, flags=_FUSED)


def _pick(builder: Any, x: Any, y: Any, places: tuple[int, ...]) -> Any:
    """Return the lanes at those places of x and y, one after the other."""
    return builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(_INT, LANES), places))


def _load_type(_context: Any, array: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _cells(context, builder, signature.args[0], *arguments)

    return _LANES(array, index), generate


def _spread_type(_context: Any, number: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), arguments[0], _INT(0))
        return _pick(builder, one, one, (0, 0, 0, 0))

    return _LANES(types.float64), generate


def _add_cells_type(_context: Any, lanes: Any, array: Any, index: Any, factors: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes, array, index, factors = arguments
        cells = _cells(context, builder, signature.args[1], array, index)
        return _multiply_add(builder, cells, factors, lanes)

    return _LANES(lanes, array, index, factors), generate


def _sum_of_both_type(_context: Any, a: Any, b: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        total = builder.fadd(*arguments)
        for places in ((2, 3, 0, 1), (1, 0, 3, 2)):
            total = builder.fadd(total, _pick(builder, total, total, places))
        return builder.extract_element(total, _INT(0))

    return types.float64(a, b), generate


def _add_into_type(_context: Any, array: Any, index: Any, lanes: Any, factors: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, index, lanes, factors = arguments
        place = _place(context, builder, signature.args[0], array, index)
        cells = _cells(context, builder, signature.args[0], array, index)
        builder.store(_multiply_add(builder, lanes, factors, cells), place).align = 8
        return context.get_dummy_value()

    return types.void(array, index, lanes, factors), generate


def _store_type(_context: Any, array: Any, index: Any, lanes: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, index, lanes = arguments
        place = _place(context, builder, signature.args[0], array, index)
        builder.store(lanes, place).align = 8
        return context.get_dummy_value()

    return types.void(array, index, lanes), generate


def _store_across_type(
    _context: Any, array: Any, index: Any, stride: Any, a: Any, b: Any, c: Any, e: Any
) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, index, stride, a, b, c, e = arguments
        # Rows of pairs a0 b0 a2 b2 and c0 e0 c2 e2, then those of odd columns.
        even, odd = (0, 4, 2, 6), (1, 5, 3, 7)
        pairs = [
            (_pick(builder, a, b, places), _pick(builder, c, e, places)) for places in (even, odd)
        ]
        for places in ((0, 1, 4, 5), (2, 3, 6, 7)):
            for left, right in pairs:
                place = _place(context, builder, signature.args[0], array, index)
                builder.store(_pick(builder, left, right, places), place).align = 8
                index = builder.add(index, stride)
        return context.get_dummy_value()

    return types.void(array, index, stride, a, b, c, e), generate


def _sums_of_four_type(_context: Any, a: Any, b: Any, c: Any, e: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        def fold(x: Any, y: Any, left: tuple[int, ...], right: tuple[int, ...]) -> Any:
            return builder.fadd(_pick(builder, x, y, left), _pick(builder, x, y, right))

        a, b, c, e = arguments
        # a0 + a1, b0 + b1, a2 + a3, b2 + b3: neighbours are cheapest to bring together.
        first, second = (fold(*pair, (0, 4, 2, 6), (1, 5, 3, 7)) for pair in ((a, b), (c, e)))
        return fold(first, second, (0, 1, 4, 5), (2, 3, 6, 7))

    return _LANES(a, b, c, e), generate


def _load(array: np.ndarray, index: int) -> Lanes:
    flat = array.reshape(array.size)
    lanes: Lanes = np.array([float(flat[index + k]) for k in range(LANES)])
    return lanes


def _spread(number: float) -> Lanes:
    return np.full(LANES, number)


def _add_cells(lanes: Lanes, array: np.ndarray, index: int, factors: Lanes) -> Lanes:
    total: Lanes = lanes + _load(array, index) * factors
    return total


def _sum_of_both(a: Lanes, b: Lanes) -> float:
    return float((a + b).sum())


def _add_into(array: np.ndarray, index: int, lanes: Lanes, factors: Lanes) -> None:
    array.reshape(array.size)[index : index + LANES] += lanes * factors


def _store(array: np.ndarray, index: int, lanes: Lanes) -> None:
    array.reshape(array.size)[index : index + LANES] = lanes


def _store_across(
    array: np.ndarray, index: int, stride: int, a: Lanes, b: Lanes, c: Lanes, e: Lanes
) -> None:
    for k, column in enumerate(np.stack([a, b, c, e]).T):
        _store(array, index + k * stride, column)


def _sums_of_four(a: Lanes, b: Lanes, c: Lanes, e: Lanes) -> Lanes:
    return np.array([a.sum(), b.sum(), c.sum(), e.sum()])


def _either(plain: Callable[P, R], kind: Callable[..., Any]) -> Callable[P, R]:
    return plain if numba.config.DISABLE_JIT else cast(Callable[P, R], intrinsic(kind))


# load(array, index): four cells from index on.
load = _either(_load, _load_type)
# spread(number): four times the same.
spread = _either(_spread, _spread_type)
# add_cells(lanes, array, index, factors): lanes + cells * factors.
add_cells = _either(_add_cells, _add_cells_type)
# add_into(array, index, lanes, factors): cells += lanes * factors, in an array of float64.
add_into = _either(_add_into, _add_into_type)
# store(array, index, lanes): cells = lanes, in an array of float64.
store = _either(_store, _store_type)
# store_across(array, index, stride, a, b, c, e): the first of each in the cells from index on,
# the second of each *stride* cells further, and so on: a square, transposed.
store_across = _either(_store_across, _store_across_type)
# sums_of_four(a, b, c, e): the sum of each.
sums_of_four = _either(_sums_of_four, _sums_of_four_type)
# sum_of_both(a, b): the sum of all eight numbers.
sum_of_both = _either(_sum_of_both, _sum_of_both_type)
