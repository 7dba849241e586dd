"""What the tests of kernels share."""

import numpy as np
import pytest

from tests.modes import INTERPRETED


@pytest.fixture(autouse=INTERPRETED)
def silent_like_compiled_code():
    """As plain Python, kernels warn of what compiled arithmetic passes over in silence."""
    with np.errstate(all="ignore"):
        yield
