"""Exact sightings of a board that is carried through a rig, without rendering."""

import numpy as np
from numpy.typing import NDArray

from posecap.calib.board import Board, Sighting
from posecap.calib.camera import Camera
from posecap.calib.rig import Rig
from posecap.training.synthetic_board_path import BoardPath, held_before
from posecap.training.synthetic_rigs import looking_at

BOARD = Board("charuco", 7, 5, 0.08, 0.06, "DICT_5X5_50")
STEEPEST = np.cos(np.radians(68))  # to the line of sight; beyond, no detector reads it


def sighting_of(
    camera: Camera, board: Board, world_from_board: NDArray, t_ns: int = 0, margin_px: float = 3
) -> Sighting | None:
    """What the camera sees of the board, to the last digit; None below six corners or from behind."""
    corners = board.points_m @ world_from_board[:3, :3].T + world_from_board[:3, 3]
    away = camera.centre - corners.mean(axis=0)
    if -world_from_board[:3, 2] @ away / np.linalg.norm(away) < STEEPEST:
        return None
    xy = camera.project(corners)
    limit = np.array(camera.size_px) - 1 - margin_px
    shown = np.isfinite(xy).all(axis=1) & (xy > margin_px).all(axis=1) & (xy < limit).all(axis=1)
    if shown.sum() < 6:
        return None
    return Sighting(camera.name, t_ns, np.flatnonzero(shown), xy[shown])


def carried(
    rig: Rig,
    seconds: float = 40.0,
    fps: float = 4.0,
    noise_px: float = 0.0,
    seed: int = 0,
    path: BoardPath | None = None,
    board: Board = BOARD,
) -> tuple[list[list[Sighting]], NDArray]:
    """Sightings of each instant, and (instants, 4, 4) world_from_board."""
    rng = np.random.default_rng(seed)
    path = path or BoardPath()
    poses = np.stack([path.world_from_board(board, k / fps) for k in range(round(seconds * fps))])
    instants = []
    for k, pose in enumerate(poses):
        t_ns = round(k / fps * 1e9)
        row = [sighting_of(camera, board, pose, t_ns) for camera in rig.cameras]
        instants.append(
            [
                Sighting(s.camera, s.t_ns, s.ids, s.xy + rng.normal(0, noise_px, s.xy.shape))
                for s in row
                if s is not None
            ]
        )
    return instants, poses


def close_ups(
    rig: Rig, count: int = 40, noise_px: float = 0.0, seed: int = 0, board: Board = BOARD
) -> list[Sighting]:
    """Sightings of a board held close to each camera, at times of their own before 0."""
    rng, found = np.random.default_rng(seed), []
    for index, camera in enumerate(rig.cameras):
        for k, pose in enumerate(held_before(camera, board, count)):
            seen = sighting_of(camera, board, pose, -1 - k - index * count)
            if seen is not None:
                found.append(
                    Sighting(
                        seen.camera, seen.t_ns, seen.ids, seen.xy + rng.normal(0, noise_px, seen.xy.shape)
                    )
                )
    return found


def corner_rig() -> Rig:
    """Four cameras of 1280 x 720 in the upper corners of a room, 3.4 m from its middle."""
    cameras = []
    for k, (x, y) in enumerate([(2.6, 2.2), (-2.5, 2.3), (-2.7, -2.1), (2.4, -2.3)]):
        K = np.array([[900 + 8 * k, 0, 642 - 3 * k], [0, 899 + 8 * k, 356 + 4 * k], [0, 0, 1]], dtype=float)
        lens = np.array([-0.1 - 0.01 * k, 0.03, 5e-4, -4e-4, 0])
        pose = looking_at(np.array([x, y, 2.4]), np.array([0.0, 0.0, 0.9]))
        cameras.append(Camera(f"cam{k}", (1280, 720), K, lens, pose))
    return Rig(tuple(cameras))
