"""Calibrations in JSON: read with limits, told apart, written with each matrix row in one line."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec

from posecap.calib.calibration_file import read_calibration_file
from posecap.calib.errors import CalibrationError

_ROW = re.compile(r"\[[^][{}]*\]")


def read_json(path: Path) -> Any:
    """The document; raises CalibrationError where it is none."""
    data = read_calibration_file(path, "calibration", "give the path of a calibration in JSON")
    try:
        return msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CalibrationError(f"{path} is not JSON ({error}): export the calibration again") from error


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write numbers in full precision."""
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    text = _ROW.sub(
        lambda row: " ".join(row.group().split()) if '"' not in row.group() else row.group(), text
    )
    path.write_text(text + "\n", encoding="utf-8")


def kind_of_json(document: Any) -> str | None:
    """Which calibration it is: panoptic, human36m-json, human36m-toolbox; None = none that is read."""
    if not isinstance(document, dict):
        return None
    if isinstance(document.get("cameras"), list):
        return "panoptic"
    if isinstance(document.get("intrinsics"), dict) and isinstance(document.get("extrinsics"), dict):
        return "human36m-json"
    entries = [value for value in document.values() if isinstance(value, dict) and "R" in value]
    return "human36m-toolbox" if entries else None


def member(entry: Any, key: str, what: str) -> Any:
    """`entry[key]`; raises CalibrationError where `entry` is no object or has no such key."""
    if not isinstance(entry, dict) or key not in entry:
        raise CalibrationError(f"{what} has no {key}: export the calibration again")
    return entry[key]
