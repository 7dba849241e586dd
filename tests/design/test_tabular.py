"""A design of mixed columns: the same as the dense one of its one-hot table."""

import numpy as np
import pytest

from fastlogreg.design import (
    BlockSums,
    Categorical,
    DenseDesign,
    TabularDesign,
    Targets,
    load_backend,
)
from fastlogreg.hessian import assemble

N = 700


def columns(seed=0):
    """Return columns of every kind: strided, narrow, bool, levels with gaps and rows without."""
    rng = np.random.default_rng(seed)
    wide = rng.standard_normal((N, 3))
    return [
        wide[:, 1],
        Categorical(rng.integers(-1, 4, N).astype(np.int8), 4),
        rng.integers(-9, 9, N).astype(np.int16),
        Categorical(rng.integers(0, 30, N).astype(np.int16), 31),  # the last in no row
        rng.random(N) < 0.3,
        Categorical(np.repeat(rng.integers(0, 2, N), 2)[::2].astype(np.int32), 2),
    ]


def one_hot(column):
    if isinstance(column, Categorical):
        return (column.codes[:, None] == np.arange(column.n_levels)).astype(np.float64)
    return np.asarray(column, dtype=np.float64)[:, None]


def pair(parts, backend, n_threads=1):
    """Return the design of some columns, and the dense one of the same table."""
    dense = np.hstack([one_hot(part) for part in parts])
    return (
        TabularDesign(parts, N, load_backend(backend, "tabular"), n_threads),
        DenseDesign(dense, load_backend("numpy"), 1),
    )


def problem(n_columns, n_outputs, softmax, seed=0):
    rng = np.random.default_rng(seed)
    n_classes = n_outputs if softmax else 2
    codes = rng.integers(0, n_classes, N).astype(np.int8)
    targets = Targets(codes, np.linspace(1.0, 2.0, n_classes), softmax)
    coef, direction = rng.standard_normal((2, n_columns + 1, n_outputs))
    return targets, rng.uniform(0.0, 2.0, N), coef, direction


def whole(sums):
    """Return the matrix that blocks are the parts of."""
    if isinstance(sums, BlockSums):
        return assemble(sums.first, sums.diagonal, sums.border, sums.core)[None]
    return sums


@pytest.mark.parametrize("which", ["all", "levels", "numbers"])
@pytest.mark.parametrize(("n_outputs", "softmax"), [(1, False), (3, True)])
def test_passes_are_those_of_the_one_hot_table(backend, n_outputs, softmax, which):
    parts = [
        part
        for part in columns()
        if which == "all" or isinstance(part, Categorical) == (which == "levels")
    ]
    ours, dense = pair(parts, backend)
    targets, weights, coef, direction = problem(ours.n_columns, n_outputs, softmax)
    calls = {
        "loss_gradient": (coef, targets, weights),
        "loss_gradient_hessian": (coef, targets, None),
        "hessian_product": (coef, direction, targets, weights),
        "hessian_diagonal": (coef, targets, weights),
        "decision": (coef,),
        "probability": (coef, softmax),
    }
    for name, arguments in calls.items():
        found, expected = getattr(ours, name)(*arguments), getattr(dense, name)(*arguments)
        if isinstance(found, np.ndarray):
            found, expected = (found,), (expected,)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(whole(a), b, rtol=1e-11, atol=1e-10, err_msg=name)
    assert ours.passes == dense.passes


def test_taken_rows_and_columns_are_those_of_the_one_hot_table(backend):
    ours, dense = pair(columns(), backend)
    rng = np.random.default_rng(1)
    coef = rng.standard_normal((ours.n_columns + 1, 1))
    rows = np.array([5, 3, 3, 699])
    np.testing.assert_allclose(
        ours.take(rows).decision(coef)[0], dense.take(rows).decision(coef)[0]
    )
    taken = np.array([0, 2, 3, 5, 9, 30])
    some = coef[[*taken, -1]]
    part = ours.take_columns(taken)
    assert part.n_columns == len(taken)
    np.testing.assert_allclose(part.decision(some)[0], dense.take_columns(taken).decision(some)[0])


def test_the_bits_do_not_depend_on_the_threads():
    targets, weights, coef, direction = problem(sum(map(width, columns())), 1, False)
    results = []
    for n_threads in (1, 2, 3, 7):
        design, _ = pair(columns(), "numba", n_threads)
        sums = design.loss_gradient_hessian(coef, targets, weights)
        product = design.hessian_product(coef, direction, targets, weights)
        results.append([sums[1].tobytes(), whole(sums[2]).tobytes(), product.tobytes()])
    assert all(result == results[0] for result in results)


def width(column):
    return column.n_levels if isinstance(column, Categorical) else 1


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (Categorical(np.full(N, 4, np.int8), 4), "codes from 4 to 4 for 4 levels"),
        (Categorical(np.full(N, -2, np.int8), 4), "codes from -2"),
        (np.zeros(N - 1), "shape"),
    ],
)
def test_columns_that_no_pass_may_read_are_refused(column, message):
    with pytest.raises(ValueError, match=message):
        TabularDesign([column], N, load_backend("numpy", "tabular"), 1)
