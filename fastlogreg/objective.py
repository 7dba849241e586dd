"""The objective: the one formula that every solver minimises.

::

    F(W, b) = 1/S * sum_i s_i * loss(y_i, x_i W + b)
            + 1/(C*S) * [ (1 - rho)/2 * ||W||_F^2 + rho * ||W||_1 ]

``S = sum_i s_i``; ``s_i`` is sample weight times class weight; ``rho`` is the
``l1_ratio``; the intercept ``b`` is never penalised; ``C = inf`` switches the penalty
off.  The loss of two classes is ``log(1 + exp(-m))`` of the signed margin ``m``, that
of more is the cross-entropy of the softmax.  The minimiser is scikit-learn's.

Coefficients are one array ``(n_columns + 1, n_outputs)`` with the intercept in the last
row; without an intercept that row is there, and 0.  `Objective` is the only owner of
the penalty, of the division by S and of that row.  Values, gradients and Hessians are
those of the *smooth part* of F, all but the ``||W||_1``, which `l1_penalty` gives: with
``rho = 0`` they are F's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fastlogreg.design import BlockSums, Design, HasArray, Targets, class_totals, draw_rows
from fastlogreg.hessian import EliminatedHessian, ProximalHessian, assemble
from fastlogreg.runtime.vectors import inner, times

__all__ = ["Objective"]

_CELLS_IN_CACHE = 1 << 17


class Objective:
    """F over a design, as a function of the coefficients.

    Parameters
    ----------
    design : Design
        X, n_rows by n_columns.
    targets : Targets
        Codes and class weights of the rows.
    weights : ndarray of float64, shape (n_rows,), or None
        Sample weights, not negative.
    C : float
        Inverse strength of the penalty, in (0, inf].
    l1_ratio : float
        Share of the L1 penalty, in [0, 1].
    fit_intercept : bool
        Whether the last row of the coefficients is free.
    seed : int
        What samples of the rows are drawn with.
    """

    def __init__(
        self,
        design: Design,
        targets: Targets,
        weights: np.ndarray | None,
        *,
        C: float,
        l1_ratio: float = 0.0,
        fit_intercept: bool,
        seed: int = 0,
    ) -> None:
        self.design = design
        self.targets = targets
        self.weights = weights
        self.fit_intercept = fit_intercept
        self.seed = seed
        self.total_weight = targets.total_weight(weights)
        inverse = C * self.total_weight
        self.strength = 1.0 / inverse if inverse != 0.0 else math.inf
        self.l1_strength = self._per_row(self.strength * l1_ratio if l1_ratio else 0.0)
        self._l2 = self.strength * (1.0 - l1_ratio)
        self.l2_strength = self._per_row(self._l2)
        self._C, self._l1_ratio = C, l1_ratio
        self._samples: list[tuple[float, Objective]] = []
        self._restricted: tuple[float, Objective] | None = None

    @property
    def passes(self) -> float:
        """Reads of X so far, in whole tables; those of a part of it count by its share."""
        parts = [*self._samples, *([] if self._restricted is None else [self._restricted])]
        return self.design.passes + sum(share * part.passes for share, part in parts)

    @property
    def n_rows(self) -> int:
        """Rows of X."""
        return self.design.n_rows

    @property
    def cells(self) -> int:
        """Numbers of X: stored values, or codes, where it is not dense."""
        return self.design.cells

    @property
    def array(self) -> np.ndarray | None:
        """X where the design keeps its numbers in an array, else None."""
        return self.design.array if isinstance(self.design, HasArray) else None

    @property
    def row_weights(self) -> np.ndarray:
        """Class weight times sample weight of the rows, ``(n_rows,)``; a new array."""
        row_weights: np.ndarray = self.targets.class_weights[self.targets.codes]
        return row_weights if self.weights is None else row_weights * self.weights

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the coefficients, ``(n_columns + 1, n_outputs)``."""
        n_outputs = len(self.targets.class_weights) if self.targets.softmax else 1
        return self.design.n_columns + 1, n_outputs

    @property
    def has_l1(self) -> bool:
        """Whether F has an L1 part, so that it is not smooth."""
        return bool(self.l1_strength.any())

    def value_gradient(self, coef: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the smooth part and its gradient, a new array of coef's shape; one pass."""
        losses, gradient = self.design.loss_gradient(coef, self.targets, self.weights)
        return self._finish(losses, gradient, coef)

    def value_gradient_hessian(self, coef: np.ndarray) -> tuple[float, np.ndarray, Any]:
        """Return the smooth part, its gradient and its Hessian; one pass.

        The Hessian solves for steps; with an L1 part it is a `ProximalHessian`.
        """
        losses, gradient, sums = self.design.loss_gradient_hessian(coef, self.targets, self.weights)
        if not isinstance(sums, BlockSums):
            hessian: Any = self._hessian(sums[0])
        elif self.has_l1:
            hessian = self._hessian(assemble(sums.first, sums.diagonal, sums.border, sums.core))
        else:
            hessian = self._eliminated(sums)
        return *self._finish(losses, gradient, coef), hessian

    def product_at(self, coef: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """Return a function from a direction to the Hessian at *coef* times it; a pass a call.

        It may hold as many numbers as the decisions of all rows: keep it for *coef* alone.
        """
        times = self.design.product_at(coef, self.targets, self.weights)

        def product(direction: np.ndarray) -> np.ndarray:
            result = times(direction)
            result /= self.total_weight
            result[:-1] += self._l2 * direction[:-1]
            if not self.fit_intercept:
                result[-1] = 0.0
            return result

        return product

    def hessian_diagonal(self, coef: np.ndarray) -> np.ndarray:
        """Return the diagonal of the Hessian in coef's shape; one pass."""
        result = self.design.hessian_diagonal(coef, self.targets, self.weights)
        result /= self.total_weight
        result += self.l2_strength
        if not self.fit_intercept:
            result[-1] = 0.0
        return result

    def decision(self, coef: np.ndarray) -> np.ndarray:
        """Return ``x w + b`` for every row and output, ``(n_rows, n_outputs)``; one pass."""
        return self.design.decision(coef)[0]

    def largest_decision(self, coef: np.ndarray) -> float:
        """Return the largest decision of any row and output, whatever its sign; one pass.

        Of an array NumPy finds it: a fit asks for one, of a sample, and would wait for the
        compilation of a kernel that it has no other use for.
        """
        array = self.array
        if array is None:
            return float(np.abs(self.decision(coef)).max())
        self.design.passes += 1
        with np.errstate(over="ignore", invalid="ignore"):
            of_outputs = [times(array, column[:-1]) + column[-1] for column in coef.T]
        return float(np.abs(of_outputs).max())

    def table(self, rows: np.ndarray) -> np.ndarray:
        """Return some rows of X with a 1 appended to each, float64; their share of a pass."""
        some = self.design.take(rows)
        self.design.passes += len(rows) / self.n_rows
        # The decisions of unit coefficients are the columns.
        return some.decision(np.eye(self.design.n_columns + 1))[0].astype(np.float64)

    def rows_apart(self, columns: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the rows, in order, in which any of some columns has another value; one pass.

        For an X that is an array.
        """
        array = self.array
        assert array is not None
        self.design.passes += 1
        apart = np.zeros(self.n_rows, dtype=bool)
        step = max(_CELLS_IN_CACHE // self.design.n_columns, 1)
        for first in range(0, self.n_rows, step):
            rows = slice(first, first + step)
            apart[rows] = (array[rows, columns] != values).any(axis=1)
        return np.flatnonzero(apart)

    def l1_penalty(self, coef: np.ndarray) -> float:
        """Return the part of F that `value_gradient` leaves out."""
        return float((self.l1_strength * np.abs(coef)).sum()) if self.has_l1 else 0.0

    def centre(self, coef: np.ndarray) -> None:
        """Take from *coef* the shifts of all classes alike that F does not feel, in place."""
        if coef.shape[1] > 1:
            free = self._unpenalised
            coef[free] -= coef[free].mean(axis=1, keepdims=True)

    def sample(self, fraction: float, draw: int = 0, held: np.ndarray | None = None) -> Objective:
        """Return the objective of about that share of the rows, with an expectation of F.

        Each class has at least a fair part of the rows, as far as it has so many, and
        rows of much weight are likelier than others; weights make up for both, so that
        the classes weigh what they weigh in the whole.

        Parameters
        ----------
        fraction : float
            Share of the rows, in (0, 1].
        draw : int
            Number of the draw: with the objective's seed, it makes the sample.
        held : ndarray of intp, optional
            Rows, in order, that come on top, each with its own weight.
        """
        wanted = max(math.ceil(fraction * self.n_rows), 1)
        rng = np.random.default_rng([self.seed, draw])
        rows, weights = draw_rows(self.targets, self.weights, wanted, rng, held)
        sample = self._like(self.design.take(rows), self.targets.take(rows), weights)
        sample.design.passes = 1.0  # taking the rows is a read of them
        self._samples.append((len(rows) / self.n_rows, sample))
        return sample

    def restricted(self, columns: np.ndarray) -> Objective:
        """Return the objective as a function of the coefficients of some columns.

        All others are 0; the intercept, if there is one, stays.  The one before is let go:
        its passes stay counted, and later ones are not.

        Parameters
        ----------
        columns : ndarray of intp, shape (m,)
            Which, each once, at least one.
        """
        design = self.design.take_columns(columns)
        if self._restricted is not None:
            share, last = self._restricted
            self.design.passes += share * last.passes
        restricted = self._like(design, self.targets, self.weights)
        self._restricted = design.cells / max(self.design.cells, 1), restricted
        return restricted

    def constant_model(self) -> tuple[np.ndarray, float]:
        """Return the best coefficients that are 0 but for the intercept, and F; no pass."""
        n_classes = len(self.targets.class_weights)
        coef, value = np.zeros(self.shape), math.log(n_classes)
        if self.fit_intercept:
            totals = class_totals(self.targets.codes, self.weights, n_classes)
            totals *= self.targets.class_weights
            if (totals > 0.0).all():
                logs = np.log(totals)
                coef[-1] = logs - logs.mean() if self.targets.softmax else logs[1:] - logs[:1]
                value = math.log(totals.sum()) - float(totals @ logs) / totals.sum()
        return coef, value

    @property
    def _unpenalised(self) -> np.ndarray:
        """Which rows of the coefficients have no penalty, bool ``(d + 1,)``."""
        return np.asarray((self.l2_strength + self.l1_strength)[:, 0] == 0.0)

    def _like(self, design: Design, targets: Targets, weights: np.ndarray | None) -> Objective:
        """Return an objective of the same parameters."""
        return Objective(
            design,
            targets,
            weights,
            C=self._C,
            l1_ratio=self._l1_ratio,
            fit_intercept=self.fit_intercept,
            seed=self.seed,
        )

    def _per_row(self, strength: float) -> np.ndarray:
        """Return a penalty's strength for each row of the coefficients, ``(d + 1, 1)``."""
        strengths = np.full((self.design.n_columns + 1, 1), strength)
        strengths[-1] = 0.0
        return strengths

    def _finish(
        self, losses: np.ndarray, gradient: np.ndarray, coef: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """Return the smooth part and its gradient, made in place, from the sums over the rows."""
        penalised = coef[:-1]
        pull = self._l2 * penalised
        gradient /= self.total_weight
        gradient[:-1] += pull
        if not self.fit_intercept:
            gradient[-1] = 0.0
        penalty = 0.5 * inner(pull, penalised)
        return float(losses.sum()) / self.total_weight + penalty, gradient

    def _eliminated(self, sums: BlockSums) -> EliminatedHessian:
        """Return the Hessian of blocks, made in place, from their sums over the rows."""
        block = slice(sums.first, sums.first + len(sums.diagonal))
        strengths = self.l2_strength[:, 0]
        for part in (sums.diagonal, sums.border, sums.core):
            part /= self.total_weight
        sums.diagonal[...] += strengths[block]
        sums.core.flat[:: len(sums.core) + 1] += np.delete(strengths, block)
        core, border = sums.core, sums.border
        if not self.fit_intercept:
            core, border = core[:-1, :-1], border[:, :-1]
        parts = (sums.first, sums.diagonal, border, core)
        return EliminatedHessian(*parts, sums.loops, sums.n_threads)

    def _hessian(self, matrix: np.ndarray) -> ProximalHessian:
        """Return the Hessian, made in place, from the sum over the rows ``(p, p)``."""
        side, n_outputs = self.shape
        matrix /= self.total_weight
        blocks = matrix.reshape(n_outputs, side, n_outputs, side)
        if n_outputs > 1:
            _hold_free_directions(blocks, self._unpenalised)
        diagonal = np.einsum("ii->i", matrix)  # a view that can be written
        diagonal.reshape(n_outputs, side)[...] += self.l2_strength[:, 0]
        if not self.fit_intercept:
            matrix = np.ascontiguousarray(blocks[:, :-1, :, :-1])
            matrix = matrix.reshape(n_outputs * (side - 1), -1)
        return ProximalHessian(matrix, n_outputs, self.design.backend)


def _hold_free_directions(blocks: np.ndarray, unpenalised: np.ndarray) -> None:
    """Give curvature to what a softmax does not feel: the same shift of all classes.

    The gradient has no part along such a shift, so no step changes but those that
    rounding would take: solutions keep the sum over the classes that they started with.
    """
    n_outputs = len(blocks)
    for j in np.flatnonzero(unpenalised):
        own = blocks[:, j, :, j]
        own += own.trace() / n_outputs**2
