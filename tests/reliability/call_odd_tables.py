"""Random X that are no tables of numbers, or unusual ones, for `tests.reliability.generated`.

A form is as in `tests.reliability.call_tables`.
"""

import decimal
import fractions

import numpy as np
import pandas as pd
import polars as pl
from scipy import sparse

from tests.reliability.call_tables import whole

__all__ = ["ODD_FORMS"]


def masked(rng, values):
    return np.ma.MaskedArray(values, mask=rng.random(values.shape) < 0.3), None


def matrix(rng, values):
    return values.view(np.matrix), None


def other_type(rng, values):
    kinds = ("c16", "c8", "M8[s]", "m8[s]", "S8", "U8", "V8", np.dtypes.StringDType())
    kind = kinds[rng.integers(len(kinds))]
    if kind == "V8":
        return np.zeros(values.shape, dtype=kind), None
    if isinstance(kind, str) and kind[0] in "Mm":
        return whole(values).astype("i8").astype(kind), None
    return values.astype(kind), None


def text(rng, values):
    words = np.array(["", "a", "1.5", "nan", "-inf", "é", "1e400", "0x10", " 2 "], dtype=object)
    X = rng.choice(words, values.shape)
    return (X.astype(str) if rng.random() < 0.5 else X), None


def odd_objects(rng, values):
    odd = (
        *(None, "a", "1.5", 10**400, -(10**400), 1j, [], {}, pd.NA, pd.NaT, np.datetime64("NaT")),
        *(decimal.Decimal("1.5"), decimal.Decimal("sNaN"), fractions.Fraction(10**400, 3), b"1"),
        *(np.float32(1.0), True, object(), np.array([1.0]), np.array([1.0, 2.0]), float),
    )
    X = values.astype(object)
    if X.size:
        X.flat[rng.integers(X.size)] = odd[rng.integers(len(odd))]
    return (X.tolist() if rng.random() < 0.3 else X), None


def wide_extended(rng, values):
    X = values.astype(np.longdouble)
    if X.size:
        X.flat[rng.integers(X.size)] = rng.choice(np.array(["1e4000", "1e-4900", "-1e310"], "g"))
    return X, None


def other_dimensions(rng, values):
    choices = (
        *(values.ravel(), values[None], values[..., None], values.sum(), values[:, :0], values[:0]),
        *(values.ravel().tolist(), float(values.size), np.zeros((0, 0)), [], [[]], ()),
    )
    return choices[rng.integers(len(choices))], None


def no_table(rng, values):
    choices = (
        *(None, "table", b"table", {"a": [1.0]}, {1.0, 2.0}, object(), float, iter(values), 1j),
        *([[1.0], [1.0, 2.0]], [None], ["a", "b"], [[[]]], range(len(values)), memoryview(b"abc")),
        *(values.astype([("a", "f8")]), np.datetime64("2020-01-01"), pd.NA, len),
    )
    return choices[rng.integers(len(choices))], None


def hostile_sparse(rng, values):
    X = (sparse.csr_array if rng.random() < 0.5 else sparse.csc_array)(np.nan_to_num(values))
    if rng.random() < 0.3:
        X = X.tocoo() if rng.random() < 0.5 else X.tobsr()
    names = ["data", "indices", "indptr"] if X.format != "coo" else ["data", "coords"]
    name = names[rng.integers(len(names))]
    array = np.array(X.coords[0] if name == "coords" else getattr(X, name))
    bad = _spoilt(rng, array)
    setattr(X, name, (bad, X.coords[1]) if name == "coords" else bad)
    return X, None


def _spoilt(rng, array):
    """Return an array of a sparse matrix with something wrong, or only unusual, about it."""
    spoilt, large = array.copy(), np.iinfo(np.int32).max
    if len(array) and array.dtype.kind == "i":
        spoilt.flat[rng.integers(array.size)] = rng.choice([-1, -large, large, 5, 0])
    elif array.size:
        spoilt.flat[rng.integers(array.size)] = rng.choice([np.nan, np.inf, 1e308])
    doubled = np.repeat(array, 2, axis=0)
    choices = (
        *(spoilt, spoilt, spoilt, array[:-1], doubled, doubled[::2], array[::-1], array[:0]),
        *(array.astype(">i4"), array.astype("f8"), array.astype("u8"), array.astype("i2")),
        *(array.astype(object), array.astype("U8"), array.astype("c16"), array[None], array > 0),
    )
    return choices[rng.integers(len(choices))]


def odd_sparse(rng, values):
    types = ("?", "i1", "i8", "u8", "f4", ">f8", "g", "c16", "O")
    X = sparse.csr_array(whole(values))
    kind = rng.integers(6)
    if kind == 0:
        return X[:0], None
    if kind == 1:
        return X[:, :0], None
    if kind == 2:
        return sparse.coo_array(whole(values).ravel()), None
    X.data = X.data.astype(types[rng.integers(len(types))])
    return X, None


def odd_pandas(rng, values):
    n, d = values.shape
    X = pd.DataFrame(values.copy(), columns=[f"c {j}" for j in range(d)])
    columns = (
        pd.Categorical(rng.choice(["a", "b", "c"], n)),
        pd.Categorical(rng.choice(np.array(["a", None], dtype=object), n)),
        pd.Categorical(rng.integers(0, 3, n)),
        pd.Categorical([pd.Interval(0, 1)] * n),
        pd.array(rng.choice(np.array([1, 2, None], dtype=object), n), dtype="Int64"),
        pd.array([True, None] * n, dtype="boolean")[:n],
        pd.array(["a"] * n, dtype="string"),
        pd.date_range("2020-01-01", periods=n),
        pd.to_timedelta(np.arange(n), unit="s"),
        pd.array([pd.Period("2020")] * n),
        np.array(["a"] * n, dtype=object),
        rng.choice(np.array([1, 2.5, None, True], dtype=object), n),
        np.array([10**400] * n, dtype=object),
        np.ones(n) * 1j,
        pd.arrays.SparseArray(np.zeros(n)),
        np.full(n, np.nan),
    )
    X["odd"] = columns[rng.integers(len(columns))]
    return _renamed(rng, X), None


def _renamed(rng, X):
    """Return a frame with odd names or an odd index, or as it was."""
    names = list(X.columns)
    choices = (
        *(
            names,
            names,
            names,
            names,
            list(range(len(names))),
            [*names[:-1], 3],
            ["x"] * len(names),
        ),
        *(
            [*names[:-1], None],
            [(name, 1) for name in names],
            [*names[:-1], ""],
            [*names[:-1], 1.5],
        ),
        pd.MultiIndex.from_tuples([(name, 1) for name in names]),
    )
    X.columns = choices[rng.integers(len(choices))]
    if rng.random() < 0.2:
        X.index = rng.permutation(len(X)) - 3
    return X.iloc[:, -1] if rng.random() < 0.05 else X


def odd_polars(rng, values):
    n = len(values)
    X = pl.DataFrame({f"c {j}": column for j, column in enumerate(values.T.copy())})
    words = rng.choice(["a", "b", "c"], n).tolist()
    columns = (
        pl.Series(words, dtype=pl.Categorical),
        pl.Series(words, dtype=pl.Enum(["c", "b", "a", "d"])),
        pl.Series([None, *words], dtype=pl.Categorical)[:n],
        pl.Series(words, dtype=pl.String),
        pl.Series([True, None] * n, dtype=pl.Boolean)[:n],
        pl.Series([1, None] * n, dtype=pl.Int16)[:n],
        pl.Series(["1.5"] * n).cast(pl.Decimal(10, 2)),
        pl.Series([[1.0]] * n, dtype=pl.List(pl.Float64)),
        pl.Series([{"a": 1}] * n, dtype=pl.Struct({"a": pl.Int8})),
        pl.Series([None] * n, dtype=pl.Null),
        pl.Series([object()] * n, dtype=pl.Object),
        pl.Series([0] * n, dtype=pl.Datetime),
        pl.Series([b"a"] * n, dtype=pl.Binary),
    )
    odd = columns[rng.integers(len(columns))].alias("odd")
    X = X.with_columns(odd) if values.size else odd.to_frame()
    kind = rng.integers(8)
    if kind == 0:
        return X.lazy(), None
    if kind == 1:
        return X["odd"], None
    return (X.to_arrow() if kind == 2 and X["odd"].dtype != pl.Object else X), None


ODD_FORMS = (
    *(masked, matrix, other_type, other_type, text, odd_objects, odd_objects, wide_extended),
    *(other_dimensions, other_dimensions, no_table, no_table, hostile_sparse, hostile_sparse),
    *(hostile_sparse, odd_sparse, odd_pandas, odd_pandas, odd_pandas, odd_polars, odd_polars),
)
