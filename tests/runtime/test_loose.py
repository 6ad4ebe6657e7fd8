import numpy as np
from scene import STANDING

from posecap.models.joints import COCO_17
from posecap.runtime.loose import LooseJoints
from posecap.runtime.pose import Skeleton3D

ANKLE, KNEE, WRIST, ELBOW = (
    COCO_17.index(name) for name in ("left_ankle", "left_knee", "right_wrist", "right_elbow")
)


def standing(**moved: tuple[float, int]) -> Skeleton3D:
    """Four views for every joint; `moved` joints are that far off, metres, by so many views."""
    xyz = np.array(STANDING, dtype=np.float64)
    views = np.full(17, 4)
    for name, (off_m, count) in moved.items():
        xyz[COCO_17.index(name)] += (off_m, 0.0, 0.0)
        views[COCO_17.index(name)] = count
    return Skeleton3D(1, xyz, np.tile(1e-4 * np.eye(3), (17, 1, 1)), views, np.full(17, 2.0))


def gone(skeleton: Skeleton3D) -> list[int]:
    return np.flatnonzero(np.isnan(skeleton.xyz[:, 0])).tolist()


def test_a_joint_that_two_views_put_beside_the_body_is_taken_away() -> None:
    found = LooseJoints(COCO_17).removed(standing(left_ankle=(1.3, 2)))
    assert gone(found) == [ANKLE]
    assert found.views[ANKLE] == 0
    assert np.isnan(found.residual_px[ANKLE])
    assert np.isnan(found.covariance[ANKLE]).all()
    assert found.views[KNEE] == 4


def test_three_views_are_believed_and_a_long_step_too() -> None:
    whole = standing(left_ankle=(1.3, 3))
    assert LooseJoints(COCO_17).removed(whole) is whole
    step = standing(left_ankle=(0.3, 2))
    assert LooseJoints(COCO_17).removed(step) is step


def test_the_joint_between_two_overlong_bones_goes_first() -> None:
    """Knee and ankle are seen by two views each; the knee is far from both hip and ankle."""
    found = LooseJoints(COCO_17).removed(standing(left_knee=(1.2, 2), left_ankle=(0.0, 2)))
    assert gone(found) == [KNEE]


def test_a_joint_that_is_hardly_located_is_taken_away() -> None:
    whole = standing(right_wrist=(0.0, 2), right_elbow=(0.0, 3))
    covariance = whole.covariance.copy()
    covariance[[WRIST, ELBOW]] = np.diag([25.0, 1.0, 0.2])
    vague = Skeleton3D(1, whole.xyz, covariance, whole.views, whole.residual_px)
    assert gone(LooseJoints(COCO_17).removed(vague)) == [WRIST]
