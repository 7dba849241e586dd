"""Block kernels that copy some columns of a sparse X by rows: found first, then copied.

Most stored values are of no taken column.  Which are is read from one byte a column, *marks*:
so few lie next to the processor, where the places of all columns would not.  Nothing branches
on a mark: no processor foresees it.  Where a row goes is known only once all rows are looked
through, so what is found waits in scratch: X is read once.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.runtime.jit import block_kernel

__all__ = ["copy_taken", "find_taken"]

U = np.uintp


@block_kernel
def find_taken(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    marks: np.ndarray,
    counts: np.ndarray,
    values: np.ndarray,
    columns: np.ndarray,
    first: int,
    end: int,
) -> int:
    """Collect the values of the rows from first up to end that lie in taken columns.

    Parameters
    ----------
    marks : ndarray of uint8, shape (d,)
        1 where a column is taken, else 0.
    counts : ndarray of int64, shape (n_rows,)
        Gets how many each row has.
    values, columns : ndarray of the types of *data* and *indices*
        Get them and their columns; one longer than there are values in the rows.

    Returns
    -------
    int
        How many they are.
    """
    count = U(0)
    for i in range(first, end):
        before = count
        for k in range(indptr[i], indptr[i + 1]):
            j = indices[U(k)]
            values[count], columns[count] = data[U(k)], j
            count += U(marks[U(j)])
        counts[i] = count - before
    return int(count)


@block_kernel
def copy_taken(
    numbers: np.ndarray,
    values: np.ndarray,
    columns: np.ndarray,
    taken: np.ndarray,
    taken_columns: np.ndarray,
) -> None:
    """Copy what `find_taken` found to where it belongs, columns by their new *numbers*, (d,)."""
    for m in range(taken.size):
        taken[m] = values[m]
        taken_columns[m] = numbers[U(columns[m])]
