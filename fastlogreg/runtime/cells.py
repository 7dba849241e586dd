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
from numba.core import types
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

__all__ = ["cells_at"]


def _cells_type(_context: Any, _address: Any, _size: Any, dtype: Any) -> Any:
    """Emit an array that nobody counts references to; numba's own `carray` needs such counts."""
    kind = types.Array(dtype.dtype, 1, "C")

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        address, size, _ = arguments
        cell = context.get_data_type(dtype.dtype)
        width = context.get_abi_sizeof(cell)
        array = context.make_array(kind)(context, builder)
        populate_array(
            array,
            data=builder.inttoptr(address, cell.as_pointer()),
            shape=[size],
            strides=[context.get_constant(types.intp, width)],
            itemsize=width,
            meminfo=None,
        )
        return array._getvalue()

    return kind(types.int64, types.int64, dtype), generate


def _plain_cells(address: int, size: int, dtype: Any) -> np.ndarray:
    """Do the same without the compiler."""
    width = np.dtype(dtype).itemsize
    return np.frombuffer((ctypes.c_char * (size * width)).from_address(address), dtype)


# cells_at(address, size, dtype): so many numbers from an address on, as a C array.
cells_at = _plain_cells if numba.config.DISABLE_JIT else intrinsic(_cells_type)
