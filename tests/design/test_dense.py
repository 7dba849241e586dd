"""A dense design: views kept, odd layouts copied, passes counted, rows taken."""

import numpy as np
import pytest

from fastlogreg.design import DenseDesign, Targets, load_backend
from fastlogreg.design.dense import kernel_ready
from tests.problems import correlated


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_contiguous_arrays_are_used_as_they_lie(order, dtype):
    X, *_ = correlated(20, 3, order=order, dtype=dtype)
    X.flags.writeable = False
    design = DenseDesign(X, load_backend("numpy"), 1)
    assert design.X is X
    assert (design.n_rows, design.n_columns, design.dtype) == (20, 3, dtype)


@pytest.mark.parametrize(
    "view",
    [
        lambda X: X[::2],
        lambda X: X[:, ::2],
        lambda X: X[::-1],
        lambda X: np.broadcast_to(X[0], X.shape),
        lambda X: X.astype(X.dtype.newbyteorder()),
        lambda X: np.frombuffer(b"\0" + X.tobytes(), np.uint8)[1:].view(X.dtype).reshape(X.shape),
    ],
    ids=["rows", "columns", "reversed", "broadcast", "byte-swapped", "unaligned"],
)
def test_layouts_that_no_kernel_may_read_are_copied(view):
    X = view(correlated(20, 4)[0])
    assert not kernel_ready(X)
    design = DenseDesign(X, load_backend("numpy"), 1)
    assert kernel_ready(design.X)
    np.testing.assert_array_equal(design.X, X)


def test_each_product_is_one_pass(backend):
    X, y, weights = correlated(20, 3)
    design = DenseDesign(X, load_backend(backend), 1)
    targets = Targets(y.astype(np.int8), np.ones(2))
    coef = np.zeros((4, 1))
    design.loss_gradient(coef, targets, weights)
    design.loss_gradient_hessian(coef, targets, weights)
    design.hessian_product(coef, coef, targets, weights)
    design.decision(coef)
    design.probability(coef)
    assert design.passes == 5.0


def test_targets_say_whether_the_outputs_are_classes_of_one_model(backend):
    X, y, weights = correlated(20, 3)
    design = DenseDesign(X, load_backend(backend), 1)
    coef = np.linspace(-0.1, 0.1, 8).reshape(4, 2)
    shapes = {}
    for softmax in (False, True):
        targets = Targets(y.astype(np.int8), np.ones(2), softmax).take(np.arange(20))
        losses, _, hessians = design.loss_gradient_hessian(coef, targets, weights)
        np.testing.assert_allclose(design.loss_gradient(coef, targets, weights)[0], losses)
        product = design.hessian_product(coef, coef, targets, weights)
        shapes[softmax] = losses.shape, hessians.shape, product.shape
    assert shapes == {
        False: ((2,), (2, 4, 4), (4, 2)),
        True: ((1,), (1, 8, 8), (4, 2)),
    }
    assert design.probability(coef, softmax=True)[0].shape == (20, 2)


@pytest.mark.parametrize("order", ["C", "F"])
def test_taken_rows_are_those_rows_in_the_same_order(backend, order):
    X, y, _ = correlated(50, 3, order=order)
    rows = np.array([7, 3, 3, 49])
    design = DenseDesign(X, load_backend(backend), 1)
    taken = design.take(rows)
    np.testing.assert_array_equal(taken.X, X[rows])
    assert kernel_ready(taken.X)
    assert taken.X.flags.f_contiguous == (order == "F")
    assert taken.passes == 0.0
    targets = Targets(y.astype(np.int8), np.array([1.0, 2.0]), softmax=True).take(rows)
    np.testing.assert_array_equal(targets.codes, y[rows])
    assert targets.softmax


def test_the_total_weight_counts_classes_and_samples():
    targets = Targets(np.array([0, 1, 1], np.int8), np.array([1.0, 10.0]))
    assert targets.total_weight(None) == 21.0
    assert targets.total_weight(np.array([0.5, 1.0, 2.0])) == 30.5


def test_the_diagonal_is_that_of_every_output(backend):
    rng = np.random.default_rng(5)
    X = rng.standard_normal((60, 3))
    codes = rng.integers(0, 2, 60).astype(np.int8)
    targets, weights = Targets(codes, np.array([1.0, 2.0])), rng.uniform(0.5, 2.0, 60)
    design = DenseDesign(X, load_backend(backend), 1)
    for coef in (np.zeros((4, 3)), rng.standard_normal((4, 3))):
        _, _, hessians = design.loss_gradient_hessian(coef, targets, weights)
        expected = np.einsum("kjj->jk", hessians)
        np.testing.assert_allclose(design.hessian_diagonal(coef, targets, weights), expected)
