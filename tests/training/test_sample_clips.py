"""The committed clips show what their truth says; no body data is needed."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from posecap.calib.rig import Rig
from posecap.calib.rig_file import RigFile, read_rig_file
from posecap.models.joints import COCO_17, HALPE_26

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "capture" / "sample"
NAMES = ("solo", "duo")
FEET = ("left_big_toe", "right_big_toe", "left_heel", "right_heel")
LIMBS = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
TORSO = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
MAX_BYTES = 4_000_000
EVERY = 12  # frames between those whose pictures are looked at


@dataclass(frozen=True, eq=False)
class Sample:
    """`xyz` (frames, people, joints, 3) metres."""

    content: RigFile
    rig: Rig
    xyz: NDArray[np.float64]
    joints: list[str]
    fps: float

    def joint(self, name: str) -> NDArray[np.float64]:
        """(frames, people, 3)"""
        return self.xyz[:, :, self.joints.index(name)]


@cache
def sample(name: str) -> Sample:
    content = read_rig_file(SAMPLE / name / "rig.yaml")
    with np.load(SAMPLE / name / "truth.npz", allow_pickle=False) as file:
        xyz = file["xyz"].astype(np.float64)
        return Sample(content, content.rig(), xyz, [str(j) for j in file["joints"]], float(file["fps"]))


@cache
def pictures(name: str, camera: str) -> tuple[int, list[NDArray[np.uint8]], float, bool]:
    """Frame count, every 12th picture (RGB), pictures a second, and whether pictures come in decoding order."""
    with av.open(str(SAMPLE / name / f"{camera}.mp4")) as file:
        stream = file.streams.video[0]
        kept, times = [], []
        for index, frame in enumerate(file.decode(stream)):
            times.append(frame.pts)
            if index % EVERY == 0:
                kept.append(frame.to_ndarray(format="rgb24"))
        return len(times), kept, float(stream.average_rate), not stream.codec_context.has_b_frames


def test_all_sets_together_are_small() -> None:
    size = sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file())
    assert size <= MAX_BYTES, f"capture/sample has {size} bytes, at most {MAX_BYTES}"


@pytest.mark.parametrize("name", NAMES)
def test_every_clip_has_a_picture_for_each_frame_of_the_truth(name: str) -> None:
    data = sample(name)
    assert data.content.truth == {"file": "truth.npz", "people": data.xyz.shape[1]}
    for entry in data.content.cameras:
        assert entry.source == {"type": "video", "file": f"{entry.name}.mp4"}
        count, kept, rate, in_order = pictures(name, entry.name)
        assert count == len(data.xyz)
        assert rate == data.fps
        assert in_order, f"{name}/{entry.name} has B-frames: decoding them costs a delay"
        assert kept[0].shape == (entry.size_px[1], entry.size_px[0], 3)


@pytest.mark.parametrize("name", NAMES)
def test_truth_has_named_finite_joints(name: str) -> None:
    data = sample(name)
    assert np.isfinite(data.xyz).all()
    assert set(COCO_17.names) | set(FEET) <= set(data.joints) <= set(HALPE_26.names)


@pytest.mark.parametrize("name", NAMES)
def test_everybody_stays_in_every_picture(name: str) -> None:
    data = sample(name)
    for camera in data.rig.cameras:
        pixels = camera.project(data.xyz)
        assert (pixels > 0).all()
        assert (pixels < np.array(camera.size_px) - 1).all()


@pytest.mark.parametrize("name", NAMES)
def test_limbs_keep_their_length(name: str) -> None:
    """The joints are points of a skinned surface, which gives at bent elbows and knees: not rigid to the millimetre."""
    data = sample(name)
    for side in ("left", "right"):
        for start, end in LIMBS:
            length = np.linalg.norm(data.joint(f"{side}_{start}") - data.joint(f"{side}_{end}"), axis=-1)
            assert (length.std(axis=0) / length.mean(axis=0)).max() < 0.03
            assert (np.ptp(length, axis=0) / length.mean(axis=0)).max() < 0.11


@pytest.mark.parametrize("name", NAMES)
def test_a_loop_has_no_jump(name: str) -> None:
    """From the last frame to the first no joint moves further than within the clip."""
    data = sample(name)
    seam = np.linalg.norm(data.xyz[0] - data.xyz[-1], axis=-1)
    steps = np.linalg.norm(np.diff(data.xyz, axis=0), axis=-1)
    assert (seam <= steps.max(axis=0) + 1e-3).all()
    assert seam.max() < 0.06


@pytest.mark.parametrize("name", NAMES)
def test_feet_are_on_the_floor_and_do_not_slide(name: str) -> None:
    """At any time some point of some foot is low and nearly at rest.

    8 mm a frame: the keypoint of the heel is 45 mm above the point it rolls about when the foot lands.
    """
    data = sample(name)
    feet = np.stack([data.joint(joint) for joint in FEET])
    step = np.linalg.norm(np.diff(feet, axis=1), axis=-1)
    still = (step < 0.008) & (feet[:, 1:, :, 2] < 0.06)
    assert still.any(axis=0).mean() == 1.0
    assert feet[..., 2].min() > -0.01


def test_duo_pass_each_other_closely_once_in_the_middle() -> None:
    data = sample("duo")
    middle = (data.joint("left_hip") + data.joint("right_hip"))[..., :2] / 2
    apart = np.linalg.norm(middle[:, 0] - middle[:, 1], axis=-1)
    assert 0.5 < apart.min() < 0.7
    assert abs(apart.argmin() / data.fps - 4.0) < 0.3
    assert apart.max() > 3.0
    joints = np.linalg.norm(data.xyz[:, 0, :, None] - data.xyz[:, 1, None], axis=-1)
    assert joints.min() > 0.1, "they touch"


def test_arms_swing_against_legs() -> None:
    data = sample("duo")
    hips = (data.joint("left_hip") + data.joint("right_hip")) / 2
    forwards = np.gradient(hips, axis=0)
    forwards /= np.linalg.norm(forwards, axis=-1, keepdims=True)
    for side in ("left", "right"):
        ahead = [((data.joint(f"{side}_{part}") - hips) * forwards).sum(-1) for part in ("wrist", "ankle")]
        for person in range(2):
            assert np.corrcoef(ahead[0][:, person], ahead[1][:, person])[0, 1] < -0.5


@pytest.mark.parametrize("name", NAMES)
def test_people_are_where_the_truth_says(name: str) -> None:
    """Around a torso the picture differs from what it shows there while nobody is near; elsewhere it does not."""
    data = sample(name)
    torso = np.mean([data.joint(joint) for joint in TORSO], axis=0)[::EVERY]
    xyz = data.xyz[::EVERY]
    there, elsewhere = [], []
    for camera in data.rig.cameras:
        kept = np.stack(pictures(name, camera.name)[1]).astype(np.float64)
        joints = camera.project(xyz).reshape(len(xyz), -1, 2)
        for frame, person in np.ndindex(torso.shape[:2]):
            at = camera.project(torso[frame, person])
            column, row = np.round(at).astype(int)
            patch = kept[:, row - 5 : row + 6, column - 5 : column + 6]
            free = np.linalg.norm(joints - at, axis=-1).min(axis=1) > 45
            if free.sum() < 4:
                continue
            empty = np.median(patch[free], axis=0)
            there.append(np.abs(patch[frame] - empty).mean())
            elsewhere.extend(np.abs(patch[free] - empty).mean(axis=(1, 2, 3)))
    assert len(there) > 20
    assert np.min(there) > 10, "a torso looks like the empty room"
    assert np.max(elsewhere) < 6
