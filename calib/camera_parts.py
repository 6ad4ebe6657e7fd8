"""The pieces of a camera as files write them: numbers of a shape, a lens, a pose, a size; each refused by name."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posecap.calib.distortion import BROWN_COEFFICIENTS, FISHEYE_COEFFICIENTS
from posecap.calib.errors import CalibrationError
from posecap.calib.rotation import rotation_of

SizeHint = tuple[int, int] | Mapping[str, tuple[int, int]] | None  # (width, height), for all or by name

_DIGITS = 1e-3
MOST = 1e12  # squares of it are numbers, too


def numbers(value: Any, shape: tuple[int, ...], what: str) -> NDArray[np.float64]:
    """Finite numbers in `shape`; one column or row of as many values will do.

    Raises:
        CalibrationError: names `what`.
    """
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise CalibrationError(f"{what} is no array of numbers: export the calibration again") from error
    if array.size != np.prod(shape) or (array.shape != shape and len(shape) > 1 and 1 not in shape):
        raise CalibrationError(
            f"{what} has shape {array.shape}, expected {shape}: export the calibration again"
        )
    if not (np.abs(array) < MOST).all():
        raise CalibrationError(
            f"{what} contains NaN, infinity or what is nearly that: export the calibration again"
        )
    return array.reshape(shape)


def lens_of(value: Any, what: str, fisheye: bool = False) -> NDArray[np.float64]:
    """Distortion as `Camera` has it, from 4 to 14 values in OpenCV's order; more than it has must be 0.

    Four values are k1 k2 p1 p2 unless `fisheye` says otherwise: the count alone says nothing.

    Raises:
        CalibrationError: another lens model.
    """
    try:
        values = np.array(value, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError, OverflowError) as error:
        raise CalibrationError(f"{what} is no array of numbers: export the calibration again") from error
    kept = FISHEYE_COEFFICIENTS if fisheye else BROWN_COEFFICIENTS
    if len(values) < FISHEYE_COEFFICIENTS or values[kept:].any() or not (np.abs(values) < MOST).all():
        raise CalibrationError(
            f"{what} has {len(values)} values for a {'fisheye' if fisheye else 'Brown'} lens, expected "
            f"{'4 (k1 k2 k3 k4)' if fisheye else '5 (k1 k2 p1 p2 k3), or 4 without k3, all others 0'}: recalibrate "
            "with that lens model"
        )
    return np.concatenate([values, np.zeros(BROWN_COEFFICIENTS)])[:kept]


def intrinsics_of(fx: float, fy: float, cx: float, cy: float) -> NDArray[np.float64]:
    """(3, 3) K of a lens without skew, pixels."""
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], dtype=np.float64)


def pose_of(R: Any, t: Any, what: str, centre: bool = False) -> NDArray[np.float64]:
    """(4, 4) world to camera, lengths as written.

    Args:
        R: matrix or rotation vector, world to camera.
        t: translation, or where `centre` is set the camera's place in the world.
        what: the camera, as messages call it.
        centre: what `t` is.

    Raises:
        CalibrationError: not a rotation; one that mirrors is called so.
    """
    cam_from_world = np.eye(4)
    try:
        rotation = rotation_of(R)
        if not (np.abs(rotation) < MOST).all():
            raise ValueError("a rotation with huge numbers in it")
    except (TypeError, ValueError, OverflowError) as error:
        raise CalibrationError(f"{what} has {error}: export the calibration again") from error
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > _DIGITS:
        raise CalibrationError(
            f"{what}: its rotation is none (rows are not at right angles and of length 1): export the extrinsics again"
        )
    if np.linalg.det(rotation) < 0:
        raise CalibrationError(
            f"{what}: its world is mirrored (det -1, left and right exchanged; two axes were swapped): export it "
            "again without the swap, or turn the world instead"
        )
    place = numbers(t, (3,), f"{what}: {'its centre' if centre else 'its translation'}")
    cam_from_world[:3, :3] = rotation
    cam_from_world[:3, 3] = -rotation @ place if centre else place
    return cam_from_world


def size_of(name: str, stated: tuple[int, int] | None, given: SizeHint) -> tuple[int, int]:
    """(width, height) that the file states, or else that was given for it.

    Raises:
        CalibrationError: neither, or the two differ.
    """
    wanted = given.get(name) if isinstance(given, Mapping) else given
    if stated is None and wanted is None:
        raise CalibrationError(
            f"camera {name!r}: this kind of file does not say how large its pictures are: give size_px=(width, height)"
        )
    if stated is not None and wanted is not None and tuple(stated) != tuple(wanted):
        raise CalibrationError(
            f"camera {name!r}: the file says {stated[0]} x {stated[1]}, size_px says {wanted[0]} x {wanted[1]}: "
            "leave size_px out, or scale the camera afterwards"
        )
    size = stated or wanted
    assert size is not None
    return size
