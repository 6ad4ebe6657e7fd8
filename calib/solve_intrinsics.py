"""The lens of one camera from pictures of a board that is held in many ways.

The focal length is first looked for among many, each with the poses of the board that it asks for (a plane seen at an
angle tells it: Zhang 2000, "A flexible new technique for camera calibration"); then everything is adjusted together.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from posecap.calib.board import Board, Sighting
from posecap.calib.board_pose import board_poses, says_something
from posecap.calib.bundle import adjust
from posecap.calib.bundle_options import ALL_INTRINSICS, BundleOptions
from posecap.calib.camera import Camera
from posecap.calib.errors import CalibrationError
from posecap.calib.inliers import adjust_inliers, fit_of, observations_of, thinned
from posecap.calib.solution import IntrinsicsSolution

LensModel = Literal["brown5", "fisheye4"]

_COEFFICIENTS = {"brown5": 5, "fisheye4": 4}
_FOCAL_SHARES = {"brown5": np.geomspace(0.4, 5, 19), "fisheye4": np.geomspace(0.15, 1.5, 18)}  # of the width
_SEARCH_VIEWS = 16
_MOST_VIEWS = 250
_LEAST_VIEWS = 4
_LEAST_SPREAD_DEG = 6.0  # of the board's tilts
_LEAST_CERTAIN = 0.05  # standard deviation of the focal length over itself


def solve_intrinsics(
    board: Board,
    sightings: Sequence[Sighting],
    size_px: tuple[int, int],
    *,
    name: str,
    model: LensModel = "brown5",
) -> IntrinsicsSolution:
    """Focal lengths, principal point and distortion of one camera, with how certain they are.

    Of more than 250 pictures an evenly spread choice is used.

    Args:
        board: what was shown.
        sightings: of this camera; those of other cameras are passed over.
        size_px: (width, height) of the pictures.
        name: of the camera.
        model: "brown5" (k1 k2 p1 p2 k3) or "fisheye4" (k1 k2 k3 k4, OpenCV's fisheye).

    Raises:
        CalibrationError: what was seen does not tell the lens: too few pictures, a board that was never tilted, corners
            on a line; says what to show.
    """
    if model not in _COEFFICIENTS:
        raise CalibrationError(
            f"camera {name!r}: no lens model {model!r}, there are {', '.join(_COEFFICIENTS)}: choose one"
        )
    mine = [sighting for sighting in sightings if sighting.camera == name]
    usable = thinned([sighting for sighting in mine if says_something(board, sighting)], _MOST_VIEWS)
    if len(usable) < _LEAST_VIEWS:
        raise CalibrationError(
            f"camera {name!r}: {len(usable)} of {len(mine)} pictures show enough of the board (corners not along one "
            f"line), expected {_LEAST_VIEWS} at the least: show the whole board in more places"
        )
    start = _start(board, usable, size_px, name, model)
    posed = [(sighting, poses[0][0]) for sighting in usable if (poses := board_poses(board, sighting, start))]
    _check_tilt(name, [pose for _, pose in posed])
    chosen = [sighting for sighting, _ in posed]
    seen = observations_of(board, chosen, [name], list(range(len(chosen))))
    poses = np.stack([pose for _, pose in posed])
    rough = adjust((start,), poses, seen, BundleOptions(free=("focal", "k1"), steps=30))
    bundle, kept = adjust_inliers(
        rough.cameras, rough.world_from_target, seen, BundleOptions(free=ALL_INTRINSICS)
    )
    camera, deviation = bundle.cameras[0], bundle.deviation[0]
    _check_tilt(name, list(bundle.world_from_target))
    focal_std = float(deviation[6:8].max())
    if focal_std > _LEAST_CERTAIN * camera.focal_px:
        raise CalibrationError(
            f"camera {name!r}: its focal length is {camera.focal_px:.0f} px give or take {focal_std:.0f}, expected "
            f"below {100 * _LEAST_CERTAIN:g} %: tilt the board more, to all sides, near to the camera and far from it"
        )
    return IntrinsicsSolution(
        camera, fit_of(0, name, bundle, seen, kept), focal_std, float(deviation[8:10].max())
    )


def _start(
    board: Board, usable: list[Sighting], size_px: tuple[int, int], name: str, model: LensModel
) -> Camera:
    """The camera without distortion whose focal length explains some of the pictures best."""
    width, height = size_px
    some = thinned(usable, _SEARCH_VIEWS)
    best, least = None, np.inf
    for share in _FOCAL_SHARES[model]:
        focal = share * width
        K = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
        camera = Camera(name, size_px, K, np.zeros(_COEFFICIENTS[model]), np.eye(4))
        found = [board_poses(board, sighting, camera) for sighting in some]
        errors = [poses[0][1] if poses else np.inf for poses in found]
        error = float(np.mean(np.sort(errors)[: max(len(errors) * 3 // 4, 1)]))
        if error < least:
            best, least = camera, error
    if best is None:
        raise CalibrationError(
            f"camera {name!r}: no focal length explains its pictures of the board: is this the board that was shown, "
            f"and are the pictures {width} x {height}?"
        )
    return best


def _check_tilt(name: str, cam_from_board: list[NDArray[np.float64]]) -> None:
    normals = np.stack([pose[:3, 2] for pose in cam_from_board])
    mean = normals.mean(axis=0) / np.linalg.norm(normals.mean(axis=0))
    spread = float(np.degrees(np.arccos(np.clip(normals @ mean, -1, 1))).max())
    if spread < _LEAST_SPREAD_DEG:
        raise CalibrationError(
            f"camera {name!r}: the board was held alike in all pictures (tilts within {spread:.1f} degrees), so near "
            "and large cannot be told from far and small: tilt it by 30 degrees and more, to all sides"
        )
