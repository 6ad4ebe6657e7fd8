"""What may lie beside the weights in a PyTorch file: numbers and arrays of numpy, and dicts with defaults.

PyTorch's restricted reader knows none of them. numpy's own functions are no help: they trust the file, so that a few
bytes in it become the address of an object. The ones here make numbers only, from as many bytes as they need.
"""

import math
import pickle
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

_NUMBERS = re.compile(r"[<>|=]?[biufc]\d{1,2}")


@contextmanager
def plain_values() -> Iterator[None]:
    """While it is open, `torch.load(weights_only=True)` reads numpy's numbers and arrays, and `defaultdict` as dict.

    Arrays of anything but numbers are refused with an UnpicklingError, wrong sizes with a ValueError.
    """
    known: list[Any] = [
        (value, f"numpy.{core}.multiarray.{name}")  # numpy before 2 and since
        for core in ("core", "_core")
        for name, value in (("scalar", _number), ("_reconstruct", PlainArray))
    ]
    known += [PlainArray, (_Kind, "numpy.dtype"), (_never, "numpy.ndarray"), (_no_bytes, "builtins.bytes")]
    known += [(_no_defaults, "collections.defaultdict")]
    known += [(_never, f"builtins.{name}") for name in ("dict", "list", "set", "int", "float")]
    with torch.serialization.safe_globals(known):
        yield


class PlainArray(np.ndarray):
    """An array of numbers that was read from a file."""

    def __new__(cls, *_: object) -> "PlainArray":
        """Empty, whatever the file wants; its content comes with the state."""
        return np.empty(0).view(cls)

    def __setstate__(self, state: Any) -> None:
        version, shape, kind, fortran, data = state
        shape = tuple(int(size) for size in shape)
        if min(shape, default=0) < 0 or math.prod(shape) * kind.dtype.itemsize != len(data):
            raise ValueError(f"{len(data)} bytes for an array of {shape} of {kind.dtype}")
        super().__setstate__((version, shape, kind.dtype, bool(fortran), bytes(data)))  # pyright: ignore[reportArgumentType]

    def __reduce__(self) -> Any:
        """Written again as numpy's own, for every program."""
        return np.asarray(self).__reduce__()


class _Kind:
    """Stands for numpy.dtype, of numbers only."""

    def __init__(self, text: object, *_: object) -> None:
        if not (isinstance(text, str) and _NUMBERS.fullmatch(text)):
            raise pickle.UnpicklingError("GLOBAL numpy.dtype")  # as the reader names what it refuses
        self.dtype = np.dtype(text)

    def __setstate__(self, state: Any) -> None:
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


def _number(kind: Any, data: Any) -> np.generic:
    if len(data) != kind.dtype.itemsize:
        raise ValueError(f"{len(data)} bytes for a number of {kind.dtype}")
    return np.frombuffer(data, kind.dtype)[0]


def _no_defaults(*_: object) -> dict[Any, Any]:
    return {}


def _no_bytes(*content: object) -> bytes:
    if content:
        raise ValueError("bytes made from something else")
    return b""


def _never(*_: object) -> None:
    """Stands for what is named only: the type of an array, and what makes a default."""
    raise ValueError("a type is called")
