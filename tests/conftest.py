"""Settings that all tests share."""

import pytest
from hypothesis import settings

from tests.processes import run_in_fresh_process

settings.register_profile("seeded", derandomize=True, deadline=None, max_examples=40, database=None)
settings.load_profile("seeded")


@pytest.fixture
def run_python():
    """Return the function that runs code in a fresh process and returns what it printed."""
    return run_in_fresh_process


@pytest.fixture(params=["numba", "numpy"], scope="session")
def backend(request):
    return request.param
