"""What all designs of a table in memory share: the whole passes of a backend over it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np
from scipy.special import expit

from fastlogreg.design.protocol import Backend, BlockSums, Targets

__all__ = ["StoredDesign"]

X = TypeVar("X")


class StoredDesign(Generic[X]):
    """A table in memory; what a storage adds is its shape, its type and how parts are taken.

    Parameters
    ----------
    X : object
        The table as the backend's passes take it.
    backend : Backend
        The whole passes over that storage, from `load_backend`.
    n_threads : int
        How many threads a pass may use.
    """

    def __init__(self, X: X, backend: Backend, n_threads: int) -> None:
        self.X = X
        self.backend = backend
        self.n_threads = n_threads
        self.passes = 0.0

    def loss_gradient(
        self, coef: np.ndarray, targets: Targets, weights: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return losses ``(k,)``, of softmax ``(1,)``, and gradients ``(d + 1, k)``, one pass."""
        self.passes += 1
        return self.backend.loss_gradient(
            self.X,
            coef,
            targets.codes,
            weights,
            targets.class_weights,
            self.n_threads,
            targets.softmax,
        )

    def loss_gradient_hessian(
        self, coef: np.ndarray, targets: Targets, weights: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | BlockSums]:
        """Return losses, gradients and Hessians, one pass for all.

        They are ``(k, d + 1, d + 1)``; of a softmax model ``(1, p, p)`` with
        ``p = k (d + 1)``, class by class.
        """
        self.passes += 1
        return self.backend.loss_gradient_hessian(
            self.X,
            coef,
            targets.codes,
            weights,
            targets.class_weights,
            self.n_threads,
            targets.softmax,
        )

    def hessian_product(
        self,
        coef: np.ndarray,
        direction: np.ndarray,
        targets: Targets,
        weights: np.ndarray | None,
    ) -> np.ndarray:
        """Return the Hessian at coef times direction, both ``(d + 1, k)``, one pass."""
        self.passes += 1
        return self.backend.hessian_product(
            self.X,
            coef,
            direction,
            targets.codes,
            weights,
            targets.class_weights,
            self.n_threads,
            targets.softmax,
        )

    def product_at(
        self, coef: np.ndarray, targets: Targets, weights: np.ndarray | None
    ) -> Callable[[np.ndarray], np.ndarray]:
        """Return a function from a direction to the Hessian at coef times it, a pass a call.

        Every call decides coef again: while X is read from memory, that takes no longer.
        """
        return lambda direction: self.hessian_product(coef, direction, targets, weights)

    def hessian_diagonal(
        self, coef: np.ndarray, targets: Targets, weights: np.ndarray | None
    ) -> np.ndarray:
        """Return the diagonals of the Hessians ``(d + 1, k)``: two passes, one at 0.

        The curvatures of the rows are in the type of X.
        """
        curvature = self._curvatures(coef, targets)
        curvature = curvature * targets.class_weights[targets.codes, None]
        if weights is not None:
            curvature = curvature * weights.reshape(len(weights), -1)
        self.passes += 1
        squares = self.backend.square_sums(self.X, curvature, self.n_threads)
        return np.repeat(squares, coef.shape[1] // squares.shape[1], axis=1)

    def _curvatures(self, coef: np.ndarray, targets: Targets) -> np.ndarray:
        """Return those of the rows' losses, ``(n, k)``.

        At 0 they are known without a pass, ``(n, 1)`` as they are the same for all outputs.
        """
        if not coef.any():
            p = 1.0 / coef.shape[1] if targets.softmax else 0.5
            return np.full((len(targets.codes), 1), p * (1.0 - p))
        if targets.softmax:
            probability, _ = self.probability(coef, softmax=True)
            return probability * (1.0 - probability)
        decision, _ = self.decision(coef)
        return np.asarray(expit(decision) * expit(-decision))

    def decision(self, coef: np.ndarray) -> tuple[np.ndarray, bool]:
        """Return decisions ``(n, k)`` in the type of X, and whether all are finite, one pass."""
        self.passes += 1
        return self.backend.decision(self.X, coef, self.n_threads)

    def probability(self, coef: np.ndarray, softmax: bool = False) -> tuple[np.ndarray, bool]:
        """Return probabilities, and whether all decisions are finite, one pass.

        They are ``(n, 2)`` of one output, ``(n, k)`` of a softmax model.
        """
        self.passes += 1
        return self.backend.probability(self.X, coef, self.n_threads, softmax)
