"""Random X for `tests.reliability.generated`: numbers, and the forms that they are given in.

A form takes a generator and the numbers, float64 ``(n, d)``, and returns an X and the numbers
that it means, None where nobody can say or no table is meant.
"""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from scipy import sparse

__all__ = ["PLAIN_FORMS", "draw_values", "whole"]

EXTREMES = (
    *(1e308, -1e308, np.finfo(np.float64).max, 1e200, 1e155, -1e154, 3.4e38, 1e39, 65504.0),
    *(5e-324, -5e-324, 1e-310, 1e-200, 2.2e-308, 0.0, -0.0, 1e16),
)


class Marked(np.ndarray):
    """A subclass that is nothing but one."""


class Lookalike:
    """No array, but says that it can be one."""

    def __init__(self, values):
        self._values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self._values, dtype=dtype)


def draw_values(rng, codes, n_columns):
    """Return float64 ``(n, d)``, and whether they are of moderate size."""
    n = len(codes)
    values = rng.standard_normal((n, n_columns)) * rng.uniform(0.2, 3.0, n_columns)
    kind = rng.integers(18)
    if kind == 0:
        values *= 10.0 ** rng.integers(-320, 308)
    elif kind == 1 and values.size:
        places = rng.integers(values.size, size=rng.integers(1, 4))
        values.flat[places] = rng.choice(EXTREMES, len(places))
    elif kind == 2 and values.size:
        values.flat[rng.integers(values.size)] = rng.choice([np.nan, np.inf, -np.inf])
    elif kind == 3:
        values *= 10.0 ** rng.integers(-200, 200, n_columns)
    elif kind == 4 and n_columns:
        values = rng.choice(EXTREMES, values.shape)
    elif kind == 5 and n_columns:  # the classes are apart
        values[:, 0] = 10.0 ** rng.integers(-3, 6) * (codes + rng.uniform(-0.4, 0.4, n))
    elif kind == 6 and n_columns:
        values[:, rng.integers(n_columns)] = rng.choice([0.0, 1.0, -7.0])
    elif kind == 7 and n_columns:
        values[:, -1] = values[:, 0]
    elif kind == 8:
        values += 10.0 ** rng.integers(0, 9)
    return values, kind >= 6 and kind != 8


def c_order(rng, values):
    return np.ascontiguousarray(values), values


def f_order(rng, values):
    return np.asfortranarray(values), values


def strided(rng, values):
    n, d = values.shape
    rows, columns = rng.integers(1, 4, 2)
    large = np.full((n * rows, d * columns), np.nan, order=rng.choice(["C", "F"]))
    large[::rows, ::columns] = values
    return large[::rows, ::columns], values


def reversed_strides(rng, values):
    if rng.random() < 0.5:
        return values[::-1].copy()[::-1], values
    return np.asfortranarray(values[:, ::-1])[::-1][::-1, ::-1], values


def broadcast(rng, values):
    if not values.size:
        return values, values
    part = values[:, :1] if rng.random() < 0.5 else values[:1]
    return np.broadcast_to(part, values.shape), np.broadcast_to(part, values.shape).copy()


def unaligned(rng, values):
    dtype = rng.choice(["f4", "f8", "i4"])
    given = whole(values).astype(dtype) if dtype == "i4" else narrowed(values, dtype)
    memory = np.zeros(given.nbytes + 1, dtype=np.uint8)
    X = memory[1:].view(dtype).reshape(given.shape)
    X[...] = given
    return X, given.astype(np.float64)


def big_endian(rng, values):
    X = narrowed(values, rng.choice([">f8", ">f4"]))
    return X, X.astype(np.float64)


def read_only(rng, values):
    X = values.copy(order=rng.choice(["C", "F"]))
    X.flags.writeable = False
    return X, values


def single(rng, values):
    X = narrowed(values, np.float32)
    return np.asarray(X, order=rng.choice(["C", "F"])), X.astype(np.float64)


def half(rng, values):
    X = narrowed(values, np.float16)
    return X, X.astype(np.float64)


def integers(rng, values):
    kind = rng.choice(["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">i4", ">u2"])
    X = np.abs(whole(values)) if "u" in kind else whole(values)
    X = np.asarray(X.astype(kind), order=rng.choice(["C", "F"]))
    return X, X.astype(np.float64)


def booleans(rng, values):
    X = np.asarray(values > 0.0, order=rng.choice(["C", "F"]))
    return X, X.astype(np.float64)


def extended(rng, values):
    return values.astype(np.longdouble), values


def objects(rng, values):
    return values.astype(object), values


def lists(rng, values):
    return values.tolist(), values


def tuples(rng, values):
    return tuple(map(tuple, values.tolist())), values


def subclass(rng, values):
    return values.copy().view(Marked), values


def unmasked(rng, values):
    return np.ma.MaskedArray(values.copy(), mask=rng.choice([np.ma.nomask, False])), values


def lookalike(rng, values):
    return Lookalike(values), values


def csr(rng, values):
    return _sparse(rng, values, sparse.csr_array)


def csc(rng, values):
    return _sparse(rng, values, sparse.csc_matrix)


def other_sparse(rng, values):
    kinds = ("coo", "bsr", "lil", "dok", "dia")
    X, meaning = _sparse(rng, values, sparse.csr_matrix)
    return X.asformat(kinds[rng.integers(len(kinds))]), meaning


def unsorted_sparse(rng, values):
    """Places in any order, some of them twice: values of a place add up."""
    n, d = values.shape
    rows, columns = (part.ravel() for part in np.indices((n, d)))
    data = values.ravel() / 2.0
    order = rng.permutation(2 * n * d)
    places = (np.tile(rows, 2)[order], np.tile(columns, 2)[order])
    coo = sparse.coo_array((np.tile(data, 2)[order], places), shape=(n, d))
    if rng.random() < 0.5:
        return coo, values
    by_rows = np.argsort(places[0], kind="stable")
    indptr = np.arange(n + 1) * 2 * d
    X = sparse.csr_array((n, d))
    kind = rng.choice(["i4", "i8"])
    X.data, X.indices = coo.data[by_rows], places[1][by_rows].astype(kind)
    X.indptr = indptr.astype(kind)
    return X, values


def pandas_frame(rng, values):
    X = pd.DataFrame(values, columns=[f"c {j}" for j in range(values.shape[1])])
    if values.shape[1] > 1 and rng.random() < 0.5:
        X["c 1"] = narrowed(X["c 1"].to_numpy(), np.float32)
    return X, X.to_numpy(dtype=np.float64)


def polars_frame(rng, values):
    return pl.DataFrame({f"c {j}": column for j, column in enumerate(values.T.copy())}), values


def arrow_table(rng, values):
    return pa.table({f"c {j}": column for j, column in enumerate(values.T.copy())}), values


PLAIN_FORMS = (
    *(c_order, c_order, c_order, c_order, f_order, f_order, strided, reversed_strides),
    *(broadcast, unaligned, big_endian, read_only, single, single, half, integers, integers),
    *(booleans, extended, objects, lists, tuples, subclass, unmasked, lookalike),
    *(csr, csr, csc, other_sparse, unsorted_sparse, pandas_frame, polars_frame, arrow_table),
)


def whole(values):
    """Return whole numbers that fit a byte."""
    return np.rint(np.clip(np.nan_to_num(values) * 3.0, -100.0, 100.0))


def narrowed(values, dtype):
    """Return the numbers in another type, infinite where it does not reach."""
    return values.astype(dtype)


def _sparse(rng, values, kind):
    """Return a sparse matrix of a part of the numbers, the others 0."""
    meaning = np.where(rng.random(values.shape) < 0.6, values, 0.0)
    if rng.random() < 0.3:
        meaning = narrowed(meaning, np.float32)
    X = kind(meaning)
    if rng.random() < 0.3:
        X.indices, X.indptr = X.indices.astype("i8"), X.indptr.astype("i8")
    return X, meaning.astype(np.float64)
