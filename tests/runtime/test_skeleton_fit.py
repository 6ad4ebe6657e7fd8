import time

import numpy as np
import pytest
from moving_skeleton import angle_deg, moving, skeleton_for
from scipy.spatial.transform import Rotation

from posecap.models.joints import BLAZEPOSE_33, COCO_17, H36M_17, HALPE_26, JOINT_SETS
from posecap.runtime.errors import SkeletonError
from posecap.runtime.skeleton import WORLD_FROM_BODY, layout_of
from posecap.runtime.skeleton_axes import axes, kabsch
from posecap.runtime.skeleton_fit import fit_skeleton
from posecap.runtime.skeleton_hinges import REST_ALONG, REST_HINGE, Hinges

SETS = pytest.mark.parametrize("joint_set", JOINT_SETS.values(), ids=lambda joint_set: joint_set.name)
HINGED = (
    "LeftArm",
    "RightArm",
    "LeftForeArm",
    "RightForeArm",
    "LeftUpLeg",
    "RightUpLeg",
    "LeftLeg",
    "RightLeg",
)


@SETS
@pytest.mark.parametrize("sweeps", [0, 3])
def test_exact_motion_comes_back(joint_set, sweeps):
    truth = moving(joint_set.names, seed=3)
    found = fit_skeleton(joint_set.names, truth.t_ns, truth.xyz, sweeps=sweeps)
    again = found.skeleton.joints(found.root_m, found.rotation)
    np.testing.assert_allclose(again, truth.xyz, atol=1e-5)
    np.testing.assert_allclose(found.skeleton.offset_m, truth.skeleton.offset_m, atol=1e-6)
    layout = found.skeleton.layout
    for segment, name in enumerate(layout.segments):
        if name in ("Spine", "Spine1", "Neck") or (name == "Head" and "left_ear" not in joint_set.names):
            up = (
                found.rotation[:, segment, :, 1],
                truth.rotation[:, segment, :, 1],
            )  # twist is chosen, not seen
            np.testing.assert_allclose(*up, atol=1e-4, err_msg=name)
        else:
            off = angle_deg(found.rotation[:, segment], truth.rotation[:, segment])
            assert off.max() < 0.01, name


@SETS
def test_segments_are_those_the_joints_tell(joint_set):
    layout = layout_of(joint_set.names)
    has_feet = joint_set in (BLAZEPOSE_33, HALPE_26)
    assert ("LeftFoot" in layout, "RightFoot" in layout) == (has_feet, has_feet)
    assert ("LeftHand" in layout) == (joint_set is BLAZEPOSE_33)
    assert ("Spine1" in layout) == (joint_set is H36M_17)
    assert all(parent < place for place, parent in enumerate(layout.parents))
    assert min(layout.carriers) >= 0


@SETS
def test_ten_millimetres_of_noise_flip_nothing(joint_set):
    truth = moving(joint_set.names, frames=240, seed=5, bend_deg=(3, 90))  # through straight limbs
    noisy = truth.xyz + np.random.default_rng(1).normal(0, 0.01, truth.xyz.shape)
    found = fit_skeleton(joint_set.names, truth.t_ns, noisy)
    layout = found.skeleton.layout
    again = found.skeleton.joints(found.root_m, found.rotation)
    assert (
        np.sqrt(((again - truth.xyz) ** 2).sum(axis=2).mean()) < 0.0173
    )  # no worse than the noise that went in
    for name in HINGED:
        place = layout.index(name)
        off = angle_deg(found.rotation[:, place], truth.rotation[:, place])
        assert off.max() < 90, name  # a straight limb's own twist is 40 degrees here and unseen
        assert np.median(off) < 12, name
    lengths = np.linalg.norm(found.skeleton.offset_m, axis=1), np.linalg.norm(truth.skeleton.offset_m, axis=1)
    np.testing.assert_allclose(*lengths, atol=0.006)


def test_a_straight_limb_keeps_its_twist_and_never_jumps():
    truth = moving(COCO_17.names, frames=90, seed=2, bend_deg=(60, 60))
    elbow, wrist = COCO_17.index("left_elbow"), COCO_17.index("left_wrist")
    upper = truth.skeleton.layout.index("LeftArm")
    straight = slice(30, 60)
    bone = truth.xyz[:, elbow] - truth.xyz[:, COCO_17.index("left_shoulder")]
    truth.xyz[straight, wrist] = truth.xyz[straight, elbow] + bone[straight] * 0.25 / 0.29
    found = fit_skeleton(COCO_17.names, truth.t_ns, truth.xyz, sweeps=0)
    step = angle_deg(found.rotation[1:, upper], found.rotation[:-1, upper])
    moved = angle_deg(truth.rotation[1:, upper], truth.rotation[:-1, upper])
    assert step[30:58].max() < moved.max() + 3
    assert angle_deg(found.rotation[30, upper], truth.rotation[30, upper]) < 6
    exact = [*range(30), *range(60, 90)]
    assert angle_deg(found.rotation[exact, upper], truth.rotation[exact, upper]).max() < 0.01


def test_twist_is_remembered_then_settles():
    hinges = Hinges(noise_m=0.01)
    upper = 0.3 * REST_ALONG
    turned = Rotation.from_euler("x", 70, degrees=True).apply(REST_HINGE[0])
    forearm = 0.25 * np.cross(turned, [-1.0, 0, 0])  # bent by a right angle
    lower = np.array([forearm, *upper[1:]])
    np.testing.assert_allclose(hinges.step(0, upper, lower)[0], turned, atol=1e-9)
    soon = hinges.step(33_000_000, upper, upper)[0]
    assert np.degrees(np.arccos(soon @ turned)) < 5
    for frame in range(150):
        later = hinges.step(33_000_000 * (2 + frame), upper, upper)
    np.testing.assert_allclose(later, REST_HINGE, atol=0.02)


def test_a_knee_that_seems_to_bend_forward_does_not_turn_the_thigh_round():
    body = skeleton_for(COCO_17.names)
    rest = np.broadcast_to(WORLD_FROM_BODY, (5, len(body.layout.segments), 3, 3))
    xyz = body.joints(np.zeros((5, 3)), rest)
    xyz[2:, COCO_17.index("left_ankle"), 0] += 0.25  # forward: wrong by a calf's half
    found = fit_skeleton(COCO_17.names, np.arange(5) * 33_000_000, xyz, sweeps=0)
    thigh = body.layout.index("LeftUpLeg")
    assert angle_deg(found.rotation[:, thigh], WORLD_FROM_BODY).max() < 1e-3


def test_missing_joints_leave_only_their_segments_unknown():
    truth = moving(BLAZEPOSE_33.names, frames=20)
    xyz = truth.xyz.copy()
    xyz[5, BLAZEPOSE_33.index("left_elbow")] = np.nan
    xyz[6, BLAZEPOSE_33.index("right_hip")] = np.nan
    xyz[7, BLAZEPOSE_33.index("left_ear")] = np.nan
    found = fit_skeleton(BLAZEPOSE_33.names, truth.t_ns, xyz)
    layout = found.skeleton.layout
    unknown = ~np.isfinite(found.rotation[:, :, 0, 0])
    assert {layout.segments[place] for place in np.flatnonzero(unknown[5])} == {"LeftArm", "LeftForeArm"}
    assert unknown[6].all()
    assert np.isnan(found.root_m[6]).all()
    head = layout.index("Head")
    assert not unknown[7, head]  # from the other joints of the face
    assert angle_deg(found.rotation[7, head], truth.rotation[7, head]) < 0.1
    assert not unknown[[*range(5), *range(8, 20)]].any()
    off = np.nanmax(np.abs(found.skeleton.joints(found.root_m, found.rotation) - truth.xyz))
    assert off < 1e-3


def test_sweeps_bring_the_joints_nearer():
    truth = moving(HALPE_26.names, frames=30)
    noisy = truth.xyz + np.random.default_rng(0).normal(0, 0.01, truth.xyz.shape)
    closed, swept = (fit_skeleton(HALPE_26.names, truth.t_ns, noisy, sweeps=rounds) for rounds in (0, 3))
    rms = [np.sqrt((motion.residual_m**2).mean()) for motion in (closed, swept)]
    assert rms[1] < 0.7 * rms[0]


def test_a_set_without_hips_is_refused():
    with pytest.raises(
        SkeletonError, match=r"left_hip, right_hip are missing, .*: publish a whole-body joint set"
    ):
        layout_of(("nose", "left_shoulder", "right_shoulder"))


def test_a_person_whose_hips_are_never_seen_is_refused():
    truth = moving(COCO_17.names, frames=3)
    truth.xyz[:, COCO_17.index("left_hip")] = np.nan
    with pytest.raises(SkeletonError, match="never seen together in 3 frames: choose another person"):
        fit_skeleton(COCO_17.names, truth.t_ns, truth.xyz)


def test_kabsch_finds_the_rotation_and_no_reflection():
    random = np.random.default_rng(0)
    template = random.normal(size=(4, 3))
    R = axes(0, random.normal(size=(5, 3)), 2, random.normal(size=(5, 3)))
    points = np.einsum("nab,kb->nka", R, template) + random.normal(size=(5, 1, 3))
    points[1, 2] = np.nan
    np.testing.assert_allclose(kabsch(template, points), R, atol=1e-9)
    points[2, :2] = np.nan
    assert np.isnan(kabsch(template, points)[2]).all()  # two points are a line
    assert np.linalg.det(kabsch(template * (1, 1, -1), points)[0]) == pytest.approx(1)


@pytest.mark.slow
def test_ten_minutes_of_one_person_are_fitted_within_half_a_minute():
    truth = moving(COCO_17.names, frames=18_000)
    begun = time.perf_counter()
    fit_skeleton(COCO_17.names, truth.t_ns, truth.xyz)
    assert time.perf_counter() - begun < 30
