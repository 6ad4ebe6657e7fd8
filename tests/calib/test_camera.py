"""A camera against OpenCV, its crops and scales against itself, and everything that is no camera."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.errors import CalibrationError

BROWN = np.array([-0.2, 0.22, -0.0008, 0.0006, -0.004])
FISHEYE = np.array([0.05, -0.01, 0.002, -0.001])
K = np.array([[700.0, 0.0, 330.5], [0.0, 690.0, 235.25], [0.0, 0.0, 1.0]])

SKEW = np.array([[0.0, 1.5, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])


def camera(distortion: NDArray = BROWN, rotation: tuple[float, ...] = (0.3, -0.4, 0.2)) -> Camera:
    cam_from_world = np.eye(4)
    cam_from_world[:3, :3] = cv2.Rodrigues(np.array(rotation))[0]
    cam_from_world[:3, 3] = (0.2, -0.1, 4.0)
    return Camera("side", (640, 480), K, distortion, cam_from_world)


def in_front(seed: int, count: int = 50) -> NDArray[np.float64]:
    return np.random.default_rng(seed).uniform(-1.5, 1.5, (count, 3))


rotations = st.tuples(*[st.floats(-np.pi, np.pi)] * 3)


@given(rotations, st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_projects_as_opencv(rotation: tuple[float, ...], seed: int) -> None:
    brown, fisheye = camera(BROWN, rotation), camera(FISHEYE, rotation)
    points = in_front(seed)
    rotation_vector = np.array(rotation)
    expected = cv2.projectPoints(points, rotation_vector, brown.t.copy(), K, BROWN)[0][:, 0]
    np.testing.assert_allclose(brown.project(points), expected, atol=1e-8)
    expected = cv2.fisheye.projectPoints(points[:, None], rotation_vector, fisheye.t.copy(), K, FISHEYE)[0][
        :, 0
    ]
    np.testing.assert_allclose(fisheye.project(points), expected, atol=1e-8)


@pytest.mark.parametrize("distortion", [np.zeros(5), BROWN, FISHEYE])
def test_pixels_go_back_along_their_rays(distortion: NDArray) -> None:
    side = replace(camera(distortion), K=K + SKEW)  # skewed too
    points = in_front(0)
    local = side.in_camera(points)
    np.testing.assert_allclose(side.undistorted(side.project(points)), local[:, :2] / local[:, 2:], atol=1e-9)
    assert side.project(points.reshape(5, 10, 3)).shape == (5, 10, 2)
    assert side.undistorted(side.project(points[0])).shape == (2,)


def test_the_centre_is_where_the_camera_stands() -> None:
    side = camera()
    assert np.abs(side.in_camera(side.centre)).max() < 1e-12
    assert side.focal_px == 695.0


@given(st.integers(-50, 300), st.integers(-50, 300), st.integers(1, 300), st.integers(0, 100))
@settings(max_examples=40, deadline=None)
def test_a_window_is_the_picture_moved(x: int, y: int, size: int, seed: int) -> None:
    side = camera()
    points = in_front(seed, 10)
    window = side.cropped(x, y, (size, size + 1))
    np.testing.assert_allclose(window.project(points), side.project(points) - (x, y), atol=1e-9)
    assert window.size_px == (size, size + 1)
    assert side.size_px == (640, 480)  # a new camera, the old one as it was


@given(st.integers(16, 2000), st.integers(16, 2000), st.integers(0, 100))
@settings(max_examples=40, deadline=None)
def test_a_scaled_picture_keeps_its_borders(width: int, height: int, seed: int) -> None:
    """Pixel (0, 0) is a centre, so borders are at -0.5 and size - 0.5 and map onto each other."""
    side = camera()
    points = in_front(seed, 10)
    scale = np.array([width / 640, height / 480])
    small = side.scaled((width, height)).project(points)
    np.testing.assert_allclose(small + 0.5, (side.project(points) + 0.5) * scale, atol=1e-8)


def test_scaling_agrees_with_the_picture_opencv_resizes() -> None:
    side = camera(np.zeros(5))
    image = np.zeros((480, 640), dtype=np.float32)
    row, column = np.mgrid[:480, :640]
    blob = side.project(np.array([0.1, 0.05, 0.0]))
    image[:] = np.exp(-((column - blob[0]) ** 2 + (row - blob[1]) ** 2) / (2 * 8.0**2))
    small = cv2.resize(image, (320, 240), interpolation=cv2.INTER_AREA)
    row, column = np.mgrid[:240, :320]
    found = np.array([(column * small).sum(), (row * small).sum()]) / small.sum()
    np.testing.assert_allclose(side.scaled((320, 240)).project(np.array([0.1, 0.05, 0.0])), found, atol=0.01)


def test_points_without_a_pixel() -> None:
    side = camera()
    behind = side.R.T @ (np.array([0.1, 0.1, -2.0]) - side.t)
    assert np.isnan(side.project(np.stack([behind, [np.nan] * 3]))).all()
    assert np.isnan(side.undistorted(np.array([[np.nan, 3.0]]))).all()


def test_points_far_aside_are_not_drawn_into_the_picture() -> None:
    """A barrel lens fitted inside the picture: at 50 degrees its polynomial has come back to the middle third."""
    side = replace(camera(np.array([-0.33, 0.0, 0.0, 0.0, 0.0])), cam_from_world=np.eye(4))
    aside = np.array([[1.7, 0.0, 1.0]])
    folded = cv2.projectPoints(aside, np.zeros(3), np.zeros(3), K, side.distortion)[0][0, 0]
    assert 0 < folded[0] < 640
    assert np.isnan(side.project(aside)).all()


def test_arrays_are_read_only_and_ours() -> None:
    given_K = K.copy()
    side = Camera("side", (640, 480), given_K, BROWN, np.eye(4))
    given_K[0, 0] = 1.0
    assert side.K[0, 0] == 700.0
    with pytest.raises(ValueError, match="read-only"):
        side.K[0, 0] = 2.0


def turned(angle: float, scale: float = 1.0) -> NDArray[np.float64]:
    matrix = np.eye(4)
    matrix[:2, :2] = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return matrix


WRONG = {
    "empty name": ({"name": " "}, "camera name ' '"),
    "slash in name": (
        {"name": "a/b"},
        "camera name 'a/b': expected 1 to 64 printable characters without a slash",
    ),
    "line break in name": ({"name": "a\nb"}, "camera name"),
    "long name": ({"name": "a" * 65}, "rename the camera"),
    "no size": ({"size_px": (0, 480)}, r"'side': size_px is \(0, 480\), expected \[width, height\]"),
    "half a pixel": ({"size_px": (640.5, 480)}, "whole pixels above 0"),
    "three sizes": ({"size_px": (640, 480, 3)}, "whole pixels above 0"),
    "flat K": ({"K": np.ones(9)}, r"'side': K has shape \(9,\), expected \(3, 3\)"),
    "text in K": ({"K": [["a"] * 3] * 3}, r"K is no array of numbers of shape \(3, 3\)"),
    "ragged K": ({"K": [[1, 2], [3]]}, "K is no array of numbers"),
    "NaN in K": ({"K": np.full((3, 3), np.nan)}, "K contains NaN or infinity"),
    "K of zeros": ({"K": np.diag([0.0, 0, 1])}, "focal lengths are 0 and 0 px, expected above 0"),
    "transposed K": ({"K": K.T}, "K is not .*: is it transposed"),
    "distortion of 8": ({"distortion": np.zeros(8)}, "distortion has 8 values, expected 5 .* or 4 .fisheye."),
    "no distortion": ({"distortion": []}, "distortion has 0 values"),
    "3 x 4 pose": ({"cam_from_world": np.eye(4)[:3]}, r"cam_from_world has shape \(3, 4\)"),
    "scaled pose": (
        {"cam_from_world": turned(0.1, 1.1)},
        r"'side': cam_from_world is not rigid \(det 1.2100",
    ),
    "mirrored pose": ({"cam_from_world": np.diag([-1.0, 1, 1, 1])}, r"not rigid \(det -1.0000"),
    "transposed pose": ({"cam_from_world": (turned(0.1) + np.eye(4, k=3)).T}, "last row .* is it transposed"),
    "infinite pose": (
        {"cam_from_world": np.diag([np.inf, 1, 1, 1])},
        "cam_from_world contains NaN or infinity",
    ),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_camera_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(CalibrationError, match=message) as caught:
        replace(camera(), **change)
    assert str(caught.value).count("\n") == 0


def test_numpy_integers_are_fine_as_a_size() -> None:
    side = replace(camera(), size_px=tuple(np.array([640, 480])))
    assert side.size_px == (640, 480)
    assert type(side.size_px[0]) is int


def test_numbers_whose_squares_are_none_are_refused() -> None:
    pose = np.eye(4)
    pose[0, 3] = 1e200
    with pytest.raises(CalibrationError, match=r"cam_from_world contains numbers above 1e\+12"):
        Camera("a", (640, 480), np.diag([500.0, 500, 1]), np.zeros(5), pose)
    with pytest.raises(CalibrationError, match=r"expected \[width, height\] in whole pixels"):
        Camera("a", (float("inf"), 480), np.diag([500.0, 500, 1]), np.zeros(5), np.eye(4))  # pyright: ignore[reportArgumentType]
