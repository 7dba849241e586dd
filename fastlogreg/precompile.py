"""Compiles kernels ahead of time, into the disk cache that later processes load from.

numba compiles a kernel for a type and order of X when it is first called.  `warmup` calls
each on a tiny table, through the same design and backend as a fit, so that what it
compiles is what a fit looks for.
"""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from fastlogreg.design import (
    DTYPES,
    BlockSums,
    Categorical,
    DenseDesign,
    SparseDesign,
    TabularDesign,
    Targets,
    load_backend,
)
from fastlogreg.errors import (
    InvalidParameterError,
    InvalidParameterTypeError,
    KernelCacheError,
    KernelCacheWarning,
)
from fastlogreg.hessian import DenseHessian, ProximalHessian
from fastlogreg.solvers import SOLVERS

__all__ = ["DTYPES", "ORDERS", "WarmUp", "kernel_folder", "warmup"]

ORDERS = ("C", "F", "csr", "csc", "frame")
_NOT_DENSE = ORDERS[2:]
_FLOATS = ("float64", "float32")

_SMALL = (64, 3)
# The passes of a solver over one output, and what else it compiles; else gradients and
# Hessians.
_PASSES = {
    "gradient-descent": ("gradient",),
    "lbfgs": ("gradient",),
    "newton-cg": ("gradient", "product"),
    "newton-cholesky": ("hessian",),
    "prox-newton": ("gradient", "hessian", "coordinates"),
}
_FEW = (64, 8)  # columns that a pass over C order has a kernel for
# So wide, and of so many rows, that the Hessian is summed by panels.
_WIDE = (2_000, 600)
_FACTORED = 120  # rows of a matrix that is factored by compiled loops


@dataclass(frozen=True)
class WarmUp:
    """One piece of work of `warmup`.

    Parameters
    ----------
    dtype : str
        Type of X.
    order : str
        Order of X, one of `ORDERS`.
    work : str
        What was made ready: a solver, with ", wide" its Hessians of tables of some hundred
        columns, "predict" or "several outputs".
    seconds : float
        How long that took.
    added : int
        Kernels that were compiled and put into the cache; 0 where it held them all.
    """

    dtype: str
    order: str
    work: str
    seconds: float
    added: int

    def __str__(self) -> str:
        return f"{self.dtype}, {self.order} order, {self.work}: {self.seconds:.2f} s" + (
            f", {self.added} compiled" if self.added else ", in the cache"
        )


def warmup(
    dtypes: Iterable[Any] = ("float64", "float32"),
    orders: Iterable[str] = ("C", "F"),
    *,
    solvers: Iterable[str] | None = None,
    outputs: bool = False,
    predict: bool = True,
    verbose: int = 0,
) -> list[WarmUp]:
    """Compile the kernels of some layouts of X, for this and for later processes.

    Without it, the first fit to a large table on a new machine compiles what it needs.

    Parameters
    ----------
    dtypes : iterable of dtype-like, default=("float64", "float32")
        Types of X: some of `DTYPES`, or one of them.
    orders : iterable of str, default=("C", "F")
        Orders of X: "C" for rows that lie together, "F" for columns, as in a pandas
        DataFrame of one type; "csr" and "csc" for sparse tables by rows and by columns, of
        float64 or float32 with indices of int32; "frame" for DataFrames with categories, of
        float32 if all of their numbers are.
    solvers : iterable of str or None, default=None
        Names of solvers, or one of them; None for all.
    outputs : bool, default=False
        Whether passes of several outputs at once, such as the classes of a softmax model,
        are compiled as well.
    predict : bool, default=True
        Whether predictions are compiled as well.
    verbose : int, default=0
        If not 0, print a line per piece of work.

    Returns
    -------
    list of WarmUp
        What was done, in that order.

    Raises
    ------
    InvalidParameterError, InvalidParameterTypeError
        A type, an order or a solver that is none.
    KernelCacheError
        There is no folder to keep compiled kernels in, or it cannot be written.

    Notes
    -----
    Compiled code is found again by the same versions of Python, NumPy, numba and this
    package, on a processor of the same kind, and by the user whose folder it is in.
    The folder is the user's cache folder, or in ``FASTLOGREG_CACHE_DIR``.

    Examples
    --------
    >>> import fastlogreg
    >>> done = fastlogreg.warmup("float64", "C", solvers="newton-cholesky")
    >>> [record.work for record in done]
    ['newton-cholesky', 'newton-cholesky, wide', 'predict']
    """
    types = _checked_types(dtypes)
    layouts = [(dtype, order) for dtype in types for order in _checked_names("orders", orders)]
    _check_layouts(layouts)
    known = list(SOLVERS) if solvers is None else _checked_names("solvers", solvers)
    folder = kernel_folder()
    done = []
    for dtype, order in layouts:
        for work, run in _works(dtype, order, known, outputs=outputs, predict=predict):
            record = _timed(folder, dtype, order, work, run)
            done.append(record)
            if verbose:
                print(record)
    return done


def kernel_folder() -> Path:
    """Return the folder of compiled kernels, after a file was written there and removed.

    Raises
    ------
    KernelCacheError
        There is none, or it cannot be written.
    """
    from fastlogreg.runtime import cache

    found = cache.kernel_folder()
    folder = found.path
    if folder is None and not found.problem:
        raise KernelCacheError(
            "FASTLOGREG_CACHE_DIR is empty, which switches the cache of compiled kernels off; "
            "expected a folder. Name one, or unset the variable for the user's cache folder."
        )
    if folder is None:
        named = os.environ.get("FASTLOGREG_CACHE_DIR")
        place = "the user's cache folder" if named is None else f"FASTLOGREG_CACHE_DIR={named!r}"
        raise KernelCacheError(
            f"compiled kernels cannot be kept: {place} cannot be used ({found.problem}). "
            "Point FASTLOGREG_CACHE_DIR to a folder of your own that can be written."
        )
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0" * 4096)
    except OSError as error:
        raise KernelCacheError(_not_written(folder, error)) from error
    return folder


def _not_written(folder: Path, error: BaseException) -> str:
    return (
        f"compiled kernels cannot be kept in {str(folder)!r} ({error}). "
        "Make room there, or point FASTLOGREG_CACHE_DIR to a writable folder."
    )


def _checked_types(dtypes: Any) -> list[str]:
    """Return the names of types, each once.

    Raises
    ------
    InvalidParameterError, InvalidParameterTypeError
        No type, or one that no kernel reads.
    """
    many = isinstance(dtypes, Iterable) and not isinstance(dtypes, str | np.dtype | type)
    found = []
    for given in dtypes if many else [dtypes]:
        try:
            dtype = np.dtype(given)
        except TypeError:
            dtype = None
        if given is None or dtype is None:
            raise InvalidParameterTypeError(
                f"dtypes holds {given!r}, which is no type; expected some of {_shown(DTYPES)}."
            )
        # A byte-swapped type has the name of the native one.
        if dtype.name not in DTYPES or not dtype.isnative:
            raise InvalidParameterError(
                f"dtypes holds {given!r}, for which there are no kernels: a fit converts it to "
                f"float64 or to native byte order; expected some of {_shown(DTYPES)}."
            )
        found.append(dtype.name)
    return _once("dtypes", found, DTYPES)


def _checked_names(parameter: str, names: Any) -> list[str]:
    """Return some orders, or some solvers, each once; a lone one may come as it is."""
    choices = {"orders": ORDERS, "solvers": tuple(SOLVERS)}[parameter]
    if not isinstance(names, Iterable):
        raise InvalidParameterTypeError(
            f"{parameter} is {names!r}; expected some of {_shown(choices)}."
        )
    found = [names] if isinstance(names, str) else list(names)
    for name in found:
        if name not in choices:
            raise InvalidParameterError(
                f"{parameter} holds {name!r}; expected some of {_shown(choices)}."
            )
    return _once(parameter, found, choices)


def _check_layouts(layouts: list[tuple[str, str]]) -> None:
    """Raise if sparse tables or frames are to be of a type that a fit converts."""
    for dtype, order in layouts:
        if order in _NOT_DENSE and dtype not in _FLOATS:
            raise InvalidParameterError(
                f"dtypes holds {dtype!r} and orders {order!r}, for which there are no kernels: a "
                f"fit converts it to float64; expected some of {_shown(_FLOATS)}."
            )


def _once(parameter: str, names: list[str], choices: tuple[str, ...]) -> list[str]:
    if not names:
        raise InvalidParameterError(f"{parameter} is empty; expected some of {_shown(choices)}.")
    return list(dict.fromkeys(names))


def _shown(choices: Iterable[str]) -> str:
    return ", ".join(repr(choice) for choice in choices)


def _works(
    dtype: str, order: str, solvers: Iterable[str], *, outputs: bool, predict: bool
) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield what there is to do for a layout, and a pass over a table that does it."""
    small, few = _Case(dtype, order, *_SMALL), _Case(dtype, order, *_FEW)
    for solver in solvers:
        passes = _PASSES.get(solver, ("gradient", "hessian"))
        yield solver, partial(_run_all, small, few, passes)
        if "hessian" in passes:
            wide = few if order in _NOT_DENSE else _Case(dtype, order, *_WIDE)
            yield f"{solver}, wide", partial(wide.run, ["hessian", "factors"])
    if predict:
        yield "predict", small.predictions
    if outputs:
        yield "several outputs", small.outputs


def _run_all(small: _Case, few: _Case, passes: Iterable[str]) -> None:
    small.run(passes)
    if "gradient" in passes:
        few.gradient()


class _Case:
    """A table of zeros in one layout, and the passes over it."""

    def __init__(self, dtype: str, order: str, n_rows: int, n_columns: int) -> None:
        self.design: DenseDesign | SparseDesign | TabularDesign
        if order == "frame":
            levels = Categorical(np.zeros(n_rows, dtype=np.int8), 1)
            numbers = np.zeros(n_rows, dtype=dtype)
            columns: list[np.ndarray | Categorical] = [numbers, levels, levels]
            self.design = TabularDesign(columns, n_rows, load_backend("numba", "tabular"), 1)
        elif order in _NOT_DENSE:
            kind = sparse.csr_array if order == "csr" else sparse.csc_array
            X = kind((n_rows, n_columns), dtype=dtype)
            self.design = SparseDesign(X, load_backend("numba", "sparse"), 1)
        else:
            table = np.zeros((n_rows, n_columns), dtype=dtype, order="C" if order == "C" else "F")
            self.design = DenseDesign(table, load_backend("numba"), 1)
        self.targets = Targets(np.zeros(n_rows, dtype=np.int8), np.ones(2))

    def coef(self, n_outputs: int = 1) -> np.ndarray:
        return np.zeros((self.design.n_columns + 1, n_outputs))

    def run(self, passes: Iterable[str]) -> None:
        for name in passes:
            getattr(self, name)()

    def gradient(self) -> None:
        self.design.loss_gradient(self.coef(), self.targets, None)

    def hessian(self) -> None:
        _, _, sums = self.design.loss_gradient_hessian(self.coef(), self.targets, None)
        if isinstance(sums, BlockSums):
            scale, of_core = np.ones(len(sums.border)), np.ones(len(sums.core))
            sums.loops.schur_complement(scale, of_core, sums.border, sums.core, sums.n_threads)

    def product(self) -> None:
        self.design.hessian_diagonal(self.coef() + 1.0, self.targets, None)
        self.design.hessian_product(self.coef(), self.coef(), self.targets, None)

    def coordinates(self) -> None:
        model = ProximalHessian(np.eye(2), 1, self.design.backend)
        model.proximal_step(*np.zeros((3, 2, 1)))

    def factors(self) -> None:
        matrix, factoring = np.eye(_FACTORED), self.design.backend
        DenseHessian(matrix, factoring=factoring).solve(np.ones((_FACTORED, 1)))

    def outputs(self) -> None:
        # One kernel has the gradient and the product, of softmax and of binary models.
        softmax = replace(self.targets, softmax=True)
        self.design.loss_gradient(self.coef(2), softmax, None)
        self.design.loss_gradient_hessian(self.coef(2), softmax, None)

    def predictions(self) -> None:
        self.design.decision(self.coef())
        self.design.probability(self.coef())


def _timed(folder: Path, dtype: str, order: str, work: str, run: Callable[[], object]) -> WarmUp:
    """Run a piece of work and return what it took and what it left in the folder.

    Raises
    ------
    KernelCacheError
        It was compiled and could not be written.
    """
    before = _indices(folder)
    began = time.perf_counter()
    with warnings.catch_warnings():
        # One that cannot be read is compiled anew and written again, so all is well.
        warnings.filterwarnings("ignore", ".* could not be read", KernelCacheWarning)
        warnings.filterwarnings("error", ".* could not be written", KernelCacheWarning)
        try:
            run()
        except KernelCacheWarning as warning:
            raise KernelCacheError(_not_written(folder, warning.__context__ or warning)) from None
    seconds = time.perf_counter() - began
    return WarmUp(dtype, order, work, seconds, len(_indices(folder) - before))


def _indices(folder: Path) -> set[tuple[str, int]]:
    """Return name and time of the file of every kernel in the folder."""
    return {(path.name, path.stat().st_mtime_ns) for path in folder.glob("*.nbc")}
