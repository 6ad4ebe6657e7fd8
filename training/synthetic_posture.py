"""From a posture in a gymnast's words to rotations of bones. Own axes of a body: x left, y back, z up, as at rest."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from posecap.training.synthetic_body import Body, BodyPose
from posecap.training.synthetic_legs import FootStep, straightened, two_bones

SIDES = {"left": "L", "right": "R"}
DOWN = np.array([0.0, 0.0, -1.0])

_SPINE = {"spine05": 0.25, "spine04": 0.5, "spine03": 0.75, "spine02": 1.0, "spine01": 1.0}
_NECK = {"neck01": 0.4, "neck02": 0.7}
_GIRDLE_DEG = 22.0  # the shoulder girdle follows a raised arm so far
_HEEL_OF_SHOE_M = 0.004
_TOES = tuple(f"toe{toe}-1." for toe in range(1, 6))


@dataclass(frozen=True, slots=True)
class Attitude:
    """Angles of one instant, degrees, all zero = upright, arms and legs hanging; lengths in metres.

    Attributes:
        raise_left, raise_right: upper arm sideways.
        swing_left, swing_right: upper arm forwards.
        elbow_left, elbow_right: bend.
        lean, turn, list: pelvis forwards, about the vertical (to the left), right side down.
        bend, twist, side: chest against pelvis: forwards, to the left, to the right.
        look, nod: head against chest: to the left, downwards.
        drop_m, shift_m, back_m: hips from upright standing: down, to the left, backwards.
        lift_left_m, lift_right_m: foot off the floor.
    """

    raise_left: float = 0.0
    raise_right: float = 0.0
    swing_left: float = 0.0
    swing_right: float = 0.0
    elbow_left: float = 0.0
    elbow_right: float = 0.0
    lean: float = 0.0
    turn: float = 0.0
    list: float = 0.0
    bend: float = 0.0
    twist: float = 0.0
    side: float = 0.0
    look: float = 0.0
    nod: float = 0.0
    drop_m: float = 0.0
    shift_m: float = 0.0
    back_m: float = 0.0
    lift_left_m: float = 0.0
    lift_right_m: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Posture:
    """A body at one instant in the world.

    Attributes:
        hips: (3,) middle of the two hip joints, metres.
        heading_deg: where the body faces: 0 = -y, positive to the left.
        attitude: everything above the legs.
        feet: "left" and "right" -> where the foot is; the legs are solved to reach it.
    """

    hips: NDArray[np.float64]
    heading_deg: float
    attitude: Attitude
    feet: Mapping[str, FootStep]


class Poser:
    """Brings one body into postures.

    Attributes:
        leg_m: length of thigh and shank together.
        hip_height_m: middle of the hips above the floor when standing on straight legs.
    """

    def __init__(self, body: Body, sole_m: float) -> None:
        """`sole_m`: how far the drawn sole is below that of the bare foot."""
        self.body = body
        self._hips = {side: body.head(f"upperleg01.{letter}") for side, letter in SIDES.items()}
        self._middle = (self._hips["left"] + self._hips["right"]) / 2
        self._root = body.head("root")
        self._bones_m = (self._length("upperleg01.L", "lowerleg01.L"), self._length("lowerleg01.L", "foot.L"))
        self.leg_m = sum(self._bones_m)
        self._floor = body.floor_m - sole_m
        self.hip_height_m = self.leg_m + float(body.head("foot.L")[2]) - self._floor
        chains = (
            ("upperarm01", "lowerarm01"),
            ("lowerarm01", "wrist"),
            ("upperleg01", "lowerleg01"),
            ("lowerleg01", "foot"),
        )
        self._hanging = {
            f"{bone}.{letter}": straightened(
                body.head(f"{end}.{letter}") - body.head(f"{bone}.{letter}"), DOWN
            )
            for bone, end in chains
            for letter in SIDES.values()
        }
        self._pivots = {side: self._foot_pivots(letter) for side, letter in SIDES.items()}

    def pose(self, posture: Posture) -> BodyPose:
        """The bones in that posture."""
        upper = _upper_body(posture)
        rotations = self._rotations_above(upper)
        for side, letter in SIDES.items():
            step = posture.feet[side]
            hip, ankle = self._leg_ends(posture, side)
            knee_axis = upper["pelvis"][:, 0] + step.flat[:, 0]
            thigh, shank = two_bones(hip, ankle, knee_axis, *self._bones_m)
            for bone, link in (("upperleg", thigh), ("lowerleg", shank)):
                for half in ("01.", "02."):
                    rotations[f"{bone}{half}{letter}"] = link @ self._hanging[f"{bone}01.{letter}"]
            rotations[f"foot.{letter}"] = step.rotation
            rotations |= {f"{toe}{letter}": step.toes for toe in _TOES}
        translation = posture.hips - upper["pelvis"] @ (self._middle - self._root) - self._root
        return self.body.posed(rotations, translation)

    def highest_hips_m(self, posture: Posture, reach: float) -> float:
        """Greatest height of the hips at which both feet are reached with that share of the length of a leg."""
        heights = []
        for side in SIDES:
            hip, ankle = self._leg_ends(posture, side)
            across = float(np.linalg.norm((hip - ankle)[:2]))
            up = np.sqrt(max((reach * self.leg_m) ** 2 - across**2, 0.0))
            heights.append(ankle[2] + up + posture.hips[2] - hip[2])
        return float(min(heights))

    def reach(self, posture: Posture) -> float:
        """Hip to ankle over the length of the leg, of the leg that is stretched most; above 1 = too far."""
        ends = [self._leg_ends(posture, side) for side in SIDES]
        return max(float(np.linalg.norm(hip - ankle)) for hip, ankle in ends) / self.leg_m

    def _leg_ends(self, posture: Posture, side: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(3,) hip joint and (3,) ankle joint of a side."""
        pelvis = _upper_body(posture)["pelvis"]
        hip = posture.hips + pelvis @ (self._hips[side] - self._middle)
        return hip, posture.feet[side].ankle(*self._pivots[side])

    def _length(self, bone: str, end: str) -> float:
        return float(np.linalg.norm(self.body.head(end) - self.body.head(bone)))

    def _foot_pivots(self, letter: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """From the ball and from the heel, both on the floor, to the ankle; (3,) metres, flat foot that faces -y."""
        ankle = self.body.head(f"foot.{letter}")
        ball = np.mean([self.body.head(f"{toe}{letter}") for toe in _TOES], axis=0)
        sole = self.body.sole.rest
        heel = sole[(sole[:, 0] > 0) == (letter == "L")][:, 1].max() + _HEEL_OF_SHOE_M
        up = np.array([0.0, 0.0, ankle[2] - self._floor])
        backwards = np.array([0.0, 1.0, 0.0])
        return up + backwards * (ankle[1] - ball[1]), up + backwards * (ankle[1] - heel)

    def _rotations_above(self, links: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
        pelvis, chest, head = links["pelvis"], links["chest"], links["head"]
        spine = Slerp([0, 1], Rotation.from_matrix(np.stack([pelvis, chest])))
        neck = Slerp([0, 1], Rotation.from_matrix(np.stack([chest, head])))
        rotations = {"root": pelvis, "head": head}
        rotations |= {bone: spine(share).as_matrix() for bone, share in _SPINE.items()}
        rotations |= {bone: neck(share).as_matrix() for bone, share in _NECK.items()}
        for side, letter in SIDES.items():
            upper, fore = links[f"upper_arm_{side}"], links[f"forearm_{side}"]
            raised = np.clip(((chest.T @ upper @ DOWN)[2] + 0.2) / 1.2, 0, 1)
            sign = 1 if side == "left" else -1
            rotations[f"clavicle.{letter}"] = chest @ about("y", -sign * _GIRDLE_DEG * raised)
            for bone in ("upperarm01.", "upperarm02."):
                rotations[f"{bone}{letter}"] = upper @ self._hanging[f"upperarm01.{letter}"]
            for bone in ("lowerarm01.", "lowerarm02.", "wrist."):
                rotations[f"{bone}{letter}"] = fore @ self._hanging[f"lowerarm01.{letter}"]
        return rotations


def about(axis: str, degrees: float) -> NDArray[np.float64]:
    """(3, 3) rotation about "x", "y" or "z"."""
    return Rotation.from_euler(axis, degrees, degrees=True).as_matrix()


def _upper_body(posture: Posture) -> dict[str, NDArray[np.float64]]:
    """World rotations (3, 3) of pelvis, chest, head and arms against an upright body with hanging arms."""
    a = posture.attitude
    pelvis = about("z", posture.heading_deg + a.turn) @ about("x", a.lean) @ about("y", a.list)
    chest = pelvis @ about("z", a.twist) @ about("x", a.bend) @ about("y", a.side)
    links = {"pelvis": pelvis, "chest": chest, "head": chest @ about("z", a.look) @ about("x", a.nod)}
    arms = (
        ("left", 1, a.raise_left, a.swing_left, a.elbow_left),
        ("right", -1, a.raise_right, a.swing_right, a.elbow_right),
    )
    for side, sign, raised, swing, elbow in arms:
        links[f"upper_arm_{side}"] = chest @ about("x", -swing) @ about("y", -sign * raised)
        links[f"forearm_{side}"] = links[f"upper_arm_{side}"] @ about("x", -elbow)
    return links
