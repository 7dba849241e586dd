"""The tables that benchmarks and tests share are what they say they are."""

import numpy as np
import pytest

from bench.hard import HARD_TABLES
from bench.tables import (
    CORRELATION_CONDITION,
    RAW_CONDITION,
    head_of,
    make_problem,
    standardised_twin,
)

SAMPLING = 0.05  # what the moments of 40,000 rows may be away from their distribution's


def log_odds(problem):
    return problem.X @ problem.coef[:-1] + problem.coef[-1]


def condition(X):
    return np.linalg.cond(X.T @ X / len(X))


@pytest.mark.parametrize("n_columns", [2, 7, 20])
def test_the_condition_numbers_are_the_committed_constants(n_columns):
    X = make_problem(40_000, n_columns, seed=3).X
    correlation = np.linalg.cond(np.corrcoef(X, rowvar=False))
    assert (CORRELATION_CONDITION, RAW_CONDITION) == (100.0, 1e5)
    assert correlation == pytest.approx(CORRELATION_CONDITION, rel=SAMPLING)
    assert condition(X) == pytest.approx(RAW_CONDITION, rel=SAMPLING)
    assert np.abs(X.mean(axis=0) / X.std(axis=0)).max() > 0.05  # shifted


def test_the_twin_is_the_table_centred_and_scaled():
    problem = make_problem(40_000, 7)
    twin = standardised_twin(problem)
    np.testing.assert_allclose(twin.X.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(twin.X.std(axis=0), 1.0, rtol=1e-12)
    np.testing.assert_allclose(log_odds(twin), log_odds(problem), atol=1e-12)
    assert condition(twin.X) == pytest.approx(CORRELATION_CONDITION, rel=SAMPLING)
    assert twin.y is problem.y
    in_place = standardised_twin(problem, overwrite=True)
    assert in_place.X is problem.X
    np.testing.assert_array_equal(in_place.X, twin.X)


def test_a_constant_column_becomes_zero_in_the_twin():
    problem = make_problem(1_000, 3)
    problem.X[:, 1] = 1e3 / 3
    twin = standardised_twin(problem)
    np.testing.assert_allclose(twin.X[:, 1], 0.0, atol=1e-9)
    np.testing.assert_allclose(log_odds(twin), log_odds(problem), atol=1e-9)


def test_the_seed_alone_makes_the_numbers():
    first, again, other = (make_problem(5_000, 6, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.X, again.X)
    np.testing.assert_array_equal(first.y, again.y)
    assert not np.allclose(first.X, other.X)
    by_column = make_problem(5_000, 6, seed=1, dtype=np.float32, order="F")
    assert by_column.X.flags.f_contiguous
    np.testing.assert_array_equal(by_column.X, first.X.astype(np.float32))
    np.testing.assert_array_equal(by_column.y, first.y)


def test_several_chunks_are_independent_rows():
    X = standardised_twin(make_problem(600_000, 4)).X  # more than two chunks of rows
    blocks = X[:524_288].reshape(2, -1, 4)
    assert abs((blocks[0] * blocks[1]).mean()) < 0.01


def test_labels_follow_the_true_probabilities():
    problem = make_problem(40_000, 5)
    probability = 1.0 / (1.0 + np.exp(-log_odds(problem)[:, 0]))
    assert log_odds(problem).std() == pytest.approx(1.5, rel=0.02)
    for low in (0.1, 0.4, 0.7):
        rows = (probability > low) & (probability < low + 0.1)
        assert problem.y[rows].mean() == pytest.approx(probability[rows].mean(), abs=0.03)


def test_classes_follow_the_softmax():
    problem = make_problem(40_000, 5, n_classes=4)
    odds = np.exp(log_odds(problem))
    probability = odds / odds.sum(axis=1, keepdims=True)
    assert problem.coef.shape == (6, 4)
    np.testing.assert_allclose(np.bincount(problem.y) / 40_000, probability.mean(axis=0), atol=0.01)
    for k in range(4):
        likely = probability[:, k] > 0.4
        share = (problem.y[likely] == k).mean()
        sampling = 4.0 * np.sqrt(0.25 / likely.sum())
        assert share == pytest.approx(probability[likely, k].mean(), abs=sampling)


def test_few_columns_are_informative_where_so_asked():
    coef = make_problem(100, 12, informative=3).coef
    assert np.count_nonzero(coef[:-1]) == 3


def test_the_head_is_a_copy():
    problem = make_problem(500, 3)
    head = head_of(problem, 100)
    assert head.X.shape == (100, 3)
    assert not np.shares_memory(head.X, problem.X)


@pytest.mark.parametrize("name", HARD_TABLES)
def test_hard_tables_are_seeded_and_well_formed(name):
    X, y, weights, says = HARD_TABLES[name](300, 6, 0)
    again = HARD_TABLES[name](300, 6, 0)
    np.testing.assert_array_equal(X, again.X)
    np.testing.assert_array_equal(y, again.y)
    assert X.flags.c_contiguous
    assert np.isfinite(X).all()
    assert len(X) == len(y)
    assert set(np.unique(y)) == set(range(3 if name == "rare class" else 2))
    assert says
    if weights is not None:
        assert weights.shape == y.shape
        assert (weights >= 0.0).all()


def test_hard_tables_are_hard_in_the_way_they_say():
    def table(name, n=2_000, d=6):
        return HARD_TABLES[name](n, d, 0)

    assert table("rare positives").y.sum() == 2
    assert table("five positives").y.sum() == 5
    weights = table("uneven weights").sample_weight
    assert np.log10(weights.max() / weights.min()) > 5.9
    assert 0.25 < (table("zero weights").sample_weight == 0.0).mean() < 0.35
    assert list(np.count_nonzero(table("rare columns").X, axis=0)) == [10, 2_000, 2_000] * 2
    assert np.ptp(table("constant column").X[:, 0]) == 0.0
    assert np.linalg.matrix_rank(table("collinear").X) == 4
    scales = table("uneven scales").X.std(axis=0)
    assert scales.max() / scales.min() == pytest.approx(1e12, rel=1e-6)
    wide, square = table("wide").X, table("square").X
    assert wide.shape[1] == 2 * wide.shape[0]
    assert square.shape[0] == square.shape[1]
    assert (np.diff(table("sorted by label").y) >= 0).all()
    halves = table("sorted by time").y.reshape(2, -1).mean(axis=1)
    assert halves[1] > halves[0] + 0.2
    X, y, *_ = table("quasi-separable")
    assert X[:, 0].sum() > 0
    assert (y[X[:, 0] == 1] == 1).all()
    assert np.bincount(table("rare class").y)[2] == 3
    tails = table("heavy tails").X
    assert np.abs(tails).max() > 20.0 * np.median(np.abs(tails))


def test_a_hyperplane_separates_the_separable_table():
    from sklearn.svm import LinearSVC

    X, y, *_ = HARD_TABLES["separable"](400, 4, 0)
    assert LinearSVC(C=1e4, max_iter=100_000).fit(X, y).score(X, y) == 1.0
