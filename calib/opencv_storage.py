"""Text files of OpenCV's FileStorage: YAML of its own dialect, with matrices. Read without OpenCV's C++ parser.

All scalars stay text until somebody asks for numbers: a camera called 01 is not the octal number 1.
"""

from pathlib import Path
from typing import Any

import yaml

from posecap.calib.calibration_file import read_calibration_file
from posecap.calib.camera_parts import numbers
from posecap.calib.errors import CalibrationError
from posecap.calib.yaml_document import Text

HEADER = "%YAML:1.0\n---\n"


def read_storage(path: Path) -> dict[str, Any]:
    """The file's keys with text, lists and mappings; a matrix is a mapping of rows, cols, dt and data.

    Raises:
        CalibrationError: missing, or not such a file.
    """
    data = read_calibration_file(path, "OpenCV file", "give the path of a .yml file that OpenCV wrote")
    data = data.removeprefix(b"\xef\xbb\xbf")
    if data.startswith(b"%YAML"):  # `%YAML:1.0` is not YAML
        data = data.partition(b"\n")[2]
    try:
        document = yaml.load(data, Loader=Text)  # noqa: S506 - makes text, lists and dicts only
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split()) or "it is nested too deeply"
        raise CalibrationError(f"{path} is not YAML ({reason}): export the calibration again") from error
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise CalibrationError(f"{path} has no keys: is it a file that OpenCV's FileStorage wrote?")
    return document


def matrix_in(document: dict[str, Any], key: str, shape: tuple[int, ...] | None, path: Path) -> Any:
    """The matrix `key` in `shape`, or as flat as it was written where `shape` is None.

    Raises:
        CalibrationError: missing, not a matrix, or of another shape.
    """
    node = document.get(key)
    values = node.get("data") if isinstance(node, dict) else None
    # of scalars only: lists of aliases of lists would fill the memory
    if (
        not isinstance(node, dict)
        or not isinstance(values, list)
        or not all(isinstance(v, str) for v in values)
    ):
        raise CalibrationError(f"{path} has no matrix {key}: export the calibration again")
    written = tuple(_whole(node.get(side)) for side in ("rows", "cols"))
    if written[0] * written[1] != len(values):
        raise CalibrationError(
            f"{path}: {key} has {len(values)} values, rows and cols say {written[0]} x {written[1]}: export it again"
        )
    array = numbers(values, (len(values),), f"{path}: {key}")
    return array if shape is None else numbers(array.reshape(written), shape, f"{path}: {key}")


def whole_in(document: dict[str, Any], key: str) -> int | None:
    """The whole number above 0 under `key`, None where there is none."""
    value = _whole(document.get(key))
    return value if value > 0 else None


def matrix_text(key: str, rows: int, cols: int, values: list[float], indent: str = "") -> str:
    """A matrix of doubles in full precision, as FileStorage lays it out."""
    data = ", ".join(repr(float(value)) for value in values)
    lines = (
        f"{key}: !!opencv-matrix", f"   rows: {rows}", f"   cols: {cols}", "   dt: d", f"   data: [ {data} ]"
    )  # fmt: skip
    return "".join(f"{indent}{line}\n" for line in lines)


def quoted(text: str) -> str:
    """Text between double quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _whole(value: object) -> int:
    """-1 where it is none."""
    return (
        int(value)
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10
        else -1
    )
