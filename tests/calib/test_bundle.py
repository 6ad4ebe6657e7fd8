"""Bundle adjustment: exact where the corners are, else as uncertain as it says; refused where undetermined."""

from dataclasses import replace

import numpy as np
import pytest
from boards import BOARD, carried, corner_rig

from posecap.calib.bundle import adjust
from posecap.calib.bundle_options import BundleOptions
from posecap.calib.camera import Camera
from posecap.calib.camera_change import changed
from posecap.calib.errors import CalibrationError
from posecap.calib.inliers import adjust_inliers, observations_of
from posecap.calib.observations import Observations

RIG = corner_rig()
BASE = RIG.cameras[0].cam_from_world


def problem(noise_px: float = 0.0, seed: int = 0) -> tuple[Observations, np.ndarray, tuple[Camera, ...]]:
    """Observations, true poses of the board, and cameras that start 2 degrees and 5 cm off."""
    instants, poses = carried(RIG, 30, 2, noise_px, seed)
    used = [k for k, row in enumerate(instants) if row]
    sightings = [s for k in used for s in instants[k]]
    target = [place for place, k in enumerate(used) for _ in instants[k]]
    rng = np.random.default_rng(1)
    off = [np.concatenate([rng.normal(0, 0.02, 3), rng.normal(0, 0.05, 3), np.zeros(9)]) for _ in RIG.cameras]
    start = tuple(changed(c, part) for c, part in zip(RIG.cameras, off, strict=True))
    return observations_of(BOARD, sightings, RIG.names, target), poses[used], (RIG.cameras[0], *start[1:])


def test_exact_corners_give_exact_cameras():
    seen, poses, start = problem()
    bundle = adjust(start, poses, seen)
    assert bundle.rms_px < 1e-6
    for found, true in zip(bundle.cameras, RIG.cameras, strict=True):
        np.testing.assert_allclose(found.cam_from_world, true.cam_from_world, atol=1e-6)


def test_noise_comes_out_as_it_went_in_and_the_covariance_is_honest():
    distances = []
    for seed in range(3):
        seen, poses, start = problem(0.2, seed)
        bundle = adjust(start, poses, seen)
        assert abs(bundle.sigma_px - 0.2) < 0.01
        for k in (1, 2, 3):
            a, b = bundle.cameras[k], RIG.cameras[k]
            off = np.linalg.norm(b.t - a.t)
            distances.append(off / np.linalg.norm(bundle.deviation[k][3:6]))
    assert 0.5 < np.sqrt(np.mean(np.square(distances))) < 1.6


def test_wrong_corners_are_left_out():
    seen, poses, start = problem(0.1)
    xy = seen.xy.copy()
    wrong = np.random.default_rng(2).random(len(xy)) < 0.03
    xy[wrong] += np.random.default_rng(3).normal(0, 40, (wrong.sum(), 2))
    bundle, kept = adjust_inliers(start, poses, replace(seen, xy=xy), BundleOptions())
    assert not kept[wrong & (np.linalg.norm(xy - seen.xy, axis=1) > 5)].any()
    assert kept[~wrong].mean() > 0.99
    for found, true in zip(bundle.cameras, RIG.cameras, strict=True):
        assert np.linalg.norm(found.centre - true.centre) < 0.004


def test_free_points_between_held_cameras():
    rng = np.random.default_rng(0)
    points = rng.uniform(-0.5, 0.5, (30, 3)) + np.array([0, 0, 1])
    camera, target = np.divmod(np.arange(120), 30)
    xy = np.concatenate([c.project(points) for c in RIG.cameras])
    start = np.tile(np.eye(4), (30, 1, 1))
    start[:, :3, 3] = points + rng.normal(0, 0.05, points.shape)
    seen = Observations(camera, target, np.zeros((120, 3)), xy)
    bundle = adjust(RIG.cameras, start, seen, BundleOptions(held=4), np.ones(30, dtype=bool))
    np.testing.assert_allclose(bundle.world_from_target[:, :3, 3], points, atol=1e-7)
    with pytest.raises(CalibrationError, match="nothing about the scale"):
        adjust(RIG.cameras, start, seen, None, np.ones(30, dtype=bool))


def test_cameras_that_share_nothing_are_named():
    seen, poses, start = problem()
    last = 3
    alone = {int(t) for t in seen.target[seen.camera == last]}
    apart = seen.only((seen.camera == last) | ~np.isin(seen.target, list(alone)))
    there = np.unique(apart.target)
    apart = replace(apart, target=np.searchsorted(there, apart.target))
    with pytest.raises(CalibrationError, match="'cam3' never sees a target at the same time"):
        adjust(start, poses[there], apart)


def test_a_camera_that_saw_nothing_is_named():
    seen, poses, start = problem()
    with pytest.raises(CalibrationError, match="camera 'cam2' has 0 corners"):
        adjust(start, poses, seen.only(seen.camera != 2))
