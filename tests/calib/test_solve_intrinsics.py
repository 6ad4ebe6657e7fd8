"""Lenses from boards: found to a few parts in ten thousand, refused where what was seen does not tell them."""

from dataclasses import replace

import numpy as np
import pytest
from boards import BOARD, close_ups, corner_rig, sighting_of

from posecap.calib.board import Board, Sighting
from posecap.calib.camera import Camera
from posecap.calib.errors import CalibrationError
from posecap.calib.rig import Rig
from posecap.calib.rotation import rotation_of
from posecap.calib.solve_intrinsics import solve_intrinsics

BROWN = replace(corner_rig().cameras[1], cam_from_world=np.eye(4))
K = np.array([[420.0, 0, 648], [0, 419, 352], [0, 0, 1]])
FISHEYE = Camera("fish", (1280, 720), K, np.array([0.03, -0.01, 0.004, -0.001]), np.eye(4))


def shown(camera: Camera, noise_px: float = 0.1, count: int = 30, board: Board = BOARD) -> list[Sighting]:
    return close_ups(Rig((camera,)), count, noise_px, board=board)


def before(camera: Camera, turns: list[tuple[float, float, float]], board: Board = BOARD) -> list[Sighting]:
    """The board 0.8 m before the camera, moved aside a little, at rotation vectors (degrees)."""
    found = []
    for k, turn in enumerate(turns):
        pose = np.eye(4)
        pose[:3, :3] = rotation_of(np.radians(turn))
        pose[:3, 3] = np.array([0.03 * (k % 5) - 0.3, 0.02 * (k % 3) - 0.2, 0.8 + 0.05 * k])
        seen = sighting_of(camera, board, pose, k)
        if seen is not None:
            found.append(seen)
    return found


@pytest.mark.parametrize(("camera", "model"), [(BROWN, "brown5"), (FISHEYE, "fisheye4")])
def test_a_lens_is_found(camera, model):
    solution = solve_intrinsics(BOARD, shown(camera), (1280, 720), name=camera.name, model=model)
    found = solution.camera
    assert abs(found.focal_px / camera.focal_px - 1) < 1e-3
    assert abs(found.focal_px - camera.focal_px) < 4 * solution.focal_std_px
    assert np.abs(found.K[:2, 2] - camera.K[:2, 2]).max() < max(4 * solution.centre_std_px, 0.5)
    grid = np.stack(np.meshgrid(np.linspace(100, 1180, 9), np.linspace(60, 660, 7)), axis=-1)
    rays = np.concatenate([camera.undistorted(grid), np.ones((7, 9, 1))], axis=-1)
    assert np.linalg.norm(found.project(rays) - grid, axis=-1).max() < 1.0
    assert abs(solution.fit.rms_px - 0.1 * np.sqrt(2)) < 0.02
    assert solution.fit.residuals_px.shape == solution.fit.seen_xy.shape == (solution.fit.corners, 2)


@pytest.mark.parametrize(
    "board", [Board("chessboard", 8, 7, 0.07), Board("apriltag", 4, 3, 0.14, 0.11, "DICT_APRILTAG_36h11")]
)
def test_other_boards(board):
    solution = solve_intrinsics(board, shown(BROWN, board=board), (1280, 720), name=BROWN.name)
    assert abs(solution.camera.focal_px / BROWN.focal_px - 1) < 1e-3
    assert solution.fit.views > 15


def test_wrong_corners_do_little():
    sightings = shown(BROWN)
    rng = np.random.default_rng(0)
    bad = [
        Sighting(
            s.camera, s.t_ns, s.ids, s.xy + (rng.random((len(s.ids), 1)) < 0.04) * rng.normal(0, 30, (1, 2))
        )
        for s in sightings
    ]
    solution = solve_intrinsics(BOARD, bad, (1280, 720), name=BROWN.name)
    assert solution.fit.left_out > 5
    assert abs(solution.camera.focal_px / BROWN.focal_px - 1) < 1.5e-3


def test_too_few_pictures():
    with pytest.raises(CalibrationError, match="0 of 0 pictures show enough"):
        solve_intrinsics(BOARD, shown(BROWN), (1280, 720), name="another")
    with pytest.raises(CalibrationError, match="3 of 3 pictures show enough"):
        solve_intrinsics(BOARD, shown(BROWN)[:3], (1280, 720), name=BROWN.name)


def test_corners_along_one_line():
    row = [Sighting(s.camera, s.t_ns, s.ids[s.ids < 6], s.xy[s.ids < 6]) for s in shown(BROWN)]
    with pytest.raises(CalibrationError, match="not along one line"):
        solve_intrinsics(BOARD, row, (1280, 720), name=BROWN.name)


@pytest.mark.parametrize("turn", [(0, 0, 0), (30, 10, 0)])
def test_a_board_that_was_held_alike_all_the_time(turn):
    sightings = before(BROWN, [turn] * 12)
    assert len(sightings) > 6
    with pytest.raises(CalibrationError, match="held alike in all pictures"):
        solve_intrinsics(BOARD, sightings, (1280, 720), name=BROWN.name)


def test_no_such_model():
    with pytest.raises(CalibrationError, match="there are brown5, fisheye4"):
        solve_intrinsics(BOARD, shown(BROWN), (1280, 720), name=BROWN.name, model="pinhole")
