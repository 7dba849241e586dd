"""Random y and sample_weight for `tests.reliability.generated`.

A form takes a generator and class codes, or weights, and returns what is given and what it
means: labels in the order of the codes, or weights; None where it is no such thing.
"""

import decimal

import numpy as np
import pandas as pd
import polars as pl
from scipy import sparse

__all__ = ["ODD_LABELS", "ODD_WEIGHTS", "PLAIN_LABELS", "PLAIN_WEIGHTS", "draw_codes"]


def draw_codes(rng, n):
    """Return class codes ``(n,)``, and whether there are two classes or more."""
    kind = rng.integers(10)
    n_classes = 2 if kind < 6 else 3 if kind < 8 else int(rng.integers(1, 8))
    codes = rng.integers(0, n_classes, n)
    if n >= n_classes and kind != 9:
        codes[:n_classes] = np.arange(n_classes)
    codes = rng.permutation(codes)
    return codes, len(np.unique(codes)) > 1


def numbers(rng, codes):
    kind = rng.choice(["i1", "i8", "u1", "u8", "f4", "f8", "f2", "g", ">i4", ">f8"])
    step, shift = rng.integers(1, 9), rng.integers(0, 9)
    return (codes * step + shift).astype(kind), np.arange(99) * step + shift


def signed(rng, codes):
    labels = np.arange(99) * 2 - 1
    return labels[codes], labels


def far_apart(rng, codes):
    labels = np.arange(99, dtype=np.uint64) * 2**50 + 2**63
    return labels[codes], labels


def words(rng, codes):
    labels = [chr(ord("a") + code) * (code + 1) for code in range(26)]
    kind = rng.integers(5)
    if kind == 0:
        return [labels[code] for code in codes], labels
    if kind == 1:
        return np.array([labels[code] for code in codes], dtype=object), labels
    if kind == 2:
        return pd.Series([labels[code] for code in codes], dtype="category"), labels
    if kind == 3:
        return pl.Series([labels[code] for code in codes], dtype=pl.String), labels
    return np.array([labels[code] for code in codes], dtype=str), labels


def wholes(rng, codes):
    kind = rng.integers(4)
    if kind == 0:
        return codes.tolist(), np.arange(99)
    if kind == 1:
        return pd.Series(codes), np.arange(99)
    if kind == 2:
        return pl.Series(codes), np.arange(99)
    return codes.astype(object), np.arange(99)


def strided(rng, codes):
    return np.repeat(codes, 3)[::3][::-1][::-1], np.arange(99)


def columns(rng, codes):
    return codes[:, None], np.arange(99)


PLAIN_LABELS = (numbers, numbers, signed, far_apart, words, words, wholes, wholes, strided, columns)


def odd_numbers(rng, codes):
    labels = codes.astype(np.float64)
    if len(labels):
        labels[rng.integers(len(labels))] = rng.choice([np.nan, np.inf, -0.0, 0.5, 1e308, 5e-324])
    kinds = ("f2", "f4", "f8", "g", "c16", "M8[s]", "m8[s]", "?", "O", "U5", "S5")
    kind = kinds[rng.integers(len(kinds))]
    return (np.nan_to_num(labels).astype("i8") if kind[0] in "Mm" else labels).astype(kind), None


def continuous(rng, codes):
    y = rng.standard_normal(len(codes))
    return (y.tolist() if rng.random() < 0.3 else y), None


def odd_objects(rng, codes):
    odd = (
        *(None, np.nan, pd.NA, pd.NaT, "a", 1.5, 10**400, 1j, [], {}, (1, 2), object(), b"a"),
        *(decimal.Decimal("1.5"), decimal.Decimal("sNaN"), True, np.array([1, 2]), float),
    )
    y = np.empty(len(codes), dtype=object)
    y[:] = codes.tolist()
    for _ in range(rng.integers(1, 3)):
        if len(y):
            y[rng.integers(len(y))] = odd[rng.integers(len(odd))]
    return (y.tolist() if rng.random() < 0.3 else y), None


def alike_objects(rng, codes):
    """Labels that are all of one unusual type."""
    kinds = (
        *(lambda code: 10**30 + int(code), lambda code: decimal.Decimal(int(code))),
        *(lambda code: (int(code), 1), lambda code: [int(code)], lambda code: complex(code)),
        *(lambda code: object(), lambda code: frozenset([int(code)]), lambda code: bytes(code)),
        *(lambda code: pd.Timestamp(int(code)), lambda code: None, lambda code: float(code) / 3),
        lambda code: pd.Interval(int(code), int(code) + 1),
    )
    kind = kinds[rng.integers(len(kinds))]
    y = np.empty(len(codes), dtype=object)
    y[:] = [kind(code) for code in codes]
    return y, None


def other_shapes(rng, codes):
    n = len(codes)
    choices = (
        *(codes[:-1], np.append(codes, 0), codes[:0], codes[None], np.eye(99)[codes], codes.sum()),
        *(codes[:, None, None], np.broadcast_to(codes[:1], (n,)), np.column_stack([codes, codes])),
        *(codes.astype(object)[:, None], [[code] for code in codes], np.matrix(codes).T),
        *(np.ma.MaskedArray(codes, mask=rng.random(n) < 0.3), pd.DataFrame({"y": codes})),
        *(
            pl.DataFrame({"y": codes}),
            sparse.csr_array(codes[None]),
            [list(range(code)) for code in codes],
        ),
        codes.astype(str).astype(np.dtypes.StringDType()),
    )
    return choices[rng.integers(len(choices))], None


def no_labels(rng, codes):
    choices = (
        *(None, 1, "y", b"y", {"y": 1}, set(codes.tolist()), object(), iter(codes.tolist()), 1j),
        *(range(len(codes)), np.zeros(len(codes), dtype=[("a", "i4")]), pd.NA, float("nan"), int),
        *(pd.Series([pd.NA] * len(codes), dtype="Int64"), pd.array(codes, dtype="Int64")),
        *(
            pd.Series(codes, dtype="category").cat.add_categories(["z"]),
            pl.Series([None] * len(codes)),
        ),
    )
    return choices[rng.integers(len(choices))], None


ODD_LABELS = (odd_numbers, continuous, odd_objects, alike_objects, other_shapes, no_labels)


def no_weights(rng, n):
    return None, np.ones(n)


def one_weight(rng, n):
    weight = rng.choice([1.0, 3.0, 0.25])
    return (int(weight + 1) if rng.random() < 0.5 else weight), None


def some_weights(rng, n):
    weights = rng.uniform(0.1, 4.0, n)
    kind = rng.integers(8)
    if kind == 0:
        return weights.tolist(), weights
    if kind == 1:
        return pd.Series(weights), weights
    if kind == 2:
        return weights.astype(">f8"), weights
    if kind == 3:
        whole = np.ceil(weights)
        return whole.astype(rng.choice(["i4", "u1", "f2", "f4", "g"])), whole
    if kind == 4:
        return np.repeat(weights, 2)[::2], weights
    return weights, weights


PLAIN_WEIGHTS = (no_weights, no_weights, no_weights, one_weight, some_weights, some_weights)


def zeros(rng, n):
    weights = rng.integers(0, 3, n).astype(np.float64)
    return weights, weights


def extremes(rng, n):
    found = (1e308, 1e300, 1e-300, 5e-324, 1e-310, 0.0, -0.0, 1.0, 1e16, 1e-16)
    weights = rng.choice(found, n) if rng.random() < 0.5 else np.full(n, rng.choice(found))
    return weights, weights


def spoilt_weights(rng, n):
    weights = rng.uniform(0.1, 4.0, n)
    if n:
        weights[rng.integers(n)] = rng.choice([np.nan, np.inf, -np.inf, -1.0, -5e-324])
    return weights, None


def odd_weights(rng, n):
    ones = np.ones(n)
    choices = (
        *(
            ones[:-1],
            np.ones(n + 1),
            ones[:, None],
            ones[None],
            ones[:0],
            np.ones((n, 2)),
            "w",
            b"w",
        ),
        *(["a"] * n, [None] * n, [10**400] * n, np.array([10**400] * n, dtype=object), ones * 1j),
        *(
            ones > 0,
            np.array(["1e4000"] * n, dtype="g"),
            ones.astype("M8[s]"),
            ones.astype("m8[s]"),
        ),
        *(
            ones.astype(str),
            {"w": 1},
            {1.0},
            object(),
            iter(ones),
            np.nan,
            np.inf,
            -1,
            0,
            True,
            10**400,
        ),
        *(np.ma.MaskedArray(ones, mask=rng.random(n) < 0.3), np.matrix(ones), [[1.0], [1.0, 2.0]]),
        *(pd.Series([pd.NA] * n), pd.array([1, None] * n, dtype="Int64")[:n], pd.Series(["1"] * n)),
        *(
            pl.Series([None] * n),
            sparse.csr_array(ones[None]),
            pd.DataFrame({"w": ones}),
            pd.NA,
            1j,
        ),
        *([decimal.Decimal("sNaN")] * n, [[]] * n, np.zeros(n, dtype=[("a", "i4")]), float),
    )
    return choices[rng.integers(len(choices))], None


ODD_WEIGHTS = (zeros, extremes, spoilt_weights, odd_weights, odd_weights)
