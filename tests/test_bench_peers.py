"""How the benchmark of the peers chooses settings and marks times."""

import pytest

from bench.fit_process import Outcome, Request
from bench.peer_report import best_peer, summary_table
from bench.rivals import KINDS, RIVALS, Goal, missing_rivals, rivals_for
from bench.search import TOLERANCES, Best, Choice, Patience, choose
from bench.summary import replace_marked, summarise_frames, summarise_peers
from bench.workloads import REAL_WORKLOADS, WORKLOADS

PATIENCE = Patience(fit=10.0, search=20.0)


class Scripted:
    """A process whose fits were written down: (objective, seconds) of tol and threads."""

    def __init__(self, script):
        self.script = script
        self.asked = []

    def fit(self, request, limit):
        self.asked.append((request.tol, request.threads))
        objective, seconds = self.script(request)
        if seconds > limit:
            return Outcome(limit, says="no end")
        return Outcome(seconds, objective, 0.0)


def least(objective=1.0):
    best = Best()
    best.see(Outcome(0.0, objective))
    return best


def test_the_loosest_tolerance_that_reaches_the_objective_is_chosen():
    process = Scripted(lambda request: (1.0 + 1e-4 * request.tol, 1.0 + request.threads))
    choice = choose(process, "any", least(), 2, PATIENCE)
    assert choice.reached
    assert (choice.tol, choice.threads) == (1e-4, 1)  # one thread was the faster
    assert process.asked == [(1e-2, 2), (1e-3, 2), (1e-4, 2), (1e-4, 1)]


def test_all_threads_stay_where_one_is_slower_or_falls_short():
    for script in (
        lambda request: (1.0, 3.0 / request.threads),
        lambda request: (1.0 if request.threads == 2 else 1.1, 0.1 * request.threads),
    ):
        assert choose(Scripted(script), "any", least(), 2, PATIENCE).threads == 2


def test_a_peer_that_takes_too_long_is_stated_with_the_objective_it_got():
    process = Scripted(lambda request: (1.0 + request.tol, 1e-2 / request.tol))
    choice = choose(process, "any", least(), 2, PATIENCE)
    assert not choice.reached
    assert (choice.tol, choice.seen.objective) == (1e-3, 1.0 + 1e-3)
    assert choice.ended == "tol 1e-04: no end"
    assert Choice.from_dict(choice.as_dict()) == choice


def test_a_search_ends_when_its_time_is_over_or_the_grid_is():
    slow = choose(Scripted(lambda _: (2.0, 9.0)), "any", least(), 2, PATIENCE)
    assert "20 s of search" in slow.ended
    never = choose(Scripted(lambda _: (2.0, 0.0)), "any", least(), 2, PATIENCE)
    assert (never.reached, never.tol) == (False, TOLERANCES[-1])


def test_the_least_objective_is_the_least_seen():
    best = least(2.0)
    best.see(Outcome(0.0, None))
    best.see(Outcome(0.0, 1.0))
    assert best.gap(Outcome(0.0, 1.5)) == 0.5
    assert best.gap(Outcome(0.0)) is None
    assert not best.reached_by(Outcome(0.0))


def test_every_kind_of_objective_has_peers_and_every_name_is_accounted_for():
    assert Goal().kind == "L2"
    assert Goal(l1_ratio=1.0).kind == "L1"
    assert Goal(l1_ratio=0.5).kind == "elastic net"
    assert Goal(n_classes=3).kind == "softmax"
    for kind in KINDS:
        installed = [rival.name for rival in rivals_for(kind)]
        assert any(name.startswith("scikit-learn ") for name in installed)
        assert {*installed, *missing_rivals(kind)} == {
            rival.name for rival in RIVALS.values() if kind in rival.kinds
        }
    assert [rival.name for rival in rivals_for("L2", ["scikit-learn lbfgs"])] == [
        "scikit-learn lbfgs"
    ]


def test_workloads_have_names_of_their_own_and_small_versions():
    every = [*WORKLOADS, *REAL_WORKLOADS]
    assert len({workload.name for workload in every}) == len(every)
    X, y, goal = WORKLOADS[4].small().make()
    assert X.shape == (len(y), WORKLOADS[4].quick[1])
    assert goal.kind == WORKLOADS[4].goal_kind == "L1"
    twin = WORKLOADS[0].small().twin().make()[0]
    assert abs(twin.std(axis=0) - 1.0).max() < 1e-12


def figures(name, seconds, reached=True):
    return {
        "name": name,
        "median": seconds,
        "seconds": [seconds],
        "read_times": 10.0 * seconds,
        "passes": 6.0,
        "reached": reached,
        "to_ours": seconds if reached else None,
        "objective": 0.5,
    }


def test_the_summary_names_the_fastest_peer_at_the_same_objective():
    workload = {
        "name": "table",
        "kind": "L2",
        "fits": [
            figures("fastlogreg auto", 1.0),
            figures("quick but wrong", 0.1, reached=False),
            figures("slow", 3.0),
            figures("good", 2.0),
        ],
    }
    assert best_peer(workload)["name"] == "good"
    _, rows = summary_table([workload])
    assert rows == [["table", "L2", "1 s", "10", "6.0", "good", "2 s", "20", "2.0"]]
    machine = {"cpu": "one", "threads": 2, "python": "3", "numpy": "2", "glum": "3.4"}
    text = summarise_peers({"workloads": [workload], "machine": machine})
    assert "| good " in text
    assert "glum 3.4" in text
    marked = "a\n<!-- bench.peers: begin -->\nold\n<!-- bench.peers: end -->\nb\n"
    filled = replace_marked(marked, text, "bench.peers")
    assert "old" not in filled
    assert replace_marked(filled, text, "bench.peers") == filled
    with pytest.raises(ValueError, match="marks"):
        replace_marked(marked, text, "bench.table")


def test_requests_say_what_is_fitted():
    request = Request("fastlogreg auto", 1e-8, 2)
    assert request.labels == "int64"
    assert request._replace(labels="int8") != request


def test_the_summary_of_frames_has_who_came_there_and_who_did_not():
    fit = {"objective": 0.5, "bytes": 5e7, "bytes_to_ours": 1.0, "median": 0.25, "to_ours": 1.0}
    ours = {**fit, "name": "fastlogreg", "seconds": [0.2, 0.25, 0.3]}
    peer = {**fit, "name": "peer", "seconds": [5.0] * 3, "median": 5.0, "to_ours": 20.0}
    table = {
        "name": "flights",
        "rows": 1_000,
        "columns": 40,
        "least": 0.5,
        "fits": [ours, peer],
        "unreached": ["other: no end in 120 s"],
    }
    machine = {"cpu": "CPU", "threads": 2, "python": "3.11", "numpy": "2.4"}
    text = summarise_frames({"tables": [table], "machine": machine})
    assert "flights: 1,000 rows, 40 columns one-hot" in text
    assert "250 ms" in text
    assert "20.0" in text
    assert "no end in 120 s" in text
    assert "medians of 3 runs" in text
