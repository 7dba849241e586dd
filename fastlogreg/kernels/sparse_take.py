"""Block kernels that copy some columns of a sparse X by rows: counted first, then copied."""

from __future__ import annotations

import numpy as np

from fastlogreg.runtime.jit import block_kernel

__all__ = ["copy_taken", "count_taken"]

U = np.uintp


@block_kernel
def count_taken(
    indices: np.ndarray,
    indptr: np.ndarray,
    places: np.ndarray,
    counts: np.ndarray,
    edges: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Fill counts with how many values of each row of some blocks lie in taken columns.

    places, int32 ``(d,)``, is where a column goes, -1 where it is not taken.
    """
    for i in range(edges[first_block], edges[last_block]):
        count = 0
        for k in range(indptr[i], indptr[i + 1]):
            count += places[U(indices[U(k)])] >= 0
        counts[i] = count


@block_kernel
def copy_taken(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    places: np.ndarray,
    starts: np.ndarray,
    taken: np.ndarray,
    columns: np.ndarray,
    edges: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Copy those values of some blocks to taken, and their new columns; a row begins at starts."""
    for i in range(edges[first_block], edges[last_block]):
        at = U(starts[i])
        for k in range(indptr[i], indptr[i + 1]):
            place = places[U(indices[U(k)])]
            if place >= 0:
                taken[at] = data[U(k)]
                columns[at] = place
                at += U(1)
