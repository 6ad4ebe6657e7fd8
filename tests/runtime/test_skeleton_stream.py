import numpy as np
import pytest
from moving_skeleton import angle_deg, moving

from posecap.models.joints import JOINT_SETS
from posecap.runtime.skeleton_fit import fit_skeleton, local_rotations
from posecap.runtime.skeleton_stream import SkeletonStream

SETS = pytest.mark.parametrize("joint_set", JOINT_SETS.values(), ids=lambda joint_set: joint_set.name)


@SETS
def test_the_stream_is_the_closed_form_frame_by_frame(joint_set):
    truth = moving(joint_set.names, frames=40, bend_deg=(5, 80))
    stream = SkeletonStream(joint_set.names)
    poses = [stream.push(int(t), xyz) for t, xyz in zip(truth.t_ns, truth.xyz, strict=True)]
    whole = fit_skeleton(joint_set.names, truth.t_ns, truth.xyz, sweeps=0)
    local = np.stack([pose.local for pose in poses])
    cluster = [
        place for place, name in enumerate(stream.layout.segments) if name.endswith(("Head", "Hand", "Foot"))
    ]
    rest = np.setdiff1d(np.arange(local.shape[1]), cluster)
    assert angle_deg(local[:, rest], whole.local[:, rest]).max() < 1e-4
    assert angle_deg(local[:, cluster], whole.local[:, cluster]).max() < 0.01
    np.testing.assert_allclose([pose.root_m for pose in poses], truth.root_m, atol=1e-9)
    np.testing.assert_allclose(poses[-1].offset_m, truth.skeleton.offset_m, atol=1e-6)
    assert all(pose.seen.all() for pose in poses)


def test_what_is_not_seen_keeps_its_last_rotation():
    names = JOINT_SETS["coco-17/1"].names
    truth = moving(names, frames=4)
    truth.xyz[0, names.index("left_wrist")] = np.nan
    truth.xyz[2, names.index("left_wrist")] = np.nan
    truth.xyz[3, names.index("left_hip")] = np.nan
    stream = SkeletonStream(names)
    poses = [stream.push(int(t), xyz) for t, xyz in zip(truth.t_ns, truth.xyz, strict=True)]
    fore = stream.layout.index("LeftForeArm")
    assert [bool(pose.seen[fore]) for pose in poses[:3]] == [False, True, False]
    np.testing.assert_array_equal(poses[0].local[fore], np.eye(3))
    np.testing.assert_array_equal(poses[2].local[fore], poses[1].local[fore])
    assert poses[3] is None


def test_local_rotations_chain_back():
    truth = moving(JOINT_SETS["coco-17/1"].names, frames=3)
    layout = truth.skeleton.layout
    local = local_rotations(layout, truth.rotation)
    for segment, parent in enumerate(layout.parents):
        if parent >= 0:
            again = truth.rotation[:, parent] @ local[:, segment]
            np.testing.assert_allclose(again, truth.rotation[:, segment], atol=1e-12)
