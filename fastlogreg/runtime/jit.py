"""The one place that takes numba's decorators.

It settles, for every kernel, the flags, the error model and where compiled code
is kept between processes.  No kernel is parallel by itself: `fastlogreg.runtime.threads`
runs the blocks of a pass on threads of its own.

Flags
-----
- ``error_model="numpy"``: a division must not carry a raising branch, or the loop
  around it is not vectorised.
- `block_kernel`, `step_kernel` and `tile_kernel` may regroup sums (``reassoc``), which is what lets
  LLVM keep several partial sums in one vector register.  NaN and infinity stay honest:
  ``nnan`` and ``ninf`` are never set.
- `pointwise` functions are exact to a stated number of ulp, so they carry their own
  explicit ``contract`` alone.  Without it they would inherit the flags of whichever
  caller compiles them first.

Cache
-----
Compiled code lies in one directory per state of the sources: its name is a hash of
every kernel file, of this one, of `lanes` and of the versions of the compiler, since numba's own
key sees neither the globals nor the callees of a function.  Each signature has an
index and a data file of its own, so that processes that compile at once cannot mix
two signatures up.  A file that cannot be read or written costs a compilation and one
warning, nothing else.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import llvmlite
import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile
from numba.core.compiler_lock import global_compiler_lock
from numba.extending import intrinsic

from fastlogreg.errors import KernelCacheWarning

__all__ = ["block_kernel", "cache_directory", "pointwise", "prefetch", "step_kernel", "tile_kernel"]

P = ParamSpec("P")
R = TypeVar("R")

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
    """Compile a step on one tile of rows, as a part of the block kernels that call it.

    Inlined by numba itself, it is optimised once in its caller, not alone before.
    """
    return cast(Callable[P, R], _sums(function, inline="always"))


def step_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a step that sees nothing of X: once, whatever types the block kernels read.

    They call it, a tile at a time.
    """
    return cast(Callable[P, R], _sums(function))


def block_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile the serial work on a range of blocks; it releases the GIL."""
    return cast(Callable[P, R], _cached(_sums(function)))


def _sums(function: Callable[..., Any], **options: str) -> Any:
    compiler = numba.njit(error_model="numpy", fastmath=set(_SUM_FLAGS), nogil=True, **options)
    return compiler(function)


def _prefetch_type(_context: Any, array: Any, index: Any) -> Any:
    """Emit LLVM's prefetch of an element for reading, into the second-level cache."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        pointer = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, number, number, number])
        call = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        read, second_level, data_cache = number(0), number(2), number(1)
        builder.call(call, [pointer, read, second_level, data_cache])
        return context.get_dummy_value()

    return types.void(array, index), generate


def _no_prefetch(array: np.ndarray, index: int) -> None:
    """Do nothing: without the compiler there is nothing to hint at."""


# prefetch(array, index): a hint that a cell of a C array, counted flat, is read soon.
prefetch: Callable[[np.ndarray, int], None] = (
    _no_prefetch if numba.config.DISABLE_JIT else intrinsic(_prefetch_type)
)


@functools.cache
def source_hash() -> str:
    """Return a hash of all that decides what the kernels compile to."""
    package = Path(__file__).resolve().parents[1]
    versions = (sys.version, numba.__version__, llvmlite.__version__, np.__version__)
    digest = hashlib.sha256(repr((*versions, numba.config.BOUNDSCHECK)).encode())
    runtime = [Path(__file__), package / "runtime" / "lanes.py"]
    for path in [*runtime, *sorted((package / "kernels").glob("*.py"))]:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:20]


@functools.cache
def cache_directory() -> Path | None:
    """Return the folder of the compiled kernels, None where none can be written.

    ``FASTLOGREG_CACHE_DIR`` names another base folder; set to an empty string it
    switches the cache off.  The default is the user's own cache folder.
    """
    base = os.environ.get("FASTLOGREG_CACHE_DIR")
    if base == "":
        return None
    try:
        folder = Path(base) if base else _user_cache()
        folder = folder / f"kernels-{source_hash()}"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except (OSError, RuntimeError):
        return None
    return folder if os.access(folder, os.W_OK) else None


def _user_cache() -> Path:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return (Path(base) if base else Path.home() / "AppData" / "Local") / "fastlogreg"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "fastlogreg"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "fastlogreg"


def _cached(dispatcher: Any) -> Any:
    if cache_directory() is not None and hasattr(dispatcher, "py_func"):
        dispatcher._cache = _KernelCache(dispatcher.py_func)
    return dispatcher


class _Locator:
    """Tells numba's cache where the files lie and which state of the sources they fit."""

    def __init__(self, function: Callable[..., object]) -> None:
        self._py_file = function.__code__.co_filename

    def get_cache_path(self) -> str:
        return str(cache_directory())

    def get_source_stamp(self) -> str:
        return source_hash()

    def get_disambiguator(self) -> str:
        return "kernel"

    def ensure_cache_path(self) -> None:
        Path(self.get_cache_path()).mkdir(parents=True, exist_ok=True)

    @classmethod
    def from_function(cls, function: Callable[..., object], _file: str) -> _Locator:
        return cls(function)


class _CacheImplementation(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (_Locator,)


class _KernelCache(FunctionCache):  # type: ignore[misc]
    """numba's function cache with a file per signature, and no way to raise."""

    _impl_class = _CacheImplementation
    _warned = False

    def _file(self, signature: Any, codegen: Any) -> tuple[Any, IndexDataCacheFile]:
        key = self._index_key(signature, codegen)
        name = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
        base = f"{self._impl.filename_base}-{name}"
        return key, IndexDataCacheFile(self._cache_path, base, source_hash())

    def _load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            key, file = self._file(sig, target_context.codegen())
            data = file.load(key)
            return None if data is None else self._impl.rebuild(target_context, data)
        except Exception as error:  # a damaged pickle can raise anything
            self._warn("read", error)
            return None

    def _save_overload(self, sig: Any, data: Any) -> None:
        try:
            if self._impl.check_cachable(data):
                self._impl.locator.ensure_cache_path()
                key, file = self._file(sig, data.codegen)
                file.flush()  # saving reads the index, which may be damaged
                file.save(key, self._impl.reduce(data))
        except Exception as error:  # a full disk, or a file that another process damaged
            self._warn("written", error)

    def _warn(self, verb: str, error: Exception) -> None:
        if not _KernelCache._warned:
            _KernelCache._warned = True
            warnings.warn(
                f"compiled kernels could not be {verb} in {self._cache_path} "
                f"({type(error).__name__}: {error}); they are compiled anew in this process. "
                "Delete that folder, or point FASTLOGREG_CACHE_DIR to a writable one.",
                KernelCacheWarning,
                stacklevel=2,
            )
