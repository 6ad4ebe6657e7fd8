"""Values of a pickle without running it: numbers, text, lists, tables, arrays of numbers; all else is refused.

A pickle is a program. Here it is read twice: first its instructions, of which only those that make plain values are
allowed; then it is run with stand-ins for numpy's four names. No class or function that a file names is ever called.
"""

import io
import math
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posecap.training.errors import DatasetError

_MOST_BYTES = 512 << 20
_MOST_INSTRUCTIONS = 4_000_000
_MOST_AXES = 8
_ALLOWED = frozenset({
    "PROTO", "FRAME", "STOP", "MARK", "POP", "POP_MARK", "DUP", "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD",
    "MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT", "GET", "BINGET", "LONG_BINGET", "NONE", "NEWTRUE", "NEWFALSE",
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "TUPLE",
    "EMPTY_TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "LIST", "EMPTY_LIST", "APPEND", "APPENDS", "DICT",
    "EMPTY_DICT", "SETITEM", "SETITEMS",
})  # fmt: skip
_PUTS = ("PUT", "BINPUT", "LONG_BINPUT")


def read_pickle(path: Path, most_bytes: int = _MOST_BYTES) -> dict[str, Any]:
    """The table in a pickle of protocol 0 to 4, by Python 2 or 3; text of Python 2 is taken as latin1.

    Values are numbers, text, bytes, None, lists, tuples, tables and `StoredArray`, which `numbers` turns into arrays.

    Raises:
        DatasetError: no such file, too large, not a pickle, not a table, or it asks for a class (which is named).
    """
    if not path.is_file():
        raise DatasetError(f"no pickle at {path}: extract sequenceFiles.zip of 3DPW there")
    if path.stat().st_size > most_bytes:
        raise DatasetError(f"{path} is larger than {most_bytes >> 20} MiB: is it a sequence of 3DPW?")
    content = path.read_bytes()
    try:
        _check_instructions(content)
        table = _Reader(io.BytesIO(content), encoding="latin1").load()
    except _Refused as error:
        raise DatasetError(
            f"{path} {error}: fetch it from the authors of 3DPW, nothing of it was run"
        ) from None
    except (  # what a pickle with wrong bytes in it can end in
        pickle.UnpicklingError, ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError, OverflowError,
        ImportError, RecursionError, MemoryError,
    ) as error:  # fmt: skip
        what = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise DatasetError(f"{path} is not readable as a pickle ({what}): extract it again") from None
    if not isinstance(table, dict) or not all(isinstance(key, str) for key in table):
        raise DatasetError(f"{path} holds no table of named values: is it a sequence of 3DPW?")
    return table


def numbers(value: Any) -> NDArray[np.float64] | None:
    """Numbers of a `read_pickle` value as float64; None where it is not one array, number or flat list of numbers."""
    if isinstance(value, StoredArray):
        return None if value.array is None else value.array.astype(np.float64)
    if isinstance(value, bool | int | float):
        value = [value]
    if isinstance(value, list | tuple) and all(isinstance(one, bool | int | float) for one in value):
        try:
            return np.array(value, np.float64)
        except OverflowError:  # an integer of a thousand digits
            return None
    return None


class StoredArray:
    """What stands for a numpy array or scalar: `array` is None where it holds other things than numbers."""

    __slots__ = ("array",)

    def __init__(self) -> None:
        self.array: NDArray[Any] | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, by_columns, content = state
        if not isinstance(shape, tuple) or not all(type(one) is int and one >= 0 for one in shape):
            raise _Refused(f"has an array of shape {shape!r:.80}")
        if len(shape) > _MOST_AXES:
            raise _Refused(f"has an array of {len(shape)} axes")
        if not isinstance(kind, _StoredKind):
            raise _Refused("has an array without a kind of numbers")
        if kind.code in ("O", "S", "U", "V"):  # of textures and names, which nobody asks for
            return
        self.array = _array(kind.dtype(), shape, content, "F" if by_columns else "C")


class _StoredKind:
    """What stands for numpy.dtype."""

    __slots__ = ("code", "order", "width")

    def __init__(self, code: Any) -> None:
        if not isinstance(code, str) or not 0 < len(code) <= 8 or code[0] not in "biufOSUV":
            raise _Refused(f"has an array of {code!r:.40}, expected numbers")
        self.code, self.width, self.order = code[0], code[1:], "<"

    def __setstate__(self, state: Any) -> None:
        order = state[1]
        if order not in ("<", ">", "|", "="):
            raise _Refused(f"has an array with byte order {order!r:.40}")
        self.order = order

    def dtype(self) -> np.dtype:
        if self.width not in ("1", "2", "4", "8"):
            raise _Refused(f"has an array of {self.code}{self.width}, expected numbers of 1, 2, 4 or 8 bytes")
        return np.dtype(f"{self.order}{self.code}{self.width}")


class _Refused(Exception):
    """The file asks for something that a sequence of 3DPW does not need."""


class _Name:
    """A name that a pickle may use: it can be called, and nothing about it can be changed."""

    __slots__ = ("_made",)

    def __init__(self, made: Any) -> None:
        self._made = made

    def __call__(self, *values: Any) -> Any:
        return self._made(*values)

    def __setstate__(self, state: Any) -> None:
        raise _Refused("changes a name of numpy")


def _empty_array(_kind: Any = None, _shape: Any = None, _code: Any = None) -> StoredArray:
    return StoredArray()


def _kind(code: Any, _align: Any = None, _copy: Any = None) -> _StoredKind:
    return _StoredKind(code)


def _scalar(kind: Any, content: Any = b"") -> StoredArray:
    scalar = StoredArray()
    scalar.__setstate__((1, (), kind, False, content))
    return scalar


def _bytes(text: Any, encoding: Any = "") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1", "iso-8859-1"):
        raise _Refused(f"encodes {type(text).__name__} as {encoding!r:.40}")
    return text.encode("latin1")


_NAMES = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Name(_empty_array) for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _Name(_scalar) for core in ("core", "_core")},
    ("numpy", "ndarray"): _Name(_empty_array),
    ("numpy", "dtype"): _Name(_kind),
    ("_codecs", "encode"): _Name(_bytes),
}


class _Reader(pickle.Unpickler):
    """Runs instructions that `_check_instructions` has passed; names mean what `_NAMES` says."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NAMES:
            raise _Refused(f"asks for {module:.80}.{name:.80}, which is no array and no number")
        return _NAMES[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise _Refused("asks for something outside of the file")


def _check_instructions(content: bytes) -> None:
    """Only allowed instructions, not too many, whose values are all there; a place in the memory is never far ahead."""
    for count, (instruction, value, _) in enumerate(pickletools.genops(content)):
        if instruction.name not in _ALLOWED:
            raise _Refused(f"has the instruction {instruction.name}, which plain values do not need")
        if count > _MOST_INSTRUCTIONS:
            raise _Refused(f"has more than {_MOST_INSTRUCTIONS} values")
        if instruction.name in _PUTS and not 0 <= int(value) <= count:  # type: ignore[call-overload]
            raise _Refused("counts its values wrongly")  # a far place would take memory up to it


def _array(kind: np.dtype, shape: tuple[int, ...], content: Any, order: Any) -> NDArray[Any]:
    if isinstance(content, str):
        content = content.encode("latin1")
    size = math.prod(shape) * kind.itemsize
    if not isinstance(content, bytes) or len(content) != size:
        given = len(content) if isinstance(content, bytes) else type(content).__name__
        raise _Refused(f"has an array of shape {shape} with {given} bytes, expected {size}")
    return np.frombuffer(content, kind).reshape(shape, order=order)
