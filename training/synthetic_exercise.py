"""Gymnastics on the spot: own key frames."""

import dataclasses

import numpy as np
from scipy.interpolate import PchipInterpolator

from posecap.training.synthetic_posture import Attitude

REST = Attitude(raise_left=8, raise_right=8, elbow_left=12, elbow_right=12)
"""Standing at ease; exercise and walk begin and end with it."""

_KEYS = (  # second, attitude: side raise, overhead, squat, two knee lifts with a twist, forward bend
    (0.0, REST),
    (0.55, Attitude(raise_left=95, raise_right=95, elbow_left=5, elbow_right=5)),
    (1.0, Attitude(raise_left=166, raise_right=166, elbow_left=12, elbow_right=12, bend=-6, nod=-8)),
    (1.5, Attitude(raise_left=25, raise_right=25, elbow_left=15, elbow_right=15, drop_m=0.03)),
    (
        2.05,
        Attitude(
            swing_left=88, swing_right=88, elbow_left=8, elbow_right=8, raise_left=6, raise_right=6,
            drop_m=0.34, back_m=0.12, lean=22, bend=16, nod=-20,
        ),
    ),
    (
        2.6,
        Attitude(swing_left=20, swing_right=20, elbow_left=75, elbow_right=75, raise_left=10, raise_right=10),
    ),
    (
        3.05,
        Attitude(
            lift_left_m=0.36, shift_m=-0.08, twist=24, look=-14, swing_right=62, elbow_right=85, swing_left=-22,
            elbow_left=80, raise_left=10, raise_right=10, list=-3, bend=8,
        ),
    ),
    (3.4, Attitude(elbow_left=70, elbow_right=70, raise_left=10, raise_right=10, swing_left=15, swing_right=15)),
    (
        3.8,
        Attitude(
            lift_right_m=0.36, shift_m=0.08, twist=-24, look=14, swing_left=62, elbow_left=85, swing_right=-22,
            elbow_right=80, raise_left=10, raise_right=10, list=3, bend=8,
        ),
    ),
    (
        4.35,
        Attitude(
            lean=26, bend=34, back_m=0.08, drop_m=0.03, swing_left=58, swing_right=58, elbow_left=12, elbow_right=12,
            raise_left=4, raise_right=4, nod=-10,
        ),
    ),
    (4.9, REST),
)  # fmt: skip

EXERCISE_S = _KEYS[-1][0]
"""Length of one round."""

_AT_EASE_S = 0.3  # key frames outside the round, so that it begins and ends without speed
_TIMES = [-_AT_EASE_S, *(at for at, _ in _KEYS), EXERCISE_S + _AT_EASE_S]
_VALUES = np.array([dataclasses.astuple(attitude) for attitude in (REST, *(key for _, key in _KEYS), REST)])
_CURVE = PchipInterpolator(_TIMES, _VALUES)


def exercise(at_s: float) -> Attitude:
    """The attitude at a time of the round; `REST` before and after it."""
    return Attitude(*(float(value) for value in _CURVE(np.clip(at_s, 0.0, EXERCISE_S))))
