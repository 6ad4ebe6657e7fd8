import re

import numpy as np
import pytest
from scene import posed_person, ring_rig

from posecap.calib.camera import Camera
from posecap.calib.errors import CalibrationError
from posecap.calib.people_resection import resolve_camera
from posecap.calib.rig import Rig
from posecap.calib.rotation import rotation_of


def _joints(instants: int = 40) -> np.ndarray:
    rng = np.random.default_rng(3)
    return np.concatenate([posed_person(rng, rng.uniform(-1.2, 1.2, 2)) for _ in range(instants)])


def _knocked(rig: Rig, index: int, turn_rad: tuple[float, float, float], shift_m: float) -> Rig:
    """The rig as the file has it after camera `index` was knocked: its pose there is not the true one."""
    cameras = list(rig.cameras)
    camera = cameras[index]
    pose = np.eye(4)
    pose[:3, :3] = rotation_of(turn_rad) @ camera.R
    pose[:3, 3] = camera.t + shift_m
    cameras[index] = Camera(camera.name, camera.size_px, camera.K, camera.distortion, pose)
    return Rig(tuple(cameras))


def _angle_rad(a: Camera, b: Camera) -> float:
    return float(np.arccos(np.clip((np.trace(a.R @ b.R.T) - 1) / 2, -1, 1)))


@pytest.mark.parametrize("turn_rad", [(0.02, -0.03, 0.01), (0.5, 1.2, -0.6)])
def test_knocked_camera_is_found_again_among_outliers(turn_rad: tuple[float, float, float]) -> None:
    rig, xyz, rng = ring_rig(4), _joints(), np.random.default_rng(0)
    xy = rig.cameras[2].project(xyz) + rng.normal(0, 2, (len(xyz), 2))
    wrong = rng.random(len(xy)) < 0.2
    xy[wrong] += rng.uniform(-150, 150, (int(wrong.sum()), 2))
    xy[:30] = np.nan
    found = resolve_camera(_knocked(rig, 2, turn_rad, 0.3), "cam02", xyz, xy, np.full(len(xyz), 4.0))
    assert _angle_rad(found.camera, rig.cameras[2]) < np.radians(0.1)
    assert np.linalg.norm(found.camera.centre - rig.cameras[2].centre) < 0.01
    assert found.camera.distortion == pytest.approx(rig.cameras[2].distortion)
    assert found.points == len(xyz) - 30
    assert found.inliers == pytest.approx((~wrong[30:]).sum(), rel=0.1)
    assert found.median_px < 4 < found.given_px
    assert np.isnan(found.residual_px[:30]).all()


def test_covariance_is_that_of_the_errors_made() -> None:
    rig, xyz, rng = ring_rig(3), _joints(20), np.random.default_rng(1)
    true = rig.cameras[1]
    turned, shifted, centres = [], [], []
    for _ in range(60):
        xy = true.project(xyz) + rng.normal(0, 3, (len(xyz), 2))
        found = resolve_camera(rig, "cam01", xyz, xy, np.full(len(xyz), 9.0))
        R = found.camera.R @ true.R.T
        turned.append(np.array([R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]]) / 2)
        shifted.append(found.camera.t - true.t)
        centres.append(found.camera.centre - true.centre)
    error = np.hstack([turned, shifted])
    normal = np.einsum("ni,ij,nj->n", error, np.linalg.inv(found.covariance), error)
    assert 4 < normal.mean() < 9  # chi square of 6
    worst = np.sqrt(np.linalg.eigvalsh(np.cov(np.array(centres).T))[-1])
    assert found.position_sigma_m == pytest.approx(worst, rel=0.35)


def test_too_little_is_refused_with_the_remedy() -> None:
    rig, xyz = ring_rig(3), _joints()
    xy, one = rig.cameras[0].project(xyz), np.ones(len(xyz))
    with pytest.raises(
        CalibrationError, match="see 12 joints together, expected 30: wait until somebody walks"
    ):
        resolve_camera(rig, "cam00", np.where(np.arange(len(xyz))[:, None] < 12, xyz, np.nan), xy, one)
    line = np.array([0.0, 0.0, 1.0]) * np.linspace(0.1, 2, 100)[:, None]
    with pytest.raises(CalibrationError, match="lie on a line"):
        resolve_camera(rig, "cam00", line, rig.cameras[0].project(line), np.ones(100))
    still = (0, 0, 1) + 0.02 * np.random.default_rng(0).normal(size=(200, 3))
    with pytest.raises(CalibrationError, match=re.escape("% of its picture, expected 3 %: wait until")):
        resolve_camera(
            rig, "cam00", still * (0.1, 0.1, 1), rig.cameras[0].project(still * (0.1, 0.1, 1)), np.ones(200)
        )
    mixed = xy[np.random.default_rng(0).permutation(len(xy))]
    with pytest.raises(CalibrationError, match="check that it sees the same people at the same time"):
        resolve_camera(rig, "cam00", xyz, mixed, one)
    with pytest.raises(CalibrationError, match=re.escape("expected (n, 3), (n, 2) and (n,)")):
        resolve_camera(rig, "cam00", xyz, xy[:5], one)
    with pytest.raises(CalibrationError, match="no camera 'door' in the rig"):
        resolve_camera(rig, "door", xyz, xy, one)


def test_pose_that_hardly_anything_fixes_is_refused() -> None:
    rig = ring_rig(3)
    xyz = (0, 0, 1) + 0.06 * np.random.default_rng(0).normal(size=(40, 3))
    xy = rig.cameras[0].project(xyz) + np.random.default_rng(1).normal(0, 40, (40, 2))
    with pytest.raises(CalibrationError, match=r"fix its pose to .* only: wait until somebody walks nearer"):
        resolve_camera(rig, "cam00", xyz, xy, np.full(40, 1600.0))
