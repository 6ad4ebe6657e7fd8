import numpy as np
import pytest

from posecap.models.depth_scale import (
    HOURGLASS_BONE_SUM_MM,
    BoneSum,
    bone_sum_scale,
    camera_scale,
    h36m_from_mpii,
    limb_scale,
    mpii_with_belly,
)
from posecap.models.joints import H36M_17, joint_map
from posecap.models.published_joints import MPII_16

LIMBS = {("right_hip", "right_knee"): 450.0, ("right_knee", "right_ankle"): 430.0}


def person() -> np.ndarray:
    return np.random.default_rng(2).normal(0, 400, (16, 3))


def test_joints_of_the_same_name_stay_and_the_others_are_middles() -> None:
    mpii = person()
    h36m = h36m_from_mpii(mpii)
    for joint, source in enumerate(joint_map(MPII_16, H36M_17)):
        if source >= 0:
            np.testing.assert_array_equal(h36m[joint], mpii[source], err_msg=H36M_17.names[joint])
    names = {name: h36m[joint] for joint, name in enumerate(H36M_17.names)}
    np.testing.assert_allclose(names["belly"], (names["pelvis"] + names["neck"]) / 2)
    np.testing.assert_allclose(names["nose"], (names["neck"] + names["head"]) / 2)
    np.testing.assert_array_equal(names["head"], mpii[MPII_16.index("head_top")])


def test_each_scale_gives_back_the_size_that_it_knows() -> None:
    h36m = h36m_from_mpii(person())
    shrunk = np.stack([h36m / 1500, h36m / 700])
    bones = bone_sum_scale(shrunk)
    assert bones[0] / bones[1] == pytest.approx(1500 / 700)
    assert bone_sum_scale(shrunk * bones[:, None, None]) == pytest.approx(1)
    limbs = {(a, b): float(np.linalg.norm(h36m[H36M_17.index(a)] - h36m[H36M_17.index(b)])) for a, b in LIMBS}
    np.testing.assert_allclose(limb_scale(shrunk, limbs), [1500, 700])
    shrunk[0, H36M_17.index("right_ankle")] = np.nan
    np.testing.assert_allclose(limb_scale(shrunk, limbs), [1500, 700])  # the thigh is enough
    shrunk[0, H36M_17.index("right_knee")] = np.nan
    assert np.isnan(limb_scale(shrunk, limbs)[0])
    # a crop of 300 px, four metres away, 1200 px of focal length: one metre
    assert camera_scale(300.0, 4000.0, 1200.0) == 1000


def test_a_network_s_own_joints_are_refused() -> None:
    with pytest.raises(ValueError, match="scale of 16 joints, needs 17: use h36m_from_mpii"):
        bone_sum_scale(person())
    with pytest.raises(ValueError, match="scale of 17 joints, needs 16: use mpii_with_belly"):
        bone_sum_scale(h36m_from_mpii(person()), joints="mpii-16/1")
    with pytest.raises(ValueError, match="belly of 17 joints: give the 16 of a network"):
        mpii_with_belly(h36m_from_mpii(person()))
    with pytest.raises(ValueError, match="bone sum of joints 'coco-17/1': choose h36m-17/1 or mpii-16/1"):
        BoneSum(joints="coco-17/1")


def test_the_hourglass_is_scored_by_its_own_joints_and_sum() -> None:
    mpii = person()
    joints = mpii_with_belly(mpii)
    thorax = MPII_16.index("thorax")
    np.testing.assert_allclose(joints[thorax], h36m_from_mpii(mpii)[H36M_17.index("belly")])
    np.testing.assert_array_equal(np.delete(joints, thorax, 0), np.delete(mpii, thorax, 0))
    assert not np.allclose(joints[thorax], mpii[thorax])
    # the bones are those of the ResNet's score, by other numbers: along the tree of 16 joints, but from neck to arms
    scored = BoneSum(HOURGLASS_BONE_SUM_MM, "mpii-16/1").scored_mm(np.stack([mpii, mpii / 900]))
    np.testing.assert_allclose(scored[0], scored[1])
    bones = [(8, b) if (a, b) in ((7, 12), (7, 13)) else (a, b) for a, b in MPII_16.bones]
    lengths = [np.linalg.norm(scored[0, a] - scored[0, b]) for a, b in bones]
    assert sum(lengths) == pytest.approx(4296.99233013)
    of_resnet = BoneSum().scored_mm(mpii)
    np.testing.assert_allclose(scored[0, 0], of_resnet[H36M_17.index("right_ankle")] * 4296.99233013 / 4000)
    mpii[0] = np.nan
    assert np.isnan(BoneSum().scored_mm(mpii)).all()
