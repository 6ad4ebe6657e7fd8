"""Lens models against OpenCV, against their own inverse, and beyond the radius where they end."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from posecap.calib.distortion import distort, lens_limit, undistort

BROWN = (-0.2, 0.22, -0.0008, 0.0006, -0.004)
BARREL = (-0.33, 0.0, 0.0, 0.0, 0.0)  # one coefficient, as FreeMoCap writes; turns back near radius 1
FISHEYE = (0.05, -0.01, 0.002, -0.001)

radial = st.floats(-0.6, 0.6)
small = st.floats(-0.003, 0.003)
brown = st.tuples(radial, radial, small, small, st.floats(-0.3, 0.3)).map(np.array)
fisheye = st.tuples(*[st.floats(-0.1, 0.1)] * 4).map(np.array)


def disk(radius: float, count: int = 200, seed: int = 0) -> NDArray[np.float64]:
    """(count, 2) points in a disk, with its centre."""
    rng = np.random.default_rng(seed)
    r, angle = radius * np.sqrt(rng.random(count)), rng.uniform(0, 2 * np.pi, count)
    points = np.stack([r * np.cos(angle), r * np.sin(angle)], axis=-1)
    points[0] = 0
    return points


def opencv(points: NDArray, coefficients: NDArray) -> NDArray[np.float64]:
    local = np.concatenate([points, np.ones((len(points), 1))], axis=1)
    if len(coefficients) == 4:
        return cv2.fisheye.projectPoints(local[:, None], np.zeros(3), np.zeros(3), np.eye(3), coefficients)[
            0
        ][:, 0]
    return cv2.projectPoints(local, np.zeros(3), np.zeros(3), np.eye(3), coefficients)[0][:, 0]


@given(brown)
@settings(max_examples=100, deadline=None)
def test_brown_bends_as_opencv(coefficients: NDArray) -> None:
    points = disk(0.999 * min(lens_limit(coefficients), 2.0))
    np.testing.assert_allclose(distort(points, coefficients), opencv(points, coefficients), atol=1e-12)


@given(fisheye)
@settings(max_examples=100, deadline=None)
def test_fisheye_bends_as_opencv(coefficients: NDArray) -> None:
    points = disk(0.999 * min(lens_limit(coefficients), 10.0))
    np.testing.assert_allclose(distort(points, coefficients), opencv(points, coefficients), atol=1e-12)


@given(brown)
@settings(max_examples=300, deadline=None)
def test_undistort_is_the_inverse_of_brown(coefficients: NDArray) -> None:
    points = disk(0.9 * min(lens_limit(coefficients), 2.0))
    np.testing.assert_allclose(undistort(distort(points, coefficients), coefficients), points, atol=1e-7)


@given(fisheye)
@settings(max_examples=300, deadline=None)
def test_undistort_is_the_inverse_of_fisheye(coefficients: NDArray) -> None:
    points = disk(np.tan(0.9 * np.arctan(lens_limit(coefficients))))
    np.testing.assert_allclose(
        undistort(distort(points, coefficients), coefficients), points, rtol=1e-6, atol=1e-7
    )


@pytest.mark.parametrize("coefficients", [BROWN, BARREL, FISHEYE, (0.18, -0.256, 0.0032, 0.0022, 0.124)])
def test_opencv_bends_the_undistorted_point_back(coefficients: tuple[float, ...]) -> None:
    bent = disk(0.6)
    free = undistort(bent, np.array(coefficients))
    np.testing.assert_allclose(opencv(free, np.array(coefficients)), bent, atol=1e-9)


def test_the_limit_is_where_the_bent_radius_is_largest() -> None:
    limit = lens_limit(np.array(BARREL))
    assert limit == pytest.approx(np.sqrt(1 / (3 * 0.33)))
    radius = np.linspace(0, 2 * limit, 10_001)
    bent = radius * (1 - 0.33 * radius**2)
    assert radius[np.argmax(bent)] == pytest.approx(limit, abs=1e-3)


def test_a_slope_that_recovers_after_the_first_turn_is_still_beyond_the_limit() -> None:
    """k1 bends back at 0.78, k2 forward again further out: only what is before the first turn is a picture."""
    coefficients = np.array([-0.8, 0.25, 0.0, 0.0, 0.0])
    limit = lens_limit(coefficients)
    far = np.array([[1.8, 0.0]])
    assert 1 - 2.4 * 1.8**2 + 1.25 * 1.8**4 > 0
    assert limit == pytest.approx(0.7818, abs=1e-3)
    assert np.isnan(distort(far, coefficients)).all()


@pytest.mark.parametrize("coefficients", [np.zeros(5), np.array([0.1, 0.05, 0, 0, 0.01]), np.zeros(4)])
def test_lenses_without_a_limit(coefficients: NDArray) -> None:
    assert lens_limit(coefficients) == np.inf


def test_beyond_the_limit_there_is_no_point() -> None:
    coefficients = np.array(BARREL)
    outside = np.array([[1.2, 0.0], [0.0, -3.0], [0.9, 0.9]])  # the first would come out at 0.63, well inside
    assert np.isnan(distort(outside, coefficients)).all()
    highest = 2 / 3 * lens_limit(coefficients)  # of the bent radius
    assert np.isnan(undistort(np.array([[1.01 * highest, 0.0], [0.0, 5.0]]), coefficients)).all()
    roots = undistort(np.array([[0.99 * highest, 0.0]]), coefficients)
    assert 0 < roots[0, 0] < lens_limit(coefficients)


def test_fisheye_beyond_its_limit_there_is_no_point() -> None:
    coefficients = np.array([-0.25, 0.0, 0.0, 0.0])
    limit = np.arctan(lens_limit(coefficients))
    assert limit == pytest.approx(np.sqrt(1 / 0.75))
    assert np.isnan(distort(np.array([[np.tan(limit + 0.05), 0.0]]), coefficients)).all()
    highest = 2 / 3 * limit
    assert np.isnan(undistort(np.array([[highest + 0.01, 0.0]]), coefficients)).all()
    assert np.isfinite(undistort(np.array([[highest - 0.01, 0.0]]), coefficients)).all()


def test_a_fisheye_of_zeros_is_no_pinhole() -> None:
    """OpenCV's fisheye model with four zeros is equidistant: the bent radius is the angle."""
    np.testing.assert_allclose(distort(np.array([[1.0, 0.0]]), np.zeros(4)), [[np.pi / 4, 0.0]])
    np.testing.assert_allclose(undistort(np.array([[np.pi / 4, 0.0]]), np.zeros(4)), [[1.0, 0.0]])


@pytest.mark.parametrize("coefficients", [np.zeros(5), np.array(BROWN), np.array(BARREL), np.array(FISHEYE)])
def test_nan_stays_nan_and_shapes_stay(coefficients: NDArray) -> None:
    points = np.full((2, 3, 2), 0.1)
    points[0, 1] = np.nan
    for result in (distort(points, coefficients), undistort(points, coefficients)):
        assert result.shape == points.shape
        assert np.isnan(result[0, 1]).all()
        assert np.isfinite(result).sum() == 10
        assert np.isnan(result[0, 1]).all()
    assert undistort(np.empty((0, 2)), coefficients).shape == (0, 2)
    assert np.isnan(undistort(np.full((3, 2), np.nan), coefficients)).all()
    one = np.array([0.3, -0.2])
    np.testing.assert_allclose(undistort(distort(one, coefficients), coefficients), one, atol=1e-9)
