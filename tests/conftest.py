"""Settings that all tests share."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

from tests.processes import run_in_fresh_process

settings.register_profile("seeded", derandomize=True, deadline=None, max_examples=40, database=None)
settings.load_profile("seeded")

RELIABILITY = Path(__file__).parent / "reliability"


@pytest.fixture
def run_python():
    """Return the function that runs code in a fresh process and returns what it printed."""
    return run_in_fresh_process


@pytest.fixture(params=["numba", "numpy"], scope="session")
def backend(request):
    return request.param


def pytest_addoption(parser):
    parser.addoption(
        "--whole", action="store_true", help="run all of tests/reliability, not a quick part"
    )


def pytest_collection_modifyitems(config, items):
    """Mark what lies in tests/reliability, and leave its long part out unless asked for.

    The file whose fixture takes longest comes first: at the end two workers would share it, and
    each compile all kernels.
    """
    items.sort(key=lambda item: item.path.name != "test_warmup.py")
    for item in items:
        if RELIABILITY in item.path.parents:
            item.add_marker(pytest.mark.reliability)
    if not config.getoption("whole"):
        long = [item for item in items if item.get_closest_marker("whole")]
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)


@pytest.fixture
def tally(request):
    """Return a function that counts what a test tried, for the summary of the run."""

    def count(what, number=1):
        request.node.user_properties.append(("tried", (what, number)))

    return count


def pytest_terminal_summary(terminalreporter):
    tried = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "tried" and report.when == "call":
                    tried[value[0]] += value[1]
    if tried:
        terminalreporter.section("tried")
        for what, number in sorted(tried.items()):
            terminalreporter.line(f"{number:8,} {what}")
