"""Compiled sums: the plain read in its fastest form, and that of columns by tiles."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from fastlogreg.runtime.jit import block_kernel

__all__ = ["read_block", "read_tiles"]

_STATE = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]


def _named_after_this_file(function: Callable[..., object]) -> Callable[..., object]:
    """Put the state of this file into the name under which compiled code is kept.

    The kernels' cache folder is named after the package's own sources, which do not
    include this file.
    """
    function.__qualname__ += f"_{_STATE}"
    return function


@block_kernel
@_named_after_this_file
def read_block(flat, out, edges, first, last):
    """Write the sums of some blocks of a flat array to out."""
    for b in range(first, last):
        part = flat[edges[b] : edges[b + 1]]
        total = part.dtype.type(0)
        for i in range(part.size):
            total += part[i]
        out[b] = total


@block_kernel
@_named_after_this_file
def read_tiles(columns, tile, out, edges, first, last):
    """Write the sums of some blocks of rows to out, read a tile of every column in turn."""
    for b in range(first, last):
        total = columns.dtype.type(0)
        for start in range(edges[b], edges[b + 1], tile):
            end = min(start + tile, edges[b + 1])
            for j in range(columns.shape[0]):
                part = columns[j][start:end]
                for i in range(part.size):
                    total += part[i]
        out[b] = total
