"""The link against mpmath: bounds in ulp at every size of a margin, NaN in, NaN out."""

import mpmath
import numpy as np
import pytest

from fastlogreg.kernels import pointwise as compiled
from fastlogreg.reference import pointwise as reference

mpmath.mp.dps = 60
RNG = np.random.default_rng(7)
MARGINS = np.concatenate(
    [
        [0.0, -0.0, 5e-324, 1e-310, 37.0, 708.0, 708.5, 745.0, 745.2, 746.0, 1e4],
        RNG.uniform(0.0, 1.0, 200),
        RNG.uniform(0.0, 40.0, 400),
        RNG.uniform(700.0, 746.0, 200),
        10.0 ** RNG.uniform(-320.0, 3.0, 200),
    ]
)
MARGINS = np.concatenate([MARGINS, -MARGINS])


def ulps(got, exact):
    """Return |got - exact| in units of the last place of the exact value."""
    unit = np.spacing(abs(float(exact)))
    return float(abs(mpmath.mpf(float(got)) - exact) / mpmath.mpf(float(unit)))


def exact_loss(m):
    return mpmath.log1p(mpmath.exp(-mpmath.mpf(float(m))))


def exact_pull(m):
    return 1 / (1 + mpmath.exp(mpmath.mpf(float(m))))


def exact_curvature(m):
    u = mpmath.exp(-abs(mpmath.mpf(float(m))))
    return u / (1 + u) ** 2


def test_exp_of_negative_is_within_2_ulp():
    xs = -np.abs(MARGINS)
    worst = max(ulps(compiled.exp_of_negative(x), mpmath.exp(mpmath.mpf(float(x)))) for x in xs)
    assert worst <= 2.0


def test_log1p_of_unit_is_within_2_ulp():
    us = np.concatenate(
        [
            [0.0, 1.0, 0.41421356237309503, 0.4142135623730951],
            RNG.uniform(0, 1, 600),
            10.0 ** RNG.uniform(-320, 0, 200),
        ]
    )
    worst = max(ulps(compiled.log1p_of_unit(u), mpmath.log1p(mpmath.mpf(float(u)))) for u in us)
    assert worst <= 2.0


@pytest.mark.parametrize(
    ("part", "exact"), [(0, exact_loss), (1, exact_pull)], ids=["loss", "pull"]
)
@pytest.mark.parametrize("path", ["compiled", "reference"])
def test_loss_and_pull_are_within_4_ulp(path, part, exact):
    if path == "compiled":
        got = [compiled.loss_pull(m)[part] for m in MARGINS]
    else:
        with np.errstate(under="ignore"):
            got = reference.loss_pull(MARGINS)[part]
    assert max(map(ulps, got, map(exact, MARGINS))) <= 4.0


@pytest.mark.parametrize("path", ["compiled", "reference"])
def test_curvature_is_within_4_ulp(path):
    if path == "compiled":
        got = [compiled.curvature(m) for m in MARGINS]
    else:
        with np.errstate(under="ignore"):
            got = reference.curvature(MARGINS)
    assert max(map(ulps, got, map(exact_curvature, MARGINS))) <= 4.0


def test_nan_comes_out_where_nan_goes_in():
    assert np.isnan(compiled.loss_pull(np.nan)).all()
    assert np.isnan(compiled.curvature(np.nan))
    assert np.isnan(reference.loss_pull(np.array([np.nan]))).all()
    assert np.isnan(reference.curvature(np.array([np.nan]))).all()


@pytest.mark.parametrize("margin", [np.inf, 1e308, -1e308, -np.inf])
def test_limits_are_reached_without_overflow(margin):
    loss, pull = compiled.loss_pull(margin)
    assert loss == max(-margin, 0.0)
    assert pull == (0.0 if margin > 0 else 1.0)
    assert compiled.curvature(margin) == 0.0
