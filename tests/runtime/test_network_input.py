"""Pictures and cameras of multi-view networks: a point of the world lies where the crop's projection says."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scene import ring_rig

from posecap.calib.rig import Rig
from posecap.capture.frame import Frame, FrameSet
from posecap.models.joints import COCO_17
from posecap.models.networks import network
from posecap.runtime.network_input import network_input, network_root
from posecap.runtime.pinhole_views import PinholeViews

POINT = np.array([0.2, -0.1, 1.1])


def _dots(rig: Rig, point: NDArray[np.float64] = POINT) -> FrameSet:
    """A white dot where each camera sees `point`, lens included."""
    frames = []
    for camera in rig.cameras:
        image = np.zeros((camera.size_px[1], camera.size_px[0], 3), np.uint8)
        x, y = camera.project(point)
        cv2.circle(image, (round(16 * x), round(16 * y)), 16 * 8, (255, 255, 255), -1, cv2.LINE_AA, shift=4)
        frames.append(Frame(camera.name, 0, 0, image))
    return FrameSet(0, 0, tuple(frames))


def _centre(picture: NDArray[np.float32]) -> NDArray[np.float64]:
    """Column and row of what is not black in a picture (3, height, width)."""
    shown = (picture - picture[:, :1, :1]).sum(0).astype(float)
    rows, columns = np.mgrid[: shown.shape[0], : shown.shape[1]]
    return np.array([(shown * columns).sum(), (shown * rows).sum()]) / shown.sum()


@pytest.mark.parametrize("name", ["cross-view-resnet-50", "canonical-fusion", "two-stage-vgg"])
@pytest.mark.parametrize("preset", ["compat", "clean"])
def test_a_dot_lies_where_the_projection_says(name, preset) -> None:
    rig = ring_rig(3)
    assert all(camera.distortion.any() for camera in rig.cameras)
    straight = PinholeViews(rig)
    spec = network(name, preset)
    root = np.array([[0.0, 0.0, 0.95]])
    given = network_input(straight.rig, straight.straight(_dots(rig)), spec, root)
    for view, picture in enumerate(given.pictures[0]):
        seen = _centre(picture)
        uvw = given.projections[0, view] @ np.append(POINT, 1.0)
        np.testing.assert_allclose(seen, uvw[:2] / uvw[2], atol=0.15)
        there = given.in_image(np.tile(seen, (1, 3, 1, 1)))[0, view, 0]
        np.testing.assert_allclose(there, straight.rig.cameras[view].project(POINT), atol=0.5)


def test_what_a_lens_would_cost() -> None:
    """With the distortion left in, the dot lies a pixel of the crop, 8 mm, beside its projection."""
    rig = ring_rig(3)
    straight, frame_set = PinholeViews(rig), _dots(rig, np.array([0.2, -0.1, 2.1]))
    off = []
    for shown in (frame_set, straight.straight(frame_set)):
        given = network_input(straight.rig, shown, network("canonical-fusion"), np.array([[0.0, 0.0, 1.4]]))
        uvw = given.projections[0] @ (0.2, -0.1, 2.1, 1.0)
        off.append(np.linalg.norm(_centre(given.pictures[0, 0]) - (uvw[:, :2] / uvw[:, 2:])[0]))
    assert off[0] > 0.5
    assert off[1] < 0.15


def test_whole_pictures_keep_their_shape_in_the_clean_preset() -> None:
    rig = ring_rig(2).resized("cam00", (1600, 900))
    white = (
        Frame(one.name, 0, 0, np.full((one.size_px[1], one.size_px[0], 3), 255, np.uint8))
        for one in rig.cameras
    )
    frame_set = FrameSet(0, 0, tuple(white))
    pinholes = Rig(tuple(replace(camera, distortion=np.zeros(5)) for camera in rig.cameras))
    for preset, rows in (("clean", 225), ("compat", 400)):
        given = network_input(pinholes, frame_set, network("two-stage-vgg", preset), np.zeros((1, 3)))
        shown = given.pictures[0, 0, 0] > 0
        assert shown.any(0).all()
        assert shown.any(1).sum() == pytest.approx(rows, abs=1)


def test_the_place_of_a_person() -> None:
    xyz = np.full((2, 17, 3), np.nan)
    for joint, place in (
        ("left_hip", 0.1),
        ("right_hip", -0.1),
        ("left_shoulder", 0.2),
        ("right_shoulder", -0.2),
    ):
        xyz[0, COCO_17.index(joint)] = (place, 0.0, 1.4 if "shoulder" in joint else 1.0)
    hips = network_root(network("canonical-fusion"), COCO_17, xyz)
    np.testing.assert_allclose(hips[0], (0, 0, 1.0), atol=1e-12)
    assert np.isnan(hips[1]).all()
    chest = network_root(network("two-stage-vgg"), COCO_17, xyz)
    np.testing.assert_allclose(chest[0], (0, 0, 1.3), atol=1e-12)
