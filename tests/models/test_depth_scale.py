import numpy as np
import pytest

from posecap.models.depth_scale import bone_sum_scale, camera_scale, h36m_from_mpii, limb_scale
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
