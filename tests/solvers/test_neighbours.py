"""A factor of an inverse correlation matrix, found from rows."""

import numpy as np
import pytest

from fastlogreg.solvers.neighbours import effective_rows, inverse_factor, standardised
from tests.problems import chain


def factor_of(table, weights=None, shares=None):
    scaled = standardised(table, np.ones(len(table)) if weights is None else weights)
    shares = np.ones(len(scaled)) if shares is None else shares
    return inverse_factor(scaled, effective_rows(scaled), shares)


def condition(matrix, factor):
    """Return the condition number of a matrix that the factor's product preconditions."""
    values = np.linalg.eigvalsh(factor @ matrix @ factor.T)
    return values[-1] / values[0]


@pytest.mark.parametrize("shuffled", [False, True])
def test_correlations_down_a_line_are_inverted_from_few_rows(shuffled):
    """In order a column depends on the one before it alone; shuffled, on both beside it."""
    d = 700
    order = np.random.default_rng(1).permutation(d) if shuffled else np.arange(d)
    table = chain(500, d, 0.8)[:, order]
    truth = 0.8 ** np.abs(np.subtract.outer(order, order))
    assert np.linalg.cond(truth) > 70.0
    assert np.linalg.cond(np.corrcoef(table.T)) > 1e6  # there are fewer rows than columns
    assert condition(truth, factor_of(table).toarray()) < (12.0 if shuffled else 3.0)


def test_columns_that_chance_alone_correlates_are_left_apart():
    table = np.random.default_rng(0).standard_normal((400, 100))
    assert factor_of(table) is None


def test_what_the_penalty_holds_is_correlated_with_nothing():
    table = chain(500, 40, 0.8)
    shares = np.r_[np.full(20, 1e-6), np.ones(20)]
    factor = factor_of(table, shares=shares).toarray()
    np.testing.assert_allclose(factor[:20, :20], np.eye(20), atol=1e-4)
    assert np.abs(factor - np.diag(np.diag(factor)))[21:, 20:].max() > 0.5


def test_weights_count_as_rows_do():
    table = chain(300, 30, 0.7)
    times = np.random.default_rng(1).integers(1, 4, 300)
    weighted = standardised(table, times.astype(float))
    repeated = standardised(np.repeat(table, times, axis=0), np.ones(times.sum()))
    np.testing.assert_allclose(weighted @ weighted.T, repeated @ repeated.T, atol=1e-5)


def test_a_column_is_seen_in_as_many_rows_as_make_its_squares():
    table = np.zeros((1_000, 4))
    rng = np.random.default_rng(0)
    table[:, 0] = rng.choice((-1.0, 1.0), 1_000)
    table[:10, 1] = rng.choice((-1.0, 1.0), 10)
    table[:, 2] = 0.1  # constant: its mean is off by rounding
    table[0, 3] = 1e6
    seen = effective_rows(standardised(table, np.ones(1_000)))
    np.testing.assert_allclose(seen, [1_000.0, 10.0, 0.0, 1.0], rtol=0.05)


def test_equal_columns_have_a_factor():
    table = chain(400, 12, 0.9)
    table[:, 7] = table[:, 2]
    table[:, 9] = -3.0 * table[:, 4]
    factor = factor_of(table)
    assert np.isfinite(factor.data).all()
    assert (factor.diagonal() > 0.0).all()


def test_a_common_part_of_all_columns_keeps_the_factor_sparse():
    rng = np.random.default_rng(0)
    table = rng.standard_normal((400, 60)) + 2.0 * rng.standard_normal((400, 1))
    factor = factor_of(table)
    assert factor.nnz < 10 * 60
    assert np.isfinite(factor.data).all()
