"""Random rigs of sensible cameras around one place, and how far apart two rigs draw the same points."""

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from posecap.calib.camera import Camera
from posecap.calib.errors import CalibrationError
from posecap.calib.format_limits import Holds
from posecap.calib.plausibility import check_imported
from posecap.calib.rig import Rig
from posecap.calib.rotation import rotation_of

_NAMES = st.text("abcXYZ019_-", min_size=1, max_size=12).filter(lambda name: name != "0")
_SIZES = st.sampled_from([(1920, 1080), (1080, 1920), (1280, 720), (1000, 1002), (640, 480), (3840, 2160)])


def reals(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_subnormal=False)


@st.composite
def rigs(draw: st.DrawFn, holds: Holds, names: st.SearchStrategy[str] = _NAMES) -> Rig:
    """2 to 10 cameras 2 to 8 m from the middle, upright within 30 degrees, lenses as the format has room for."""
    called = draw(st.lists(names, min_size=2, max_size=10, unique_by=str.casefold))
    start = draw(reals(0, 2 * np.pi))
    cameras = tuple(
        _camera(draw, name, start + 2 * np.pi * k / len(called), holds) for k, name in enumerate(called)
    )
    rig = Rig(cameras)
    try:
        check_imported(rig)
    except CalibrationError:
        assume(False)
    assume(all(_share_in_lens(camera) > 0.8 for camera in cameras))
    return rig


def _share_in_lens(camera: Camera) -> float:
    """How much of its picture the lens reaches."""
    x, y = (np.linspace(0, size - 1, 15) for size in camera.size_px)
    rays = camera.undistorted(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2))
    return float(np.isfinite(rays).all(axis=1).mean())


def _camera(draw: st.DrawFn, name: str, angle: float, holds: Holds) -> Camera:
    width, height = draw(_SIZES)
    focal = draw(reals(0.6, 2.0)) * max(width, height)
    K = np.array(
        [
            [focal, draw(reals(-3, 3)) if holds.skew else 0, width * draw(reals(0.45, 0.55)) - 0.5],
            [0, focal * draw(reals(0.98, 1.02)), height * draw(reals(0.45, 0.55)) - 0.5],
            [0, 0, 1],
        ]
    )
    if holds.fisheye and draw(st.booleans()):
        lens = [draw(reals(-0.05, 0.05)), draw(reals(-0.01, 0.01)), draw(reals(-0.003, 0.003)), 0.0]
    else:
        k1, k2, k3 = draw(reals(-0.3, 0.1)), draw(reals(-0.1, 0.1)), draw(reals(-0.05, 0.05))
        p1, p2 = draw(reals(-2e-3, 2e-3)), draw(reals(-2e-3, 2e-3))
        lens = [k1, k2 * (holds.radial > 1), p1, p2, k3 * (holds.radial > 2)]
        if not holds.tangential:
            lens[2:4] = 0.0, 0.0
    distance = draw(reals(2, 8))
    centre = np.array([distance * np.cos(angle), distance * np.sin(angle), draw(reals(0.5, 3))])
    target = np.array([draw(reals(-0.3, 0.3)), draw(reals(-0.3, 0.3)), draw(reals(0.7, 1.3))])
    roll = draw(reals(-0.5, 0.5))
    forward = (target - centre) / np.linalg.norm(target - centre)
    right = np.cross(forward, [0, 0, 1]) / np.linalg.norm(np.cross(forward, [0, 0, 1]))
    down = np.cross(forward, right)
    cam_from_world = np.eye(4)
    cam_from_world[:3, :3] = np.stack(
        [np.cos(roll) * right + np.sin(roll) * down, np.cos(roll) * down - np.sin(roll) * right, forward]
    )
    cam_from_world[:3, 3] = -cam_from_world[:3, :3] @ centre
    return Camera(name, (width, height), K, np.array(lens), cam_from_world)


def corner_rig() -> Rig:
    """Four cameras that look at one place, 4 m from the origin, from different heights and distances, a bit rolled."""
    cameras = []
    for k, (angle, distance, height, roll) in enumerate(
        [(0.2, 3.0, 1.0, 0.02), (1.9, 4.5, 2.4, -0.05), (3.3, 2.5, 1.6, 0.04), (4.4, 5.0, 2.9, 0.0)]
    ):
        centre = np.array([3 + distance * np.cos(angle), -2 + distance * np.sin(angle), height])
        forward = np.array([3.1, -1.9, 1.0]) - centre
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0, 0, 1]) / np.linalg.norm(np.cross(forward, [0, 0, 1]))
        into = np.eye(4)
        into[:3, :3] = rotation_of([0, 0, roll]) @ np.stack([right, np.cross(forward, right), forward])
        into[:3, 3] = -into[:3, :3] @ centre
        K = np.array([[1500.0, 0, 959.5], [0, 1500.0, 539.5], [0, 0, 1]])
        cameras.append(Camera(f"cam{k + 1}", (1920, 1080), K, np.array([-0.05, 0, 0, 0, 0]), into))
    return Rig(tuple(cameras))


def largest_difference_px(rig: Rig, other: Rig, by_name: bool = True, points: int = 500) -> float:
    """Between pixels of the same points in both rigs: all over each picture of `rig`, 0.5 to 20 m ahead of it."""
    rng = np.random.default_rng(0)
    worst = 0.0
    for index, camera in enumerate(rig.cameras):
        twin = other.cameras[other.index(camera.name) if by_name else index]
        corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) * (np.array(camera.size_px) - 1.0)
        pixels = np.concatenate([corners, rng.uniform(-0.5, np.array(camera.size_px) - 0.5, (points, 2))])
        rays = np.column_stack([camera.undistorted(pixels), np.ones(len(pixels))])
        ahead = rays * rng.uniform(0.5, 20, (len(rays), 1))
        xyz = (ahead - camera.t) @ camera.R
        drawn = camera.project(xyz)
        seen = np.isfinite(drawn).all(axis=1)
        assert seen.mean() > 0.7, camera  # or the comparison says nothing
        difference = np.linalg.norm(twin.project(xyz[seen]) - drawn[seen], axis=1)
        worst = max(worst, np.inf if np.isnan(difference).any() else float(difference.max()))
    return worst
