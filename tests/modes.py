"""The ways in which the kernels run under test, and what cannot run in each.

As usual they are compiled.  Two settings of numba find what compiled code hides::

    NUMBA_DISABLE_JIT=1 python -m pytest tests/kernels
    NUMBA_BOUNDSCHECK=1 python -m pytest tests/kernels tests/design

The first runs the kernels as plain Python: an index from the end or a wrong type shows in
a traceback, and line coverage counts.  Tables are small then, and tests about machine code
or about many rows skip themselves.  The second compiles a check into every index.
`tests/runtime/test_modes.py` runs a selection of both.
"""

import numba
import pytest

__all__ = ["INTERPRETED", "compiled_only", "from_python", "long_when_interpreted"]

INTERPRETED = bool(numba.config.DISABLE_JIT)

compiled_only = pytest.mark.skipif(INTERPRETED, reason="about compiled code")
long_when_interpreted = pytest.mark.skipif(INTERPRETED, reason="takes long without a compiler")


def from_python(step):
    """Return a kernel that calls a step, which only kernels may; anything else as it is."""
    if not hasattr(step, "targetoptions") or "no_cpython_wrapper" not in step.targetoptions:
        return step
    return numba.njit(error_model="numpy")(lambda *arguments: step(*arguments))
