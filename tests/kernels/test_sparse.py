"""Whole sparse passes: numba = NumPy = oracle, whatever the order of the indices."""

import tracemalloc

import numpy as np
import pytest

from fastlogreg.kernels import sparse as compiled
from fastlogreg.kernels import sparse_blocks
from fastlogreg.reference import sparse as reference
from tests import oracle
from tests.modes import long_when_interpreted
from tests.problems import ragged

ONES = np.ones(2)
BACKENDS = pytest.mark.parametrize("passes", [compiled, reference], ids=["numba", "numpy"])
FORMS = pytest.mark.parametrize("form", ["csr", "csc"])


def problem(n, d, *, form="csr", n_outputs=1, n_classes=2, weighted=False, **how):
    X, dense, y, weights = ragged(n, d, seed=n + d, form=form, **how)
    for array in (X.data, X.indices, X.indptr):
        array.flags.writeable = False
    if n_classes > 2:
        y = np.arange(n) % n_classes
    coef = np.random.default_rng(d).standard_normal((d + 1, n_outputs)) * 0.3
    if weighted:
        weights[2::3] = 0.0
    return X, dense, y.astype(np.int8), weights if weighted else None, coef


def close(ours, theirs, tol=1e-12):
    np.testing.assert_allclose(ours, theirs, rtol=tol, atol=tol * np.abs(theirs).max())


def by_rows(X):
    """Return X as passes of Hessians take it."""
    return X if X.format == "csr" else X.tocsr()


@BACKENDS
@FORMS
@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("shape", [(1, 1), (7, 1), (1, 5), (33, 3), (150, 9)], ids=str)
def test_passes_are_the_oracle(passes, shape, form, weighted):
    X, dense, codes, weights, coef = problem(*shape, form=form, weighted=weighted)
    class_weights = np.array([0.7, 1.9]) if weighted else ONES
    rest = (codes, weights, class_weights)
    loss, gradient, hessian = oracle.loss_gradient_hessian(dense, coef[:, 0], *rest)
    *both, hessians = passes.loss_gradient_hessian(by_rows(X), coef, *rest, 2)
    for losses, gradients in (passes.loss_gradient(X, coef, *rest, 2), both):
        close(losses, [loss], 1e-13)
        close(gradients[:, 0], gradient)
    close(hessians[0], hessian)
    direction = np.linspace(-1.0, 1.0, len(coef))[:, None]
    close(passes.hessian_product(X, coef, direction, *rest, 2), hessian @ direction)
    decisions, finite = passes.decision(X, coef, 2)
    assert finite
    close(decisions[:, 0], oracle.decisions(dense, coef[:, 0]), 1e-13)


@BACKENDS
@FORMS
def test_probabilities_and_squares_are_those_of_the_dense_table(passes, form):
    X, dense, _, _, coef = problem(90, 7, form=form, n_outputs=2)
    z = np.array([oracle.decisions(dense, column) for column in coef.T]).T
    got, finite = passes.probability(X, coef[:, :1], 2)
    assert finite
    close(got, [[oracle.sigmoid(-v), oracle.sigmoid(v)] for v in z[:, 0]])
    close(passes.probability(X, coef, 2, softmax=True)[0], [oracle.softmax(row) for row in z])
    close(passes.decision(X, coef, 2)[0], z)
    r = np.random.default_rng(0).random((90, 2))
    close(passes.square_sums(X, r, 2), np.vstack([(dense**2).T @ r, r.sum(axis=0)]))


@BACKENDS
@FORMS
def test_squares_of_values_stored_twice_are_those_of_their_sum(passes, form):
    X, dense, *_ = problem(70, 8, form=form)
    r = np.random.default_rng(1).random((70, 1))
    expected = np.vstack([(dense**2).T @ r, r.sum(axis=0)])
    in_order = type(X)((X.data.copy(), X.indices.copy(), X.indptr.copy()), shape=X.shape)
    in_order.sort_indices()  # what is stored twice stays apart, side by side
    once = in_order.copy()
    once.sum_duplicates()
    assert once.nnz < in_order.nnz
    for table in (X, in_order, once):
        close(passes.square_sums(table, r, 2), expected)


@BACKENDS
@FORMS
@pytest.mark.parametrize("n_classes", [3, 6])
def test_softmax_passes_are_the_oracle(passes, form, n_classes):
    X, dense, codes, weights, coef = problem(
        60, 4, form=form, n_outputs=n_classes, n_classes=n_classes, weighted=True
    )
    rest = (codes, weights, np.linspace(0.5, 2.0, n_classes))
    loss, gradient, hessian = oracle.softmax_loss_gradient_hessian(dense, coef, *rest)
    *both, hessians = passes.loss_gradient_hessian(by_rows(X), coef, *rest, 2, softmax=True)
    for losses, gradients in (passes.loss_gradient(X, coef, *rest, 2, softmax=True), both):
        close(losses, [loss])
        close(gradients, gradient)
    close(hessians, hessian[None])
    direction = np.random.default_rng(1).standard_normal(coef.shape)
    product = passes.hessian_product(X, coef, direction, *rest, 2, softmax=True)
    close(product.T.ravel(), hessian @ direction.T.ravel())


@BACKENDS
@FORMS
def test_a_softmax_of_intercepts_alone_equals_the_oracle(passes, form):
    X, dense, codes, weights, coef = problem(
        60, 4, form=form, n_outputs=3, n_classes=3, weighted=True
    )
    coef[:-1], coef[-1] = 0.0, [3.0, -40.0, 0.5]
    rest = (codes, weights, np.array([0.5, 1.25, 2.0]))
    loss, gradient, hessian = oracle.softmax_loss_gradient_hessian(dense, coef, *rest)
    losses, gradients = passes.loss_gradient(X, coef, *rest, 2, softmax=True)
    close(losses, [loss])
    close(gradients, gradient)
    direction = np.zeros_like(coef)
    direction[-1] = [1.0, -0.5, 0.25]
    product = passes.product_at(X, coef, *rest, 2, True)(direction)
    close(product.T.ravel(), hessian @ direction.T.ravel())


@BACKENDS
def test_what_a_softmax_gradient_keeps_serves_products(passes):
    X, _, codes, weights, coef = problem(60, 4, n_outputs=3, n_classes=3, weighted=True)
    rest = (codes, weights, np.array([0.5, 1.25, 2.0]), 2)
    losses, gradient, kept = passes.loss_gradient_keeping(X, coef, *rest)
    for ours, theirs in zip(
        (losses, gradient), passes.loss_gradient(X, coef, *rest, True), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    close(kept, passes.probability(X, coef, 2, softmax=True)[0])
    before = kept.copy()
    product = passes.product_at(X, coef, *rest, True, kept)
    for direction in (coef, -0.5 * coef):
        close(product(direction), passes.hessian_product(X, coef, direction, *rest, True))
    np.testing.assert_array_equal(kept, before)


@BACKENDS
@FORMS
def test_several_outputs_are_several_models(passes, form):
    X, dense, codes, weights, coef = problem(80, 5, form=form, n_outputs=3, weighted=True)
    rest = (codes, weights, ONES)
    losses, gradients = passes.loss_gradient(X, coef, *rest, 2)
    *_, hessians = passes.loss_gradient_hessian(by_rows(X), coef, *rest, 2)
    products = passes.hessian_product(X, coef, coef, *rest, 2)
    for o in range(3):
        loss, gradient, hessian = oracle.loss_gradient_hessian(dense, coef[:, o], *rest)
        close(losses[o], loss)
        close(gradients[:, o], gradient)
        close(hessians[o], hessian)
        close(products[:, o], hessian @ coef[:, o])


@BACKENDS
@FORMS
@pytest.mark.parametrize(("n_outputs", "softmax"), [(1, False), (3, False), (3, True)])
@pytest.mark.parametrize("constant", [False, True], ids=["any coef", "intercepts"])
def test_all_products_at_a_point_are_of_its_hessian(passes, form, n_outputs, softmax, constant):
    X, _, codes, weights, coef = problem(
        80, 5, form=form, n_outputs=n_outputs, n_classes=3 if softmax else 2, weighted=True
    )
    rest = (codes, weights, np.array([0.6, 1.7, 1.1])[: 2 + softmax])
    if constant:
        coef[:-1] = 0.0
    hessians = reference.loss_gradient_hessian(by_rows(X), coef, *rest, 1, softmax)[2]
    product = passes.product_at(X, coef, *rest, 2, softmax)
    for seed in range(3):
        direction = np.random.default_rng(seed).standard_normal(coef.shape)
        if softmax:
            expected = (hessians[0] @ direction.T.ravel()).reshape(3, -1).T
        else:
            expected = np.stack([h @ v for h, v in zip(hessians, direction.T, strict=True)]).T
        close(product(direction), expected)


@FORMS
def test_other_types_are_read_as_they_are(form):
    dtype, index = np.float32, np.int64
    X, dense, codes, _, coef = problem(150, 9, form=form, dtype=dtype, index=index)
    rest = (codes, None, ONES)
    loss, gradient, hessian = oracle.loss_gradient_hessian(dense, coef[:, 0], *rest)
    losses, gradients = compiled.loss_gradient(X, coef, *rest, 2)
    close(losses, [loss], 1e-13)
    close(gradients[:, 0], gradient)
    close(compiled.hessian_product(X, coef, coef, *rest, 2), hessian @ coef)
    decisions, _ = compiled.decision(X, coef, 2)
    assert decisions.dtype == dtype
    close(decisions[:, 0], oracle.decisions(dense, coef[:, 0]), 4 * np.finfo(dtype).eps)


def test_pointers_may_be_of_another_type_than_indices():
    X, dense, codes, _, coef = problem(150, 9)
    X.indptr = X.indptr.astype(np.int64)
    for passes in (compiled, reference):
        losses, _ = passes.loss_gradient(X, coef, codes, None, ONES, 2)
        close(losses, [oracle.loss_gradient_hessian(dense, coef[:, 0], codes)[0]])


@BACKENDS
@FORMS
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_always_shows(passes, form, bad):
    X, _, codes, _, coef = problem(60, 4, form=form)
    for k in (0, X.nnz // 2, X.nnz - 1):
        spoilt = X.copy()
        spoilt.data[k] = bad
        for w in (coef, 0.0 * coef):
            losses, gradients = passes.loss_gradient(spoilt, w, codes, None, ONES, 1)
            assert not (np.isfinite(losses).all() and np.isfinite(gradients).all())
            for name in ("decision", "probability"):
                assert not getattr(passes, name)(spoilt, w, 2)[1]


def bits(X, codes, coef, n_threads):
    """Return all that passes return, as bytes."""
    both = np.hstack([coef, -coef])
    rest = (codes, None, ONES, n_threads)
    product, products = (
        compiled.product_at(X, coef, *rest),
        compiled.product_at(X, both, *rest, True),
    )
    results = [
        *(product(direction) for direction in (coef, -coef)),
        *(products(direction) for direction in (both, -both)),
        *compiled.loss_gradient(X, coef, *rest),
        *compiled.loss_gradient(X, both, *rest, True),
        compiled.square_sums(X, np.ones((X.shape[0], 1)), n_threads),
        compiled.decision(X, coef, n_threads)[0],
    ]
    if X.format == "csr":
        results += compiled.loss_gradient_hessian(X, coef, *rest)
    return [result.tobytes() for result in results]


@long_when_interpreted
@FORMS
def test_the_bits_do_not_depend_on_the_threads(form):
    n, d = (4_000, 60) if form == "csr" else (60, 4_000)
    X, _, codes, _, coef = problem(n, d, form=form, density=0.5)
    assert sparse_blocks.count_parts(X.indptr, 60) >= 7
    found = [bits(X, codes, coef, n_threads) for n_threads in (1, 2, 3, 7)]
    assert found[1:] == found[:1] * 3


def test_blocks_have_equal_work_whatever_the_rows():
    lengths = np.r_[np.full(1_000, 3), 60_000, np.full(1_000, 60), np.zeros(500, int)]
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    edges = sparse_blocks.even_edges(indptr, 8)
    assert edges[0] == 0
    assert edges[-1] == len(lengths)
    assert (np.diff(edges) >= 0).all()
    work = np.diff(indptr[edges]) + 8 * np.diff(edges)
    # A block is beyond its share by less than a row, here by one of 60,000 at most.
    assert np.sort(work)[-2] <= work.sum() / 8 + 60 + 8


def test_parts_stay_a_small_share_of_the_values():
    indptr = np.arange(300_001) * 59
    n_blocks = sparse_blocks.count_parts(indptr, 100_000)
    assert 8 <= n_blocks <= 16
    assert sparse_blocks.count_parts(np.arange(1_001) * 10, 100_000) == 1


@long_when_interpreted
@FORMS
def test_a_pass_makes_no_copy_of_x(form):
    n, d = (20_000, 200) if form == "csr" else (200, 20_000)
    X, _, codes, _, coef = problem(n, d, form=form, density=0.5)
    compiled.loss_gradient(X, coef, codes, None, ONES, 2)
    tracemalloc.start()
    compiled.loss_gradient(X, coef, codes, None, ONES, 2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.1 * X.data.nbytes
