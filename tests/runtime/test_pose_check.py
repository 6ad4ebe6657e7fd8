"""The first difference between two runs, in words."""

from dataclasses import replace

import numpy as np
from recorded_session import poses_of, swinging

from posecap.runtime.messages import PoseMessage
from posecap.runtime.pose import PoseSet, Skeleton3D
from posecap.runtime.pose_check import PoseCheck

T_S = np.arange(12) / 30


def recorded() -> list[PoseMessage]:
    return poses_of(swinging(T_S, people=2), T_S, (4, 7))


def replayed(message: PoseMessage) -> PoseSet:
    """The poses that the message was made of."""
    upper = np.triu_indices(3)
    skeletons = []
    for row, track in enumerate(message.ids):
        covariance = np.zeros((17, 3, 3))
        covariance[:, upper[0], upper[1]] = message.covariance[row]
        skeletons.append(
            Skeleton3D(track, message.xyz[row], covariance, message.views[row], message.residual_px[row])
        )
    header = message.header
    return PoseSet(header.index, header.t_ns, header.t_capture_ns, tuple(skeletons))


def checked(poses: list[PoseSet], reference: list[PoseMessage]) -> PoseCheck:
    check = PoseCheck(reference, "refined")
    for one in poses:
        check.add(one, "a1b2c3d4")
    return check


def test_the_same_poses_are_identical() -> None:
    messages = recorded()
    check = checked([replayed(message) for message in messages], messages)
    assert (check.compared, check.identical, check.absent, check.first) == (12, 12, 0, None)


def test_one_bit_is_a_difference_and_named() -> None:
    messages = recorded()
    poses = [replayed(message) for message in messages]
    xyz = poses[5].skeletons[1].xyz.copy()
    xyz[3, 2] = np.nextafter(xyz[3, 2], np.float32(9))
    moved = replace(poses[5].skeletons[1], xyz=xyz)
    poses[5] = replace(poses[5], skeletons=(poses[5].skeletons[0], moved))
    check = checked(poses, messages)
    assert (check.compared, check.identical) == (12, 11)
    assert str(check.first).startswith("frame set 5, stage refined: xyz of left_ear of person 7 is")
    assert 0 < check.moved_m[0] < 1e-7


def test_another_person_is_a_difference() -> None:
    messages = recorded()
    poses = [replayed(message) for message in messages]
    poses[2] = replace(poses[2], skeletons=poses[2].skeletons[:1])
    check = checked(poses, messages)
    assert str(check.first) == "frame set 2, stage refined: people [4], recorded [4, 7]"


def test_poses_that_either_lacks_are_no_difference_but_counted() -> None:
    messages = recorded()
    poses = [replayed(message) for message in messages]
    check = checked(poses, messages[3:])
    assert (check.compared, check.identical, check.absent) == (9, 9, 3)
    check = checked(poses[6:], messages)
    assert (check.compared, check.identical, check.absent) == (6, 6, 0)


def test_another_runtime_session_is_not_taken_for_this_one() -> None:
    messages = recorded()
    check = PoseCheck(messages, "refined")
    check.add(replayed(messages[0]), "ffff")
    assert (check.compared, check.absent) == (0, 1)
