"""What a backend has for matrices, whatever X is: no X is read.

`fastlogreg.kernels.cholesky`, `elimination` and `coordinate` have it, and their mirrors.
A design's backend has it among its passes, and the Hessians are handed it.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

__all__ = ["Eliminating", "Factoring", "MatrixLoops"]


class Factoring(Protocol):
    """The Cholesky factor of a matrix, and systems with it."""

    def factor_cholesky(self, matrix: np.ndarray) -> bool:
        """Put the lower factor in place of the lower triangle; return whether there is one."""

    def solve_cholesky(self, factor: np.ndarray, right: np.ndarray) -> None:
        """Solve ``L L' x = right`` in place, ``(p,)``."""

    def reciprocal_condition(self, factor: np.ndarray, norm: float) -> float:
        """Return an estimate of 1 over the condition number of a matrix of that 1-norm."""


class Eliminating(Factoring, Protocol):
    """That, and the Schur complement of a diagonal block."""

    def schur_complement(
        self,
        scale: np.ndarray,
        of_core: np.ndarray,
        border: np.ndarray,
        core: np.ndarray,
        n_threads: int,
    ) -> np.ndarray:
        """Return ``c (A - B' s^2 B) c`` for scales s of the rows of B and c of A."""


class MatrixLoops(Factoring, Protocol):
    """That, and descent along coordinates."""

    def descend_coordinates(
        self,
        matrix: np.ndarray,
        strengths: np.ndarray,
        coef: np.ndarray,
        gradient: np.ndarray,
        members: np.ndarray,
        most_sweeps: int,
        least: float,
    ) -> float:
        """Minimise a quadratic with an L1 penalty by coordinates, in place."""
