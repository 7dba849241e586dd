"""A sparse design: arrays kept, passes counted, rows and columns taken."""

import numpy as np
import pytest

from fastlogreg.design import SparseDesign, Targets, load_backend
from fastlogreg.design import sparse as module
from tests.problems import ragged

FORMS = pytest.mark.parametrize("form", ["csr", "csc"])


def design_of(backend, form, n=50, d=6):
    X, dense, y, weights = ragged(n, d, form=form)
    design = SparseDesign(X, load_backend(backend, "sparse"), 1)
    return design, dense, Targets(y.astype(np.int8), np.ones(2)), weights


@FORMS
def test_the_arrays_are_used_as_they_lie(form):
    design, dense, *_ = design_of("numpy", form)
    assert (design.n_rows, design.n_columns, design.dtype) == (*dense.shape, np.float64)
    taken = design.X.data, design.X.indices, design.X.indptr
    again = SparseDesign(design.X, design.backend, 1).X
    assert (again.data, again.indices, again.indptr) == taken


@pytest.mark.parametrize(("form", "reads"), [("csr", 1), ("csc", 2)])
def test_passes_are_counted_by_reads(backend, form, reads):
    design, dense, targets, weights = design_of(backend, form)
    coef = np.zeros((dense.shape[1] + 1, 1))
    product = design.product_at(coef + 1.0, targets, weights)
    for call, expected in (
        (lambda: design.loss_gradient(coef, targets, weights), reads),
        (lambda: design.loss_gradient_hessian(coef, targets, weights), reads),
        (lambda: design.hessian_product(coef, coef, targets, weights), reads),
        (lambda: product(coef), reads),
        (lambda: product(coef + 1.0), reads),
        (lambda: design.hessian_diagonal(coef, targets, weights), 1),
        (lambda: design.hessian_diagonal(coef + 1.0, targets, weights), 2),
        (lambda: design.decision(coef), 1),
        (lambda: design.probability(coef), 1),
    ):
        before = design.passes
        call()
        assert design.passes - before == expected


@FORMS
def test_products_of_a_softmax_are_those_of_their_point(backend, form):
    # A gradient keeps what products at its coefficients need, and only at those.
    X, _, y, weights = ragged(50, 6, form=form)
    targets = Targets((y + (np.arange(50) % 2)).astype(np.int8), np.ones(3), softmax=True)
    design = SparseDesign(X, load_backend(backend, "sparse"), 1)
    coef = np.linspace(-0.4, 0.5, 21).reshape(7, 3)
    design.product_at(coef, targets, weights)
    for evaluated, at in ((coef, coef), (coef, 2.0 * coef), (0.0 * coef, coef)):
        design.loss_gradient(evaluated, targets, weights)
        product = design.product_at(at, targets, weights)(coef)
        expected = design.hessian_product(at, coef, targets, weights)
        np.testing.assert_allclose(product, expected, rtol=1e-12, atol=1e-14)


def test_hessians_by_columns_are_summed_over_chunks_of_rows(backend, monkeypatch):
    design, dense, targets, weights = design_of(backend, "csc")
    coef = np.linspace(-0.2, 0.2, dense.shape[1] + 1)[:, None]
    whole = design.loss_gradient_hessian(coef, targets, weights)
    monkeypatch.setattr(module, "_VALUES_OF_CHUNK", 20)
    before = design.passes
    chunked = design.loss_gradient_hessian(coef, targets, weights)
    assert design.passes - before == design.X.nnz // 20 + 1
    for ours, theirs in zip(chunked, whole, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@FORMS
def test_the_diagonal_is_that_of_the_hessian(backend, form):
    design, dense, targets, weights = design_of(backend, form)
    coef = np.linspace(-0.2, 0.2, dense.shape[1] + 1)[:, None]
    for w in (coef, 0.0 * coef):
        hessian = design.loss_gradient_hessian(w, targets, weights)[2][0]
        diagonal = design.hessian_diagonal(w, targets, weights)
        np.testing.assert_allclose(diagonal[:, 0], hessian.diagonal(), rtol=1e-12)


@FORMS
def test_rows_and_columns_are_taken(backend, form):
    design, dense, targets, weights = design_of(backend, form)
    rows, columns = np.array([7, 3, 3, 49]), np.array([4, 0, 5])
    of_rows = design.take(rows)
    assert of_rows.X.format == "csr"
    np.testing.assert_allclose(of_rows.X.toarray(), dense[rows], atol=1e-15)
    of_columns = design.take_columns(columns)
    assert of_columns.X.format == form
    np.testing.assert_allclose(of_columns.X.toarray(), dense[:, columns], atol=1e-15)
    assert of_rows.passes == of_columns.passes == 0.0
    few = np.zeros((dense.shape[1] + 1, 1))
    few[columns], few[-1] = [[0.3], [-0.2], [0.1]], 0.7
    for coef in (few, few + 0.1):  # the first has no others than the columns taken
        loss, gradient = design.loss_gradient(coef, targets, weights)
        whole = SparseDesign(design.X, design.backend, 1).loss_gradient(coef, targets, weights)
        np.testing.assert_allclose(loss, whole[0], rtol=1e-14)
        np.testing.assert_allclose(gradient, whole[1], rtol=1e-12, atol=1e-14)
    of_columns.passes = 0.0
    of_columns.loss_gradient(np.zeros((4, 1)), targets, weights)
    of_rows.loss_gradient(np.zeros((7, 1)), targets.take(rows), weights[rows])
