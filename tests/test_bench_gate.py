"""The gate for performance regressions: how often it is right, on made and on recorded noise."""

import itertools
import json
import math
from functools import cache

import numpy as np
import pytest
from scipy import stats

from bench import gate_noise
from bench.gate_lockstep import Case
from bench.gate_recording import (
    Recording,
    Replay,
    Resampled,
    StoredMultiples,
    replay_runs,
    resample_runs,
    save_multiples,
    save_recording,
    whole_run,
)
from bench.gate_statistics import (
    Finding,
    Interval,
    Outcome,
    Rules,
    confirm,
    decide,
    log_multiple,
    paired_interval,
    shift_interval,
)
from tests.processes import ROOT

RULES = Rules()
RECORDINGS = sorted((ROOT / "bench" / "noise").glob("*.json"))


# Intervals, against SciPy's tests and by counting.


def assert_holds_what_is_not_rejected(found, p_value):
    """Check that a test of shifts rejects those just outside of an interval, none inside."""
    edge = 1e-9
    for inside, shift in (
        (True, found.low + edge),
        (True, found.high - edge),
        (False, found.low - edge),
        (False, found.high + edge),
    ):
        assert (p_value(shift) > 0.05) == inside


@pytest.mark.parametrize("n", [6, 7, 9, 12])
def test_the_paired_interval_holds_what_the_signed_rank_test_does_not_reject(n):
    rng = np.random.default_rng(n)
    samples = rng.standard_normal(n)
    found = paired_interval(samples, 0.95)
    assert_holds_what_is_not_rejected(
        found, lambda shift: stats.wilcoxon(samples - shift, method="exact").pvalue
    )


def test_the_shift_interval_holds_what_the_rank_sum_test_does_not_reject():
    rng = np.random.default_rng(0)
    before, now = rng.standard_normal(8), rng.standard_normal(10) + 0.7
    found = shift_interval(before, now, 0.95)
    assert_holds_what_is_not_rejected(
        found, lambda shift: stats.mannwhitneyu(now - shift, before, method="exact").pvalue
    )


def test_estimates_are_the_medians_of_means_and_of_differences():
    samples = [0.3, -0.1, 0.2, 0.05, 0.4, 0.0, 9.0]
    means = [(a + b) / 2 for a, b in itertools.combinations(samples, 2)] + samples
    assert paired_interval(samples, 0.95).estimate == pytest.approx(np.median(means))
    now = [1.0, 2.0, 4.0]
    differences = np.subtract.outer(now, samples)
    assert shift_interval(samples, now, 0.95).estimate == pytest.approx(np.median(differences))


def test_few_blocks_decide_nothing():
    found = paired_interval([5.0, 5.1, 5.2, 5.3, 5.4], 0.95)  # 2/32 is above 5 %
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert RULES.outcome(found) is Outcome.UNSTABLE
    assert "too few" in str(found)


def covered(interval_of, n_blocks, runs=4_000):
    """Return how often an interval of 95 % holds 0, of Gaussian samples around it."""
    rng = np.random.default_rng(1)
    found = (interval_of(rng.standard_normal(n_blocks)) for _ in range(runs))
    return np.mean([low <= 0.0 <= high for low, high in found])


def bootstrap_of_the_median(samples):
    rng = np.random.default_rng(2)
    drawn = rng.choice(samples, (200, len(samples)))
    return np.quantile(np.median(drawn, axis=1), [0.025, 0.975])


@pytest.mark.parametrize("n", [6, 8])
def test_the_interval_covers_what_it_says_where_a_bootstrap_does_not(n):
    def signed_rank(samples):
        found = paired_interval(samples, 0.95)
        return found.low, found.high

    assert covered(signed_rank, n) > 0.945
    assert covered(bootstrap_of_the_median, n, 1_500) < 0.945


# Decisions.


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        (0.10, 0.20, Outcome.REGRESSED),
        (0.09, 0.20, Outcome.UNSTABLE),
        (-0.5, 0.0954, Outcome.UNSTABLE),
        (-0.5, 0.0953, Outcome.OK),
        (-0.5, -0.09, Outcome.OK),
        (-0.5, -0.10, Outcome.FASTER),
    ],
)
def test_the_ends_of_an_interval_decide(low, high, outcome):
    assert RULES.outcome(Interval((low + high) / 2.0, low, high)) is outcome


def paired(key, samples):
    return paired_interval(samples, RULES.level)


class Noise:
    """Blocks of made noise, one kind a case."""

    def __init__(self, seed, slowdown=0.0, scale=0.02):
        self.rng = np.random.default_rng(seed)
        self.shift = math.log1p(slowdown)
        self.scale = scale
        self.number = 0
        self.asked = []
        self.past = 0.0

    def __call__(self, keys):
        self.number += 1
        self.asked.append(list(keys))
        return {key: [self.shift + self.scale * getattr(self, key)()] for key in keys}

    def gaussian(self):
        return self.rng.standard_normal()

    def heavy(self):
        return self.rng.standard_t(3)

    def drifting(self):
        # What ABBA leaves of a drift that is not even: for minutes the same direction.
        return self.rng.standard_normal() + 1.5 * math.sin(self.number / 4.0)

    def autocorrelated(self):
        self.past = 0.7 * self.past + 0.7 * self.rng.standard_normal()
        return self.past

    def bursts(self):
        return self.rng.standard_normal() + (self.rng.random() < 0.1) * self.rng.normal(0.0, 20.0)


KINDS = ("gaussian", "heavy", "drifting", "autocorrelated", "bursts")


def test_identical_revisions_are_not_red_whatever_the_noise():
    # A machine that is far too noisy: the runs may end unstable, not red.
    for scale in (0.02, 0.05, 0.10):
        outcomes = [whole_run(Noise(seed, scale=scale), KINDS, RULES) for seed in range(100)]
        assert sum(Outcome.REGRESSED in found.values() for found in outcomes) <= 1
    quiet = [whole_run(Noise(seed), KINDS, RULES) for seed in range(100)]
    unstable = [list(found.values()).count(Outcome.UNSTABLE) for found in quiet]
    assert np.mean(unstable) / len(KINDS) <= 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_a_slowdown_of_15_per_cent_is_caught_whatever_the_noise(kind):
    found = [whole_run(Noise(seed, 0.15), [kind], RULES)[kind] for seed in range(100)]
    assert found.count(Outcome.REGRESSED) >= 90
    assert found.count(Outcome.OK) == 0


def test_only_what_is_undecided_gets_more_blocks_and_never_too_many():
    def measure(keys):
        number = len(asked)
        asked.append(list(keys))
        wild = 0.5 if number % 2 else -0.5
        return {key: [{"steady": 0.0, "wild": wild}[key]] for key in keys}

    asked = []
    found = decide(measure, ["steady", "wild"], paired, RULES)
    assert asked[RULES.least_blocks - 1 :][0] == ["steady", "wild"]
    assert asked[RULES.least_blocks :] == [["wild"]] * (RULES.most_blocks - RULES.least_blocks)
    assert found["steady"].outcome is Outcome.OK
    assert found["wild"].outcome is Outcome.UNSTABLE
    assert len(found["steady"].samples) == RULES.least_blocks

    asked = []
    decide(measure, ["wild"], paired, RULES, may_go_on=lambda: False)
    assert len(asked) == RULES.least_blocks


def test_a_second_run_that_does_not_agree_makes_it_unstable():
    slow = Finding(Outcome.REGRESSED, Interval(0.2, 0.15, 0.3))
    fine = Finding(Outcome.OK, Interval(0.0, -0.1, 0.05))
    again = {
        "not slower": fine,
        "slower": slow,
        "slower, if less sure": Finding(Outcome.UNSTABLE, Interval(0.12, 0.02, 0.3)),
        "slower, but perhaps not": Finding(Outcome.UNSTABLE, Interval(0.12, -0.01, 0.3)),
        "slower, but by little": Finding(Outcome.UNSTABLE, Interval(0.05, 0.01, 0.3)),
    }
    asked = []

    def run_again(keys):
        asked.extend(keys)
        return again

    first = dict.fromkeys([*again, "not run again"], slow)
    found = confirm({"fine": fine, **first}, run_again, RULES)
    assert asked == list(first)
    red = [key for key, one in found.items() if one.outcome is Outcome.REGRESSED]
    assert red == ["slower", "slower, if less sure"]
    assert found["fine"] == fine
    assert found["not slower"].outcome is Outcome.UNSTABLE
    assert found["not slower"].second == fine.interval
    assert found["not run again"].outcome is Outcome.UNSTABLE


def test_a_multiple_is_of_medians():
    assert log_multiple([8.0, 2.0, 100.0], [1.0, 4.0, 0.1]) == pytest.approx(math.log(8.0))


# Recorded noise.  A machine's own is what the promises are held against.

ENOUGH = 50
needs_recordings = pytest.mark.skipif(
    len(RECORDINGS) < ENOUGH,
    reason=f"{len(RECORDINGS)} recordings of noise; python -m bench.gate_noise record {ENOUGH}",
)
WAYS = {
    "as recorded": lambda slowdown: replay_runs(recordings(), slowdown, RULES),
    "resampled": lambda slowdown: resample_runs(recordings(), slowdown, RULES, 400),
}


@cache
def recordings():
    return [Recording.load(path) for path in RECORDINGS]


@pytest.mark.skipif(not RECORDINGS, reason="no recordings of noise")
def test_recordings_are_whole_runs_of_the_same_cases():
    assert all(recording.keys == recordings()[0].keys for recording in recordings())
    assert all(len(recording.whole_blocks) >= RULES.least_blocks for recording in recordings())


@needs_recordings
@pytest.mark.parametrize("way", WAYS)
def test_recorded_runs_of_identical_revisions_are_not_red(way):
    runs = list(WAYS[way](0.0))
    assert len(runs) >= 100
    assert sum(Outcome.REGRESSED in found.values() for found in runs) <= 0.01 * len(runs)


@needs_recordings
@pytest.mark.parametrize("way", WAYS)
def test_a_slowdown_of_15_per_cent_in_recorded_runs_is_caught(way):
    outcomes = [outcome for found in WAYS[way](0.15) for outcome in found.values()]
    assert outcomes.count(Outcome.REGRESSED) >= 0.90 * len(outcomes)
    assert outcomes.count(Outcome.UNSTABLE) <= 0.10 * len(outcomes)


def test_drawn_runs_keep_the_blocks_of_a_recording_together():
    blocks = [[0.1 * number] for number in range(6)]
    made = Recording({"a": blocks, "b": [[block[0] + 7.0] for block in blocks] + [[1.0]]})
    assert len(made.whole_blocks) == 6
    seen = set()
    for seed in range(20):
        drawn = Resampled([made], seed, slowdown=0.15)
        found = [drawn(["a", "b"]) for _ in range(6)]
        shifted = np.array([[block["a"][0], block["b"][0]] for block in found]) - math.log(1.15)
        sign = np.sign(shifted[0, 1])
        a, b = sign * shifted.T
        np.testing.assert_allclose(b - a, 7.0)
        np.testing.assert_allclose(np.diff(a.reshape(2, 3)), 0.1)
        seen.add((sign, round(a[0], 3)))
    assert len(seen) > 4


def test_a_judgement_says_what_is_not_kept(tmp_path, capsys):
    assert gate_noise.main(["--folder", str(tmp_path), "judge"]) == 2
    assert "no recordings" in capsys.readouterr().out
    noise = Noise(0)
    for scale, code in ((0.01, 0), (0.08, 1)):
        noise.scale = scale
        for number in range(3):
            runs = [noise(["gaussian"]) for _ in range(6)]
            blocks = [{"a": Case((run["gaussian"][0],), (1.0, 1.0), (1.0, 1.0))} for run in runs]
            save_recording(tmp_path / f"{number}.json", blocks)
        assert gate_noise.main(["--folder", str(tmp_path), "judge"]) == code
        assert "3 recordings, resampled: 1000 runs" in capsys.readouterr().out


def test_a_recording_is_read_as_it_was_written(tmp_path):
    case = Case((0.0123, -0.5), (0.25, 0.26), (0.1, 0.1))
    save_recording(tmp_path / "run.json", [{"a": case, "b": case}, {"a": case}])
    found = Recording.load(tmp_path / "run.json")
    assert found.keys == ["a", "b"]
    assert found.quads["a"] == [pytest.approx(case.quads)] * 2
    assert json.loads((tmp_path / "run.json").read_text())["seconds"] == {"a": 0.25, "b": 0.25}


def test_stored_multiples_are_of_this_machine_or_refused(tmp_path):
    path = tmp_path / "multiples.json"
    save_multiples(path, {"a": [0.12345, 0.2]})
    assert StoredMultiples.load(path).multiples == {"a": [0.1235, 0.2]}
    path.write_text(path.read_text().replace('"cpu": "', '"cpu": "other '))
    with pytest.raises(ValueError, match="a machine with another cpu"):
        StoredMultiples.load(path)
    path.write_text("{}")
    with pytest.raises(ValueError, match="holds no multiples"):
        StoredMultiples.load(path)


def test_a_replay_goes_on_with_the_next_recording_and_puts_a_slowdown_in():
    recordings = [
        Recording({"a": [[0.01], [0.02]], "b": [[0.5, 0.1, 0.2]]}),
        Recording({"a": [[0.03]], "b": [[0.4]]}),
    ]
    replay = Replay(recordings, first=1, swapped=True, slowdown={"b": 0.15})
    blocks = [replay(["a", "b"]) for _ in range(3)]
    assert [block["a"] for block in blocks] == [[-0.03], [-0.01], [-0.02]]
    shift = math.log(1.15)
    assert [block["b"][0] for block in blocks] == pytest.approx(
        [shift - 0.4, shift - 0.2, shift - 0.4]
    )
