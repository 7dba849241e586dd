"""Hard tables, for tests and for ``python -m bench.hard``.

`HARD_TABLES` names them.  Each is a function of a number of rows, a number of columns and a
seed, and returns a `HardTable` of that shape; where the shape itself is what is hard, rows
and columns are made of as many cells, within limits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from bench.tables import make_problem, standardised_twin

__all__ = ["HARD_TABLES", "HardTable"]

_FEW = 10  # rows in which a rare column is not 0
_WIDEST = 1_000
_GAP = 0.5  # from a separable class to the hyperplane


class HardTable(NamedTuple):
    """A table and what is hard about it.

    Parameters
    ----------
    X : ndarray of float64
        In C order.
    y : ndarray of int64
        0 or 1, or 0 to 2.
    sample_weight : ndarray of float64 or None
    says : str
        A few words.
    """

    X: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray | None
    says: str


def _rare_positives(n: int, d: int, seed: int) -> HardTable:
    positives = max(n // 1_000, 2)
    X, log_odds, rng = _table(n, d, seed)
    return HardTable(X, _draw_exactly(rng, log_odds, positives), None, "0.1 % positives")


def _five_positives(n: int, d: int, seed: int) -> HardTable:
    X, log_odds, rng = _table(n, d, seed)
    return HardTable(X, _draw_exactly(rng, log_odds, 5), None, f"5 positives in {n:,} rows")


def _uneven_weights(n: int, d: int, seed: int) -> HardTable:
    X, log_odds, rng = _table(n, d, seed)
    weights = 10.0 ** rng.uniform(-3.0, 3.0, n)
    return HardTable(X, _draw(rng, log_odds), weights, "weights over six orders of magnitude")


def _zero_weights(n: int, d: int, seed: int) -> HardTable:
    X, log_odds, rng = _table(n, d, seed)
    y = _draw(rng, log_odds)
    weights = rng.uniform(0.5, 2.0, n)
    out = rng.random(n) < 0.3
    weights[out] = 0.0
    y[out] = 1 - y[out]
    return HardTable(X, y, weights, "30 % of the rows, their labels wrong, with weight 0")


def _rare_columns(n: int, d: int, seed: int) -> HardTable:
    X, log_odds, rng = _table(n, d, seed)
    for j in range(0, d, 3):
        column = np.zeros(n)
        rows = rng.choice(n, min(_FEW, n), replace=False)
        column[rows] = X[rows, j]
        X[:, j] = column
    return HardTable(
        X, _draw(rng, log_odds), None, f"every third column nonzero in {_FEW} rows only"
    )


def _constant_column(n: int, d: int, seed: int) -> HardTable:
    X, log_odds, rng = _table(n, d, seed)
    X[:, 0] = 3.7
    return HardTable(X, _draw(rng, log_odds), None, "a constant column")


def _collinear(n: int, d: int, seed: int) -> HardTable:
    X, log_odds, rng = _table(n, d, seed)
    X[:, 1] = X[:, 0]
    X[:, -1] = X[:, :-1].sum(axis=1)
    return HardTable(X, _draw(rng, log_odds), None, "a column twice, and the sum of all")


def _uneven_scales(n: int, d: int, seed: int) -> HardTable:
    X, log_odds, rng = _table(n, d, seed, even=True)
    X *= 10.0 ** rng.permutation(np.linspace(-6.0, 6.0, d))
    return HardTable(X, _draw(rng, log_odds), None, "columns scaled from 1e-6 to 1e6")


def _wide(n: int, d: int, seed: int) -> HardTable:
    rows = min(max(math.isqrt(n * d // 2), 2), _WIDEST // 2)
    X, log_odds, rng = _table(rows, 2 * rows, seed)
    return HardTable(X, _draw(rng, log_odds), None, "twice as many columns as rows")


def _square(n: int, d: int, seed: int) -> HardTable:
    rows = min(max(math.isqrt(n * d), 2), _WIDEST)
    X, log_odds, rng = _table(rows, rows, seed)
    return HardTable(X, _draw(rng, log_odds), None, "as many columns as rows")


def _sorted_by_label(n: int, d: int, seed: int) -> HardTable:
    X, log_odds, rng = _table(n, d, seed)
    y = _draw(rng, log_odds)
    order = np.argsort(y, kind="stable")
    return HardTable(X[order], y[order], None, "rows sorted by label")


def _sorted_by_time(n: int, d: int, seed: int) -> HardTable:
    X, log_odds, rng = _table(n, d, seed, even=True)
    time = np.linspace(-1.0, 1.0, n)
    X[:, ::2] += 2.0 * time[:, None]
    X[:, 1::2] *= np.exp(time)[:, None]
    return HardTable(
        X, _draw(rng, log_odds + 2.0 * time), None, "columns and odds that drift down the rows"
    )


def _separable(n: int, d: int, seed: int) -> HardTable:
    X, _, rng = _table(n, d, seed, even=True)
    direction = rng.standard_normal(d)
    direction /= np.linalg.norm(direction)
    y = (X @ direction > 0.0).astype(np.int64)
    X += _GAP * np.where(y == 1, 1.0, -1.0)[:, None] * direction
    return HardTable(X, y, None, "classes that a hyperplane separates, with a gap of 1")


def _quasi_separable(n: int, d: int, seed: int) -> HardTable:
    X, log_odds, rng = _table(n, d, seed, even=True)
    y = _draw(rng, log_odds)
    X[:, 0] = (y == 1) & (rng.random(n) < 0.2)
    return HardTable(X, y, None, "a 0/1 column that is 1 among the positives only")


def _rare_class(n: int, d: int, seed: int) -> HardTable:
    X, log_odds, rng = _table(n, d, seed)
    y = _draw(rng, log_odds)
    y[_draw_exactly(rng, X[:, 0] / X[:, 0].std(), max(n // 2_000, 3)) == 1] = 2
    return HardTable(X, y, None, "three classes, one of 0.05 % of the rows")


def _heavy_tails(n: int, d: int, seed: int) -> HardTable:
    rng = np.random.default_rng([seed, 1])
    X = rng.standard_t(2.0, (n, d))
    log_odds = np.clip(X, -3.0, 3.0) @ rng.standard_normal(d) / np.sqrt(d)
    return HardTable(X, _draw(rng, log_odds), None, "columns without a variance (Student, 2)")


HARD_TABLES: dict[str, Callable[[int, int, int], HardTable]] = {
    "rare positives": _rare_positives,
    "five positives": _five_positives,
    "uneven weights": _uneven_weights,
    "zero weights": _zero_weights,
    "rare columns": _rare_columns,
    "constant column": _constant_column,
    "collinear": _collinear,
    "uneven scales": _uneven_scales,
    "wide": _wide,
    "square": _square,
    "sorted by label": _sorted_by_label,
    "sorted by time": _sorted_by_time,
    "separable": _separable,
    "quasi-separable": _quasi_separable,
    "rare class": _rare_class,
    "heavy tails": _heavy_tails,
}


def _table(
    n: int, d: int, seed: int, *, even: bool = False
) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """Return a table, the log-odds of its rows, and a generator for what else is drawn."""
    problem = make_problem(n, d, seed=seed)
    if even:
        problem = standardised_twin(problem, overwrite=True)
    X, _, coef = problem
    return X, X @ coef[:-1, 0] + coef[-1, 0], np.random.default_rng([seed, 1])


def _draw(rng: np.random.Generator, log_odds: np.ndarray) -> np.ndarray:
    """Return labels with those odds, both classes among them."""
    y = (rng.random(len(log_odds)) * (1.0 + np.exp(-log_odds)) < 1.0).astype(np.int64)
    y[:2] = (0, 1)
    return y


def _draw_exactly(rng: np.random.Generator, log_odds: np.ndarray, positives: int) -> np.ndarray:
    """Return labels of so many positives, the likelier the larger their odds."""
    # The largest of logs of the odds plus Gumbel noise: a draw without replacement.
    rank = np.argsort(log_odds + rng.gumbel(size=len(log_odds)))
    y = np.zeros(len(log_odds), dtype=np.int64)
    y[rank[-positives:]] = 1
    return y


if __name__ == "__main__":
    from bench.hard_fits import main

    main()
