"""A fit leaves the process as it was, whatever becomes of the fit."""

import pytest

from tests.processes import run_python_group
from tests.reliability.state import CASES

QUICK = ("fit", "interrupt")


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=[] if case in QUICK else pytest.mark.whole) for case in CASES],
)
def test_nothing_of_the_process_is_changed(case, tally):
    done = run_python_group("-m", "tests.reliability.state", case)
    tally("fits around which the state of the process was compared")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "same\n"
    assert done.stderr == ""
