"""One board before one camera, and cameras linked by boards: the true pose is among those returned."""

import numpy as np
import pytest
from boards import BOARD, carried, corner_rig, sighting_of

from posecap.calib.board import Sighting
from posecap.calib.board_errors import board_errors
from posecap.calib.board_pose import board_poses, says_something
from posecap.calib.camera_links import linked_poses
from posecap.calib.errors import CalibrationError
from posecap.calib.inliers import observations_of, thinned
from posecap.training.synthetic_board_path import held_before

RIG = corner_rig()


def test_the_true_pose_comes_first_where_the_board_is_close():
    camera = RIG.cameras[0]
    for pose in held_before(camera, BOARD, 12):
        seen = sighting_of(camera, BOARD, pose)
        if seen is None:
            continue
        found, rms_px = board_poses(BOARD, seen, camera)[0]
        np.testing.assert_allclose(found, camera.cam_from_world @ pose, atol=1e-5)
        assert rms_px < 1e-3


def test_too_few_corners_and_corners_on_a_line_have_no_pose():
    camera = RIG.cameras[0]
    seen = next(s for p in held_before(camera, BOARD, 9) if (s := sighting_of(camera, BOARD, p)) is not None)
    few = Sighting(seen.camera, 0, seen.ids[:4], seen.xy[:4])
    line = seen.ids % 6 == seen.ids[0] % 6
    assert says_something(BOARD, seen)
    assert board_poses(BOARD, few, camera) == []
    assert board_poses(BOARD, Sighting(seen.camera, 0, seen.ids[line], seen.xy[line]), camera) == []


def test_cameras_are_linked_although_every_board_has_two_poses():
    instants, _ = carried(RIG, 40, 2, 0.3)
    candidates = [
        {RIG.index(s.camera): board_poses(BOARD, s, RIG.cameras[RIG.index(s.camera)])[::-1] for s in row}
        for row in instants
    ]  # the worse one first: the order must not matter
    poses = linked_poses(RIG.names, [{k: p for k, p in row.items() if p} for row in candidates])
    base = np.linalg.inv(RIG.cameras[0].cam_from_world)
    for found, camera in zip(poses, RIG.cameras, strict=True):
        true = camera.cam_from_world @ base
        assert np.degrees(np.linalg.norm(found[:3, :3] - true[:3, :3])) / np.sqrt(2) < 3
        assert np.linalg.norm(found[:3, 3] - true[:3, 3]) < 0.3


def test_two_common_instants_are_not_enough():
    instants, _ = carried(RIG, 40, 2)
    both = [row for row in instants if {"cam0", "cam1"} <= {s.camera for s in row}]
    candidates = [
        {k: board_poses(BOARD, s, RIG.cameras[k]) for s in row if (k := RIG.index(s.camera)) < 2}
        for row in both
    ]
    assert linked_poses(RIG.names[:2], candidates[:3]).shape == (2, 4, 4)
    with pytest.raises(CalibrationError, match=r"\(cam0 \| cam1\)"):
        linked_poses(RIG.names[:2], candidates[:2])


def test_distances_on_a_board_of_another_size():
    instants, _ = carried(RIG, 20, 2)
    sightings = [s for row in instants for s in row]
    target = [k for k, row in enumerate(instants) for _ in row]
    errors, printed = board_errors(RIG.cameras, observations_of(BOARD, sightings, RIG.names, target))
    assert np.abs(errors).max() < 1e-6
    larger = type(BOARD)("charuco", 7, 5, 0.0808, 0.06, "DICT_5X5_50")  # in truth one percent smaller
    errors, printed = board_errors(RIG.cameras, observations_of(larger, sightings, RIG.names, target))
    np.testing.assert_allclose(errors / printed, -0.0099, atol=1e-4)


def test_thinned_keeps_the_ends_and_the_order():
    assert thinned(range(5), 9) == [0, 1, 2, 3, 4]
    assert thinned(range(101), 5) == [0, 25, 50, 75, 100]
