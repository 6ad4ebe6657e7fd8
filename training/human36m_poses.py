"""Joint positions of Human3.6M in CDF files, 3D and 2D, as H36M-17 joints. Needs cdflib, which is optional."""

import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posecap.models.joints import H36M_17
from posecap.training.errors import DatasetError

RAW_JOINTS = 32
RAW_OF_17 = (0, 1, 2, 3, 6, 7, 8, 12, 16, 14, 15, 17, 18, 19, 25, 26, 27)
"""For each joint of H36M-17 its place among the 32 of the files; 13, 16 and 24 are one point there."""

_MOST_BYTES = 256 << 20
_MOST_FRAMES = 100_000


def read_positions(path: Path) -> NDArray[np.float64]:
    """(frames, 1, 17, 3) metres, world frame, of a D3_Positions file, which is in millimetres.

    Raises:
        DatasetError: cdflib is missing, or no such file.
    """
    return _joints(path, 3, "D3_Positions") / 1000


def read_pixels(path: Path) -> NDArray[np.float64]:
    """(frames, 1, 17, 2) pixels of a D2_Positions file. Raises DatasetError like `read_positions`."""
    return _joints(path, 2, "D2_Positions")


def _joints(path: Path, axes: int, what: str) -> NDArray[np.float64]:
    """All joints of the set, NaN for those that are not finite in the file."""
    values = _variable(path, RAW_JOINTS * axes, what)
    joints = values.reshape(-1, RAW_JOINTS, axes)[:, RAW_OF_17, :]
    if len(H36M_17) != joints.shape[1]:
        raise DatasetError(f"{path} does not have the joints of {H36M_17.name}: update posecap")
    return np.where(np.isfinite(joints), joints, np.nan)[:, None]


def _variable(path: Path, width: int, what: str) -> NDArray[np.float64]:
    """The one variable of the file, (frames, width); its sizes are checked before it is read."""
    try:
        import cdflib
    except ImportError as error:
        raise DatasetError(
            f"{path.name} needs cdflib: install it with `pip install posecap[datasets]`"
        ) from error
    if not path.is_file():
        raise DatasetError(f"no {what} file at {path}: extract that part of the data set")
    if path.stat().st_size > _MOST_BYTES:
        raise DatasetError(f"{path} is larger than {_MOST_BYTES >> 20} MiB: is it a {what} file?")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cdflib's remarks on leap seconds and encodings
            file = cdflib.CDF(str(path))
            info: Any = file.cdf_info()
            names = [*info.zVariables, *info.rVariables]
            shape = _shape(file.varinq(names[0])) if names else ()
            if len(shape) != 3 or shape[0] != 1 or not 0 < shape[1] <= _MOST_FRAMES or shape[2] != width:
                raise DatasetError(
                    f"{path}: its first variable has shape {shape}, expected (1, frames, {width}): is it a {what} file?"
                )
            values = np.asarray(file.varget(names[0]), dtype=np.float64)
    except (OSError, ValueError, KeyError, IndexError, TypeError, struct.error, zlib.error) as error:
        raise DatasetError(f"{path} is not readable as CDF ({error}): extract it again") from error
    if values.size != shape[1] * width:
        raise DatasetError(f"{path} has {values.size} values, its header says {shape}: extract it again")
    return values.reshape(shape[1], width)


def _shape(variable: Any) -> tuple[int, ...]:
    return (int(variable.Last_Rec) + 1, *(int(size) for size in variable.Dim_Sizes))
