"""A pass on several threads in three ways: what a process of ``bench.drivers`` runs.

numba's ``prange`` is defined here alone: the package does not enter it.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from bench.passes import pass_of
from bench.tables import Problem, make_problem
from bench.timing import clock
from fastlogreg.kernels.blocks import EMPTY_WEIGHTS, block_edges, count_blocks, sum_parts
from fastlogreg.kernels.dense_narrow import ROWS, by_lanes, is_narrow
from fastlogreg.kernels.dense_pass import pass_block_c, pass_block_narrow_c
from fastlogreg.kernels.dense_tiles import reach_c, tile_rows_c, with_rest
from fastlogreg.kernels.link import link_scratch

__all__ = ["DRIVERS", "time_passes"]

DRIVERS = ("one thread", "prange", "ours")

_PRODUCT = 400  # rows and columns; enough for OpenBLAS to take all its threads


@numba.njit(parallel=True, error_model="numpy", cache=True)
def _prange(arguments, edges, reach, scratch):
    X, coef, codes, weights, class_weights, partials = arguments
    z, weight, u, growth = scratch
    for b in numba.prange(edges.size - 1):
        own = z[b], weight[b], u[b], growth[b]
        pass_block_c(X, coef, codes, weights, class_weights, partials, edges, reach, *own, b, b + 1)


@numba.njit(parallel=True, error_model="numpy", cache=True)
def _prange_narrow(arguments, edges, columns, scratch):
    X, coef, codes, weights, class_weights, partials = arguments
    z, weight, u, growth = scratch
    for b in numba.prange(edges.size - 1):
        own = columns, z[b], weight[b], u[b], growth[b], b, b + 1
        pass_block_narrow_c(X, coef, codes, weights, class_weights, partials, edges, *own)


def time_passes(
    driver: str, rows: int, columns: int, n_threads: int, passes: int
) -> dict[str, Any]:
    """Return the seconds of passes one after the other, alone and each after a product.

    Parameters
    ----------
    driver : str
        One of `DRIVERS`.
    rows, columns : int
        Shape of X, float64 in C order.
    n_threads : int
        Threads of a driver of several.
    passes : int
        Timed passes of each kind.
    """
    problem = make_problem(rows, columns)
    if driver == "prange":
        run = _by_prange(problem, n_threads)
    else:
        run = pass_of(problem, "numba", "loss_gradient", n_threads if driver == "ours" else 1)
    losses, gradient = run()
    run()
    square = np.ones((_PRODUCT, _PRODUCT))
    return {
        "alone": _timed(run, passes, lambda: None),
        "after a product": _timed(run, passes, lambda: square @ square),
        "bits": hashlib.sha256(losses.tobytes() + gradient.tobytes()).hexdigest(),
        "layer": numba.threading_layer() if driver == "prange" else None,
    }


def _timed(run: Callable[[], object], passes: int, before: Callable[[], object]) -> list[float]:
    gc.collect()
    gc.disable()
    seconds = []
    for _ in range(passes):
        before()
        seconds.append(clock(run)[0])
    gc.enable()
    return seconds


def _by_prange(problem: Problem, n_threads: int) -> Callable[[], Any]:
    """Return the pass of `fastlogreg.kernels.dense`, its blocks driven by prange."""
    numba.set_num_threads(n_threads)
    n, d = problem.X.shape
    X, codes = problem.X.view(), problem.y.astype(np.int8)
    X.flags.writeable = codes.flags.writeable = False
    coef, rows = problem.coef[:, 0].copy(), (codes, EMPTY_WEIGHTS, np.ones(2))
    n_blocks = count_blocks(n, d, d + 2)

    def run() -> tuple[np.ndarray, np.ndarray]:
        # What the package does for each pass is done here too.
        narrow = is_narrow(d, X.itemsize)
        tile = ROWS if narrow else tile_rows_c(d)
        edges = block_edges(n, n_blocks, tile)
        partials = np.zeros((n_blocks, d + 2))
        own = (np.empty(tile), *link_scratch(tile))
        scratch = tuple(np.stack([one] * n_blocks) for one in own)
        if narrow:
            _prange_narrow((X, coef, *rows, partials), edges, by_lanes(coef), scratch)
        else:
            arguments = (X, with_rest(coef), *rows, partials)
            _prange(arguments, edges, reach_c(d, X.itemsize), scratch)
        total = sum_parts(partials)
        return total[d + 1 :], total[: d + 1, None]

    return run
