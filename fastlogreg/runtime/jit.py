"""The one place that takes numba's decorators.

It settles, for every kernel, the flags and the error model.  No kernel is parallel by
itself: `fastlogreg.runtime.threads` runs the blocks of a pass on threads of its own.  What
is compiled is kept between processes by `fastlogreg.runtime.cache`.

Flags
-----
- ``error_model="numpy"``: a division must not carry a raising branch, or the loop
  around it is not vectorised.
- `block_kernel`, `step_kernel` and `tile_kernel` may regroup sums (``reassoc``), which is what lets
  LLVM keep several partial sums in one vector register.  NaN and infinity stay honest:
  ``nnan`` and ``ninf`` are never set.
- They allocate nothing, so they are compiled without numba's reference counts (``_nrt``),
  which would stay as calls within loops wherever a view of an array is handed on.
- `pointwise` functions are exact to a stated number of ulp, so they carry their own
  explicit ``contract`` alone.  Without it they would inherit the flags of whichever
  caller compiles them first.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.compiler_lock import global_compiler_lock
from numba.extending import intrinsic

from fastlogreg.runtime.cache import KernelCache, kernel_folder
from fastlogreg.runtime.steps import share
from fastlogreg.runtime.threads import run_uninterrupted

__all__ = ["block_kernel", "data_of", "fetch", "pointwise", "step_kernel", "tile_kernel"]

P = ParamSpec("P")
R = TypeVar("R")

_LINE = 64  # bytes of a cache line
_SUM_FLAGS = frozenset({"reassoc", "contract", "nsz", "arcp", "afn"})

if hasattr(os, "register_at_fork"):
    # A child forked while another thread compiles would wait for its lock for ever, and
    # find the compiler in the middle of something: so a fork waits until that is done.
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )


def pointwise(function: Callable[P, R]) -> Callable[P, R]:
    """Compile scalar mathematics that keeps its rounding in every caller.

    It is always inlined: a loop over rows that calls a function is not vectorised.
    """
    compiler = numba.njit(error_model="numpy", fastmath={"contract"}, nogil=True, forceinline=True)
    return cast(Callable[P, R], compiler(function))


def tile_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a few lines as a part of each kernel that calls them."""
    return cast(Callable[P, R], _sums(function, inline="always"))


def step_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile the work on one tile of rows: once, whichever kernels call it.

    It is called by kernels alone, not from Python; see `fastlogreg.runtime.steps`.
    """
    dispatcher = _cached(_sums(function, no_cpython_wrapper=True))
    return cast(Callable[P, R], share(dispatcher) if hasattr(dispatcher, "py_func") else dispatcher)


def block_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile the serial work on a range of blocks; it releases the GIL."""
    return cast(Callable[P, R], _cached(_sums(function)))


def _sums(function: Callable[..., Any], **options: Any) -> Any:
    compiler = numba.njit(
        error_model="numpy",
        fastmath=set(_SUM_FLAGS),
        nogil=True,
        _nrt=False,
        no_cfunc_wrapper=True,  # nobody calls them from C
        **options,
    )
    return compiler(function)


def data_of(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    """Emit the pointer to the cells of an array; numba's own way copies all else there is of it."""
    return builder.extract_value(array, context.data_model_manager[kind].get_field_position("data"))


def _fetch_type(_context: Any, array: Any, first: Any, last: Any) -> Any:
    """Emit LLVM's prefetch for reading, into the second-level cache, of a line a time."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, first, last = arguments
        data = data_of(context, builder, signature.args[0], array)
        number, byte = ir.IntType(32), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        call = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        step = context.get_constant(types.intp, _LINE * 8 // signature.args[0].dtype.bitwidth)
        with cgutils.for_range_slice(builder, first, last, step) as (index, _):
            pointer = builder.bitcast(builder.gep(data, [index]), byte)
            read, second_level, data_cache = number(0), number(2), number(1)
            builder.call(call, [pointer, read, second_level, data_cache])
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp), generate


def _no_fetch(array: np.ndarray, first: int, last: int) -> None:
    """Do nothing: without the compiler there is nothing to hint at."""


# fetch(array, first, last): a hint that cells of a C array, counted flat, are read soon.
# Beyond its end that does nothing.
fetch: Callable[[np.ndarray, int, int], None] = (
    _no_fetch if numba.config.DISABLE_JIT else intrinsic(_fetch_type)
)


def _cached(dispatcher: Any) -> Any:
    """Let a dispatcher keep what it compiles, and compile where no interrupt strikes."""
    if not hasattr(dispatcher, "py_func"):
        return dispatcher
    folder = kernel_folder()
    switched_off = folder.path is None and not folder.problem
    if not switched_off:
        dispatcher._cache = KernelCache(dispatcher.py_func)
    compile_here = dispatcher.compile

    def compile_aside(signature: Any) -> Any:
        # Within a compilation of this thread, one of a caller, another would wait for it.
        if global_compiler_lock.is_locked():
            return compile_here(signature)
        # The compiler's locks would stay taken for ever, and the next thread wait for them.
        return run_uninterrupted(lambda: compile_here(signature))

    dispatcher.compile = compile_aside
    return dispatcher
