"""Random calls end in an answer that is right, or in a documented error.

A call that fails is run again by its number: ``python -m tests.reliability.generated 7 8``.
"""

import contextlib
import io

import pytest

from tests.processes import run_python_group
from tests.reliability.generated import run_call

QUICK = [number for number in range(1, 1_000) if number % 5]  # no compiled kernels
CHUNK = 500
CALLS = 22_000


def test_some_hundred_calls(tally):
    for number in QUICK:
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                run_call(number)
            except AssertionError as error:
                raise AssertionError(f"call {number}") from error
    tally("generated calls", len(QUICK))


@pytest.mark.whole
@pytest.mark.parametrize("first", range(0, CALLS, CHUNK))
def test_a_chunk_of_calls(first, tally):
    done = run_python_group(
        "-m", "tests.reliability.generated", str(first), str(first + CHUNK), limit=900
    )
    last = done.stderr.splitlines()[-40:]
    assert done.returncode == 0, (done.returncode, last)
    lines = done.stdout.splitlines()
    assert not any(line.startswith("broken") for line in lines), done.stdout
    ends = [line.split(maxsplit=2) for line in lines if line.startswith("ended")]
    assert sum(int(count) for _, count, _ in ends) == CHUNK
    for _, count, how in ends:
        tally(f"generated calls: {how}", int(count))
