"""The link over tiles: sums of losses by products, and by weights, against mpmath."""

import mpmath
import numpy as np
import pytest

from fastlogreg.kernels import link, pointwise
from fastlogreg.kernels.blocks import EMPTY_WEIGHTS
from tests.kernels.test_pointwise import exact_pull, worst_ulps
from tests.modes import from_python, long_when_interpreted

mpmath.mp.dps = 60
link_tile = from_python(link.link_tile)
# name: margins from a generator and their number
MARGINS = {
    "certain": lambda rng, n: rng.uniform(30.0, 700.0, n),
    "equal": lambda rng, n: np.full(n, 33.3),
    "tiny": lambda rng, n: rng.uniform(690.0, 708.0, n),
    "mixed": lambda rng, n: rng.standard_normal(n) * 5.0,
    "undecided": lambda rng, n: rng.standard_normal(n) * 1e-9,
    "zero": lambda rng, n: np.zeros(n),
    "hugely negative": lambda rng, n: -(10.0 ** rng.uniform(0.0, 300.0, n)),
    "wrong": lambda rng, n: -rng.uniform(0.0, 700.0, n),
    "any": lambda rng, n: 10.0 ** rng.uniform(-300.0, 2.8, n),
}


def rows(kind, n):
    """Return margins, codes and weights."""
    rng = np.random.default_rng(n)
    codes = rng.integers(0, 2, n).astype(np.int8)
    weights = rng.uniform(0.0, 3.0, n)
    weights[::5] = 0.0
    return MARGINS[kind](rng, n), codes, weights


def exact_sum(margins, weights=None):
    weights = np.ones(len(margins)) if weights is None else weights
    total = mpmath.mpf(0)
    for margin, weight in zip(margins.tolist(), weights.tolist(), strict=True):
        m = mpmath.mpf(margin)
        total += mpmath.mpf(weight) * (max(-m, 0) + mpmath.log1p(mpmath.exp(-abs(m))))
    return total


def in_tiles(margins, codes, tile, weights=EMPTY_WEIGHTS):
    """Return the loss as a block kernel sums it, the pulls, and how often logs were taken."""
    decisions = np.where(codes == 1, margins, -margins)
    n, z = len(margins), np.empty(tile)
    weight, u, growth = link.link_scratch(tile)
    part, logs, pulls = np.zeros(2), 0, []
    for first in range(0, len(margins), tile):
        count = min(tile, len(margins) - first)
        z[:count] = decisions[first : first + count]
        link_tile(z, codes, weights, np.ones(2), first, n, weight, u, growth, part)
        logs += growth[link.LANES] == 0.0
        pulls.append(z[:count].copy())
    assert not growth.any()
    pulls = np.concatenate(pulls)
    np.testing.assert_allclose(part[0], pulls.sum(), rtol=1e-12, atol=1e-15 * n)
    return part[1], pulls, logs


@pytest.mark.parametrize("tile", [32, 128, 2_048])
@pytest.mark.parametrize("n", [1, 31, 33, 700])
@pytest.mark.parametrize("kind", MARGINS)
def test_losses_of_equal_rows_are_summed_to_1e_14(kind, n, tile):
    margins, codes, _ = rows(kind, n)
    got, pulls, logs = in_tiles(margins, codes, tile)
    exact = exact_sum(margins)
    assert abs(mpmath.mpf(float(got)) - exact) <= 1e-14 * exact
    assert logs == 1
    signs = np.where(codes == 1, -1.0, 1.0)
    assert worst_ulps(margins, signs * pulls, exact_pull) <= 4.0


@long_when_interpreted
@pytest.mark.parametrize("kind", MARGINS)
def test_a_logarithm_is_taken_before_a_product_overflows(kind):
    # Each of 703 margins 29 times, for mpmath's sake: 638 factors in a product.
    few, codes, _ = rows(kind, 703)
    got, _, logs = in_tiles(np.tile(few, 29), np.tile(codes, 29), 128)
    exact = 29 * exact_sum(few)
    assert abs(mpmath.mpf(float(got)) - exact) <= 1e-14 * exact
    assert logs == 2


@long_when_interpreted
@pytest.mark.parametrize("margin", [0.0, -1e3, 700.0])
def test_a_tile_of_any_size_holds_less_than_a_product_can(margin):
    margins = np.full(34_000, margin)
    got, _, logs = in_tiles(margins, np.ones(34_000, dtype=np.int8), 2_048)
    assert got == pytest.approx(34_000 * float(exact_sum(margins[:1])), rel=1e-13)
    assert logs == 3


@pytest.mark.parametrize("n", [1, 33, 700])
@pytest.mark.parametrize("kind", MARGINS)
def test_losses_of_weighted_rows_are_summed_to_1e_14(kind, n):
    margins, codes, weights = rows(kind, n)
    got, pulls, _ = in_tiles(margins, codes, 64, weights)
    exact = exact_sum(margins, weights)
    assert abs(mpmath.mpf(float(got)) - exact) <= 1e-14 * exact
    expected = weights * [pointwise.loss_pull(margin)[1] for margin in margins]
    np.testing.assert_allclose(pulls, np.where(codes == 1, -expected, expected), rtol=1e-15)


@pytest.mark.parametrize("place", [0, 31, 32, 49])
def test_one_decision_that_is_nan_makes_the_loss_nan(place):
    margins = np.ones(50)
    margins[place] = np.nan
    got, pulls, _ = in_tiles(margins, np.ones(50, dtype=np.int8), 64)
    assert np.isnan(got)
    assert np.flatnonzero(np.isnan(pulls)).tolist() == [place]


def test_row_weights_are_class_weight_times_sample_weight():
    _, codes, weights = rows("zero", 50)
    class_weights = np.array([0.3, 1.7])
    out = np.empty(20)
    link.fill_row_weights(codes, weights, class_weights, 7, 20, out)
    np.testing.assert_array_equal(out, class_weights[codes[7:27]] * weights[7:27])
    link.fill_row_weights(codes, np.empty(0), class_weights, 7, 20, out)
    np.testing.assert_array_equal(out, class_weights[codes[7:27]])
