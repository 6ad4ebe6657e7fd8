"""Rigs from boards: poses as exact as the corners, what does not hang together refused by name."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from boards import BOARD, carried, close_ups, corner_rig, sighting_of

from posecap.calib.board import Board, Sighting
from posecap.calib.errors import CalibrationError
from posecap.calib.rig import Rig
from posecap.calib.solve_extrinsics import solve_extrinsics

RIG = corner_rig()
ON_FLOOR = np.diag([1.0, -1.0, -1.0, 1.0])
FLOOR_NS = 10**12


@lru_cache(maxsize=4)
def shown(noise_px: float) -> tuple[Sighting, ...]:
    """The board carried for a while, then laid on the floor."""
    instants, _ = carried(RIG, 40, 2, noise_px)
    rng = np.random.default_rng(1)
    laid = [
        Sighting(s.camera, s.t_ns, s.ids, s.xy + rng.normal(0, noise_px, s.xy.shape))
        for camera in RIG.cameras
        for k in range(3)
        if (s := sighting_of(camera, BOARD, ON_FLOOR, FLOOR_NS + k)) is not None
    ]
    return (*(s for row in instants for s in row), *laid)


def gaps(found: Rig) -> tuple[float, float]:
    """Worst rotation (degrees) and place (mm) of the cameras, in the world as it is."""
    turns = [np.linalg.norm(a.R - b.R) / np.sqrt(2) for a, b in zip(found.cameras, RIG.cameras, strict=True)]
    places = [np.linalg.norm(a.centre - b.centre) for a, b in zip(found.cameras, RIG.cameras, strict=True)]
    return float(np.degrees(max(turns))), 1e3 * float(max(places))


def test_exact_corners_give_the_exact_rig():
    solution = solve_extrinsics(BOARD, shown(0.0), RIG.cameras, floor_t_ns=FLOOR_NS + 1)
    turn, place = gaps(solution.rig)
    assert turn < 1e-3
    assert place < 0.05
    assert solution.rig.rms_px == solution.rms_px < 1e-5
    assert solution.board_rms_m < 1e-6
    assert len(solution.board_errors_m) > 1000
    on_floor = solution.world_from_board[np.searchsorted(solution.t_ns, FLOOR_NS)]
    np.testing.assert_allclose(on_floor, ON_FLOOR, atol=1e-5)


def test_noise_of_a_tenth_of_a_pixel():
    solution = solve_extrinsics(BOARD, shown(0.1), RIG.cameras)
    assert solution.rig.cameras[0].centre == pytest.approx([0, 0, 0], abs=1e-9)
    assert solution.rig.cameras[0].R[2, 0] == pytest.approx(0, abs=1e-9)  # the first looks along +y
    for k, camera in enumerate(RIG.cameras):
        found = solution.rig.cameras[k].cam_from_world @ np.linalg.inv(solution.rig.cameras[0].cam_from_world)
        true = camera.cam_from_world @ np.linalg.inv(RIG.cameras[0].cam_from_world)
        turn_std, place_std = solution.camera_std[camera.name]
        assert np.degrees(np.linalg.norm(found[:3, :3] - true[:3, :3])) / np.sqrt(2) <= 4 * turn_std + 1e-9
        gap = found[:3, :3].T @ found[:3, 3] - true[:3, :3].T @ true[:3, 3]
        assert np.linalg.norm(gap) <= 4 * place_std + 1e-9
        assert abs(solution.fits[camera.name].rms_px - 0.1 * np.sqrt(2)) < 0.02
    assert abs(solution.scale_bias) < 1e-3
    assert solution.board_rms_m < 1e-3
    assert (solution.overlap == solution.overlap.T).all()
    up = solution.rig.cameras[1].R.T @ RIG.cameras[1].R @ [0, 0, 1]
    assert up[2] > np.cos(np.radians(3))  # a guess: pictures are upright on average


def test_lenses_that_are_a_little_off_are_refined():
    off = [replace(c, K=c.K * np.array([[1.003, 1, 1], [1, 1.003, 1], [1, 1, 1]])) for c in RIG.cameras]
    sightings = [*shown(0.05), *close_ups(RIG, 20, 0.05)]
    solution = solve_extrinsics(BOARD, sightings, off, refine_intrinsics=True, floor_t_ns=FLOOR_NS)
    for found, true in zip(solution.rig.cameras, RIG.cameras, strict=True):
        assert abs(found.focal_px / true.focal_px - 1) < 1e-3
    assert gaps(solution.rig)[0] < 0.1
    assert gaps(solution.rig)[1] < 5


def test_a_camera_that_saw_something_else_at_times_does_little():
    mixed = [
        replace(s, xy=s.xy[::-1]) if s.camera == "cam1" and k % 9 == 0 else s
        for k, s in enumerate(shown(0.1))
    ]
    solution = solve_extrinsics(BOARD, mixed, RIG.cameras, floor_t_ns=FLOOR_NS)
    assert solution.fits["cam1"].left_out > 20
    assert gaps(solution.rig)[1] < 5


def test_cameras_without_common_instants_are_named_in_groups():
    late = [replace(s, t_ns=s.t_ns + 7) if s.camera in ("cam2", "cam3") else s for s in shown(0.0)]
    with pytest.raises(CalibrationError, match=r"2 groups .*\(cam0, cam1 \| cam2, cam3\)"):
        solve_extrinsics(BOARD, late, RIG.cameras)


def test_a_camera_that_never_saw_the_board():
    with pytest.raises(CalibrationError, match="'cam3' never saw the board"):
        solve_extrinsics(BOARD, [s for s in shown(0.0) if s.camera != "cam3"], RIG.cameras)


def test_questions_that_have_no_answer():
    with pytest.raises(CalibrationError, match="name two cameras"):
        solve_extrinsics(BOARD, shown(0.0), RIG.cameras[:1])
    with pytest.raises(CalibrationError, match="looks the same turned round"):
        solve_extrinsics(Board("chessboard", 8, 6, 0.05), shown(0.0), RIG.cameras)
    with pytest.raises(CalibrationError, match="no camera saw the board on the floor"):
        solve_extrinsics(BOARD, shown(0.0), RIG.cameras, floor_t_ns=FLOOR_NS // 2)
    with pytest.raises(CalibrationError, match="two sightings at"):
        solve_extrinsics(BOARD, [*shown(0.0), shown(0.0)[0]], RIG.cameras)
