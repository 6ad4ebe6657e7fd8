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
    """The rig in a world that is turned so that its axis `up` ("-y", ...) becomes +Z."""
    if up not in UP_AXES:
        raise CalibrationError(f"up is {up!r}, expected one of {', '.join(UP_AXES)}")
    new_from_old = np.eye(4)
    new_from_old[:3, :3] = _turn_to_z(_axis(up))
    return replace(
        rig,
        cameras=tuple(
            replace(camera, cam_from_world=camera.cam_from_world @ new_from_old.T) for camera in rig.cameras
        ),
    )


def check_up(rig: Rig) -> None:
    """Refuse a world in which the pictures are clearly upright along another axis than +Z.

    Raises:
        CalibrationError: with the axis to give.
    """
    upright = np.mean([-camera.R[1] for camera in rig.cameras], axis=0)  # the pictures' up, in the world
    best = max(UP_AXES, key=lambda name: float(_axis(name) @ upright))
    if _axis(best) @ upright > _CLEAR and upright[2] < _DOUBTFUL:
        raise CalibrationError(
            f"the pictures are upright along {best} of this world, expected +z: import it with up={best!r}, or with "
            "up='+z' if the cameras lie on their sides"
        )


def _axis(name: str) -> NDArray[np.float64]:
    return (1.0 if name[0] == "+" else -1.0) * np.eye(3)["xyz".index(name[1])]


def _turn_to_z(axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """A rotation by 0, 90 or 180 degrees that takes `axis` to z."""
    if axis[2] != 0:
        return np.diag([1.0, axis[2], axis[2]])
    across = np.cross(axis, [0.0, 0.0, 1.0])
    return np.stack([np.cross(across, axis), across, axis])
