"""How people move: key frames of anatomical angles for exercises, a gait driven by the distance walked for walking.

A motion is a function of time that gives anatomical angles (degrees), a place and a heading; `bone_rotations` turns
angles into world rotations of the bones. Zero angles = standing, limbs down, facing -y; heading turns about +z.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from posecap.training.synthetic_body import Body, BonePose, Rotations

Angles = Mapping[str, float]
"""flex = arm forward, abd = arm sideways, elb, hip = leg forward, hab = leg sideways, knee, ft = toes down, each with L
or R; bend, side, twist of the chest, lean and turn of the whole, look and nod of the head. Degrees, missing = 0."""

_SIDES = (("L", 1), ("R", -1))
_STRIDE_M = 1.30  # two steps
_GIRDLE_DEG = 22
_REST = {"abdL": 8.0, "abdR": 8.0, "elbL": 10.0, "elbR": 10.0}
_SQUAT = {
    "hipL": 85.0, "hipR": 85.0, "kneeL": 95.0, "kneeR": 95.0, "bend": 28.0, "lean": 8.0,
    "flexL": 85.0, "flexR": 85.0, "habL": 12.0, "habR": 12.0,
}  # fmt: skip
_EXERCISE: tuple[tuple[float, Angles], ...] = (
    (0.0, _REST),
    (0.6, {"abdL": 95, "abdR": 95}),
    (1.1, {"abdL": 168, "abdR": 168, "elbL": 12, "elbR": 12, "habL": 14, "habR": 14}),
    (1.7, {"abdL": 20, "abdR": 20, "elbL": 15, "elbR": 15}),
    (2.4, _SQUAT),
    (3.0, {"abdL": 10, "abdR": 10, "elbL": 80, "elbR": 80, "flexL": 20, "flexR": 20}),
    (3.5, {"flexR": 40, "elbR": 110, "abdR": 60, "abdL": 30, "elbL": 70, "twist": 38, "hipL": 70, "kneeL": 95, "look": 20}),
    (4.0, {"flexL": 95, "elbL": 20, "flexR": -20, "elbR": 90, "twist": -35, "hipR": 70, "kneeR": 95, "look": -20}),
    (4.5, {"bend": 50, "lean": 12, "flexL": 60, "flexR": 60, "hipL": 15, "hipR": 15, "kneeL": 8, "kneeR": 8}),
    (4.9, _REST),
)  # fmt: skip
EXERCISE_S = _EXERCISE[-1][0]


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a person is and in which posture: angles in degrees, (x, y) metres, heading in degrees."""

    angles: Angles
    xy: tuple[float, float]
    heading: float


def exercising(t: float, xy: tuple[float, float], heading: float) -> Moment:
    """Side raise, overhead, squat, two twisted knee lifts, forward bend, in `EXERCISE_S` seconds."""
    swing = np.sin(2 * np.pi * t / EXERCISE_S)
    place = (xy[0] + 0.10 * swing, xy[1])
    return Moment(_eased(_EXERCISE, t), place, heading + 20 * swing)


def walking(distance_m: float, pace: float, xy: tuple[float, float], heading: float) -> Moment:
    """A gait that fits the ground: its phase is the distance walked. `pace` 0..1 is how far a step reaches."""
    angles = {key: value * (1 - pace) for key, value in _REST.items()}
    for side, half in (("L", 0.0), ("R", np.pi)):
        phase = 2 * np.pi * distance_m / _STRIDE_M + half
        swing = np.sin(phase)
        angles["hip" + side] = pace * (4 + 23 * swing)
        angles["knee" + side] = pace * (6 + 54 * max(0.0, np.cos(phase + 0.25 * np.pi)) ** 2)
        toe_off, heel_strike = (
            max(0.0, np.cos(phase + 0.55 * np.pi)) ** 3,
            max(0.0, np.cos(phase - 0.45 * np.pi)) ** 3,
        )
        angles["ft" + side] = pace * (30 * toe_off - 14 * heel_strike)
        angles["flex" + side] = pace * (-20 * swing)
        angles["elb" + side] = angles.get("elb" + side, 0.0) + pace * (22 - 8 * swing)
        angles["abd" + side] = angles.get("abd" + side, 0.0) + pace * 7
    phase = 2 * np.pi * distance_m / _STRIDE_M
    angles |= {"twist": pace * 6 * np.sin(phase), "turn": -pace * 4 * np.sin(phase), "lean": pace * 2.5}
    return Moment(angles, xy, heading)


def covered(t: float, duration_s: float, length_m: float, ramp_s: float = 0.45) -> tuple[float, float]:
    """Distance at `t` and pace 0..1 of a way of `length_m` that starts and ends standing."""
    cruise = length_m / (duration_s - ramp_s)
    t = float(np.clip(t, 0.0, duration_s))
    if t < ramp_s:
        return cruise * t**2 / (2 * ramp_s), t / ramp_s
    if t > duration_s - ramp_s:
        left = duration_s - t
        return length_m - cruise * left**2 / (2 * ramp_s), left / ramp_s
    return cruise * (t - ramp_s / 2), 1.0


def posed(body: Body, moment: Moment) -> BonePose:
    """The body at `moment`, its lowest sole on the floor."""
    rotations = bone_rotations(_limbs_down(body), link_rotations(moment.angles, moment.heading))
    return body.standing(rotations, np.array(moment.xy))


def link_rotations(angles: Angles, heading: float) -> dict[str, NDArray[np.float64]]:
    """World rotations (3, 3) of the links root, chest, neck and of arms, legs and feet (ua la ul ll ft + side)."""

    def angle(name: str) -> float:
        return float(angles.get(name, 0.0))

    upright = _about("z", heading + angle("turn"))
    root = upright @ _about("x", angle("lean"))
    chest = root @ _about("z", angle("twist")) @ _about("x", angle("bend")) @ _about("y", angle("side"))
    links = {
        "root": root,
        "chest": chest,
        "neck": chest @ _about("z", angle("look")) @ _about("x", angle("nod")),
    }
    for side, sign in _SIDES:
        links["ua" + side] = (
            chest @ _about("x", -angle("flex" + side)) @ _about("y", -sign * angle("abd" + side))
        )
        links["la" + side] = links["ua" + side] @ _about("x", -angle("elb" + side))
        links["ul" + side] = (
            root @ _about("x", -angle("hip" + side)) @ _about("y", -sign * angle("hab" + side))
        )
        links["ll" + side] = links["ul" + side] @ _about("x", angle("knee" + side))
        links["ft" + side] = upright @ _about("x", angle("ft" + side))
    return links


def bone_rotations(hanging: Rotations, links: Rotations) -> dict[str, NDArray[np.float64]]:
    """World rotations of the bones; spine and neck share the turn between their ends, the girdle follows raised arms."""
    spine = Slerp([0, 1], Rotation.from_matrix(np.stack([links["root"], links["chest"]])))
    neck = Slerp([0, 1], Rotation.from_matrix(np.stack([links["chest"], links["neck"]])))
    bones = {"root": links["root"], "head": links["neck"]}
    for bone, share in (
        ("spine05", 0.25),
        ("spine04", 0.5),
        ("spine03", 0.75),
        ("spine02", 1.0),
        ("spine01", 1.0),
    ):
        bones[bone] = spine(share).as_matrix()
    bones["neck01"], bones["neck02"] = neck(0.4).as_matrix(), neck(0.7).as_matrix()
    for side, sign in _SIDES:
        raised = (links["chest"].T @ links["ua" + side] @ np.array([0.0, 0, -1]))[2]
        lift = _GIRDLE_DEG * np.clip((raised + 0.2) / 1.2, 0, 1)
        bones["clavicle." + side] = links["chest"] @ _about("y", -sign * lift)
        for link, names in (
            ("ua", ("upperarm01.", "upperarm02.")),
            ("la", ("lowerarm01.", "lowerarm02.", "wrist.")),
            ("ul", ("upperleg01.", "upperleg02.")),
            ("ll", ("lowerleg01.", "lowerleg02.")),
        ):
            for name in names:
                bones[name + side] = links[link + side] @ hanging[link + side]
        bones["foot." + side] = links["ft" + side]
    return bones


def _limbs_down(body: Body) -> dict[str, NDArray[np.float64]]:
    """Rotations that bring the limbs of the rest pose (arms out) to hang straight down."""
    return {
        link + side: _aligning(body.head(end + side) - body.head(start + side), np.array([0.0, 0, -1]))
        for side, _ in _SIDES
        for link, start, end in (
            ("ua", "upperarm01.", "lowerarm01."),
            ("la", "lowerarm01.", "wrist."),
            ("ul", "upperleg01.", "lowerleg01."),
            ("ll", "lowerleg01.", "foot."),
        )
    }


def _eased(keys: Sequence[tuple[float, Angles]], t: float) -> dict[str, float]:
    """Angles between two key frames, slow at both."""
    times = [time for time, _ in keys]
    row = int(np.clip(np.searchsorted(times, t, side="right") - 1, 0, len(times) - 2))
    share = float(np.clip((t - times[row]) / (times[row + 1] - times[row]), 0, 1))
    share = share * share * (3 - 2 * share)
    before, after = keys[row][1], keys[row + 1][1]
    return {
        name: before.get(name, 0.0) * (1 - share) + after.get(name, 0.0) * share for name in {*before, *after}
    }


def _about(axis: str, degrees: float) -> NDArray[np.float64]:
    return Rotation.from_euler(axis, degrees, degrees=True).as_matrix()


def _aligning(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """The smallest rotation that turns a onto b."""
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    x, y, z = np.cross(a, b)
    K = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + K + K @ K / (1 + a @ b)
