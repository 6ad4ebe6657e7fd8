"""Identities over time: who was expected where, who appeared, who left."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from posecap.models.joints import JointSet
from posecap.runtime.kalman import JointState, predicted, unknown, updated
from posecap.runtime.pose import Skeleton3D

_EXPECT_S = 0.35  # a joint unseen for longer than this is not expected anywhere
_KEEP_S = 1.5  # a person unseen for longer than this has left
_REJOIN_M = 0.5  # a new person this near to a missing one is that one
_REJOIN_SPEED_M_S = 1.0  # and the distance grows with the time of absence
_TWIN_M = 0.12  # two tracks with joints this near for _TWIN_SETS frame sets are one person
_TWIN_SETS = 12
_MIN_JOINTS = 6
_CONFIRM_SETS = 2
_PATIENCE_SETS = 1  # that a new person may be missed in: the next pictures may have been read already
_CALIBRATION_SIGMA_M = 0.012

AGILITY = {"wrist": 30.0, "ankle": 20.0, "elbow": 16.0, "knee": 12.0}
"""Spectral density of the acceleration by the last word of a joint's name, m^2/s^3."""
TRUNK_AGILITY = 6.0
FAR_AGILITY = 30.0
_FAR = ("pinky", "index", "thumb", "heel", "toe")


@dataclass(slots=True)
class _Track:
    id: int
    state: JointState
    seen_ns: int
    sets: int
    joint_seen_ns: NDArray[np.int64]
    twin_sets: int = 0
    missed: int = 0


def agility(joint_set: JointSet) -> NDArray[np.float64]:
    """(joints,) how violently each joint may accelerate, m^2/s^3."""
    last_words = [name.split("_")[-1] for name in joint_set.names]
    return np.array(
        [AGILITY.get(word, FAR_AGILITY if word in _FAR else TRUNK_AGILITY) for word in last_words]
    )


class Tracker:
    """Keeps a motion state for each person.

    Args:
        joint_set: of the skeletons.
        time_scale: seconds of the scene in one second of the clock.
        max_people: further new people are ignored.
    """

    def __init__(self, joint_set: JointSet, time_scale: float, max_people: int) -> None:
        self.joint_set = joint_set
        self.time_scale = time_scale
        self.max_people = max_people
        self._agility = agility(joint_set)
        self._tracks: list[_Track] = []
        self._now_ns = 0
        self._next_id = 1

    def expected(self, t_ns: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Identities (people,) and joints (people, joints, 3) expected at `t_ns`, world metres, NaN = no idea."""
        dt_s = self._since_update_s(t_ns)
        ids = np.array([track.id for track in self._tracks], dtype=np.int64)
        xyz = np.full((len(self._tracks), len(self.joint_set), 3), np.nan)
        for row, track in enumerate(self._tracks):
            fresh = (t_ns - track.joint_seen_ns) * 1e-9 * self.time_scale < _EXPECT_S
            if fresh.sum() < _MIN_JOINTS:
                fresh = (t_ns - track.seen_ns) * 1e-9 * self.time_scale < _KEEP_S * np.ones(len(fresh))
            xyz[row, fresh] = predicted(track.state, dt_s, self._agility).xyz[fresh]
        return ids, xyz

    def missed(self) -> NDArray[np.int64]:
        """(people,) frame sets since each of `expected` was seen; 0 = in the last one."""
        return np.array([track.missed for track in self._tracks], dtype=np.int64)

    def update(self, skeletons: tuple[Skeleton3D, ...], t_ns: int) -> tuple[Skeleton3D, ...]:
        """The skeletons that belong to somebody, with their identity; one for each person at most.

        The first of them belong to `expected`, in that order (track >= 0); the others are new.
        """
        dt_s = self._since_update_s(t_ns)
        self._now_ns = t_ns
        for track in self._tracks:
            track.state = predicted(track.state, dt_s, self._agility)
        by_id = {track.id: track for track in self._tracks}
        tracked: list[Skeleton3D] = []
        for skeleton in skeletons:
            if np.isfinite(skeleton.xyz[:, 0]).sum() < _MIN_JOINTS:
                continue
            track = (
                by_id.get(skeleton.track)
                or self._rejoin(skeleton, tracked, t_ns)
                or self._appear(skeleton, t_ns)
            )
            if track is not None:
                self._feed(track, skeleton, t_ns)
                tracked.append(replace(skeleton, track=track.id))
        self._forget(t_ns)
        alive = {track.id for track in self._tracks if track.sets >= _CONFIRM_SETS}
        return tuple(skeleton for skeleton in tracked if skeleton.track in alive)

    def _since_update_s(self, t_ns: int) -> float:
        dt_s = max(t_ns - self._now_ns, 0) * 1e-9 * self.time_scale if self._now_ns else 0.0
        return min(dt_s, _KEEP_S)

    def _feed(self, track: _Track, skeleton: Skeleton3D, t_ns: int) -> None:
        track.state = updated(
            track.state, skeleton.xyz, skeleton.covariance + _CALIBRATION_SIGMA_M**2 * np.eye(3)
        )
        track.joint_seen_ns[np.isfinite(skeleton.xyz[:, 0])] = t_ns
        track.seen_ns = t_ns
        track.sets += 1

    def _rejoin(self, skeleton: Skeleton3D, tracked: list[Skeleton3D], t_ns: int) -> _Track | None:
        """The missing person that `skeleton` continues, the nearest if there are several."""
        taken = {other.track for other in tracked}
        best, best_m = None, np.inf
        for track in self._tracks:
            if track.id in taken or track.seen_ns == t_ns:
                continue
            away_s = (t_ns - track.seen_ns) * 1e-9 * self.time_scale
            gap = np.linalg.norm(track.state.xyz - skeleton.xyz, axis=1)
            gap_m = float(np.median(gap[np.isfinite(gap)])) if np.isfinite(gap).any() else np.inf
            if gap_m < min(best_m, _REJOIN_M + _REJOIN_SPEED_M_S * away_s):
                best, best_m = track, gap_m
        if best is not None:
            best.state = unknown(len(self.joint_set))
        return best

    def _appear(self, skeleton: Skeleton3D, t_ns: int) -> _Track | None:
        if len(self._tracks) >= self.max_people:
            return None
        joints = len(self.joint_set)
        track = _Track(self._next_id, unknown(joints), t_ns, 0, np.full(joints, np.iinfo(np.int64).min // 2))
        self._tracks.append(track)
        self._next_id += 1
        return track

    def _forget(self, t_ns: int) -> None:
        def away_s(track: _Track) -> float:
            return (t_ns - track.seen_ns) * 1e-9 * self.time_scale

        kept: list[_Track] = []
        for track in sorted(self._tracks, key=lambda track: -track.sets):
            track.missed = track.missed + 1 if away_s(track) > 0 else 0
            unproven = track.sets < _CONFIRM_SETS and track.missed > _PATIENCE_SETS
            track.twin_sets = track.twin_sets + 1 if any(_twins(track, other) for other in kept) else 0
            if away_s(track) > _KEEP_S or unproven or track.twin_sets >= _TWIN_SETS:
                continue
            kept.append(track)
        self._tracks = sorted(kept, key=lambda track: track.id)


def _twins(a: _Track, b: _Track) -> bool:
    gap = np.linalg.norm(a.state.xyz - b.state.xyz, axis=1)
    known = np.isfinite(gap)
    return known.sum() >= _MIN_JOINTS and float(np.median(gap[known])) < _TWIN_M
