"""A sparse factor of the inverse of a correlation matrix, from a few rows of the table.

With the columns in order, each is regressed on the few before it that it is most
correlated with.  With the coefficients of the regressions in the lower triangle ``A`` and
the variances that they leave in ``v``::

    G = diag(v)^(-1/2) (I - A)          G' G ~ (correlations)^-1

and exactly so where the columns left out add nothing to any regression (Kolotilina &
Yeremin, *Factorized sparse approximate inverse preconditionings I*, SIAM J. Matrix Anal.
Appl. 14, 1993; the same thing for a covariance is the approximation of Vecchia, J. R.
Stat. Soc. B 50, 1988).  Whatever the numbers are, ``G' G`` is positive definite.  A
factor's error is that of regressions on a few columns, so hundreds of rows are enough
where a matrix of all correlations would need many times as many as there are columns.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

__all__ = ["effective_rows", "inverse_factor", "standardised"]

_EPS = float(np.finfo(np.float64).eps)
_NEIGHBOURS = 8
_CERTAIN = 4.0  # deviations of a correlation that is 0: more is taken for one that is not
_RIDGE = 1e-4  # least variance that a regression leaves: what float32 can tell
_PANEL = 256  # columns whose correlations are in memory at a time


def standardised(table: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the columns as rows, of mean 0 and sum of squares 1, float32 ``(d, m)``.

    Columns that are constant are 0 throughout.  The result is not finite where squares
    leave float64.

    Parameters
    ----------
    table : ndarray, shape (m, d)
        Rows of X.
    weights : ndarray of float64, shape (m,)
        What the rows count, in mean and squares.
    """
    share = weights / weights.sum()
    root = np.sqrt(share)
    scaled = np.empty(table.shape[::-1], dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for first in range(0, table.shape[1], _PANEL):
            panel = table[:, first : first + _PANEL].astype(np.float64)
            size = np.abs(panel).max(axis=0)
            panel -= share @ panel
            panel *= root[:, None]
            norm = np.sqrt(np.einsum("mj,mj->j", panel, panel))
            varies = ~(norm <= len(table) * _EPS * size)  # NaN does
            panel *= np.divide(1.0, norm, where=varies, out=np.zeros_like(norm))
            scaled[first : first + _PANEL] = panel.T
    return scaled


def effective_rows(scaled: np.ndarray) -> np.ndarray:
    """Return how many rows the squares of each column are from, 0 of a constant one.

    As many even rows would make the sum of squares vary from sample to sample as much
    (Kish, *Survey Sampling*, 1965, on weights).
    """
    fourth = np.einsum("jm,jm->j", scaled**2, scaled**2).astype(np.float64)
    seen: np.ndarray = np.divide(1.0, fourth, where=fourth > 0.0, out=np.zeros(len(scaled)))
    return seen


def inverse_factor(
    scaled: np.ndarray, effective: np.ndarray, shares: np.ndarray
) -> sparse.csr_matrix | None:
    """Return ``G``, a sparse (d, d) matrix; None where no two columns are correlated.

    Parameters
    ----------
    scaled : ndarray of float32, shape (d, m)
        The `standardised` columns.
    effective : ndarray of float64, shape (d,)
        Their `effective_rows`.
    shares : ndarray of float64, shape (d,)
        In [0, 1]: how much of a column's curvature is from the rows; the rest, that of the
        penalty, is correlated with nothing.
    """
    least = (_CERTAIN / np.sqrt(np.maximum(effective, 1.0))).astype(np.float32)
    d = len(scaled)
    rows, columns, values = [np.arange(d)], [np.arange(d)], [np.ones(d)]
    spread = np.ones(d)
    for first in range(0, d, _PANEL):
        own = np.arange(first, min(first + _PANEL, d))
        near = _most_correlated(scaled, own, least)
        slopes, spread[own] = _regress(scaled, own, near, np.sqrt(shares))
        known = near < own[:, None]
        rows.append(np.broadcast_to(own[:, None], near.shape)[known])
        columns.append(near[known])
        values.append(-slopes[known])
    if sum(map(len, rows)) == d:
        return None
    row = np.concatenate(rows)
    value = np.concatenate(values) / np.sqrt(spread)[row]
    return sparse.csr_matrix((value, (row, np.concatenate(columns))), shape=(d, d))


def _most_correlated(scaled: np.ndarray, own: np.ndarray, least: np.ndarray) -> np.ndarray:
    """Return up to a few columns before each of *own*, ``(b, k)``, filled up with its own."""
    before = int(own[-1]) + 1
    size = scaled[own] @ scaled[:before].T
    np.abs(size, out=size)
    found = (size > least[own, None]) & (size > least[:before])
    found[:, own[0] :] &= np.tri(len(own), k=-1, dtype=bool)
    crowded = np.flatnonzero(np.count_nonzero(found, axis=1) > _NEIGHBOURS)
    if crowded.size:
        of_crowded = size[crowded] * found[crowded]
        bound = np.partition(of_crowded, before - _NEIGHBOURS, axis=1)[:, before - _NEIGHBOURS]
        found[crowded] &= of_crowded >= bound[:, None]
    row, column = np.nonzero(found)
    place = np.arange(len(row)) - np.searchsorted(row, np.arange(len(own)))[row]
    kept = place < _NEIGHBOURS  # all but ties
    near = np.repeat(own[:, None], _NEIGHBOURS, axis=1)
    near[row[kept], place[kept]] = column[kept]
    return near


def _regress(
    scaled: np.ndarray, own: np.ndarray, near: np.ndarray, root: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the slopes of columns on those near them, ``(b, k)``, and the variances left."""
    known = near < own[:, None]
    others = scaled[near] * (root[near] * known)[:, :, None].astype(np.float32)
    matrix = np.matmul(others, others.transpose(0, 2, 1)).astype(np.float64)
    k = near.shape[1]
    matrix[:, np.arange(k), np.arange(k)] = 1.0 + _RIDGE
    right = np.einsum("bkm,bm->bk", others, scaled[own]) * root[own, None]
    slopes = np.linalg.solve(matrix, right[:, :, None].astype(np.float64))[:, :, 0]
    return slopes, np.maximum(1.0 - np.einsum("bk,bk->b", slopes, right), _RIDGE)
