"""Poses as messages: what the wire carries of a `PoseSet`, whoever sends, keeps or compares it."""

import time
from collections import Counter

import numpy as np

from posecap.models.joints import JointSet
from posecap.runtime.messages import CameraState, Person, PoseHeader, PoseMessage, Stage
from posecap.runtime.pose import PoseSet, Skeleton3D

_UPPER = np.triu_indices(3)


class PoseMessages:
    """Numbers the messages of one session.

    Args:
        session: changes when the runtime restarts.
        rig: id of the calibration.
        joint_set: of every skeleton.
    """

    def __init__(self, session: str, rig: str, joint_set: JointSet) -> None:
        self.session, self.rig, self.joint_set = session, rig, joint_set
        self._seq: Counter[Stage] = Counter()

    def message(self, poses: PoseSet, stage: Stage, cameras: tuple[CameraState, ...]) -> PoseMessage:
        """`poses` as a message of now."""
        xyz, covariance, residual_px, views = pose_arrays(poses.skeletons, len(self.joint_set))
        now_ns = time.monotonic_ns()
        self._seq[stage] += 1
        header = PoseHeader(
            session=self.session,
            seq=self._seq[stage] - 1,
            index=poses.index,
            stage=stage,
            t_ns=poses.t_ns,
            t_capture_ns=poses.t_capture_ns,
            t_publish_ns=now_ns,
            unix_offset_ns=time.time_ns() - now_ns,
            rig=self.rig,
            joint_set=self.joint_set.name,
            joints=self.joint_set.names,
            people=tuple(
                Person(max(one.track, 0), _rms(one.residual_px, one.views)) for one in poses.skeletons
            ),
            cameras=cameras,
        )
        return PoseMessage(header, xyz, covariance, residual_px, views)


def pose_arrays(
    skeletons: tuple[Skeleton3D, ...], joints: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(people, joints, ...) arrays of the message; empty where there is nobody."""
    people = len(skeletons)
    xyz = np.full((people, joints, 3), np.nan, dtype=np.float32)
    covariance = np.full((people, joints, 6), np.nan, dtype=np.float32)
    residual_px = np.full((people, joints), np.nan, dtype=np.float32)
    views = np.zeros((people, joints), dtype=np.uint8)
    for row, one in enumerate(skeletons):
        xyz[row] = one.xyz
        covariance[row] = one.covariance[:, _UPPER[0], _UPPER[1]]
        residual_px[row] = one.residual_px
        views[row] = one.views
    return xyz, covariance, residual_px, views


def _rms(residual_px: np.ndarray, views: np.ndarray) -> float:
    """Root mean square over joints, each weighted with its views; NaN where no joint is seen."""
    seen = np.isfinite(residual_px) & (views > 0)
    if not seen.any():
        return float("nan")
    return float(np.sqrt(np.average(residual_px[seen] ** 2, weights=views[seen])))
