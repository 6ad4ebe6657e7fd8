"""The scenes that are rendered: who is in them and what they do."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from posecap.training.synthetic_exercise import EXERCISE_S, exercise
from posecap.training.synthetic_gait import steady_walk, walk_between_stops, with_hips_over_feet
from posecap.training.synthetic_legs import FootStep
from posecap.training.synthetic_look import Look
from posecap.training.synthetic_path import circle, oval
from posecap.training.synthetic_posture import Poser, Posture

Motion = Callable[[float], Posture]
"""Second -> posture."""

_STEP_S = 1 / 60
_LIFTED_FORWARDS = 0.75  # of its height a lifted foot comes forwards
_LIFTED_TOES_DOWN_DEG = 25.0


@dataclass(frozen=True, slots=True)
class Actor:
    """One person of a scene."""

    look: Look
    motion: Callable[[Poser], Motion]


@dataclass(frozen=True, slots=True)
class Play:
    """A scene.

    Attributes:
        seconds: length; it can be looped without a jump.
        actors: in the order of the people axis of the truth.
    """

    seconds: float
    actors: tuple[Actor, ...]


_WALK_S = 3.7
_CROSSING_S = 8.0
_CROSSING_M = (
    0.33  # of each way's straight from the middle of the room: the two pass each other at twice that
)


def _exercise_and_walk(poser: Poser) -> Motion:
    """Gymnastics, then once round a small circle back to the same place."""
    way = circle(0.5, np.array([-0.45, 0.0]), heading_deg=12)
    walk = walk_between_stops(way, 7, EXERCISE_S, EXERCISE_S + _WALK_S - 0.1)
    walk = with_hips_over_feet(walk, poser, np.arange(0, EXERCISE_S + _WALK_S, _STEP_S))

    def motion(at_s: float) -> Posture:
        posture = walk.posture(at_s)
        if at_s > EXERCISE_S:
            return posture
        return _gymnast(posture, at_s)

    return motion


def _gymnast(standing: Posture, at_s: float) -> Posture:
    """The key frames over planted feet."""
    attitude = exercise(at_s)
    heading = np.deg2rad(standing.heading_deg)
    left = np.array([np.cos(heading), np.sin(heading), 0.0])
    forwards = np.array([np.sin(heading), -np.cos(heading), 0.0])
    hips = standing.hips + attitude.shift_m * left - attitude.back_m * forwards
    hips[2] -= attitude.drop_m
    feet = {}
    lifts = {"left": max(attitude.lift_left_m, 0.0), "right": max(attitude.lift_right_m, 0.0)}
    for side, lift in lifts.items():
        foot = standing.feet[side]
        place = foot.place + np.array([0, 0, lift]) + forwards * lift * _LIFTED_FORWARDS
        pitch = _LIFTED_TOES_DOWN_DEG * min(lift / 0.2, 1.0)
        feet[side] = FootStep(place, foot.heading_deg, pitch, toe_bend=0.0)
    return Posture(hips, standing.heading_deg, attitude, feet)


def _round(half_turn: bool) -> Callable[[Poser], Motion]:
    """Round an oval; the other person goes the same way turned by half a circle about the middle of the room."""
    sign = -1.0 if half_turn else 1.0

    def prepared(poser: Poser) -> Motion:
        start = np.array([0.0, _CROSSING_M * sign])
        way = oval(6.7, 0.25, start, heading_deg=90.0 if sign > 0 else -90.0)
        walk = steady_walk(way, 14, _CROSSING_S, start_m=way.length_m / 2)
        walk = with_hips_over_feet(walk, poser, np.arange(-0.5, _CROSSING_S + 0.5, _STEP_S))
        return walk.posture

    return prepared


_RED = Look("male", seed=4, pattern="print", shirt=((150, 36, 46), (205, 200, 190)), trousers=(46, 60, 92))
_YELLOW = replace(_RED, seed=5, shirt=((214, 150, 40), (60, 50, 46)), skin=(150, 104, 76), hair=(26, 22, 22))
_RINGS = Look(
    "female", seed=3, sleeve="short", pattern="rings", shirt=((34, 110, 110), (226, 222, 206)),
    skin=(224, 178, 150), hair=(110, 80, 46), iris=(60, 90, 120), trousers=(120, 108, 88), shoes=(196, 196, 190),
)  # fmt: skip

PLAYS = {
    "solo": Play(EXERCISE_S + _WALK_S, (Actor(_RED, _exercise_and_walk),)),
    "duo": Play(_CROSSING_S, (Actor(_YELLOW, _round(False)), Actor(_RINGS, _round(True)))),
}
