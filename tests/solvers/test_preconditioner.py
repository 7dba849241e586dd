"""What Newton-CG preconditions with, against Hessians formed in full."""

import numpy as np
import pytest

from fastlogreg.design import DenseDesign, Targets, load_backend
from fastlogreg.objective import Objective
from fastlogreg.solvers.preconditioner import Preconditioner, precondition
from tests.problems import chain, correlated, several


class Unlisted:
    """A design whose numbers do not lie in an array: what every storage has, and no more."""

    def __init__(self, design):
        self._design = design

    def __getattr__(self, name):
        if name == "array":
            raise AttributeError(name)
        return getattr(self._design, name)

    def take(self, rows):
        return Unlisted(self._design.take(rows))


def objective(X, y, *, hidden=False, weights=None, C=1.0, n_classes=2, fit_intercept=True):
    design = DenseDesign(X, load_backend("numpy"), 1)
    targets = Targets(y.astype(np.int8), np.ones(n_classes), n_classes > 2)
    return Objective(
        Unlisted(design) if hidden else design, targets, weights, C=C, fit_intercept=fit_intercept
    )


def matrices(F, coef):
    """Return the Hessian at coef and the preconditioner, both (p, p) and class by class."""
    made = precondition(F, coef)
    product = F.product_at(coef)
    units = np.eye(coef.size).reshape(coef.size, coef.shape[1], -1).transpose(0, 2, 1)
    columns = [[f(unit).T.ravel() for unit in units] for f in (product, made)]
    return np.array(columns[0]), np.array(columns[1])


def eigenvalues(H, P):
    """Return those of P H, 0 left out."""
    values = np.sort(np.linalg.eigvals(P @ H).real)
    return values[values > 1e-10 * values[-1]]


def shifted(n, d, shift, seed=0):
    """Return independent columns, far from 0 in units of their spread."""
    rng = np.random.default_rng(seed)
    X = (rng.standard_normal((n, d)) + shift * rng.standard_normal(d)) * 10.0 ** rng.uniform(
        -2, 2, d
    )
    y = (rng.random(n) < 0.4).astype(np.int64)
    return X, y


@pytest.mark.parametrize("hidden", [False, True])
def test_shifts_and_scales_of_the_columns_do_not_matter(hidden):
    X, y = shifted(2_000, 20, 100.0)
    F = objective(X, y, hidden=hidden, C=1e6)
    H, P = matrices(F, np.zeros((21, 1)))
    scale = 1.0 / np.sqrt(np.diag(H))
    assert np.linalg.cond(H * scale * scale[:, None]) > 1e4
    np.testing.assert_allclose(eigenvalues(H, P), 1.0, atol=0.4)


def test_it_is_symmetric_and_positive():
    X, y, weights = correlated(3_000, 12)
    _, P = matrices(objective(X, y, weights=weights), np.full((13, 1), 0.1))
    np.testing.assert_allclose(P, P.T, rtol=1e-6, atol=1e-9 * np.abs(P).max())
    assert np.linalg.eigvalsh(P)[0] > 0.0


def test_correlated_columns_are_told_from_a_sample():
    X = chain(5_000, 30, 0.8)
    y = (np.random.default_rng(1).random(5_000) < 0.4).astype(np.int64)
    F, hidden = objective(X, y), objective(X, y, hidden=True)
    told, blind = (eigenvalues(*matrices(one, np.zeros((31, 1)))) for one in (F, hidden))
    assert told[-1] / told[0] < 0.2 * blind[-1] / blind[0]
    assert F.passes - 31 < 1.0  # the products of this test are 31
    assert hidden.passes - 31 == 2.0  # the curvatures at 0 take none


def test_a_column_that_the_sample_misses_is_read_in_all_rows():
    X, y, _ = correlated(5_000, 6)
    marked = np.zeros(5_000)
    marked[np.random.default_rng(0).choice(5_000, 5, replace=False)] = 100.0
    X[:, 2] = marked
    F = objective(X, y, C=1e9)
    H, P = matrices(F, np.zeros((7, 1)))
    values = eigenvalues(H, P)
    assert values[-1] / values[0] < 10.0


def test_classes_of_a_softmax_share_the_means():
    X, y = shifted(2_000, 6, 30.0)
    y = y + np.random.default_rng(1).integers(0, 2, 2_000)
    coef = np.zeros((7, 3))
    coef[-1] = (0.0, 1.0, -2.0)  # of one class few rows
    H, P = matrices(objective(X, y, hidden=True, n_classes=3, C=1e6), coef)
    values = eigenvalues(H, P)
    values = values[values > 1e-5 * values[-1]]  # the shift of all classes that F hardly feels
    assert values[-1] / values[0] < 12.0


def test_without_an_intercept_its_row_stays_0():
    X, y, _ = correlated(1_500, 5)
    for hidden in (False, True):
        made = precondition(objective(X, y, hidden=hidden, fit_intercept=False), np.zeros((6, 1)))
        result = made(np.r_[np.ones((5, 1)), [[0.0]]])
        assert result[-1] == 0.0
        assert (result[:-1] != 0.0).any()


def test_a_column_without_curvature_takes_no_step():
    diagonal = np.array([[4.0], [0.0], [1.0]])
    np.testing.assert_array_equal(Preconditioner(diagonal)(np.ones((3, 1))), [[0.25], [0], [1]])


def test_numbers_that_left_float64_give_a_step_that_says_so():
    X, y, _ = correlated(1_500, 4)
    X[:, 1] *= 1e200
    made = precondition(objective(X, y), np.zeros((5, 1)))
    assert np.isnan(made(np.ones((5, 1)))).any()


def test_several_classes_of_few_rows_each():
    X, y, _ = several(2_000, 10, 12, rare=0.5)
    H, P = matrices(objective(X, y, n_classes=12), np.zeros((11, 12)))
    np.testing.assert_allclose(P, P.T, rtol=1e-6, atol=1e-9 * np.abs(P).max())
    assert np.linalg.eigvalsh(P)[0] > 0.0
    assert len(H) == len(P) == 132
