"""The line search: Wolfe points of convex functions, few trials, no trial wasted in noise."""

import math

import numpy as np
import pytest

from fastlogreg.solvers.line_search import Trial, line_search

FUNCTIONS = {
    "parabola": (lambda t: (t - 1.0) ** 2, lambda t: 2.0 * (t - 1.0)),
    "far minimum": (lambda t: (t - 1e4) ** 2 / 1e8, lambda t: 2.0 * (t - 1e4) / 1e8),
    "near minimum": (lambda t: (t - 1e-4) ** 2, lambda t: 2.0 * (t - 1e-4)),
    "logistic": (
        lambda t: np.logaddexp(0.0, -t) + 0.01 * t * t,
        lambda t: -1.0 / (1.0 + math.exp(t)) + 0.02 * t,
    ),
    "wall": (
        lambda t: -t + (math.inf if t > 3.0 else t**4 / 40.0),
        lambda t: math.nan if t > 3.0 else -1.0 + t**3 / 10.0,
    ),
}


def search(value, slope, *, first=1.0, noise=1e-15, max_trials=30):
    lengths = []

    def evaluate(length):
        lengths.append(length)
        return Trial(length, np.zeros(1), value(length), np.zeros(1), slope(length))

    found = line_search(
        evaluate, value(0.0), slope(0.0), first=first, noise=noise, max_trials=max_trials
    )
    return found, lengths


@pytest.mark.parametrize("first", [1e-3, 1.0, 100.0])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_strong_wolfe_conditions_hold(name, first):
    value, slope = FUNCTIONS[name]
    found, lengths = search(value, slope, first=first)
    assert found.value <= value(0.0) + 1e-4 * found.length * slope(0.0)
    assert abs(found.slope) <= 0.9 * abs(slope(0.0))
    assert len(lengths) <= 12


def test_a_good_first_length_is_taken_at_once():
    found, lengths = search(*FUNCTIONS["parabola"])
    assert found.length == 1.0
    assert lengths == [1.0]


def test_a_decrease_below_rounding_is_read_off_the_slopes():
    found, lengths = search(lambda t: 1.0, lambda t: 1e-20 * (t - 1.0))
    assert found.length == 1.0
    assert lengths == [1.0]


def test_no_trial_is_returned_where_none_is_lower():
    found, lengths = search(lambda t: t, lambda t: -1.0, max_trials=9)
    assert found is None
    assert len(lengths) == 9
