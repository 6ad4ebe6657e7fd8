"""Derivatives of the projection against central differences of `Camera.project`."""

from dataclasses import replace

import numpy as np
import pytest

from posecap.calib.camera_change import changed
from posecap.calib.lens_derivatives import CAMERA_PARAMETERS, parameter_names, seen_with_derivatives
from posecap.training.synthetic_rigs import studio_4

BROWN = studio_4().cameras[0]
FISHEYE = replace(BROWN, distortion=np.array([0.02, -0.01, 0.003, -0.001]))
POINTS = np.random.default_rng(0).uniform(-1, 1, (6, 3)) + np.array([0, 0, 1])


@pytest.mark.parametrize("camera", [BROWN, FISHEYE])
def test_by_each_parameter_of_the_camera(camera):
    pixels, by_camera, _ = seen_with_derivatives(camera, POINTS)
    np.testing.assert_allclose(pixels, camera.project(POINTS), atol=1e-9)
    for k, name in enumerate(parameter_names(camera)):
        step = np.zeros(CAMERA_PARAMETERS)
        step[k] = 1e-3 if name in ("fx", "fy", "cx", "cy") else 1e-5
        there, back = changed(camera, step).project(POINTS), changed(camera, -step).project(POINTS)
        expected = (there - back) / (2 * step[k]) if name else 0 * there
        assert np.abs(by_camera[:, :, k] - expected).max() < 1e-6 * max(1, np.abs(expected).max()), name


@pytest.mark.parametrize("camera", [BROWN, FISHEYE])
def test_by_the_point(camera):
    _, _, by_point = seen_with_derivatives(camera, POINTS)
    for axis, step in enumerate(1e-5 * np.eye(3)):
        expected = (camera.project(POINTS + step) - camera.project(POINTS - step)) / 2e-5
        np.testing.assert_allclose(by_point[:, :, axis], expected, atol=1e-5)


def test_points_behind_the_camera_are_nan():
    pixels, _, _ = seen_with_derivatives(BROWN, BROWN.centre[None] - BROWN.R[2])
    assert np.isnan(pixels).all()
