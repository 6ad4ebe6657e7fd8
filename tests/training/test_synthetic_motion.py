"""Legs reach, feet stay, ways close: no body data is needed."""

from itertools import pairwise

import numpy as np
import pytest

from posecap.training.synthetic_exercise import EXERCISE_S, REST, exercise
from posecap.training.synthetic_gait import steady_walk, walk_between_stops
from posecap.training.synthetic_legs import FootStep, straightened, two_bones
from posecap.training.synthetic_path import circle, oval

LEFT = np.array([1.0, 0, 0])
DOWN = np.array([0, 0, -1.0])
FROM_BALL, FROM_HEEL = np.array([0, 0.16, 0.08]), np.array([0, -0.04, 0.08])


def test_two_bones_reach_the_ankle_and_bend_the_knee_forwards() -> None:
    hip, ankle = np.array([0.1, 0.2, 0.9]), np.array([0.15, 0.05, 0.2])
    thigh, shank = two_bones(hip, ankle, LEFT, 0.42, 0.40)
    knee = hip + thigh @ DOWN * 0.42
    np.testing.assert_allclose(knee + shank @ DOWN * 0.40, ankle, atol=1e-12)
    for link in (thigh, shank):
        np.testing.assert_allclose(link @ link.T, np.eye(3), atol=1e-12)
    assert knee[1] < (hip[1] + ankle[1]) / 2  # a body faces -y


def test_a_leg_out_of_reach_points_straight_at_the_ankle() -> None:
    thigh, shank = two_bones(np.zeros(3), np.array([0, 0, -2.0]), LEFT, 0.42, 0.40)
    np.testing.assert_allclose(thigh @ DOWN, DOWN, atol=0.05)
    np.testing.assert_allclose(shank @ DOWN, DOWN, atol=0.05)


def test_straightened_is_the_rotation_between_two_directions() -> None:
    bone = np.array([0.3, -0.2, -0.9])
    np.testing.assert_allclose(straightened(bone, DOWN) @ bone, DOWN * np.linalg.norm(bone), atol=1e-12)


@pytest.mark.parametrize(("pitch", "spoke"), [(35.0, FROM_BALL), (-15.0, FROM_HEEL)])
def test_a_rolling_foot_keeps_its_pivot_on_the_floor(pitch: float, spoke: np.ndarray) -> None:
    flat = FootStep(np.array([1.0, 2.0, 0.0]), 40.0)
    rolled = FootStep(flat.place, 40.0, pitch)
    pivots = [step.ankle(FROM_BALL, FROM_HEEL) - step.rotation @ spoke for step in (flat, rolled)]
    np.testing.assert_allclose(pivots[0], pivots[1], atol=1e-12)
    assert abs(pivots[0][2]) < 1e-12


def test_ways_close() -> None:
    assert circle(0.5, np.array([0.3, -1.0]), 12).closing_gap_m < 1e-4
    way = oval(6.7, 0.25, np.array([0.0, 0.33]), 90)
    assert way.closing_gap_m < 5e-3
    assert way.heading_deg(way.length_m) == pytest.approx(90 + 360, abs=0.1)


def test_a_steady_walker_has_a_foot_on_the_floor_that_does_not_move() -> None:
    way = oval(6.7, 0.25, np.array([0.0, 0.33]), 90)
    walk = steady_walk(way, 14, 8.0)
    times = np.arange(0, 8, 1 / 30)
    steps = [[walk.foot(side, float(t)) for t in times] for side in ("left", "right")]
    places = np.array([[step.place for step in side] for side in steps])
    still = np.linalg.norm(np.diff(places, axis=1), axis=-1) < 1e-12
    assert still.any(axis=0).all()
    for stances in walk.stances.values():
        for before, after in pairwise(stances):
            swing_s, cycle_s = after.lands_s - before.lifts_s, after.lands_s - before.lands_s
            assert swing_s / cycle_s == pytest.approx(0.38)


def test_a_walk_starts_and_ends_standing_at_the_same_place() -> None:
    walk = walk_between_stops(circle(0.5, np.zeros(2), 0), 7, 1.0, 4.5)
    for at_s, turned in ((0.0, 0.0), (5.0, 360.0)):
        posture = walk.posture(at_s)
        np.testing.assert_allclose(posture.hips[:2], (0, 0), atol=1e-3)
        assert posture.heading_deg == pytest.approx(turned, abs=0.1)
        assert posture.attitude.swing_left == pytest.approx(0, abs=1e-9)
        np.testing.assert_allclose(posture.feet["left"].place, (0.09, 0, 0), atol=1e-3)
        np.testing.assert_allclose(posture.feet["right"].place, (-0.09, 0, 0), atol=1e-3)


def test_gymnastics_begin_and_end_at_rest() -> None:
    for at_s in (-1.0, 0.0, EXERCISE_S, EXERCISE_S + 1):
        assert exercise(at_s) == REST
