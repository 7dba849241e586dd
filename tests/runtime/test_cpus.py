"""The threads of a pass by default: what the machine, the container and the user allow."""

import os

import pytest

from fastlogreg import LogisticRegression
from fastlogreg.runtime import cpus
from fastlogreg.runtime.cpus import available_threads, cpu_quota
from tests.problems import two_clouds


@pytest.fixture(autouse=True)
def a_machine_of_64(monkeypatch):
    for name in cpus.LIMITS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    monkeypatch.setattr(cpus, "cpu_quota", lambda: None)


def test_all_processors_of_a_machine_without_limits():
    assert available_threads() == (64, "processors of this machine")


def test_the_processors_that_a_process_is_bound_to(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7}, raising=False)
    assert available_threads() == (3, "processors this process may run on")


def test_the_quota_of_a_container(monkeypatch):
    monkeypatch.setattr(cpus, "cpu_quota", lambda: 2)
    assert available_threads() == (2, "CPU quota of this container")


@pytest.mark.parametrize("name", cpus.LIMITS)
@pytest.mark.parametrize(("value", "n_threads"), [("1", 1), ("5", 5), (" 3,2 ", 3)])
def test_a_limit_in_the_environment(monkeypatch, name, value, n_threads):
    monkeypatch.setenv(name, value)
    assert available_threads() == (n_threads, name)


@pytest.mark.parametrize("name", cpus.LIMITS)
@pytest.mark.parametrize("value", ["0", "-1", "many", "", "²", ",4", "128"])
def test_what_limits_nothing_is_passed_over(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert available_threads() == (64, "processors of this machine")


def test_the_plan_says_which_it_was_and_n_threads_overrides(monkeypatch):
    X, y = two_clouds(50)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    plan = LogisticRegression(backend="numba").fit(X, y).plan_
    assert "threads: 2 (OMP_NUM_THREADS)" in str(plan)
    plan = LogisticRegression(backend="numba", n_threads=3).fit(X, y).plan_
    assert "threads: 3 (n_threads=3 was asked for)" in str(plan)


UNIFIED = "0::/user/job\n"
SEPARATE = "12:cpuset:/\n4:cpu,cpuacct:/user/job\n1:name=systemd:/user\n0::/\n"


@pytest.mark.parametrize(
    ("membership", "files", "quota"),
    [
        (UNIFIED, {"user/job/cpu.max": "150000 100000"}, 2),
        (UNIFIED, {"user/job/cpu.max": "max 100000"}, None),
        (UNIFIED, {"user/job/cpu.max": "20000 100000"}, 1),
        # A group further out may grant less, and a container may see its own as the root.
        (UNIFIED, {"user/job/cpu.max": "800000 100000", "user/cpu.max": "300000 100000"}, 3),
        (UNIFIED, {"cpu.max": "400000 100000"}, 4),
        ("0::/../..\n", {"cpu.max": "400000 100000"}, 4),
        (UNIFIED, {"unified/user/cpu.max": "400000 100000"}, 4),
        (
            SEPARATE,
            {
                "cpu,cpuacct/user/job/cpu.cfs_quota_us": "250000",
                "cpu,cpuacct/user/job/cpu.cfs_period_us": "100000",
            },
            3,
        ),
        (SEPARATE, {"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "25000"}, 2),
        (SEPARATE, {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        (SEPARATE, {"cpu/cpu.cfs_quota_us": "100000"}, None),
        (UNIFIED, {"user/job/cpu.max": ""}, None),
        (UNIFIED, {"user/job/cpu.max": "many of them"}, None),
        (UNIFIED, {"user/job/cpu.max": "100000 0"}, None),
        ("no line of that form\n", {}, None),
        ("", {}, None),
    ],
)
def test_the_quota_is_that_of_the_groups_around_the_process(tmp_path, membership, files, quota):
    (tmp_path / "membership").write_text(membership)
    for name, text in files.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    assert cpu_quota(tmp_path / "membership", tmp_path / "groups") == quota


def test_a_system_without_control_groups_has_no_quota(tmp_path):
    assert cpu_quota(tmp_path / "membership", tmp_path / "groups") is None
