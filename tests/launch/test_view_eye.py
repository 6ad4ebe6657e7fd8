"""The default view shows the whole rig beside the panel, whatever the rig looks like."""

import numpy as np
import pytest
from scene import look_at, ring_rig

from posecap.calib.rig import Rig
from posecap.launch.view_eye import framing

SIZE_PX, FREE_PX = (1280, 720), 1016


def one_sided() -> Rig:
    """Three cameras side by side that look the same way."""
    return Rig(
        tuple(
            look_at(f"c{x}", np.array([x, -5.0, 1.5]), np.array([x, 0.0, 1.5]), 900.0, (640, 480))
            for x in (-1.0, 0.0, 1.0)
        )
    )


@pytest.mark.parametrize("rig", [ring_rig(2), ring_rig(4), ring_rig(12, radius_m=9.0), one_sided(), None])
def test_all_cameras_and_the_room_between_them_are_in_the_free_part(rig):
    view = framing(rig, SIZE_PX, FREE_PX)
    eye = view.eye(SIZE_PX)
    middle = np.array([[*view.floor_centre, 0.0], [*view.floor_centre, 1.8]])
    shown = middle if rig is None else np.concatenate([middle, [camera.centre for camera in rig.cameras]])
    xy = eye.project(shown)
    assert (xy > 0).all()
    assert (xy < (FREE_PX, SIZE_PX[1])).all()
    R = eye.eye_from_world[:3, :3]
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(R) == pytest.approx(1)
    assert eye.centre[2] > 0


def test_a_ring_is_looked_at_through_a_gap():
    rig = ring_rig(4)
    azimuth = np.arctan2(*framing(rig, SIZE_PX, FREE_PX).back[1::-1])
    cameras = [np.arctan2(camera.centre[1], camera.centre[0]) for camera in rig.cameras]
    away = np.abs((np.array(cameras) - azimuth + np.pi) % (2 * np.pi) - np.pi)
    assert away.min() == pytest.approx(np.pi / 4, abs=0.02)


def test_lifted_points_project_back():
    eye = framing(ring_rig(4), SIZE_PX, FREE_PX).eye(SIZE_PX)
    pixels = np.array([(0.0, 0.0), (1279.0, 10.0), (640.0, 719.0)])
    np.testing.assert_allclose(eye.project(eye.lifted(pixels, 0.2)), pixels, atol=1e-6)
    assert np.isnan(eye.project(eye.lifted(pixels, -0.2))).all()
