"""Factors of matrices: the compiled loops and LAPACK, against NumPy's."""

import numpy as np
import pytest

from fastlogreg.kernels import cholesky as compiled
from fastlogreg.reference import cholesky as reference

BOTH = pytest.mark.parametrize("loops", [compiled, reference], ids=["numba", "LAPACK"])


def positive(p, seed=0, spread=0.0):
    """Return a positive definite matrix, its eigenvalues over so many powers of ten."""
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.standard_normal((p, p)))
    matrix = (turn * 10.0 ** -np.linspace(0.0, spread, p)) @ turn.T
    return 0.5 * (matrix + matrix.T)


@BOTH
@pytest.mark.parametrize("p", [1, 2, 3, 4, 5, 8, 31, 97, 130])
def test_the_factor_is_numpys_and_leaves_the_upper_triangle(loops, p):
    matrix = positive(p, spread=3.0)
    factor = matrix.copy()
    assert loops.factor_cholesky(factor)
    np.testing.assert_allclose(np.tril(factor), np.linalg.cholesky(matrix), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(np.triu(factor, 1), np.triu(matrix, 1))
    right = np.random.default_rng(1).standard_normal(p)
    solution = right.copy()
    loops.solve_cholesky(factor, solution)
    np.testing.assert_allclose(matrix @ solution, right, rtol=1e-8, atol=1e-9)


@BOTH
@pytest.mark.parametrize("place", [0, 2, 5, 6, 96])
def test_a_matrix_without_a_factor_has_none(loops, place):
    matrix = positive(97)
    matrix[place, place] = -1.0
    assert not loops.factor_cholesky(matrix)


@BOTH
def test_nan_has_no_factor(loops):
    matrix = positive(6)
    matrix[4, 2] = np.nan
    assert not loops.factor_cholesky(matrix)


@BOTH
@pytest.mark.parametrize("p", [2, 7, 120])
@pytest.mark.parametrize("spread", [0.0, 6.0, 12.0])
def test_the_condition_is_estimated_to_a_small_factor(loops, p, spread):
    matrix = positive(p, spread=spread)
    factor, norm = matrix.copy(), np.abs(matrix).sum(axis=0).max()
    assert loops.factor_cholesky(factor)
    exact = 1.0 / np.linalg.cond(matrix, 1)
    assert 0.9 * exact < loops.reciprocal_condition(factor, norm) < 4.0 * exact
