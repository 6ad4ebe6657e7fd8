"""Rendered boards show their corners where the camera projects them; from behind, the paper is blank."""

import numpy as np
from boards import BOARD, corner_rig

from posecap.training.synthetic_board_path import BoardPath, held_before
from posecap.training.synthetic_board_picture import BoardPictures

CAMERA = corner_rig().cameras[1].scaled((640, 360))


def test_corners_are_where_the_camera_projects_them():
    grey = np.full((360, 640), 110, dtype=np.uint8)
    pictures, gaps = BoardPictures(BOARD, CAMERA, grey, samples=3), []
    for pose in held_before(CAMERA, BOARD, 4, tilt_deg=30):
        seen = BOARD.detect(pictures.draw(pose))
        assert seen is not None
        true = CAMERA.project(BOARD.points_m @ pose[:3, :3].T + pose[:3, 3])
        gaps.append(seen.xy - true[seen.ids])
    gap = np.concatenate(gaps)
    assert np.sqrt((gap**2).sum(axis=1).mean()) < 0.12
    assert np.abs(gap.mean(axis=0)).max() < 0.02  # a picture shifted by half a pixel or a sample would show


def test_the_back_is_blank_and_nothing_is_drawn_beside_the_paper():
    grey = np.full((360, 640), 110, dtype=np.uint8)
    pictures = BoardPictures(BOARD, CAMERA, grey, samples=2)
    pose = held_before(CAMERA, BOARD, 1)[0]
    behind = pose @ np.diag([1.0, -1.0, -1.0, 1.0])
    picture = pictures.draw(behind, blur_px=0, noise=0)
    assert set(np.unique(picture)) <= set(range(110, 236))
    away = pose.copy()
    away[:3, 3] += 50
    assert (pictures.draw(away, blur_px=0, noise=0) == 110).all()


def test_paths_repeat_and_are_rigid():
    poses = np.stack([BoardPath().world_from_board(BOARD, at_s) for at_s in (0.0, 3.3, 9.1)])
    turns = poses[:, :3, :3]
    np.testing.assert_allclose(turns @ turns.transpose(0, 2, 1), np.tile(np.eye(3), (3, 1, 1)), atol=1e-9)
    middle = poses @ np.array([*(side / 2 for side in BOARD.size_m), 0.0, 1.0])
    assert (middle[:, 2] > 0.3).all()
    assert (middle[:, 2] < 2.2).all()
    assert (poses[:, 2, 2] < 0).all()  # it leans back: the print looks up
