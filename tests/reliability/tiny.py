"""The smallest kernel and a step of it, for tests of where kernels are kept."""

import numpy as np

from fastlogreg.runtime.jit import block_kernel, step_kernel

__all__ = ["total"]


@step_kernel
def add_number(sums, number):
    """Add a number to sums[0]."""
    sums[0] += number


@block_kernel
def total(numbers, sums):
    """Return the sum of an array, which is added to sums[0]."""
    for number in numbers:
        add_number(sums, np.float64(number))
    return sums[0]
