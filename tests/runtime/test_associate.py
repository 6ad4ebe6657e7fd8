"""Who is who: against crowds whose owners are known."""

import numpy as np
import pytest
from scene import crowd, in_true_order

from posecap.runtime.associate import Associator
from posecap.runtime.rays import Views

GATE_M = 0.22


def correct_share(views: int, people: int, seed: int, expected: bool, min_views: int = 3) -> float:
    """Share of rows that ended with the rows of the same person; missing rows count as wrong."""
    scene = crowd(views, people, seed)
    associator = Associator(scene.rig, GATE_M, min_views)
    rng = np.random.default_rng(seed)
    prior = scene.xyz + rng.normal(0, 0.03, (people, 1, 3)) if expected else np.empty((0, 17, 3))
    assignment = associator.assign(Views(scene.rig).rays(scene.keypoints), prior)
    right = 0
    claimed: set[int] = set()
    for k, rows in enumerate(assignment.rows):
        owners = [scene.owner[view, row] for view, row in enumerate(rows) if row >= 0]
        person = k if expected and k < people else (max(set(owners), key=owners.count) if owners else -1)
        if person in claimed:
            continue
        claimed.add(person)
        right += sum(owner == person for owner in owners)
    return right / scene.owner.size


@pytest.mark.parametrize("views", [3, 4, 8, 16])
@pytest.mark.parametrize("people", [1, 3, 10])
def test_new_people_are_grouped(views: int, people: int) -> None:
    shares = [correct_share(views, people, seed, expected=False) for seed in range(12)]
    assert np.mean(shares) >= 0.99


@pytest.mark.parametrize("views", [3, 4, 8])
def test_expected_people_get_their_rows(views: int) -> None:
    shares = [correct_share(views, 8, seed, expected=True) for seed in range(4)]
    assert np.mean(shares) >= 0.99


def test_two_cameras_are_enough_where_there_are_no_more() -> None:
    assert correct_share(2, 1, 0, expected=False) == 1.0


def test_an_empty_scene_has_nobody() -> None:
    scene = crowd(4, 2, 0, missing=1.0)
    assignment = Associator(scene.rig, GATE_M, 3).assign(
        Views(scene.rig).rays(scene.keypoints), np.empty((0, 17, 3))
    )
    assert assignment.rows.shape == (0, 4)


def test_a_person_seen_twice_by_a_detector_is_one() -> None:
    scene = crowd(4, 1, 0, missing=0.0)
    rays = Views(scene.rig).rays(scene.keypoints)
    twice = type(rays)(np.repeat(rays.xy, 2, axis=1), np.repeat(rays.variance, 2, axis=1))
    assert Associator(scene.rig, GATE_M, 3).assign(twice, np.empty((0, 17, 3))).rows.shape == (1, 4)


def test_two_people_do_not_share_the_one_in_front() -> None:
    scene = crowd(4, 2, 3, missing=0.0, gross=0.0)
    rays = Views(scene.rig).rays(in_true_order(scene))
    front = scene.rig.cameras[0].undistorted(scene.rig.cameras[0].project(scene.xyz[0]))
    rays.xy[0, 0], rays.xy[0, 1] = front, front + 1e-4  # the network read person 0 in both squares of view 0
    near = (
        scene.xyz[0] + (scene.rig.cameras[0].centre - scene.xyz[0].mean(axis=0)) * 0.2
    )  # on the same line of sight
    expected = np.stack([scene.xyz[0], near + np.array([0.05, 0.0, 0.0])])
    rows = Associator(scene.rig, GATE_M, 3).assign(rays, expected).rows
    assert sorted(rows[:2, 0] >= 0) == [False, True]
    assert rows[0, 0] >= 0
