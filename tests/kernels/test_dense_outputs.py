"""Loss and gradient of several outputs: each is the model that it would be alone."""

import numpy as np
import pytest

from fastlogreg.kernels import dense as compiled
from fastlogreg.kernels import dense_outputs
from fastlogreg.reference import dense as reference
from tests import oracle
from tests.modes import long_when_interpreted
from tests.problems import correlated

ONES = np.ones(2)
# Rows and columns around a register tile, a stretch and a tile; outputs around a register tile.
SHAPES = [(1, 1, 2), (5, 2, 3), (33, 3, 4), (64, 4, 5), (257, 17, 9), (70, 90, 8)]


def problem(n, d, k, dtype=np.float64, order="C"):
    X, y, weights = correlated(n, d, seed=n + d + k)
    weights[2::3] = 0.0
    if np.issubdtype(dtype, np.integer):
        X = np.clip(np.rint(X), -100, 100)
    coef = np.random.default_rng(d).standard_normal((d + 1, k)) * 0.2
    return np.asarray(X, dtype=dtype, order=order), y.astype(np.int8), weights, coef


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_output_is_the_oracle(shape, order, weighted):
    X, codes, weights, coef = problem(*shape, order=order)
    weights = weights if weighted else None
    class_weights = np.array([0.7, 1.9]) if weighted else ONES
    losses, gradients = compiled.loss_gradient(X, coef, codes, weights, class_weights, 2)
    assert gradients.flags.c_contiguous
    scale = np.abs(X).sum(axis=0).max() + len(X)
    for o in range(shape[2]):
        loss, gradient, _ = oracle.loss_gradient_hessian(
            X, coef[:, o], codes, weights, class_weights
        )
        np.testing.assert_allclose(losses[o], loss, rtol=1e-13, atol=1e-14)
        np.testing.assert_allclose(gradients[:, o], gradient, rtol=1e-12, atol=1e-15 * scale)


@long_when_interpreted
@pytest.mark.parametrize(
    ("dtype", "order"),
    [(t, order) for t in (np.float64, np.float32) for order in "CF"]
    + [(np.int32, "C"), (np.int8, "F")],
)
@pytest.mark.parametrize(
    "shape", [(30_011, 13, 9), (1_000, 90, 50), (5_000, 1, 2), (700, 1_100, 2)], ids=str
)
def test_many_blocks_agree_with_the_reference(shape, dtype, order):
    X, codes, weights, coef = problem(*shape, dtype, order)
    args = (X, coef / np.sqrt(shape[1]), codes, weights, np.array([0.5, 2.0]), 2)
    scale = np.abs(X.astype(np.float64)).sum(axis=0).max()
    losses, gradients = compiled.loss_gradient(*args)
    their_losses, their_gradients = reference.loss_gradient(*args)
    np.testing.assert_allclose(losses, their_losses, rtol=1e-11)
    np.testing.assert_allclose(gradients, their_gradients, rtol=1e-11, atol=1e-14 * scale)


@long_when_interpreted
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(30_011, 17, 3), (33, 3, 2)], ids=str)
def test_the_bits_do_not_depend_on_threads_or_on_the_place_in_memory(shape, order):
    X, codes, weights, coef = problem(*shape, order=order)
    held, found = [], set()
    for n_threads in (1, 2, 3, 7, 2, 3, 7):
        loss, gradient = compiled.loss_gradient(X, coef, codes, weights, ONES, n_threads)
        found.add(loss.tobytes() + gradient.tobytes())
        held.append(np.empty(1_000 * len(held)))  # what comes next lies elsewhere
        codes, weights = codes.copy(), weights.copy()
    assert len(found) == 1


def test_read_only_and_writable_arrays_give_the_same_bits():
    X, codes, weights, coef = problem(300, 5, 3)
    first = compiled.loss_gradient(X, coef, codes, weights, ONES, 1)
    for array in (X, coef, codes, weights):
        array.flags.writeable = False
    second = compiled.loss_gradient(X, coef, codes, weights, ONES, 1)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at_zero", [True, False], ids=["zero-coef", "nonzero-coef"])
def test_a_value_that_is_not_finite_shows_in_every_output(bad, order, at_zero):
    X, codes, _, coef = problem(300, 6, 5, order=order)
    for row in (0, 57, 299):
        spoilt = X.copy(order="K")
        spoilt[row, 2] = bad
        losses, gradients = compiled.loss_gradient(
            spoilt, 0.0 * coef if at_zero else coef, codes, None, ONES, 2
        )
        assert (~np.isfinite(losses) | ~np.isfinite(gradients).all(axis=0)).all()


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_output_that_is_not_finite_leaves_the_others_alone(order):
    X, codes, _, coef = problem(300, 6, 5, order=order)
    expected = compiled.loss_gradient(X, coef, codes, None, ONES, 1)
    coef[-1, 2] = np.inf
    coef[0, 4] = np.nan
    losses, gradients = compiled.loss_gradient(X, coef, codes, None, ONES, 1)
    others = [0, 1, 3]
    np.testing.assert_array_equal(losses[others], expected[0][others])
    np.testing.assert_array_equal(gradients[:, others], expected[1][:, others])
    assert losses[2] == np.inf
    # An infinite intercept has pulls 0 and 1: no row beyond the table's own may add NaN.
    np.testing.assert_allclose(gradients[:-1, 2], (codes == 0) @ X, rtol=1e-12)
    assert np.isnan(losses[4])


def test_huge_margins_give_their_limit():
    X = np.array([[1e300], [-1e300]])
    codes = np.array([1, 0], dtype=np.int8)
    coef = np.array([[1.0, -1.0], [0.0, 0.0]])
    losses, gradients = compiled.loss_gradient(X, coef, codes, None, ONES, 1)
    assert losses[0] == 0.0
    assert (gradients[:, 0] == 0.0).all()
    assert losses[1] == pytest.approx(2e300)


def test_parts_are_a_small_share_of_a_table_where_that_leaves_enough_blocks():
    part = 104 * 52
    assert dense_outputs._count_blocks(10_000_000, 100, 8, part) == 64
    assert dense_outputs._count_blocks(10_000, 100, 8, part) == 16
    blocks = dense_outputs._count_blocks(30_000, 100, 8, part)
    assert 16 < blocks < 64
    assert blocks * part * 8 <= 0.05 * 30_000 * 100 * 8
    assert dense_outputs._count_blocks(1_000_000, 5_000, 8, 1_000_000) == 8
    assert dense_outputs._count_blocks(1, 100, 8, part) == 1
