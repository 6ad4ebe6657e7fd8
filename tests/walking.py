"""A person who walks through a room, exactly: joints as functions of time, and what cameras see of them at any time."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.joint_tracks import PeopleTracks

JOINTS = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle", "left_heel", "right_heel", "left_foot_index", "right_foot_index",
)  # fmt: skip
HEIGHT_M = 1.75
_STEP_HZ = 0.9
_ROUND_S = 9.0


def walker(time_s: NDArray[np.float64], reach_m: float = 1.3) -> NDArray[np.float64]:
    """(n, 21, 3) metres at times (n,): somebody who walks a figure of eight, legs and arms swinging."""
    t = np.asarray(time_s, dtype=np.float64)
    angle = 2 * np.pi * t / _ROUND_S
    centre = np.stack([reach_m * np.sin(angle), 0.8 * reach_m * np.sin(2 * angle)], axis=1)
    ahead = np.stack([np.cos(angle), 1.6 * np.cos(2 * angle)], axis=1)
    ahead /= np.linalg.norm(ahead, axis=1)[:, None]
    xyz = np.zeros((len(t), len(JOINTS), 3))
    for side, name in ((1.0, "left"), (-1.0, "right")):
        phase = 2 * np.pi * _STEP_HZ * t + (np.pi if side < 0 else 0.0)
        swing, lift = 0.28 * np.sin(phase), np.maximum(np.cos(phase), 0.0)
        lift = 0.1 * lift**2 * (np.cos(phase) > 0)
        places = {
            "eye": (0.10, 0.03, 0.936 * HEIGHT_M), "ear": (0.0, 0.07, 1.63), "shoulder": (0.0, 0.19, 1.43),
            "elbow": (-0.4 * swing, 0.24, 1.14), "wrist": (0.06 - 1.1 * swing, 0.26, 0.90 + 0.2 * swing**2),
            "hip": (0.0, 0.10, 0.93), "knee": (0.6 * swing + 0.05, 0.11, 0.50 + 0.4 * lift),
            "ankle": (swing, 0.11, 0.08 + lift), "heel": (swing - 0.05, 0.11, 0.03 + lift),
            "foot_index": (swing + 0.15, 0.12, 0.02 + 0.8 * lift),
        }  # fmt: skip
        for joint, place in places.items():
            _put(xyz, f"{name}_{joint}", centre, ahead, (place[0], side * place[1], place[2]))
    _put(xyz, "nose", centre, ahead, (0.13, 0.0, 1.60))
    return xyz


def _put(xyz: NDArray, name: str, centre: NDArray, ahead: NDArray, place: tuple) -> None:
    forward, left, up = (np.broadcast_to(value, len(centre)) for value in place)
    out = xyz[:, JOINTS.index(name)]
    out[:, :2] = centre + forward[:, None] * ahead + left[:, None] * ahead[:, ::-1] * (-1, 1)
    out[:, 2] = up


def filmed(
    cameras: tuple[Camera, ...],
    seconds: float = 9.0,
    fps: float = 30.0,
    noise_px: float = 1.0,
    late_s: tuple[float, ...] = (),
    still: bool = False,
    seed: int = 0,
) -> PeopleTracks:
    """What `cameras` see of the walker; camera k looks `late_s[k]` later than its stamps say."""
    rng = np.random.default_rng(seed)
    stamped = np.arange(round(seconds * fps)) / fps
    late = np.array(late_s) if late_s else np.zeros(len(cameras))
    xy = np.stack(
        [
            camera.project(walker(np.full_like(stamped, 1.0) if still else stamped + d))
            for camera, d in zip(cameras, late, strict=True)
        ]
    )
    xy = xy + rng.normal(0, noise_px, xy.shape) if noise_px else xy
    size = np.array([camera.size_px for camera in cameras])[:, None, None]
    xy[~((xy >= -0.5) & (xy < size - 0.5)).all(axis=-1)] = np.nan
    seen = np.isfinite(xy[..., 0])
    return PeopleTracks(
        cameras=tuple(camera.name for camera in cameras),
        t_ns=np.tile(np.round(stamped * 1e9).astype(np.int64), (len(cameras), 1)),
        xy=xy[:, None],
        score=(seen * 0.9)[:, None],
        variance=np.where(seen, max(noise_px, 0.1) ** 2, np.inf)[:, None],
        joint_set="walker/1",
        joints=JOINTS,
    )


def hidden(tracks: PeopleTracks, view: int, of_frames: slice) -> PeopleTracks:
    """`tracks` with nobody seen by `view` in `of_frames`."""
    xy, score, variance = tracks.xy.copy(), tracks.score.copy(), tracks.variance.copy()
    xy[view, :, of_frames], score[view, :, of_frames], variance[view, :, of_frames] = np.nan, 0, np.inf
    return replace(tracks, xy=xy, score=score, variance=variance)
