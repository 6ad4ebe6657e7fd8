"""People whose rotations are known: a skeleton of plain measures, moved by forward kinematics."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from posecap.runtime.skeleton import WORLD_FROM_BODY, Skeleton, layout_of

_OFFSET_M = {
    "Spine": (0, 0, 0), "Spine1": (0, 0.24, 0), "Chest": (0, 0.48, 0), "Neck": (0, 0, 0), "Head": (0, 0.2, 0),
    "LeftArm": (0.18, 0, 0), "LeftForeArm": (0.29, 0, 0), "LeftHand": (0.25, 0, 0),
    "LeftUpLeg": (0.1, 0, 0), "LeftLeg": (0, -0.42, 0), "LeftFoot": (0, -0.4, 0),
}  # fmt: skip
_JOINT_M = {
    "left_hip": (0.1, 0, 0), "left_shoulder": (0.18, 0, 0), "pelvis": (0, 0.01, 0), "hip": (0, 0.01, 0),
    "neck": (0, 0.02, -0.01), "belly": (0, 0, 0), "nose": (0, -0.02, 0.1), "left_ear": (0.07, 0, 0),
    "left_eye": (0.03, 0, 0.09), "left_eye_inner": (0.02, 0, 0.09), "left_eye_outer": (0.04, 0, 0.085),
    "left_mouth": (0.025, -0.06, 0.09), "head": (0, 0.12, 0), "left_elbow": (0, 0, 0),
    "left_index": (0.09, 0, 0.03), "left_pinky": (0.09, 0, -0.03), "left_thumb": (0.04, 0, 0.05),
    "left_knee": (0, 0, 0), "left_heel": (0, -0.06, -0.05), "left_foot_index": (0, -0.06, 0.16),
    "left_big_toe": (-0.02, -0.06, 0.16), "left_small_toe": (0.02, -0.06, 0.16),
}  # fmt: skip


@dataclass
class Motion:
    skeleton: Skeleton
    t_ns: np.ndarray
    root_m: np.ndarray
    rotation: np.ndarray
    xyz: np.ndarray


def skeleton_for(joints: tuple[str, ...]) -> Skeleton:
    layout = layout_of(joints)
    offset_m = np.array([_mirrored(name, _OFFSET_M, "Left", "Right") for name in layout.segments])
    if "Spine1" in layout:
        offset_m[layout.index("Chest")] = (0, 0.24, 0)
    tip = {
        "left_wrist": "LeftHand",
        "left_ankle": "LeftFoot",
    }  # fixed to the bone above where hand or foot is missing
    joint_m = []
    for name, carrier in zip(layout.joints, layout.carriers, strict=True):
        left = name.replace("right_", "left_")
        if left in tip:
            own = layout.segments[carrier].endswith(("Hand", "Foot"))
            place = np.array((0, 0, 0) if own else _OFFSET_M[tip[left]], dtype=float)
        elif left == "nose" and "left_ear" not in joints:
            place = np.zeros(3)
        else:
            place = np.array(_JOINT_M[left], dtype=float)
        joint_m.append(place * ((-1, 1, 1) if name.startswith("right_") else (1, 1, 1)))
    index = {name: place for place, name in enumerate(layout.joints)}
    end_m = np.full(offset_m.shape, np.nan)
    for segment, names in enumerate(layout.ends):
        if names:
            end_m[segment] = np.mean([joint_m[index[name]] for name in names], axis=0)
    return Skeleton(layout, offset_m, np.array(joint_m), end_m)


def moving(
    joints: tuple[str, ...], frames: int = 120, rate_hz: float = 30.0, seed: int = 0, bend_deg=(35, 110)
) -> Motion:
    """Smooth random motion of every segment, within the conventions that joints cannot tell apart from others."""
    skeleton = skeleton_for(joints)
    layout = skeleton.layout
    time_s = np.arange(frames) / rate_hz
    random = np.random.default_rng(seed)

    def wave(reach_deg: float, mean_deg: float = 0.0) -> np.ndarray:
        phase, pace = random.uniform(0, 6.3), random.uniform(0.2, 0.5)
        return mean_deg + reach_deg * np.sin(6.283 * pace * time_s + phase)

    def turn(order: str, *angles: np.ndarray) -> np.ndarray:
        return Rotation.from_euler(order, np.stack(angles, axis=1), degrees=True).as_matrix()

    low, high = bend_deg
    bend = [wave((high - low) / 2, (high + low) / 2) for _ in range(4)]
    rotation = np.empty((frames, len(layout.segments), 3, 3))
    for segment, (name, parent) in enumerate(zip(layout.segments, layout.parents, strict=True)):
        mirror = -1 if name.startswith("Right") else 1
        side = 0 if mirror == 1 else 1
        match name.removeprefix("Left").removeprefix("Right"):
            case "Hips":
                local = WORLD_FROM_BODY @ turn("YXZ", wave(60, 360 * seed), wave(20), wave(10))
            case "Spine":
                local = turn("Z", wave(15))
            case "Spine1":
                local = turn("XZ", wave(10), wave(10))
            case "Chest":
                local = turn("YZ", wave(15), wave(10))
            case "Neck":
                local = turn("XZ", wave(15), wave(10))
            case "Head" | "Hand" | "Foot":
                local = turn("YXZ", wave(30), wave(15), wave(15))
            case "Arm":
                local = turn("ZYX", mirror * wave(50, -30), mirror * wave(30, -20), wave(40))
            case "ForeArm":
                local = turn("Y", -mirror * bend[side])
            case "UpLeg":
                local = turn("XZY", wave(35, -30), mirror * wave(10, 5), wave(15))
            case "Leg":
                local = turn("X", bend[2 + side])
        rotation[:, segment] = local if parent < 0 else rotation[:, parent] @ local
    root_m = np.stack([time_s, 0.3 * np.sin(time_s), 0.95 + 0.05 * np.sin(3 * time_s)], axis=1)
    t_ns = 1_000_000_000 + np.round(time_s * 1e9).astype(np.int64)
    return Motion(skeleton, t_ns, root_m, rotation, skeleton.joints(root_m, rotation))


def angle_deg(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How far rotations (..., 3, 3) are apart."""
    sine = np.linalg.norm(a - b, axis=(-2, -1)) / np.sqrt(8)
    return np.degrees(2 * np.arcsin(np.clip(sine, 0, 1)))


def _mirrored(name: str, table: dict, left: str, right: str) -> np.ndarray:
    if name == "Hips":
        return np.zeros(3)
    place = np.array(table[name.replace(right, left)], dtype=float)
    return place * (-1, 1, 1) if name.startswith(right) else place
