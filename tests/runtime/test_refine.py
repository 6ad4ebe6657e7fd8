"""Stage 2 against a walking person whose joints are known."""

import numpy as np
from numpy.typing import NDArray
from scene import STANDING, in_true_order, observe, ring_rig

from posecap.models.joints import COCO_17
from posecap.runtime.lift import Lifter
from posecap.runtime.pose import PoseSet
from posecap.runtime.refine import Refiner

STEP_NS = round(1e9 / 30)


def waving(frames: int) -> NDArray[np.float64]:
    """(frames, 1, 17, 3) a person who waves and sways."""
    t = np.arange(frames) / 30
    xyz = np.repeat(STANDING[None], frames, axis=0)
    angle = 1.2 * np.sin(2 * np.pi * 0.8 * t)
    for shoulder, arm in ((5, (7, 9)), (6, (8, 10))):
        for joint in arm:
            x, z = (STANDING[joint] - STANDING[shoulder])[[0, 2]]
            xyz[:, joint, 0] = STANDING[shoulder, 0] + np.cos(angle) * x - np.sin(angle) * z
            xyz[:, joint, 2] = STANDING[shoulder, 2] + np.sin(angle) * x + np.cos(angle) * z
    return (xyz + np.stack([0.2 * np.sin(t), 0 * t, 0 * t], axis=1)[:, None])[:, None]


def errors(lag: int) -> tuple[list[float], list[float], list[float]]:
    """Mean joint error of stage 1 and of stage 2, metres, and the forearm lengths of stage 2."""
    rig, truth = ring_rig(4), waving(90)
    rng = np.random.default_rng(0)
    lifter, refiner = Lifter(rig, 0.12), Refiner(rig, COCO_17, lag, time_scale=1.0)
    first, second, forearm = [], [], []
    for k, person in enumerate(truth):
        keypoints = in_true_order(observe(rig, person, rng, noise_px=4.0, missing=0.1, gross=0.02))
        rays = lifter.views.rays(keypoints)
        skeleton = lifter.skeletons(rays, np.full((1, 17, 3), np.nan), np.array([1]))[0]
        t_ns = 10**9 + k * STEP_NS
        refined = refiner.refine(PoseSet(k, t_ns, t_ns, (skeleton,)), rays, keypoints.heatmaps)
        first.append(float(np.nanmean(np.linalg.norm(skeleton.xyz - person[0], axis=1))))
        if refined is None:
            assert k < lag
            continue
        assert refined.index == k - lag
        answer = refined.skeletons[0]
        if k > 30:
            second.append(float(np.nanmean(np.linalg.norm(answer.xyz - truth[k - lag, 0], axis=1))))
            forearm.append(float(np.linalg.norm(answer.xyz[9] - answer.xyz[7])))
    return first[31:], second, forearm


def test_stage_two_is_nearer_than_stage_one_and_the_lag_pays() -> None:
    stage_one, now, forearm = errors(lag=0)
    _, later, _ = errors(lag=3)
    assert np.mean(now) < 0.92 * np.mean(stage_one)
    assert np.mean(later) < 0.95 * np.mean(now)
    assert np.std(forearm) / np.mean(forearm) < 0.02


def test_a_person_nobody_sees_is_carried_on_only_shortly() -> None:
    rig, truth = ring_rig(4), waving(60)
    rng = np.random.default_rng(1)
    lifter, refiner = Lifter(rig, 0.12), Refiner(rig, COCO_17, 0, time_scale=1.0)
    published = []
    for k, person in enumerate(truth):
        t_ns = 10**9 + k * STEP_NS
        keypoints = in_true_order(observe(rig, person, rng, noise_px=2.0))
        rays = lifter.views.rays(keypoints)
        skeletons = lifter.skeletons(rays, np.full((1, 17, 3), np.nan), np.array([1])) if k < 30 else ()
        refined = refiner.refine(PoseSet(k, t_ns, t_ns, skeletons), rays, keypoints.heatmaps)
        assert refined is not None
        published.append(len(refined.skeletons))
    assert published[:30] == [1] * 30
    assert published[34] == 1
    assert published[40:] == [0] * 20
