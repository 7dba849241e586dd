"""A Hessian solved by elimination of its diagonal block, against the whole matrix."""

import numpy as np
import pytest

from fastlogreg.design import load_backend
from fastlogreg.hessian import EliminatedHessian, assemble

LOOPS = {name: load_backend(name, "tabular") for name in ("numpy", "numba")}


def parts(m, r, seed=0, *, scales=0.0):
    """Return first, diagonal, border and core of a positive definite matrix."""
    rng = np.random.default_rng(seed)
    first = r // 2
    rows = rng.standard_normal((4 * (m + r), r)) * 10.0 ** rng.uniform(-scales, scales, r)
    levels = rng.permutation(np.arange(len(rows)) % m)
    table = np.zeros((len(rows), m + r))
    rest = np.delete(np.arange(m + r), np.arange(first, first + m))
    table[:, rest] = rows
    table[np.arange(len(rows)), first + levels] = 1.0
    matrix = table.T @ table + 1e-3 * np.diag(np.diag(table.T @ table))
    block = np.arange(first, first + m)
    return first, np.diag(matrix)[block], matrix[np.ix_(block, rest)], matrix[np.ix_(rest, rest)]


@pytest.mark.parametrize("scales", [0.0, 6.0])
@pytest.mark.parametrize(("m", "r"), [(1, 3), (40, 5), (400, 21)])
@pytest.mark.parametrize("loops", LOOPS)
def test_the_solution_is_that_of_the_whole_matrix(m, r, scales, loops):
    blocks = parts(m, r, scales=scales)
    matrix = assemble(*blocks)
    gradient = np.random.default_rng(1).standard_normal((m + r, 1))
    scale = 1.0 / np.sqrt(np.diag(matrix))
    expected = scale * np.linalg.solve(matrix * np.outer(scale, scale), scale * gradient[:, 0])
    found = EliminatedHessian(*blocks, LOOPS[loops], 1).solve(gradient)
    np.testing.assert_allclose(found[:, 0] / scale, expected / scale, rtol=1e-7, atol=1e-9)


def test_levels_and_columns_without_curvature_stay():
    first, diagonal, border, core = parts(6, 4)
    diagonal, border, core = diagonal.copy(), border.copy(), core.copy()
    diagonal[2], border[2] = 0.0, 0.0
    core[1], core[:, 1], border[:, 1] = 0.0, 0.0, 0.0
    found = EliminatedHessian(first, diagonal, border, core, LOOPS["numpy"], 1).solve(
        np.ones((10, 1))
    )
    assert np.isfinite(found).all()
    assert found[first + 2, 0] == 0.0
    assert found[1, 0] == 0.0


@pytest.mark.parametrize("loops", LOOPS.values(), ids=LOOPS)
def test_a_block_of_no_rows_leaves_the_rest(loops):
    _, _, _, core = parts(6, 4)
    found = EliminatedHessian(2, np.empty(0), np.empty((0, 4)), core, loops, 1).solve(
        np.ones((4, 1))
    )
    np.testing.assert_allclose(found[:, 0], np.linalg.solve(core, np.ones(4)), rtol=1e-9)


def test_a_fixed_intercept_stays():
    first, diagonal, border, core = parts(6, 4)
    found = EliminatedHessian(first, diagonal, border, core, LOOPS["numpy"], 1).solve(
        np.ones((11, 1))
    )
    assert found[-1, 0] == 0.0
    assert (found[:-1] != 0.0).all()


def test_what_is_not_finite_gives_nan():
    first, diagonal, border, core = parts(6, 4)
    core = core.copy()
    core[0, 0] = np.inf
    found = EliminatedHessian(first, diagonal, border, core, LOOPS["numpy"], 1).solve(
        np.ones((10, 1))
    )
    assert np.isnan(found).any()


def test_threads_do_not_change_a_bit():
    first, diagonal, border, core = parts(1_200, 4)
    gradient = np.ones((1_204, 1))
    found = [
        EliminatedHessian(first, diagonal, border, core, LOOPS["numba"], n_threads).solve(gradient)
        for n_threads in (1, 2, 3)
    ]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
