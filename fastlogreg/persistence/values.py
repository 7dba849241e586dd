"""Values as JSON data that give the same bits back, and nothing that could execute.

Numbers are written as the shortest decimals that give the same bits.  What JSON lacks is
an object with one member: ``$array`` (dtype, shape, values; numpy scalars are arrays
without a shape), ``$float`` (nan, inf, -inf), ``$dict`` (pairs, because keys may be numbers)
and ``$tuple``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from fastlogreg.errors import InvalidParameterTypeError, ModelFileError

__all__ = ["check_text", "decode", "encode", "take"]

# The only types an array in a file may have: a name is never handed to numpy unseen.
_DTYPES = re.compile(r"bool|u?int(8|16|32|64)|float(16|32|64)|str[1-9]\d{0,3}|object")
_BYTES_OF_A_CHARACTER = np.dtype("U1").itemsize
# What arrays of text may take: the labels of any model that is not made to fill the memory.
_TEXT_PER_BYTE = 32
_TEXT_AT_LEAST = 1 << 24

T = TypeVar("T")


def take(parts: Mapping[str, Any], name: str, expected: type[T]) -> T:
    """Return a member of a file, or raise `ModelFileError`."""
    if name not in parts:
        raise ModelFileError(f"{name!r} is missing in the file. Train again.")
    value = parts[name]
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        raise ModelFileError(
            f"{name!r} is of type {type(value).__name__}; expected {expected.__name__}."
        )
    return value


def check_text(data: Any, size: int) -> None:
    """Raise unless the arrays of text in data fit the size of the file that holds them.

    In NumPy each text is as wide as the type says, so that a few bytes of a file may stand
    for any number in memory; everything else takes a small multiple of the file.

    Raises
    ------
    ModelFileError
        They would take much more memory than the file has bytes.
    """
    total = 0
    stack = [data]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack.extend(value.values())
            total += _claimed_text(value.get("$array"))
        elif isinstance(value, list):
            stack.extend(item for item in value if isinstance(item, dict | list))
    allowed = max(_TEXT_PER_BYTE * size, _TEXT_AT_LEAST)
    if total > allowed:
        raise ModelFileError(
            f"labels or other text would take {total:,} bytes of memory, and the file has "
            f"{size:,}; expected at most {allowed:,}. Use shorter labels, or labels in an array "
            "of objects, labels.astype(object), and train again."
        )


def _claimed_text(array: Any) -> int:
    if not isinstance(array, dict):
        return 0
    width = re.fullmatch(r"str(\d{1,4})", str(array.get("dtype")))
    values = array.get("values")
    if width is None or not isinstance(values, list):
        return 0
    return int(width[1]) * _BYTES_OF_A_CHARACTER * len(values)


def encode(name: str, value: Any) -> Any:
    """Return *value* as JSON data; *name* is what an error calls it."""
    if isinstance(value, np.ndarray | np.generic):
        return {"$array": _encode_array(name, np.asarray(value))}
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if type(value) is list:
        return [encode(name, item) for item in value]
    if type(value) is tuple:
        return {"$tuple": [encode(name, item) for item in value]}
    if type(value) is dict:
        return {"$dict": [[encode(name, k), encode(name, v)] for k, v in value.items()]}
    raise InvalidParameterTypeError(
        f"{name} holds {value!r} of type {type(value).__name__}; a model file holds None, "
        "booleans, numbers, strings, and lists, tuples, dicts and arrays of them. "
        "Replace it before saving."
    )


def _encode_array(name: str, array: np.ndarray) -> dict[str, Any]:
    if array.dtype.kind == "U":
        dtype = f"str{array.dtype.itemsize // _BYTES_OF_A_CHARACTER}"
    else:
        dtype = array.dtype.newbyteorder("=").name
    if not _DTYPES.fullmatch(dtype):
        raise InvalidParameterTypeError(
            f"{name} is an array of {array.dtype}; a model file holds arrays of booleans, "
            "integers, floats up to 64 bits and strings. Convert it before saving."
        )
    values = [encode(name, item) for item in array.ravel().tolist()]
    return {"dtype": dtype, "shape": list(array.shape), "values": values}


def decode(value: Any) -> Any:
    """Return what `encode` was given."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    try:
        ((tag, content),) = value.items()
        return _DECODERS[tag](content)
    except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        raise ModelFileError(f"a value in the file makes no sense ({error!r}).") from None


def _decode_array(content: dict[str, Any]) -> Any:
    dtype = content["dtype"]
    if not _DTYPES.fullmatch(dtype):
        raise ValueError(f"dtype {dtype!r}")
    values = [decode(item) for item in content["values"]]
    array = np.array(values, dtype=dtype.replace("str", "U"))
    return array.reshape(content["shape"])[()]


def _decode_float(content: str) -> float:
    if content not in ("nan", "inf", "-inf"):
        raise ValueError(f"float {content!r}")
    return float(content)


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "$array": _decode_array,
    "$float": _decode_float,
    "$dict": lambda content: {decode(k): decode(v) for k, v in content},
    "$tuple": lambda content: tuple(decode(item) for item in content),
}
