"""Bone lengths are learnt and kept."""

import numpy as np
from bones_by_numpy import settled
from scene import STANDING, posed_person

from posecap.models.joints import COCO_17
from posecap.runtime.bones import BoneLengths, _settle

FOREARM = (COCO_17.index("left_elbow"), COCO_17.index("left_wrist"))


def test_noise_on_bones_goes_away() -> None:
    rng = np.random.default_rng(0)
    bones = BoneLengths(COCO_17)
    sigma = 0.02
    covariance = np.stack([np.eye(3) * sigma**2] * 17)
    raw, kept, error_raw, error_kept = [], [], [], []
    truth = STANDING
    for k in range(120):
        noisy = truth + rng.normal(0, sigma, truth.shape)
        bones.learn(noisy, covariance)
        after = bones.consistent(noisy, covariance)
        if k > 60:
            raw.append(np.linalg.norm(noisy[FOREARM[0]] - noisy[FOREARM[1]]))
            kept.append(np.linalg.norm(after[FOREARM[0]] - after[FOREARM[1]]))
            error_raw.append(np.linalg.norm(noisy - truth, axis=1)[7:11].mean())
            error_kept.append(np.linalg.norm(after - truth, axis=1)[7:11].mean())
    assert np.std(kept) < 0.4 * np.std(raw)
    assert np.mean(error_kept) < np.mean(error_raw)


def test_unknown_joints_stay_unknown_and_pull_nobody() -> None:
    rng = np.random.default_rng(1)
    bones = BoneLengths(COCO_17)
    covariance = np.stack([np.eye(3) * 1e-4] * 17)
    person = posed_person(rng, np.zeros(2))
    for _ in range(20):
        bones.learn(person, covariance)
    hidden = person.copy()
    hidden[FOREARM[1]] = np.nan
    after = bones.consistent(hidden, covariance)
    assert np.isnan(after[FOREARM[1]]).all()
    assert np.nanmax(np.abs(after - hidden)) < 1e-6


def test_one_wrong_joint_teaches_little() -> None:
    bones = BoneLengths(COCO_17)
    covariance = np.stack([np.eye(3) * 1e-4] * 17)
    for _ in range(50):
        bones.learn(STANDING, covariance)
    wrong = STANDING.copy()
    wrong[FOREARM[1]] += 1.0
    bones.learn(wrong, covariance)
    assert np.abs(bones.consistent(STANDING, covariance) - STANDING).max() < 0.003


def test_the_fast_path_is_its_slow_twin() -> None:
    rng = np.random.default_rng(2)
    start, end = np.array([5, 7, 6, 11, 13]), np.array([7, 9, 8, 13, 15])
    xyz = STANDING + rng.normal(0, 0.03, STANDING.shape)
    root = rng.normal(0, 0.02, (17, 3, 3))
    covariance = root @ root.swapaxes(1, 2) + 1e-5 * np.eye(3)
    length = np.linalg.norm(STANDING[end] - STANDING[start], axis=1)
    sigma = np.full(5, 0.007)
    fast = xyz.copy()
    _settle(fast, covariance, start, end, length, sigma)
    np.testing.assert_allclose(fast, settled(xyz, covariance, start, end, length, sigma), atol=1e-10)
