"""CSV files, for spreadsheets and everything else."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from posecap.runtime.pose_table import COLUMNS, table_parts
from posecap.runtime.pose_take import PoseTake
from posecap.runtime.take_metadata import metadata_of

_FORMATS = {"t_s": "%.9f", "x_m": "%.9g", "y_m": "%.9g", "z_m": "%.9g", "residual_px": "%.6g"}
_INTEGERS = ("frame", "frame_set", "unix_ns", "person", "views")
Progress = Callable[[int, int], None]


def write_csv(take: PoseTake, path: Path, progress: Progress | None = None) -> None:
    """All people, one row for each joint and frame, the columns of `posecap.runtime.pose_table`; unknown = empty.

    Beside it lies `<name>.json` with what the columns mean, joint set, calibration id, unit and up axis.

    Args:
        take: times may be uneven.
        path: of the file.
        progress: told (frames done, frames in all) now and then.
    """
    about = {"columns": COLUMNS, **metadata_of(take)}
    path.with_name(path.name + ".json").write_bytes(msgspec.json.format(msgspec.json.encode(about), indent=2))
    with path.open("w", encoding="ascii", newline="") as stream:
        stream.write(",".join(COLUMNS) + "\r\n")
        for done, columns in table_parts(take):
            texts = [_texts(name, columns[name].tolist(), take.joints) for name in COLUMNS]
            stream.writelines(",".join(row) + "\r\n" for row in zip(*texts, strict=True))
            if progress is not None:
                progress(done, len(take.t_ns))


def _texts(name: str, values: list, joints: tuple[str, ...]) -> list[str]:
    if name == "joint":
        return [joints[value] for value in values]
    if name in _INTEGERS:
        return [str(value) for value in values]
    form = _FORMATS.get(name, "%.6g")
    return [form % value if value == value else "" for value in values]  # noqa: PLR0124 - NaN is not itself
