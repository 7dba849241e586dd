"""Block kernels that copy some columns of a sparse X by rows: counted first, then copied.

Most stored values are of no taken column.  Which are is read from one byte a column, *marks*:
so few lie next to the processor, where the places of all columns would not.  Nothing branches
on a mark: no processor foresees it.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.runtime.jit import block_kernel

__all__ = ["copy_taken", "count_taken"]

U = np.uintp


@block_kernel
def count_taken(
    indices: np.ndarray,
    indptr: np.ndarray,
    marks: np.ndarray,
    counts: np.ndarray,
    edges: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Fill counts with how many values of each row of some blocks lie in taken columns.

    marks, uint8 ``(d,)``, is 1 where a column is taken, else 0.
    """
    for i in range(edges[first_block], edges[last_block]):
        count = U(0)
        for k in range(indptr[i], indptr[i + 1]):
            count += U(marks[U(indices[U(k)])])
        counts[i] = count


@block_kernel
def copy_taken(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    marks: np.ndarray,
    places: np.ndarray,
    starts: np.ndarray,
    taken: np.ndarray,
    columns: np.ndarray,
    edges: np.ndarray,
    found: np.ndarray,
    values: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Copy those values of some blocks to taken, and their new columns; a row begins at starts.

    places, int32 ``(d,)``, is where a taken column goes; found, of the type of indices, and
    values, of that of data, are scratch.
    """
    for i in range(edges[first_block], edges[last_block]):
        at = U(starts[i])
        if at == U(starts[i + 1]):
            continue
        begin, end = indptr[i], indptr[i + 1]
        while begin < end:
            stop = min(end, begin + found.size)
            count = U(0)
            for k in range(begin, stop):
                j = indices[U(k)]
                found[count], values[count] = j, data[U(k)]
                count += U(marks[U(j)])
            for m in range(count):
                taken[at] = values[m]
                columns[at] = places[U(found[m])]
                at += U(1)
            begin = stop
