"""Whole dense passes: numba = NumPy = oracle over types, layouts, weights and shapes."""

import tracemalloc
from functools import partial

import mpmath
import numpy as np
import pytest

from fastlogreg.kernels import dense as compiled
from fastlogreg.reference import dense as reference
from tests import oracle
from tests.modes import INTERPRETED, long_when_interpreted
from tests.problems import correlated

# In F order (5_000, 1) and (5_000, 2) are several tiles of a block.
SHAPES = [
    *([] if INTERPRETED else [(5_000, 1), (5_000, 2)]),
    (1, 1),
    (1, 5),
    (7, 1),
    (5, 12),
    (33, 3),
    (70, 4),
    (150, 9),
]
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


@long_when_interpreted
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


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("d", [3, 4, 6, 8, 10, 12, 13, 15, 16, 17, 20, 24, 25])
def test_rows_of_few_columns_are_the_oracle(d, dtype):
    # Rows for two tiles and a few; the last column ends the array.
    X, codes, weights, coef = problem(519, d, dtype, "C", weighted=True)
    loss, gradient, _ = oracle.loss_gradient_hessian(X, coef[:, 0], codes, weights, ONES)
    losses, gradients = compiled.loss_gradient(X, coef, codes, weights, ONES, 2)
    np.testing.assert_allclose(losses, [loss], rtol=1e-13)
    np.testing.assert_allclose(gradients[:, 0], gradient, rtol=1e-11, atol=1e-12 * abs(X).sum())


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


# Each kind and order is code of its own, and compiled: all passes of one kind an order, the
# first pass of the rest.  Other files take the same two kinds.
KINDS = [("i4", "C"), ("i1", "F")]
RARER_KINDS = [("?", "C"), ("u2", "C"), ("i8", "C")]


def whole_numbers(n, d, kind, order):
    X = np.rint(correlated(n, d, seed=d)[0])
    limits = np.iinfo(kind) if kind != "?" else None
    X = np.clip(np.abs(X) if kind[0] == "u" else X, -100, 100) if limits else X > 0.0
    return np.asarray(X, dtype=kind, order=order)


@pytest.mark.parametrize(("kind", "order"), KINDS + RARER_KINDS)
def test_integers_of_all_kinds_are_the_same_numbers_as_float64(kind, order):
    """To rounding: in C order the vectors of a sum over columns depend on the type of X."""
    n, d = (60, 5) if INTERPRETED else (5_003, 17)
    X = whole_numbers(n, d, kind, order)
    same = np.asarray(X, dtype=np.float64, order=order)
    codes = (np.arange(n) % 3 == 0).astype(np.int8)
    coef = np.linspace(-0.1, 0.1, d + 1)[:, None]
    both = np.hstack([coef, -2.0 * coef])
    rest = (codes, None, ONES, 2)
    passes = [("loss_gradient", coef), ("loss_gradient_hessian", coef), ("loss_gradient", both)]
    rarer = (kind, order) in RARER_KINDS
    for name, w in passes[:1] if rarer else passes:
        ours, expected = (getattr(compiled, name)(table, w, *rest) for table in (X, same))
        for a, b in zip(ours, expected, strict=True):
            assert a.dtype == b.dtype == np.float64
            np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15 * np.abs(b).max())
    for name in () if rarer else ("decision", "probability"):
        (ours, finite), (expected, _) = (
            getattr(compiled, name)(table, coef, 2) for table in (X, same)
        )
        assert finite
        assert ours.dtype == expected.dtype == np.float64
        np.testing.assert_allclose(ours, expected, rtol=1e-13, atol=1e-14)


@long_when_interpreted
@pytest.mark.parametrize(("kind", "order"), [*KINDS, ("?", "C"), ("f4", "C"), ("f4", "F")])
def test_a_pass_makes_no_copy_of_x(kind, order):
    n, d = 200_000, 20
    X = np.asarray(np.random.default_rng(0).integers(0, 2, (n, d)), dtype=kind, order=order)
    codes = (np.arange(n) % 3 == 0).astype(np.int8)
    coef = np.zeros((d + 1, 1))
    for name in ("loss_gradient", "loss_gradient_hessian")[: 1 if kind == "?" else 2]:
        run = partial(getattr(compiled, name), X, coef, codes, None, ONES, 2)
        run()
        tracemalloc.start()
        run()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 0.1 * n * d * 8, name


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("name", ["loss_gradient", "loss_gradient_hessian", "decision"])
def test_the_bits_do_not_depend_on_the_place_in_memory(name, order):
    X, codes, weights, coef = problem(150, 9, np.float64, order, weighted=True)
    found = set()
    for offset in range(8):
        store = np.empty(X.size + offset)
        moved = store[offset:].reshape(X.shape, order=order)
        moved[...] = X
        args = (moved, coef.copy())
        if name != "decision":
            args = (*args, codes.copy(), weights.copy(), ONES)
        found.add(b"".join(np.asarray(a).tobytes() for a in getattr(compiled, name)(*args, 1)))
    assert len(found) == 1


def exact_sigmoid(z):
    return float(1 / (1 + mpmath.exp(-mpmath.mpf(float(z)))))


@pytest.mark.parametrize("passes", [compiled, reference], ids=["numba", "numpy"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_probabilities_are_within_4_ulp_and_sum_to_1(passes, dtype, order):
    rng = np.random.default_rng(2)
    z = np.concatenate([[0.0, -0.0, 1e-300, 37.0, -37.0, 700.0, -745.0], rng.normal(0, 20, 400)])
    X = np.asarray(np.stack([z, np.zeros_like(z)], axis=1), dtype=dtype, order=order)
    got, finite = passes.probability(X, np.array([[1.0], [0.0], [0.0]]), 2)
    assert finite
    assert got.dtype == dtype
    exact = np.array([[exact_sigmoid(-v), exact_sigmoid(v)] for v in X[:, 0]])
    # In float32 there is the rounding to it beside the 4 ulp of float64.
    with np.errstate(under="ignore"):
        unit = np.spacing(exact.astype(dtype)).astype(np.float64)
    assert (np.abs(got - exact) <= (4.0 if dtype is np.float64 else 0.51) * unit).all()
    assert np.abs(got.astype(np.float64).sum(axis=1) - 1.0).max() <= np.finfo(dtype).eps
    assert (got >= 0.0).all()


@pytest.mark.parametrize("passes", [compiled, reference], ids=["numba", "numpy"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_decision_that_is_not_finite_is_told_of(passes, bad, order):
    X, _, _, coef = problem(150, 9, np.float64, order, weighted=False)
    for row in (0, 57, 149):
        spoilt = X.copy(order="K")
        spoilt[row, 2] = bad
        for name in ("decision", "probability"):
            for w in (coef, 0.0 * coef):
                assert not getattr(passes, name)(spoilt, w, 2)[1]
