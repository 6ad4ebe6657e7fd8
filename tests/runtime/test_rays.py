"""The compiled undistortion against its slow twin, `Camera.undistorted`."""

from dataclasses import replace

import numpy as np
from scene import ring_rig

from posecap.calib.rig import Rig
from posecap.runtime.rays import Views


def test_undistortion_is_that_of_the_camera() -> None:
    brown = ring_rig(2)
    fisheye = replace(brown.cameras[1], distortion=np.array([0.05, -0.01, 0.002, -0.001]))
    rig = Rig((brown.cameras[0], fisheye))
    pixels = np.random.default_rng(0).uniform(0, 1000, (2, 3, 50, 2))
    pixels[0, 0, 0] = np.nan
    fast = Views(rig).undistorted(pixels)
    slow = np.stack([camera.undistorted(seen) for camera, seen in zip(rig.cameras, pixels, strict=True)])
    np.testing.assert_allclose(fast, slow, atol=1e-10)
    assert np.isfinite(slow).sum() == slow.size - 2


def test_pixels_beyond_the_lens_are_nowhere() -> None:
    plain = ring_rig(2)
    folding = replace(plain.cameras[0], distortion=np.array([-0.25, 0.0, 0.0, 0.0]))
    rig = Rig((folding, replace(plain.cameras[1], distortion=np.array([-0.4, 0.1, 0.0, 0.0, 0.0]))))
    grid = np.stack(np.meshgrid(np.arange(-2000, 3000, 61), np.arange(-2000, 3000, 61)), axis=-1).astype(
        float
    )
    pixels = np.stack([grid, grid])
    fast = Views(rig).undistorted(pixels)
    slow = np.stack([camera.undistorted(seen) for camera, seen in zip(rig.cameras, pixels, strict=True)])
    both = np.isfinite(fast) & np.isfinite(slow)
    np.testing.assert_allclose(fast[both], slow[both], atol=1e-6)
    assert not (np.isfinite(fast) & ~np.isfinite(slow)).any()


def test_a_miss_is_the_distance_across_the_line_of_sight() -> None:
    rig = ring_rig(4)
    point = np.array([[0.1, 0.2, 1.0]])
    views = Views(rig)
    xy = views.undistorted(np.stack([camera.project(point) for camera in rig.cameras]))
    assert views.misses(xy, point).max() < 1e-9
    aside = point + 0.05 * rig.cameras[0].R[0]
    assert abs(views.misses(xy, aside)[0, 0] - 0.05) < 1e-9
