"""Which way is up in a calibrated world. posecap's worlds have +Z up; other tools leave it where the first camera was.

People are cropped upright and shown standing by that axis, so a world whose y points down gives worse poses without
any error being wrong.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from posecap.calib.errors import CalibrationError
from posecap.calib.rig import Rig

UP_AXES = ("+x", "-x", "+y", "-y", "+z", "-z")
_CLEAR = 0.7
_DOUBTFUL = 0.3


def with_up(rig: Rig, up: str) -> Rig:
    """The rig in a world that is turned, by the shortest way, so that its axis `up` ("-y", ...) becomes +Z."""
    return _turned(rig, _turn_to_z(_known(up)))


def from_up(rig: Rig, up: str) -> Rig:
    """The rig in a world whose axis `up` is what +Z was: the way back from `with_up`."""
    return _turned(rig, _turn_to_z(_known(up)).T)


def check_up(rig: Rig, expected: str = "+z") -> None:
    """Refuse a world in which the pictures are clearly upright along another axis than `expected`.

    Raises:
        CalibrationError: with the axis to give; or `expected` is no axis.
    """
    wanted = _known(expected)
    upright = np.mean([-camera.R[1] for camera in rig.cameras], axis=0)  # the pictures' up, in the world
    best = max(UP_AXES, key=lambda name: float(_axis(name) @ upright))
    if _axis(best) @ upright > _CLEAR and wanted @ upright < _DOUBTFUL:
        raise CalibrationError(
            f"the pictures are upright along {best} of this world, expected {expected}: import it with up={best!r}, "
            f"or with up={expected!r} if the cameras lie on their sides"
        )


def _known(up: str) -> NDArray[np.float64]:
    if up not in UP_AXES:
        raise CalibrationError(f"up is {up!r}, expected one of {', '.join(UP_AXES)}")
    return _axis(up)


def _turned(rig: Rig, R: NDArray[np.float64]) -> Rig:
    """The rig in the world X' = R X; not one bit of it changes where R is the identity."""
    if np.array_equal(R, np.eye(3)):
        return rig
    new_from_old = np.eye(4)
    new_from_old[:3, :3] = R
    return replace(
        rig,
        cameras=tuple(
            replace(camera, cam_from_world=camera.cam_from_world @ new_from_old.T) for camera in rig.cameras
        ),
    )


def _axis(name: str) -> NDArray[np.float64]:
    return (1.0 if name[0] == "+" else -1.0) * np.eye(3)["xyz".index(name[1])]


def _turn_to_z(axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rotation by 0, 90 or 180 degrees that takes `axis` to z; what is across stays where it is."""
    if axis[2] != 0:
        return np.diag([1.0, axis[2], axis[2]])
    across = np.cross(axis, [0.0, 0.0, 1.0])
    turn = np.cross(np.eye(3), across)  # turn @ v = across x v; Rodrigues' formula at 90 degrees
    return np.eye(3) + turn + turn @ turn
