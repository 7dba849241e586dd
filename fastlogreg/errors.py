"""Exceptions and warnings of fastlogreg.

Each is also a built-in ``ValueError``, ``TypeError``, ``OSError`` or ``Warning``, so that code
written for scikit-learn catches them without knowing them.  scikit-learn's own
``NotFittedError``, ``ConvergenceWarning`` and ``DataConversionWarning`` are raised
as they are, by the estimators.
"""


class FastLogRegError(Exception):
    """Base class of every exception that fastlogreg raises by itself."""


class InvalidDataError(FastLogRegError, ValueError):
    """X, y or sample_weight hold values that no model can be fitted to."""


class InvalidDataTypeError(InvalidDataError, TypeError):
    """X, y or sample_weight are, or hold, objects of a type that is not accepted."""


class InvalidParameterError(FastLogRegError, ValueError):
    """A parameter has a value out of its range."""


class InvalidParameterTypeError(FastLogRegError, TypeError):
    """A parameter has a type that is not accepted."""


class DivergenceError(FastLogRegError, ArithmeticError, ValueError):
    """The numbers of an iteration left the range of float64."""


class ModelFileError(FastLogRegError, ValueError):
    """A model file is damaged, of another kind or of a newer format."""


class ConversionError(FastLogRegError, ValueError):
    """A model cannot be said in the terms of another library."""


class KernelCacheError(FastLogRegError, OSError):
    """Compiled kernels were to be kept, and there is no folder for them that can be written."""


class FastLogRegWarning(UserWarning):
    """Base class of the warnings that fastlogreg issues by itself."""


class KernelCacheWarning(FastLogRegWarning):
    """Compiled kernels could not be read from or written to the disk cache."""


class SeparationWarning(FastLogRegWarning):
    """The classes are separable, and without a penalty no coefficients are the best."""
