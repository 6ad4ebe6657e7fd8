"""OpenPose JSON: one file for each camera and frame, with the 3D joints as this camera would see them."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.calib.rig import Rig
from posecap.models.joints import COCO_17
from posecap.runtime.errors import ExportError
from posecap.runtime.pose_take import PoseTake

_COCO_18 = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
)  # fmt: skip
ORDERS: dict[str, tuple[str, ...]] = {
    "body_25": (
        *_COCO_18[:8], "hip", *_COCO_18[8:], "left_big_toe", "left_small_toe", "left_heel",
        "right_big_toe", "right_small_toe", "right_heel",
    ),
    "coco_18": _COCO_18,
    "coco_17": COCO_17.names,
}  # fmt: skip
"""Keypoints of each order, by the names of models/joints.py."""
_INSTEAD = {
    "hip": (("pelvis",), ("left_hip", "right_hip")),
    "neck": (("left_shoulder", "right_shoulder"),),
    "left_big_toe": (("left_foot_index",),),
    "right_big_toe": (("right_foot_index",),),
}  # the middle of these where the joint set has none of that name

_PART = 200  # frames that are projected at once


def write_openpose(
    take: PoseTake,
    folder: Path,
    rig: Rig,
    order: str = "body_25",
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """`folder/<camera>_json/<camera>_<frame>_keypoints.json` for all; returned is how many files.

    `pose_keypoints_2d` are pixels of the full, distorted picture, (0, 0) = centre of the top-left pixel, of the 3D
    joints, whether something hides them or not. `pose_keypoints_3d` are metres with Z up. Confidence is the share of
    cameras that support the joint, half a camera's share where none does. Unknown joints, and in 2D those outside
    the picture, are 0, 0, 0 as OpenPose writes them: only confidence 0 tells. `person_id` is the id of the take.

    Args:
        take: times may be uneven; files are numbered by its frames.
        folder: that the folders of the cameras go into.
        rig: the calibration that the poses were made with.
        order: of keypoints, one of `ORDERS`.
        progress: told (frames done, frames in all) now and then.

    Raises:
        ExportError: another calibration, or an unknown order.
    """
    if order not in ORDERS:
        raise ExportError(f"no order {order!r}, there are {', '.join(ORDERS)}: correct --openpose-order")
    if rig.id != take.rig_id:
        raise ExportError(
            f"the rig is calibration {rig.id}, the poses were made with {take.rig_id}: give theirs with --rig"
        )
    for name in rig.names:
        (folder / f"{name}_json").mkdir(parents=True)
    sources = [_sources(name, take.joints) for name in ORDERS[order]]
    seen = take.seen
    encoder = msgspec.json.Encoder()
    for start in range(0, len(take.t_ns), _PART):
        part = slice(start, min(start + _PART, len(take.t_ns)))
        xyz, confidence = _ordered(take, part, sources, len(rig))
        solid = _flat(xyz, confidence, 6)
        for camera in rig.cameras:
            xy = camera.project(xyz)
            outside = ~((xy >= -0.5) & (xy <= np.array(camera.size_px) - 0.5)).all(axis=-1)
            plane = _flat(xy, np.where(outside, 0.0, confidence), 3)
            for place, frame in enumerate(range(part.start, part.stop)):
                people = [
                    _person(int(take.ids[row]), plane[place][row], solid[place][row])
                    for row in np.flatnonzero(seen[frame])
                ]
                name = f"{camera.name}_{frame:012d}_keypoints.json"
                data = encoder.encode({"version": 1.3, "people": people})
                (folder / f"{camera.name}_json" / name).write_bytes(data)
        if progress is not None:
            progress(part.stop, len(take.t_ns))
    return len(take.t_ns) * len(rig)


def _person(identity: int, plane: list[float], solid: list[float]) -> dict[str, list]:
    return {
        "person_id": [identity],
        "pose_keypoints_2d": plane,
        "face_keypoints_2d": [],
        "hand_left_keypoints_2d": [],
        "hand_right_keypoints_2d": [],
        "pose_keypoints_3d": solid,
        "face_keypoints_3d": [],
        "hand_left_keypoints_3d": [],
        "hand_right_keypoints_3d": [],
    }


def _sources(name: str, joints: tuple[str, ...]) -> list[int]:
    """Indices of the joints whose middle is keypoint `name`; none where the set has nothing for it."""
    for names in ((name,), *_INSTEAD.get(name, ())):
        if all(one in joints for one in names):
            return [joints.index(one) for one in names]
    return []


def _ordered(
    take: PoseTake, part: slice, sources: list[list[int]], cameras: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(frames, people, keypoints, 3) metres with NaN = unknown, and (frames, people, keypoints) confidence, 0 there."""
    given, views = take.xyz[part].astype(np.float64), take.views[part]
    xyz = np.full((*given.shape[:2], len(sources), 3), np.nan)
    confidence = np.zeros(xyz.shape[:-1])
    for place, joints in enumerate(sources):
        if joints:
            xyz[:, :, place] = given[:, :, joints].mean(axis=2)
            support = np.maximum(views[:, :, joints].min(axis=2), 0.5)
            confidence[:, :, place] = np.minimum(support / cameras, 1.0)
    confidence[np.isnan(xyz).any(axis=-1)] = 0.0
    return xyz, confidence


def _flat(places: NDArray, confidence: NDArray, decimals: int) -> list[list[list[float]]]:
    """[frame][person]: x, y(, z), confidence of each keypoint; all 0 where the confidence is."""
    known = confidence[..., None] > 0
    rounded = np.where(known, np.round(places, decimals), 0.0)
    cells = np.concatenate([rounded, np.round(confidence, 4)[..., None]], axis=-1)
    return cells.reshape(*cells.shape[:2], cells.shape[2] * cells.shape[3]).tolist()
