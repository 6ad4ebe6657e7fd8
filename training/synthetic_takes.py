"""The takes of the virtual rig: who is in them and what they do, as functions of time that end where they begin."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from posecap.training.synthetic_motion import EXERCISE_S, Moment, covered, exercising, walking
from posecap.training.synthetic_person import Sleeve

_CIRCLE_M = 0.6
_CIRCLE_S = 8.0 - EXERCISE_S
_PASS_M = 1.7  # from the middle to either end of the way of two people who meet
_PASS_S, _TURN_S = 3.2, 0.8
_APART_M = 0.29  # from the middle line


@dataclass(frozen=True, slots=True)
class Actor:
    """One person of a take: a baked shape, the seed of the clothes, the sleeves, and the motion."""

    shape: str
    seed: int
    sleeve: Sleeve
    motion: Callable[[float], Moment]


@dataclass(frozen=True, slots=True)
class Take:
    """What a set of clips shows."""

    seconds: float
    actors: tuple[Actor, ...]


def _exercise_and_walk(t: float) -> Moment:
    """Exercises on the spot, then once round a small circle back to it."""
    if t < EXERCISE_S:
        return exercising(t, (0.0, -0.2), 180.0)
    distance, pace = covered(t - EXERCISE_S, _CIRCLE_S, 2 * np.pi * _CIRCLE_M)
    angle = distance / _CIRCLE_M
    place = (_CIRCLE_M * (np.cos(angle) - 1), _CIRCLE_M * np.sin(angle) - 0.2)
    return walking(distance, pace, place, 180.0 + float(np.degrees(angle)))


def _there_and_back(start: float, side_m: float) -> Callable[[float], Moment]:
    """Walk along x from `start` (-1 or +1) to the other end, turn, walk back, turn."""

    def motion(t: float) -> Moment:
        half, within = divmod(t % (2 * (_PASS_S + _TURN_S)), _PASS_S + _TURN_S)
        towards = -start if half == 0 else start
        heading = 90.0 * towards  # facing +x is +90 degrees from facing -y
        if within < _PASS_S:
            distance, pace = covered(within, _PASS_S, 2 * _PASS_M)
            return walking(distance, pace, (towards * (distance - _PASS_M), side_m), heading)
        share = (within - _PASS_S) / _TURN_S
        eased = share * share * (3 - 2 * share)
        steps = float(np.sin(np.pi * share)) * 0.5
        return walking(1.3 * share, steps, (towards * _PASS_M, side_m), heading + 180.0 * eased)

    return motion


TAKES = {
    "solo": Take(8.0, (Actor("female", 3, "short", _exercise_and_walk),)),
    "duo": Take(
        8.0,
        (
            Actor("female", 3, "short", _there_and_back(-1.0, _APART_M)),
            Actor("male", 0, "long", _there_and_back(1.0, -_APART_M)),
        ),
    ),
}
