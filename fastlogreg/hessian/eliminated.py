"""A Hessian of which one block is diagonal: it is eliminated before the rest is factored.

The levels of one category exclude each other, so their block is diagonal, however many
they are.  With ``D`` that block, ``A`` the rest and ``B`` what lies between::

    S y = g_A - B' D^-1 g_D      with the Schur complement  S = A - B' D^-1 B
    x_D = D^-1 (g_D - B y),      x_A = y

(Boyd & Vandenberghe, *Convex Optimization*, appendix C.4).  All rows and columns are first
scaled to a unit diagonal, so that nothing depends on the units of the columns.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.hessian.dense import DenseHessian
from fastlogreg.runtime.loops import Eliminating
from fastlogreg.runtime.vectors import times

__all__ = ["EliminatedHessian", "assemble"]

_LEAST = float(np.finfo(np.float64).tiny) / float(np.finfo(np.float64).eps)


class EliminatedHessian:
    """A Hessian of one output, solved by elimination of its diagonal block.

    Parameters
    ----------
    first : int
        The first row of the block.
    diagonal : ndarray of float64, shape (m,)
        The block.
    border : ndarray of float64, shape (m, r)
        Its rows' other columns.
    core : ndarray of float64, shape (r, r)
        The rest.  Of a model without intercept it lacks the last row of the coefficients.
    loops : Eliminating
        The backend's, for the complement.
    n_threads : int
        How many threads they may use.
    """

    def __init__(
        self,
        first: int,
        diagonal: np.ndarray,
        border: np.ndarray,
        core: np.ndarray,
        loops: Eliminating,
        n_threads: int = 1,
    ) -> None:
        self._loops = loops
        self._n_threads = n_threads
        self._block = slice(first, first + len(diagonal))
        self._parts = diagonal, np.ascontiguousarray(border), core
        self._factored: tuple[np.ndarray, np.ndarray, DenseHessian] | None = None

    def solve(self, gradient: np.ndarray) -> np.ndarray:
        """Return ``H^-1 gradient``; rows beyond the matrix, a fixed intercept, stay 0.

        Rows without any curvature stay 0 as well.  The result is NaN where the matrix is
        not finite.
        """
        if self._factored is None:
            self._factored = self._factor()
        scale, of_core, schur = self._factored
        border = self._parts[1]
        rest = self._rest(gradient)
        g_block = scale * gradient[self._block, 0]
        out = np.zeros_like(gradient)
        with np.errstate(over="ignore", invalid="ignore"):
            right = of_core * (gradient[rest, 0] - times(border.T, scale * g_block))
            y = of_core * schur.solve(right[:, None])[:, 0]
            out[self._block, 0] = scale * (g_block - scale * times(border, y))
            out[rest, 0] = y
        return out

    def _rest(self, gradient: np.ndarray) -> np.ndarray:
        n = len(self._parts[0]) + len(self._parts[2])
        return np.delete(np.arange(n), np.arange(self._block.start, self._block.stop))

    def _factor(self) -> tuple[np.ndarray, np.ndarray, DenseHessian]:
        """Return the scales of both parts, and the Schur complement, scaled."""
        diagonal, border, core = self._parts
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            scale, of_core = _unit_scale(diagonal), _unit_scale(core.diagonal())
            schur = self._loops.schur_complement(scale, of_core, border, core, self._n_threads)
        return scale, of_core, DenseHessian(schur, factoring=self._loops)


def assemble(first: int, diagonal: np.ndarray, border: np.ndarray, core: np.ndarray) -> np.ndarray:
    """Return the whole matrix of the parts of an `EliminatedHessian`."""
    m, n = len(diagonal), len(diagonal) + len(core)
    block = np.arange(first, first + m)
    rest = np.delete(np.arange(n), block)
    matrix = np.zeros((n, n))
    matrix[block, block] = diagonal
    matrix[np.ix_(block, rest)] = border
    matrix[np.ix_(rest, block)] = border.T
    matrix[np.ix_(rest, rest)] = core
    return matrix


def _unit_scale(diagonal: np.ndarray) -> np.ndarray:
    """Return ``1 / sqrt(diagonal)``, 0 where there is no curvature."""
    root = np.sqrt(np.maximum(diagonal, _LEAST))
    return np.asarray(np.divide(diagonal > _LEAST, root))
