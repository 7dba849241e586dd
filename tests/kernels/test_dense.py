"""Whole dense passes: numba = NumPy = oracle over types, layouts, weights and shapes."""

import numpy as np
import pytest

from fastlogreg.kernels import dense as compiled
from fastlogreg.reference import dense as reference
from tests import oracle
from tests.problems import correlated

# In F order (5_000, 1) and (5_000, 2) are several tiles of a block.
SHAPES = [(5_000, 1), (5_000, 2), (1, 1), (1, 5), (7, 1), (5, 12), (33, 3), (70, 4), (150, 9)]
ONES = np.ones(2)


def read_only(array):
    array.flags.writeable = False
    return array


def problem(n, d, dtype, order, *, weighted):
    X, y, weights = correlated(n, d, seed=n + d, dtype=dtype, order=order)
    if weighted:
        weights[2::3] = 0.0
        X[:, -1] = 1.5
    coef = np.random.default_rng(d).standard_normal((d + 1, 1)) * 0.3
    return X, y.astype(np.int8), weights if weighted else None, coef


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("frozen", [False, True], ids=["writable", "read-only"])
@pytest.mark.parametrize("passes", [compiled, reference], ids=["numba", "numpy"])
def test_passes_are_the_oracle(passes, frozen, shape, dtype, order, weighted):
    X, codes, weights, coef = problem(*shape, dtype, order, weighted=weighted)
    class_weights = np.array([0.7, 1.9]) if weighted else ONES
    if frozen:
        read_only(X), read_only(codes)
    args = (X, coef, codes, weights, class_weights, 2)
    loss, gradient, hessian = oracle.loss_gradient_hessian(
        X, coef[:, 0], codes, weights, class_weights
    )
    scale = np.abs(X).astype(np.float64).sum(axis=0).max() + shape[0]
    *both, hessians = passes.loss_gradient_hessian(*args)
    for losses, gradients in (passes.loss_gradient(*args), both):
        np.testing.assert_allclose(losses, [loss], rtol=1e-13, atol=1e-14)
        np.testing.assert_allclose(gradients[:, 0], gradient, rtol=1e-12, atol=1e-15 * scale)
    np.testing.assert_allclose(hessians[0], hessian, rtol=1e-12, atol=1e-15 * np.abs(hessian).max())
    decisions, finite = passes.decision(X, coef, 2)
    assert finite
    assert decisions.dtype == dtype
    np.testing.assert_allclose(
        decisions[:, 0], oracle.decisions(X, coef[:, 0]), rtol=4 * np.finfo(dtype).eps, atol=1e-13
    )


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_backends_agree_to_rounding_on_many_blocks(dtype, order):
    X, codes, weights, coef = problem(30_011, 13, dtype, order, weighted=True)
    args = (X, coef, codes, weights, np.array([0.5, 2.0]), 2)
    for name in ("loss_gradient", "loss_gradient_hessian"):
        ours = getattr(compiled, name)(*args)
        theirs = getattr(reference, name)(*args)
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12 * np.abs(b).max())


@pytest.mark.parametrize("passes", [compiled, reference], ids=["numba", "numpy"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_several_outputs_are_several_models(passes, order):
    X, codes, weights, _ = problem(333, 6, np.float64, order, weighted=True)
    coef = np.random.default_rng(0).standard_normal((7, 3)) * 0.2
    losses, gradients, hessians = passes.loss_gradient_hessian(X, coef, codes, weights, ONES, 2)
    decisions, finite = passes.decision(X, coef, 2)
    assert finite
    for o in range(3):
        loss, gradient, hessian = oracle.loss_gradient_hessian(X, coef[:, o], codes, weights)
        np.testing.assert_allclose(losses[o], loss, rtol=1e-13)
        np.testing.assert_allclose(gradients[:, o], gradient, rtol=1e-10, atol=1e-11)
        np.testing.assert_allclose(hessians[o], hessian, rtol=1e-10, atol=1e-11)
        np.testing.assert_allclose(decisions[:, o], oracle.decisions(X, coef[:, o]), atol=1e-12)


@pytest.mark.parametrize("passes", [compiled, reference], ids=["numba", "numpy"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at_zero", [True, False], ids=["zero-coef", "nonzero-coef"])
def test_a_value_that_is_not_finite_always_shows(passes, bad, at_zero):
    X, codes, _, coef = problem(100, 4, np.float64, "C", weighted=False)
    for row in (0, 57, 99):
        spoilt = X.copy()
        spoilt[row, 2] = bad
        losses, gradients = passes.loss_gradient(
            spoilt, 0.0 * coef if at_zero else coef, codes, None, ONES, 1
        )
        assert not (np.isfinite(losses).all() and np.isfinite(gradients).all())


@pytest.mark.parametrize("passes", [compiled, reference], ids=["numba", "numpy"])
def test_huge_margins_give_their_limit(passes):
    X = np.array([[1e300], [-1e300]])
    codes = np.array([1, 0], dtype=np.int8)
    losses, gradients = passes.loss_gradient(X, np.array([[1.0], [0.0]]), codes, None, ONES, 1)
    assert losses[0] == 0.0
    assert (gradients == 0.0).all()
    losses, _ = passes.loss_gradient(X, np.array([[-1.0], [0.0]]), codes, None, ONES, 1)
    assert losses[0] == pytest.approx(2e300)
