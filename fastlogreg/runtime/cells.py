"""Arrays at an address, for kernels that read many columns of many types.

A kernel is compiled for the types of its arguments, and a table of columns would need one
for each choice of types.  Instead it takes, of each column, the address, the step and a
number for the type, and looks at the memory as an array of that type.  Nothing checks that
memory is there: who hands on an address keeps the array it is from.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

__all__ = ["cells_at"]


def _pointer_type(_context: Any, address: Any) -> Any:
    """Emit the conversion of an integer to a pointer."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())

    return types.voidptr(types.int64), generate


_pointer = intrinsic(_pointer_type)


def _compiled_cells(address: int, size: int, dtype: Any) -> Any:
    return numba.carray(_pointer(address), (size,), dtype)


def _plain_cells(address: int, size: int, dtype: Any) -> np.ndarray:
    """Do the same without the compiler."""
    width = np.dtype(dtype).itemsize
    return np.frombuffer((ctypes.c_char * (size * width)).from_address(address), dtype)


# cells_at(address, size, dtype): so many numbers from an address on, as a C array.
cells_at = (
    _plain_cells
    if numba.config.DISABLE_JIT
    else numba.njit(inline="always", error_model="numpy", nogil=True)(_compiled_cells)
)
