"""Recordings with exact joints in the cameras of two data sets. Pictures are grey: readers of cameras need none."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from posecap.calib.rig import Rig
from posecap.training.dataset_sequence import DatasetSequence
from posecap.training.synthetic_take import SyntheticTake, hall, studio
from posecap.training.synthetic_video import Clip

SOLO = Path(__file__).resolve().parents[1] / "capture" / "sample" / "solo"
FRAMES = 20
STUDIO_PX, HALL_PX = (250, 250), (480, 270)


def grey_clip(path: Path, size_px: tuple[int, int], fps: int, frames: int = FRAMES) -> Path:
    with Clip(path, size_px, fps, crf=40) as clip:
        for _ in range(frames):
            clip.write(np.full((size_px[1], size_px[0], 3), 90, dtype=np.uint8))
    return path


def studio_take(folder: Path) -> SyntheticTake:
    """Human3.6M's four cameras, with lenses, in small."""
    rig = Rig(tuple(camera.scaled(STUDIO_PX) for camera in studio().cameras))
    return _take(rig, grey_clip(folder / "studio.mp4", STUDIO_PX, 50), 50)


def hall_take(folder: Path) -> SyntheticTake:
    """Eight cameras as TotalCapture's, in small."""
    return _take(hall(HALL_PX), grey_clip(folder / "hall.mp4", HALL_PX, 60), 60)


def off_px(read: DatasetSequence, take: SyntheticTake) -> np.ndarray:
    """(views,) largest distance of the read truth in the read cameras from where the renderer's cameras have it."""
    joints = [name for name in read.joints if name in take.joints]
    assert len(joints) >= 12
    found = read.xyz[:, 0, [read.joints.index(name) for name in joints]]
    true = np.stack([take.joint(name) for name in joints], axis=1)[: len(found)]
    order = {name: view for view, name in enumerate(take.rig.names)}
    return np.array(
        [
            np.linalg.norm(
                camera.project(found) - take.rig.cameras[order[camera.name]].project(true), axis=-1
            ).max()
            for camera in read.rig.cameras
        ]
    )


def with_lens(rig: Rig, order: tuple[int, ...] = (0, 1, 2, 3, 4), sign: float = 1.0) -> Rig:
    """The rig with its distortion numbers in another order, the tangential ones times `sign`."""
    turned = np.array([1, 1, sign, sign, 1])
    return Rig(tuple(replace(one, distortion=(one.distortion * turned)[list(order)]) for one in rig.cameras))


def _take(rig: Rig, clip: Path, fps: int) -> SyntheticTake:
    with np.load(SOLO / "truth.npz", allow_pickle=False) as file:
        xyz, joints = file["xyz"][120 : 120 + FRAMES, 0].astype(np.float64), file["joints"]
    return SyntheticTake(rig, (clip,) * len(rig), xyz, tuple(str(name) for name in joints), float(fps))
