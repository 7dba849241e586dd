"""Random rows that stand for all: by class, by weight, and in the order of the table."""

from __future__ import annotations

import numpy as np

from fastlogreg.design.protocol import Targets, class_totals

__all__ = ["draw_rows"]

_LEAST_OF_QUOTA = 0.5  # a class that a plain draw gives less of is drawn on its own


def draw_rows(
    targets: Targets,
    weights: np.ndarray | None,
    wanted: int,
    rng: np.random.Generator,
    held: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return rows, in order and each once, and the weights with which they stand for all.

    A class gets half its share of the rows plus an equal part of the other half, so that
    a rare class is well seen; within it a row is taken with a chance in proportion to its
    weight, systematically (Cochran, *Sampling Techniques*, 3rd ed., chapters 5, 8 and
    9A): one draw from each of as many stretches of equal weight.

    Parameters
    ----------
    targets : Targets
        Classes of the rows; class weights play no part.
    weights : ndarray of float64, shape (n_rows,), or None
        Sample weights.
    wanted : int
        About how many rows.
    rng : Generator
        Where chance comes from.
    held : ndarray of intp, optional
        Rows, in order and each once, that come on top with the weight of their own; chance
        chooses among the others, which the rest of the weights stand for.

    Returns
    -------
    rows : ndarray of intp, shape (m,)
    weights : ndarray of float64, shape (m,)
        They sum to the weight of all rows of a class over the sample's rows of it.
    """
    if held is not None:
        others = np.ones(len(targets.codes), dtype=bool)
        others[held] = False
        rest = np.flatnonzero(others)
        drawn, standing = draw_rows(
            targets.take(rest), None if weights is None else weights[rest], wanted, rng
        )
        own = np.ones(len(held)) if weights is None else weights[held]
        rows = np.concatenate([rest[drawn], held])
        order = np.argsort(rows, kind="stable")
        return rows[order], np.concatenate([standing, own])[order]
    codes = targets.codes
    n_classes = len(targets.class_weights)
    counts = targets.class_counts
    totals = counts if weights is None else class_totals(codes, weights, n_classes)
    quotas = 0.5 * wanted * (counts / counts.sum() + 1.0 / n_classes)
    plain = _one_of_each_stretch(len(codes), wanted, rng) if weights is None else None
    parts = []
    for code in range(n_classes):
        if counts[code] == 0.0:
            continue
        found = None if plain is None else plain[codes[plain] == code]
        if found is None or len(found) < _LEAST_OF_QUOTA * min(quotas[code], counts[code]):
            quota = max(int(quotas[code]), 1)
            parts.append(_of_class(codes, weights, code, quota, totals[code], rng))
        else:
            parts.append((found, np.full(len(found), totals[code] / len(found))))
    rows = np.concatenate([rows for rows, _ in parts])
    order = np.argsort(rows, kind="stable")  # the fastest for a few runs that are in order
    return rows[order], np.concatenate([weight for _, weight in parts])[order]


def _of_class(
    codes: np.ndarray,
    weights: np.ndarray | None,
    code: int,
    quota: int,
    total: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return about *quota* rows of a class, and their weights."""
    members = np.flatnonzero(codes == code)
    if weights is None:
        rows = members
        if quota < len(members):
            rows = members[_one_of_each_stretch(len(members), quota, rng)]
        return rows, np.full(len(rows), total / len(rows))
    if quota >= len(members):
        rows = members[weights[members] > 0.0]
        return rows, weights[rows]
    ends = np.cumsum(weights[members])
    points = (np.arange(quota) + rng.random(quota)) * (ends[-1] / quota)
    found, times = np.unique(np.searchsorted(ends, points, side="right"), return_counts=True)
    found = np.minimum(found, len(members) - 1)  # a last point may round to the end
    return members[found], times * (total / quota)


def _one_of_each_stretch(n_rows: int, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random row from each of as many even stretches of rows, all if too few."""
    if wanted >= n_rows:
        return np.arange(n_rows)
    places = (np.arange(wanted) + rng.random(wanted)) * (n_rows / wanted)
    rows = np.minimum(places.astype(np.intp), n_rows - 1)
    return rows[np.diff(rows, prepend=-1) > 0]  # they are in order
