"""Where to look for a person: squares turned upright, from a detector's box or from a predicted skeleton."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.models.joints import JointSet
from posecap.runtime.pose import Region

_BOX_MARGIN = 1.25  # the networks were trained on boxes with a quarter of air
_CIRCLE_MARGIN = (
    1.05  # measured on two clips: 1.0 to 1.1 are best, 0.9 cuts hands off, 1.25 costs a tenth more error
)
_ROLL_DEPTH_M = 4.0
_ROLL_STEP_M = 0.5
_HEAD_TOP = 1.12  # keypoints end at the eyes and the ankles, people do not
_MIN_JOINTS = 6
_TRUNK_SHARE = 0.25  # of the radius: a shorter trunk points at the camera and has no direction
_MIN_SIDE_PX = 24.0


def gravity_roll(camera: Camera, pixel: NDArray[np.float64]) -> float:
    """Angle, radians clockwise, by which "up" at `pixel` (2,) leans from the picture's up.

    The pixel is back-projected to 4 m; its picture moves along v when that point rises by half a metre:
    angle = atan2(v.x, -v.y).
    """
    normalised = camera.undistorted(pixel)
    if not np.isfinite(normalised).all():
        return 0.0
    in_camera = np.append(normalised, 1.0) * _ROLL_DEPTH_M
    point = camera.R.T @ (in_camera - camera.t)
    v = camera.project(point + np.array([0.0, 0.0, _ROLL_STEP_M])) - camera.project(point)
    return float(np.arctan2(v[0], -v[1])) if np.isfinite(v).all() else 0.0


def region_of_box(camera: Camera, view: int, box: NDArray[np.float64]) -> Region:
    """The upright square around a detector's box (x0, y0, x1, y1), pixels."""
    return square_of_box(view, box, gravity_roll(camera, (box[:2] + box[2:4]) / 2))


def square_of_box(view: int, box: NDArray[np.float64], roll_rad: float = 0.0) -> Region:
    """As `region_of_box`, where the camera is not known."""
    centre = (box[:2] + box[2:4]) / 2
    side = _BOX_MARGIN * float(max(box[2] - box[0], box[3] - box[1]))
    return Region(view, (float(centre[0]), float(centre[1])), side, roll_rad)


def region_of_skeleton(
    camera: Camera, view: int, xyz: NDArray[np.float64], joint_set: JointSet, track: int
) -> Region | None:
    """The square in which `camera` should see the skeleton (joints, 3), world metres.

    Centred on the hips with a side that holds the circle around the whole body, and turned with the trunk: the
    alignment that BlazePose was trained with (Bazarevsky et al. 2020, section 2). None where fewer than six joints
    are known or the person is out of the picture.
    """
    pixels = camera.project(xyz)
    return region_of_pixels(
        view, pixels, joint_set, camera.size_px, track, lambda at: gravity_roll(camera, at)
    )


def region_of_pixels(
    view: int,
    pixels: NDArray[np.float64],
    joint_set: JointSet,
    size_px: tuple[int, int],
    track: int,
    roll_at: Callable[[NDArray[np.float64]], float] = lambda _: 0.0,
) -> Region | None:
    """As `region_of_skeleton`, from where its joints are in the picture: (joints, 2) px.

    `roll_at` tells which way is up at a pixel where the trunk does not; without it, the picture's own up.
    """
    known = np.isfinite(pixels[:, 0])
    if known.sum() < _MIN_JOINTS:
        return None
    hips = _midpoint(pixels, joint_set, "left_hip", "right_hip")
    shoulders = _midpoint(pixels, joint_set, "left_shoulder", "right_shoulder")
    if not np.isfinite(hips).all():
        hips = (np.nanmin(pixels, axis=0) + np.nanmax(pixels, axis=0)) / 2
    radius = _HEAD_TOP * float(np.nanmax(np.linalg.norm(pixels - hips, axis=1)))
    trunk = shoulders - hips
    along = np.isfinite(trunk).all() and np.linalg.norm(trunk) > _TRUNK_SHARE * radius
    roll = float(np.arctan2(trunk[0], -trunk[1])) if along else roll_at(hips)
    side = max(2 * _CIRCLE_MARGIN * radius, _MIN_SIDE_PX)
    width, height = size_px
    inside = -side / 2 < hips[0] < width + side / 2 and -side / 2 < hips[1] < height + side / 2
    return Region(view, (float(hips[0]), float(hips[1])), side, roll, track) if inside else None


def _midpoint(pixels: NDArray[np.float64], joint_set: JointSet, left: str, right: str) -> NDArray[np.float64]:
    return (pixels[joint_set.index(left)] + pixels[joint_set.index(right)]) / 2
