"""Cameras that are pushed while people walk about: who is named, when, and that nobody is without a reason."""

import numpy as np
import pytest
from scene import in_true_order, observe, posed_person, ring_rig
from watched_people import WatchedPeople, nearly, pushed, watch_for, watched_rig, with_camera

from posecap.calib.triangulate import triangulate
from posecap.runtime.calibration_watch import CalibrationWatch
from posecap.runtime.leave_one_out import turn_equations
from posecap.runtime.pose import Keypoints2D
from posecap.runtime.rays import Rays, Views
from posecap.runtime.strays import find_strays
from posecap.runtime.watched_view import SUMS

WARM_S = 15.0


def watched(views: int = 4, people: int = 2, seed: int = 0) -> tuple[CalibrationWatch, WatchedPeople]:
    truth = watched_rig(views, 640)
    return CalibrationWatch(nearly(truth, seed), 0.015), WatchedPeople(truth, people, seed=seed)


@pytest.mark.parametrize(("degrees", "view"), [(0.5, 0), (1.0, 3), (2.0, 2)])
def test_a_turned_camera_is_named_within_three_seconds(degrees: float, view: int) -> None:
    watch, people = watched(seed=view)
    assert not list(watch_for(watch, people, WARM_S))
    name = people.truth.names[view]
    people.truth = with_camera(people.truth, name, lambda camera: pushed(camera, degrees, seed=view))
    second, alarms = next(watch_for(watch, people, 10))
    assert alarms == (name,)
    assert second - WARM_S < 3.0
    assert not list(watch_for(watch, people, 5)), "the others did not move"
    (alarm,) = watch.alarms
    assert np.degrees(alarm.turn_rad) == pytest.approx(degrees, rel=0.3)
    assert f"recalibrate.py {name}" in str(alarm)


def test_nothing_is_said_of_cameras_that_stand_still() -> None:
    watch, people = watched(people=1, seed=5)
    assert not list(watch_for(watch, people, 60))


def test_an_alarm_goes_when_the_camera_is_pushed_back() -> None:
    watch, people = watched()
    list(watch_for(watch, people, WARM_S))
    before = people.truth
    people.truth = with_camera(before, "cam01", lambda camera: pushed(camera, 1.0))
    assert [alarms for _, alarms in watch_for(watch, people, 5)] == [("cam01",)]
    people.truth = before
    assert [alarms for _, alarms in watch_for(watch, people, 8)] == [()]


def test_a_camera_that_never_fitted_is_named_too() -> None:
    watch, people = watched()
    people.truth = with_camera(people.truth, "cam02", lambda camera: pushed(camera, 2.0))
    assert [alarms for _, alarms in watch_for(watch, people, 12)] == [("cam02",)]
    assert watch.alarms[0].kind == "misfit"


def test_a_second_camera_is_named_as_well() -> None:
    watch, people = watched(views=5)
    list(watch_for(watch, people, WARM_S))
    people.truth = with_camera(people.truth, "cam01", lambda camera: pushed(camera, 1.0))
    list(watch_for(watch, people, 6))
    people.truth = with_camera(people.truth, "cam03", lambda camera: pushed(camera, 1.0, seed=1))
    assert [alarms for _, alarms in watch_for(watch, people, 6)] == [("cam01", "cam03")]


def test_only_doubted_views_lose_weight() -> None:
    watch, people = watched()
    list(watch_for(watch, people, WARM_S))
    rays = Rays(np.zeros((4, 1, 17, 2)), np.full((4, 1, 17), 1e-5))
    assert watch.doubted(rays) is rays
    people.truth = with_camera(people.truth, "cam02", lambda camera: pushed(camera, 1.0))
    list(watch_for(watch, people, 5))
    variance = watch.doubted(rays).variance[:, 0, 0]
    assert variance[2] > 50 * 1e-5
    assert (variance[[0, 1, 3]] == 1e-5).all()


def test_a_new_calibration_of_the_camera_ends_its_alarm() -> None:
    watch, people = watched()
    list(watch_for(watch, people, WARM_S))
    people.truth = with_camera(people.truth, "cam02", lambda camera: pushed(camera, 1.0))
    list(watch_for(watch, people, 5))
    after = watch.replaced(with_camera(watch.rig, "cam02", lambda camera: pushed(camera, 1.0)))
    assert not after.alarms
    assert not list(watch_for(after, people, 8))


def test_two_cameras_and_a_limit_of_nothing_are_not_watched() -> None:
    for watch in (CalibrationWatch(watched_rig(2, 640), 0.015), CalibrationWatch(watched_rig(4, 640), 0.0)):
        people = WatchedPeople(watch.rig)
        list(watch_for(watch, people, 10))
        people.truth = with_camera(watch.rig, "cam01", lambda camera: pushed(camera, 2.0))
        assert not list(watch_for(watch, people, 6))


def test_the_turn_of_an_exact_scene_is_found_in_spite_of_the_pull_of_the_turned_camera() -> None:
    rig = ring_rig(5)
    turned = with_camera(rig, "cam02", lambda camera: pushed(camera, 0.4, seed=4))
    rng = np.random.default_rng(0)
    xyz = np.stack([posed_person(rng, np.array([x, 0.4])) for x in (-1.0, 0.8)])
    views = Views(rig)
    rays = views.rays(in_true_order(observe(turned, xyz, rng, 0.3)))
    flat = Rays(rays.xy.reshape(5, -1, 2), rays.variance.reshape(5, -1))
    joints = triangulate(flat.xy, flat.variance, views.extrinsics).xyz
    sums = np.empty((5, SUMS))
    turn_equations(flat.xy, flat.variance, joints, views.extrinsics, np.zeros(5, bool), sums)
    found = np.linalg.solve(sums[2, :9].reshape(3, 3), sums[2, 9:12])
    move = turned.cameras[2].R @ rig.cameras[2].R.T
    wanted = np.array([move[2, 1], move[0, 2], move[1, 0]])
    np.testing.assert_allclose(found, wanted, atol=np.radians(0.05))


def test_strays_are_rows_that_an_expectation_led_to_and_nobody_has() -> None:
    track = np.array([[7, 8], [7, 8], [8, 7]])
    xy = np.arange(3 * 2 * 2, dtype=float).reshape(3, 2, 1, 2)
    keypoints = Keypoints2D(xy, np.ones((3, 2, 1)), np.ones((3, 2, 1)), track, ())
    rows = np.array([[0, -1, 1], [1, 1, -1], [-1, -1, -1]])  # the third person is new: nobody expected it
    strays = find_strays(keypoints, rows, np.array([7, 8]))
    assert list(zip(strays.view, strays.person, strays.row, strict=True)) == [(1, 0, 0), (2, 1, 0)]
    people = Rays(np.full((3, 3, 1, 2), np.nan), np.full((3, 3, 1), np.inf))
    joined = strays.joined(people, Rays(xy, keypoints.variance))
    np.testing.assert_array_equal(joined.xy[1, 0], xy[1, 0])
    assert np.isfinite(joined.variance).sum() == 2
