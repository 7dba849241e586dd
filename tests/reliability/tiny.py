"""The smallest kernel, for tests of where kernels are kept: compiled in a moment."""

from fastlogreg.runtime.jit import block_kernel

__all__ = ["total"]


@block_kernel
def total(numbers):
    """Return the sum of an array."""
    found = 0.0
    for number in numbers:
        found += number
    return found
