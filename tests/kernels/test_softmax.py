"""Softmax passes and Hessian products: numba = NumPy = oracle, exact where a class leads."""

import mpmath
import numpy as np
import pytest

from fastlogreg.kernels import dense as compiled
from fastlogreg.reference import dense as reference
from tests import oracle
from tests.modes import compiled_only, long_when_interpreted
from tests.problems import correlated

both_backends = pytest.mark.parametrize("passes", [compiled, reference], ids=["numba", "numpy"])
ONES = np.ones(2)
# Rows, columns and classes around tiles of rows and of registers.
SHAPES = [(1, 1, 2), (7, 5, 3), (70, 3, 8), (400, 4, 2), (33, 2, 50)]
KINDS = [(np.float64, "C"), (np.float64, "F"), (np.float32, "F"), (np.int32, "C")]


def problem(n, d, k, dtype=np.float64, order="C"):
    X, _, weights = correlated(n, d, seed=n + d + k)
    weights[2::3] = 0.0
    if dtype is np.int32:
        X = np.clip(np.rint(X), -100, 100)
    rng = np.random.default_rng(d)
    coef, direction = rng.standard_normal((2, d + 1, k)) * 0.3
    codes = rng.integers(0, k, n).astype(np.int8 if k <= 127 else np.int16)
    class_weights = rng.uniform(0.5, 2.0, k)
    return np.asarray(X, dtype=dtype, order=order), codes, weights, class_weights, coef, direction


def assert_is_the_oracle(passes, X, codes, weights, class_weights, coef, direction):
    width, k = coef.shape
    loss, gradient, hessian = oracle.softmax_loss_gradient_hessian(
        X, coef, codes, weights, class_weights
    )
    args = (codes, weights, class_weights, 2, True)
    scale = np.abs(X.astype(np.float64)).sum(axis=0).max() + len(X)
    *found, hessians = passes.loss_gradient_hessian(X, coef, *args)
    for losses, gradients in (found, passes.loss_gradient(X, coef, *args)):
        assert (losses.shape, gradients.shape) == ((1,), (width, k))
        np.testing.assert_allclose(losses, [loss], rtol=1e-13, atol=1e-14)
        np.testing.assert_allclose(gradients, gradient, rtol=1e-12, atol=1e-14 * scale)
    assert hessians.shape == (1, k * width, k * width)
    np.testing.assert_array_equal(hessians[0], hessians[0].T)
    atol = 1e-14 * np.abs(hessian).max()
    np.testing.assert_allclose(hessians[0], hessian, rtol=1e-12, atol=atol)
    product = (hessian @ direction.T.ravel()).reshape(k, width).T
    np.testing.assert_allclose(
        passes.hessian_product(X, coef, direction, *args),
        product,
        rtol=1e-11,
        atol=20.0 * atol * np.abs(direction).sum(),
    )


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@both_backends
def test_passes_are_the_oracle(passes, shape, order, weighted):
    X, codes, weights, class_weights, *vectors = problem(*shape, order=order)
    rows = (weights, class_weights) if weighted else (None, np.ones(shape[2]))
    for array in (X, codes):
        array.flags.writeable = False
    assert_is_the_oracle(passes, X, codes, *rows, *vectors)


@pytest.mark.parametrize(("dtype", "order"), KINDS[2:])
@both_backends
def test_other_types_are_read_as_the_numbers_they_are(passes, dtype, order):
    X, *rest, coef, direction = problem(60, 5, 3, dtype, order)
    assert_is_the_oracle(passes, X, *rest, coef / 10.0, direction)


@both_backends
def test_more_classes_than_int8_counts(passes):
    X, codes, _, _, coef, direction = problem(200, 1, 130, order="F")
    codes[:130] = np.arange(130)
    assert_is_the_oracle(passes, X, codes, None, np.ones(130), coef, direction)


@long_when_interpreted
def test_backends_agree_where_panels_and_chunks_are_many():
    for n, d, k, order in ((13_000, 5, 8, "C"), (900, 150, 3, "F")):
        X, *rows, coef, direction = problem(n, d, k, order=order)
        coef /= np.sqrt(d)
        for name in ("loss_gradient_hessian", "loss_gradient"):
            ours, theirs = (
                getattr(passes, name)(X, coef, *rows, 2, True) for passes in (compiled, reference)
            )
            for a, b in zip(ours, theirs, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12 * np.abs(b).max())
        ours, theirs = (
            passes.hessian_product(X, coef, direction, *rows, 2, True)
            for passes in (compiled, reference)
        )
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12 * np.abs(theirs).max())


# Decisions of one row: even, nearly tied, led by a class by far, beyond what exp can take.
ROWS = [
    [0.0, 0.0],
    [0.3, -0.2, 0.1],
    [1.0, 1.0 + 1e-9, -3.0],
    [40.0, 0.0, 1.0],
    [0.0, 700.0, -700.0],
    [1e4, -1e4],
    [-1e4, 0.0, 1e4, 9_999.0],
    [1e300, -1e300],
    [-800.0, -801.0, -900.0, -820.0, -850.0, -1e5, -803.0, -800.5],
]


def exact_softmax(z):
    grown = [mpmath.exp(mpmath.mpf(v) - mpmath.mpf(max(z))) for v in z]
    return [e / mpmath.fsum(grown) for e in grown]


@pytest.mark.parametrize("z", ROWS, ids=str)
@both_backends
def test_loss_and_residuals_keep_their_digits_wherever_a_class_leads(passes, z):
    """One row of ones alone has its decisions in the intercepts."""
    k = len(z)
    with mpmath.workdps(400):
        p = exact_softmax(z)
        others = [mpmath.fsum(p[:y] + p[y + 1 :]) for y in range(k)]
        # mpmath.log(p) of a p next to 1 needs all those digits; a loss of 1e300 needs none.
        losses = [
            -mpmath.log(v) if v > 0 else mpmath.mpf(max(z)) - mpmath.mpf(w)
            for v, w in zip(p, z, strict=True)
        ]
        losses = [float(v) for v in losses]
        p, others = [float(v) for v in p], [float(v) for v in others]
    X, coef = np.zeros((1, 1)), np.array([[0.0] * k, z])
    for y in range(k):
        args = (X, coef, np.array([y], dtype=np.int8), None, np.ones(k), 1, True)
        (loss,), gradient = passes.loss_gradient(*args)
        expected = [-others[y] if c == y else p[c] for c in range(k)]
        np.testing.assert_allclose(loss, losses[y], rtol=4e-15, atol=1e-300)
        np.testing.assert_allclose(gradient[-1], expected, rtol=4e-15, atol=1e-300)
        (loss,), gradient, hessians = passes.loss_gradient_hessian(*args)
        np.testing.assert_allclose(loss, losses[y], rtol=4e-15, atol=1e-300)
        np.testing.assert_allclose(gradient[-1], expected, rtol=4e-15, atol=1e-300)
        corners = hessians[0][1::2, 1::2]
        curvatures = [a * b for a, b in zip(p, others, strict=True)]
        np.testing.assert_allclose(corners.diagonal(), curvatures, rtol=1e-14, atol=1e-300)


@pytest.mark.parametrize("z", ROWS[:-2], ids=str)
@both_backends
def test_a_product_keeps_its_digits_where_a_class_leads(passes, z):
    k = len(z)
    v = 1e6 + np.arange(k) ** 2.0
    with mpmath.workdps(100):
        p = exact_softmax(z)
        mean = mpmath.fsum(a * mpmath.mpf(b) for a, b in zip(p, v, strict=True))
        expected = [float(a * (mpmath.mpf(b) - mean)) for a, b in zip(p, v, strict=True)]
    coef, direction = np.array([[0.0] * k, z]), np.array([[0.0] * k, v])
    codes = np.zeros(1, dtype=np.int8)
    product = passes.hessian_product(
        np.zeros((1, 1)), coef, direction, codes, None, np.ones(k), 1, True
    )
    np.testing.assert_allclose(product[-1], expected, rtol=1e-13, atol=1e-300)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("order", ["C", "F"])
@both_backends
def test_probabilities_are_exact_and_sum_to_1(passes, order, dtype):
    rng = np.random.default_rng(0)
    Z = np.concatenate([rng.normal(0.0, 20.0, (300, 4)), [[1e4, 0, -1e4, 9_999.0], [0.0] * 4]])
    X = np.asarray(Z, dtype=dtype, order=order)
    coef = np.concatenate([np.eye(4), np.zeros((1, 4))])
    found, finite = passes.probability(X, coef, 2, True)
    assert finite
    assert found.dtype == dtype
    with mpmath.workdps(60):
        exact = np.array([[float(v) for v in exact_softmax(z.tolist())] for z in X])
    # A difference of two decisions is rounded before it is exponentiated.
    behind = X.max(axis=1, keepdims=True).astype(np.float64) - X
    within = (4e-15 + np.finfo(np.float64).eps * behind) * exact
    if dtype is np.float32:
        within = 1e-7 * exact + 1e-44
    assert (np.abs(found - exact) <= within).all()
    assert np.abs(found.astype(np.float64).sum(axis=1) - 1.0).max() <= 4 * np.finfo(dtype).eps


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@both_backends
def test_a_value_that_is_not_finite_always_shows(passes, bad):
    X, codes, _, _, coef, direction = problem(100, 4, 3)
    args = (codes, None, np.ones(3), 2, True)
    for row, at_zero in ((0, False), (57, True), (99, False)):
        spoilt, w = X.copy(), 0.0 * coef if at_zero else coef
        spoilt[row, 2] = bad
        loss, gradient = passes.loss_gradient(spoilt, w, *args)
        assert not (np.isfinite(loss).all() and np.isfinite(gradient).all())
        _, _, hessian = passes.loss_gradient_hessian(spoilt, w, *args)
        assert not np.isfinite(hessian).all()
        assert not np.isfinite(passes.hessian_product(spoilt, w, direction, *args)).all()
        assert not passes.probability(spoilt, w, 2, True)[1]


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@both_backends
def test_products_of_binary_models_are_their_hessians(passes, weighted, order, n_outputs):
    for n, d in ((1, 1), (150, 9), (70, 4), (5, 140)):
        X, _, weights, _, coef, direction = problem(n, d, n_outputs, order=order)
        codes = (np.arange(n) % 3 == 0).astype(np.int8)
        rows = (codes, weights, np.array([0.7, 1.9])) if weighted else (codes, None, ONES)
        product = passes.hessian_product(X, coef, direction, *rows, 2)
        assert product.shape == (d + 1, n_outputs)
        for o in range(n_outputs):
            *_, hessian = oracle.loss_gradient_hessian(X, coef[:, o], *rows)
            expected = hessian @ direction[:, o]
            scale = np.abs(hessian).max() * np.abs(direction).sum()
            np.testing.assert_allclose(product[:, o], expected, rtol=1e-11, atol=1e-13 * scale)


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_products_read_other_types_as_they_lie(kind):
    X, _, weights, _, coef, direction = problem(60, 5, 1, kind)
    codes = (np.arange(60) % 3 == 0).astype(np.int8)
    args = (coef / 10.0, direction, codes, weights, ONES, 2)
    ours, same = (compiled.hessian_product(table, *args) for table in (X, X.astype(np.float64)))
    np.testing.assert_allclose(ours, same, rtol=1e-12, atol=1e-12 * np.abs(same).max())


def test_products_at_saturated_margins_are_0_and_not_nan():
    X = np.array([[1e300], [-1e300]])
    coef = np.array([[1.0, -1.0], [0.0, 0.0]])
    codes = np.array([1, 0], dtype=np.int8)
    for softmax in (False, True):
        for passes in (compiled, reference):
            product = passes.hessian_product(
                X, coef, np.ones((2, 2)), codes, None, ONES, 1, softmax
            )
            np.testing.assert_array_equal(product, 0.0)


@compiled_only
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_bits_do_not_depend_on_threads_or_on_the_place_in_memory(order):
    for n, d, k in ((30_011, 17, 3), (333, 9, 5)):
        X, codes, weights, class_weights, coef, direction = problem(n, d, k, order=order)
        held, found = [], set()
        for n_threads in (1, 2, 3, 7, 2, 3, 7):
            rows = (codes, weights, class_weights, n_threads, True)
            arrays = (
                *compiled.loss_gradient(X, coef, *rows),
                *compiled.loss_gradient_hessian(X, coef, *rows),
                compiled.hessian_product(X, coef, direction, *rows),
                compiled.probability(X, coef, n_threads, True)[0],
            )
            found.add(b"".join(array.tobytes() for array in arrays))
            held.append(np.empty(1_000 * len(held)))  # what comes next lies elsewhere
            codes, weights = codes.copy(), weights.copy()
        assert len(found) == 1
