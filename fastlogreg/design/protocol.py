"""What a storage of X offers to an objective, and how a backend is loaded."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np

from fastlogreg.runtime.cached import cached_property
from fastlogreg.runtime.loops import Eliminating, MatrixLoops

__all__ = [
    "Backend",
    "BlockSums",
    "Design",
    "HasArray",
    "Shape",
    "Targets",
    "class_totals",
    "load_backend",
]

# Classes up to which as many comparisons take less than the wider codes of a histogram.
_COUNTED_ONE_BY_ONE = 16

_PACKAGES = {"numba": "fastlogreg.kernels", "numpy": "fastlogreg.reference"}


@dataclass(frozen=True)
class Targets:
    """Labels as the passes read them.

    Parameters
    ----------
    codes : ndarray of int8, or int16 for more than 127 classes, shape (n_rows,)
        The class of each row, from 0; of two classes, 1 is the positive one.
    class_weights : ndarray of float64, shape (n_classes,)
        What a row counts by its class; looked up by code, never spread over the rows.
    softmax : bool
        Whether the outputs are the classes of one softmax model; otherwise each output
        is a binary model of its own.
    """

    codes: np.ndarray
    class_weights: np.ndarray
    softmax: bool = False

    @cached_property
    def class_counts(self) -> np.ndarray:
        """Rows of each class, float64 ``(n_classes,)``; counted once."""
        return class_totals(self.codes, None, len(self.class_weights))

    def take(self, rows: np.ndarray | slice) -> Targets:
        """Return the labels of some rows."""
        return replace(self, codes=self.codes[rows])

    def total_weight(self, weights: np.ndarray | None) -> float:
        """Return the sum over rows of class weight times sample weight."""
        if weights is None:
            return float(self.class_counts @ self.class_weights)
        totals = class_totals(self.codes, weights, len(self.class_weights))
        return float(totals @ self.class_weights)


def class_totals(codes: np.ndarray, weights: np.ndarray | None, n_classes: int) -> np.ndarray:
    """Return the weight, or the number, of the rows of each class, ``(n_classes,)``."""
    if weights is None and n_classes <= _COUNTED_ONE_BY_ONE:
        return np.array([np.count_nonzero(codes == code) for code in range(n_classes)], float)
    return np.bincount(codes, weights, minlength=n_classes).astype(np.float64)


@dataclass(frozen=True)
class Shape:
    """What of a table decides how it is fitted.

    Parameters
    ----------
    n_rows, n_columns : int
        Rows, and columns as coefficients count them: the levels of a category are columns.
    cells : int
        Numbers that a pass reads: rows times columns of a dense table, stored values of a
        sparse one, rows times columns as stored of a mixed one.
    storage : str
        What the design of the table is, "dense", "sparse" or "tabular".
    n_eliminated : int
        Columns that a factorisation of the Hessian need not hold, for they are the levels
        of one category.
    """

    n_rows: int
    n_columns: int
    cells: int
    storage: str = "dense"
    n_eliminated: int = 0


@dataclass(frozen=True)
class BlockSums:
    """A Hessian, summed over rows, of which one block is diagonal.

    Parameters
    ----------
    first : int
        The block's first column; the levels of one category, of which a row has one.
    diagonal : ndarray of float64, shape (m,)
        The block.
    border : ndarray of float64, shape (m, p - m)
        Its rows' other columns, in their order.
    core : ndarray of float64, shape (p - m, p - m)
        All other columns, the intercept last.
    loops : Eliminating
        The backend's, for what is made of them.
    n_threads : int
        How many threads these may use.
    """

    first: int
    diagonal: np.ndarray
    border: np.ndarray
    core: np.ndarray
    loops: Eliminating
    n_threads: int


class Design(Protocol):
    """X as an operator with an appended column of ones.

    With ``n`` rows, ``d`` columns and ``k`` outputs, coefficients and gradients are
    ``(d + 1, k)`` float64, the intercept in the last row.  Outputs are binary models of
    their own, or the classes of one softmax model where the targets say so.  Results are
    new arrays, summed over rows and not divided by anything.  Every method but `take` and
    `take_columns` reads X once and adds 1 to `passes`; those add what they read.
    """

    passes: float
    backend: Backend

    @property
    def n_rows(self) -> int:
        """Rows of X."""

    @property
    def n_columns(self) -> int:
        """Columns of X."""

    @property
    def cells(self) -> int:
        """Numbers that a pass reads, as `Shape` counts them."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of X's numbers."""

    def loss_gradient(
        self, coef: np.ndarray, targets: Targets, weights: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return losses ``(k,)``, of a softmax model ``(1,)``, and gradients ``(d + 1, k)``."""

    def loss_gradient_hessian(
        self, coef: np.ndarray, targets: Targets, weights: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | BlockSums]:
        """Return losses, gradients and Hessians ``(k, d + 1, d + 1)``.

        That of a softmax model is ``(1, p, p)`` with ``p = k (d + 1)``, class by class:
        row ``c (d + 1) + j`` is that of ``coef[j, c]``.  A storage that knows more about
        the Hessian of its one output returns it in blocks.
        """

    def hessian_product(
        self,
        coef: np.ndarray,
        direction: np.ndarray,
        targets: Targets,
        weights: np.ndarray | None,
    ) -> np.ndarray:
        """Return the Hessian at coef times direction, both ``(d + 1, k)``, in that shape."""

    def product_at(
        self, coef: np.ndarray, targets: Targets, weights: np.ndarray | None
    ) -> Callable[[np.ndarray], np.ndarray]:
        """Return a function from a direction to the Hessian at coef times it, a pass a call.

        What the passes at one coef share may be kept for as long as the function is, up to
        ``(n, k)`` float64.
        """

    def hessian_diagonal(
        self, coef: np.ndarray, targets: Targets, weights: np.ndarray | None
    ) -> np.ndarray:
        """Return the diagonals of the Hessians ``(d + 1, k)``; it reads X twice, once at 0."""

    def decision(self, coef: np.ndarray) -> tuple[np.ndarray, bool]:
        """Return decisions ``(n, k)`` in the type of X, and whether all are finite."""

    def probability(self, coef: np.ndarray, softmax: bool = False) -> tuple[np.ndarray, bool]:
        """Return the probabilities of all classes, and whether all decisions are finite.

        They are ``(n, 2)`` of one output, ``(n, k)`` of a softmax model.
        """

    def take(self, rows: np.ndarray) -> Design:
        """Return the design of some rows, copied, with a count of its own."""

    def take_columns(self, columns: np.ndarray) -> Design:
        """Return the design of some columns, copied, with a count of its own."""


@runtime_checkable
class HasArray(Protocol):
    """A design whose numbers lie in an array."""

    @property
    def array(self) -> np.ndarray:
        """X, ``(n_rows, n_columns)``."""


class Backend(MatrixLoops, Protocol):
    """The whole passes that a storage's file in `fastlogreg.kernels` and its mirror define.

    ``X`` is what the storage's design holds: an array of a dense one.

    With them come the loops of a backend over matrices, which read no X, so that what a
    design was handed is all that a fit needs: the objective passes them on to its Hessians.
    """

    def loss_gradient(
        self,
        X: Any,
        coef: np.ndarray,
        codes: np.ndarray,
        weights: np.ndarray | None,
        class_weights: np.ndarray,
        n_threads: int,
        softmax: bool = False,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return losses and gradients."""

    def loss_gradient_hessian(
        self,
        X: Any,
        coef: np.ndarray,
        codes: np.ndarray,
        weights: np.ndarray | None,
        class_weights: np.ndarray,
        n_threads: int,
        softmax: bool = False,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | BlockSums]:
        """Return losses, gradients and Hessians."""

    def hessian_product(
        self,
        X: Any,
        coef: np.ndarray,
        direction: np.ndarray,
        codes: np.ndarray,
        weights: np.ndarray | None,
        class_weights: np.ndarray,
        n_threads: int,
        softmax: bool = False,
    ) -> np.ndarray:
        """Return the Hessians times the direction."""

    def square_sums(self, X: Any, row_weights: np.ndarray, n_threads: int) -> np.ndarray:
        """Return weighted sums of squares of the columns, and of the weights."""

    def decision(self, X: Any, coef: np.ndarray, n_threads: int) -> tuple[np.ndarray, bool]:
        """Return decisions, and whether all are finite."""

    def probability(
        self, X: Any, coef: np.ndarray, n_threads: int, softmax: bool = False
    ) -> tuple[np.ndarray, bool]:
        """Return probabilities, and whether all decisions are finite."""


def load_backend(name: str, storage: str = "dense") -> Backend:
    """Import the whole passes of a backend, "numba" or "numpy", for a storage of X.

    This is the only import of kernels and reference above their floor: a fit on NumPy
    never loads numba.
    """
    module: object = importlib.import_module(f"{_PACKAGES[name]}.{storage}")
    return cast(Backend, module)
