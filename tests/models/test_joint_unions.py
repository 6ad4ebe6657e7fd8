import numpy as np
import pytest

from posecap.models.errors import ModelError
from posecap.models.joint_unions import from_union, in_union, union_map
from posecap.models.joints import COCO_17, H36M_17
from posecap.models.published_joints import MPII_16, UNION_20


def test_maps_are_the_published_ones() -> None:
    assert union_map(H36M_17) == (0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 12, 14, 15, 16, 17, 18, 19)
    assert union_map(MPII_16) == (3, 2, 1, 4, 5, 6, 0, 8, 10, 13, 19, 18, 17, 14, 15, 16)


def test_there_and_back_keeps_every_joint_and_the_rest_is_unknown() -> None:
    for source in (H36M_17, MPII_16):
        joints = np.random.default_rng(0).normal(size=(3, len(source), 2))
        union = in_union(joints, source)
        assert np.isnan(union[..., 0]).sum() == 3 * (20 - len(source))
        np.testing.assert_array_equal(from_union(union, source), joints)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ModelError, match=r"union-20/1 has no left_eye, .* of coco-17/1: choose"):
        union_map(COCO_17, UNION_20)
    with pytest.raises(ModelError, match=r"expected \(\.\.\., 17, k\) for h36m-17/1"):
        in_union(np.zeros((3, 16, 2)), H36M_17)
