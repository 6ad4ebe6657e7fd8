"""The live error against the truth, from the program that knows it to the viewer: a small file."""

import os
from pathlib import Path

import msgspec


class ShownScore(msgspec.Struct, frozen=True):
    """Mean errors of the shown stage, millimetres; NaN or None where nothing was matched."""

    mpjpe_mm: float | None
    offset_removed_mm: float | None


def write_score(path: Path, mpjpe_mm: float, offset_removed_mm: float) -> None:
    """Replace the file; a reader never sees half of it."""
    beside = path.with_suffix(".new")
    beside.write_bytes(msgspec.json.encode(ShownScore(mpjpe_mm, offset_removed_mm)))
    os.replace(beside, path)


def read_score(path: Path) -> ShownScore | None:
    """What was written last; None where nothing was."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=ShownScore)
    except (OSError, msgspec.DecodeError):
        return None
