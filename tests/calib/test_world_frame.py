"""World frames: the same rig from the board on the floor, from gravity, from points of the floor."""

import numpy as np
import pytest
from boards import corner_rig

from posecap.calib.errors import CalibrationError
from posecap.calib.rigid import inverse_of, mean_pose, turned_upright
from posecap.calib.rotation import rotation_of
from posecap.calib.world_frame import (
    from_board_on_floor,
    from_floor_points,
    from_gravity,
    from_upright_pictures,
    resting_pose,
    rig_in,
)

RIG = corner_rig()
ANYHOW = np.eye(4)
ANYHOW[:3, :3] = rotation_of([0.4, -1.1, 0.6])
ANYHOW[:3, 3] = (3, -2, 5)
MOVED = rig_in(RIG, ANYHOW)  # where a solve may well put it


def same(found, expected=RIG, atol=1e-9):
    for a, b in zip(found.cameras, expected.cameras, strict=True):
        np.testing.assert_allclose(a.cam_from_world, b.cam_from_world, atol=atol)


def test_there_and_back():
    same(rig_in(MOVED, inverse_of(ANYHOW)))


def test_board_on_the_floor():
    board = ANYHOW @ np.diag([1.0, -1.0, -1.0, 1.0])
    same(rig_in(MOVED, from_board_on_floor(board, MOVED)))
    thick = rig_in(MOVED, from_board_on_floor(board, MOVED, 0.02))
    np.testing.assert_allclose(thick.cameras[0].centre - RIG.cameras[0].centre, (0, 0, 0.02), atol=1e-9)
    with pytest.raises(CalibrationError, match="print up"):
        from_board_on_floor(ANYHOW, MOVED)


def test_gravity_of_the_cameras():
    down = {camera.name: camera.R @ [0, 0, -9.81] for camera in RIG.cameras}
    level = rig_in(MOVED, from_gravity(MOVED, down))
    for a, b in zip(level.cameras, RIG.cameras, strict=True):
        np.testing.assert_allclose(a.R @ [0, 0, 1], b.R @ [0, 0, 1], atol=1e-9)
    one = rig_in(MOVED, from_gravity(MOVED, {"cam2": down["cam2"]}))
    np.testing.assert_allclose(one.cameras[0].R[:, 2], RIG.cameras[0].R[:, 2], atol=1e-9)
    with pytest.raises(CalibrationError, match="is the direction that of the camera"):
        from_gravity(MOVED, down | {"cam1": -down["cam1"]})
    with pytest.raises(CalibrationError, match="not all 0"):
        from_gravity(MOVED, {"cam1": np.zeros(3)})
    with pytest.raises(CalibrationError, match="no camera has a direction"):
        from_gravity(MOVED, {})


def test_floor_under_feet():
    rng = np.random.default_rng(0)
    feet = np.column_stack([rng.uniform(-2, 2, (200, 2)), rng.normal(0, 0.003, 200)])
    feet[:20, 2] += rng.uniform(0.1, 0.5, 20)  # lifted
    feet[5] = np.nan
    seen = feet @ ANYHOW[:3, :3].T + ANYHOW[:3, 3]
    new = from_floor_points(seen, ANYHOW[:3, :3] @ [0.2, 0.1, 1])
    back = new @ ANYHOW
    assert np.degrees(np.arccos(back[2, 2])) < 0.1
    assert abs(back[2, 3]) < 2e-3
    with pytest.raises(CalibrationError, match="walk around"):
        from_floor_points(seen[:5], np.array([0, 0, 1.0]))
    with pytest.raises(CalibrationError, match="along a line"):
        from_floor_points(seen * [1, 0, 0] + rng.normal(0, 1e-3, seen.shape), np.array([0, 0, 1.0]))


def test_upright_pictures_are_a_guess():
    level = rig_in(MOVED, from_upright_pictures(MOVED))
    up = level.cameras[1].R.T @ RIG.cameras[1].R @ [0, 0, 1]
    assert up[2] > np.cos(np.radians(3))
    np.testing.assert_allclose(level.cameras[0].centre, 0, atol=1e-9)
    ahead = level.cameras[0].R[2]
    assert ahead[1] > 0
    assert abs(ahead[0]) < 1e-9


def test_a_board_at_rest_is_averaged_over_its_instants():
    poses = np.tile(ANYHOW, (5, 1, 1))
    poses[1:4, 0, 3] += (0.001, -0.001, 0.002)
    poses[4, 0, 3] += 1
    np.testing.assert_allclose(resting_pose(poses, 0)[:3, 3], ANYHOW[:3, 3] + (0.0005, 0, 0), atol=1e-9)


@pytest.mark.parametrize("up", [(0, 0, 1), (0, 0, -1), (1, 2, -3), (0, -1, 0)])
def test_turned_upright(up):
    turn = turned_upright(np.array(up, dtype=float))
    np.testing.assert_allclose(turn[:3, :3] @ up / np.linalg.norm(up), (0, 0, 1), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1)


def test_mean_of_poses():
    turns = [rotation_of([0, 0, angle]) for angle in (-0.1, 0.1)]
    poses = np.tile(np.eye(4), (2, 1, 1))
    poses[:, :3, :3] = turns
    np.testing.assert_allclose(mean_pose(poses), np.eye(4), atol=1e-12)
