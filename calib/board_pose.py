"""Where a board stands before a camera that is known, from one sighting of it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.calib.board import Board, Sighting
from posecap.calib.camera import Camera

_LEAST_CORNERS = 6
_THIN = 0.35  # of a square: corners that spread less across than this are a line


def says_something(board: Board, sighting: Sighting) -> bool:
    """Whether a sighting fixes the pose of the board: enough corners, not along one line."""
    if len(sighting.ids) < min(_LEAST_CORNERS, len(board.points_m)):
        return False
    points = board.points_m[sighting.ids, :2]
    across = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)[1]
    return bool(across > _THIN * board.square_m)


def board_poses(board: Board, sighting: Sighting, camera: Camera) -> list[tuple[NDArray[np.float64], float]]:
    """Up to two poses (4, 4) cam_from_board with their rms in pixels, the better one first.

    A flat board seen from far or head on looks nearly the same from two sides (Collins and Bartoli 2014,
    "Infinitesimal plane-based pose estimation"); both come back, for other cameras to tell. Empty where the corners
    fix no pose. The pose of `camera` is not looked at.
    """
    if not says_something(board, sighting):
        return []
    flat = camera.undistorted(sighting.xy)
    drawn = np.isfinite(flat[:, 0])
    points, flat = board.points_m[sighting.ids][drawn], flat[drawn]
    if len(points) < 4 or not says_something(board, _part(sighting, drawn)):
        return []
    identity, straight = np.eye(3), np.zeros(4)
    middle = points.mean(axis=0)
    try:
        _, turns, moves, _ = cv2.solvePnPGeneric(
            points - middle, flat, identity, straight, flags=cv2.SOLVEPNP_IPPE
        )
    except cv2.error:
        return []
    found = []
    for turn, move in zip(turns, moves, strict=True):
        if not np.isfinite([turn, move]).all():
            continue
        turn, move = cv2.solvePnPRefineLM(points - middle, flat, identity, straight, turn, move)  # noqa: PLW2901
        pose = np.eye(4)
        pose[:3, :3] = cv2.Rodrigues(turn)[0]
        pose[:3, 3] = move.ravel() - pose[:3, :3] @ middle
        local = points @ pose[:3, :3].T + pose[:3, 3]
        if not (np.isfinite(pose).all() and (local[:, 2] > 1e-3).all()):
            continue
        gap = local[:, :2] / local[:, 2:] - flat
        found.append((pose, float(np.sqrt((gap**2).sum(axis=1).mean())) * camera.focal_px))
    return sorted(found, key=lambda one: one[1])


def _part(sighting: Sighting, chosen: NDArray[np.bool_]) -> Sighting:
    return Sighting(sighting.camera, sighting.t_ns, sighting.ids[chosen], sighting.xy[chosen])
