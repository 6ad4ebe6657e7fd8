"""How far published poses are from the truth, over the twelve limb joints; also usable on recorded messages.

Per instant, published people are matched to true ones (exact assignment, mean joint distance, 0.5 m at most).
Errors are means over joints and instants of Euclidean distances. Missing people do not hurt them: the share
of instants at which a true person was published stands beside.
"""

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.launch.score_history import ScoreHistory
from posecap.launch.truth import Truth
from posecap.models.joints import LIMB_JOINTS
from posecap.runtime.messages import PoseMessage
from posecap.training.pose_errors import aligned

MATCH_M = 0.5
SEAM_S = 0.5
_BONES = tuple(
    (LIMB_JOINTS.index(f"{side}_{a}"), LIMB_JOINTS.index(f"{side}_{b}"))
    for side in ("left", "right")
    for a, b in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
)


@dataclass(frozen=True, slots=True)
class MediaClock:
    """From the clock of the poses to the time of the recording.

    Attributes:
        epoch_ns: instant of the first picture, monotonic clock.
        speed: seconds of the recording for each second of the clock.
        duration_s: of one round of the recording.
    """

    epoch_ns: int
    speed: float
    duration_s: float

    def media_s(self, t_ns: int) -> tuple[int, float]:
        """(round, seconds since the round began); the round is negative before the first picture."""
        since_s = (t_ns - self.epoch_ns) * self.speed / 1e9
        turn = int((since_s + 1e-9) // self.duration_s)
        return turn, since_s - turn * self.duration_s


class StageScore(msgspec.Struct, frozen=True, kw_only=True):
    """One stage against the truth; lengths in millimetres, NaN where nothing was matched.

    Attributes:
        instants: published, inside the truth, and not within half a second after a seam of the loop.
        published: share of (instant, true person) pairs that were matched.
        mpjpe_mm: mean error.
        median_mm: median error.
        offset_removed_mm: mean error after removing, in the body frame, each joint's median offset.
        procrustes_mm: mean error after the best similarity with scale at each instant.
        bone_variation: standard deviation over mean of a limb bone's length over time, mean over bones.
        truth_bone_variation: the same of the truth.
        id_switches: how often a true person was published under another id than before, within a round.
    """

    instants: int
    published: float
    mpjpe_mm: float
    median_mm: float
    offset_removed_mm: float
    procrustes_mm: float
    bone_variation: float
    truth_bone_variation: float
    id_switches: int


class Scorer:
    """Compares the messages of one stage with the truth as they come."""

    def __init__(self, truth: Truth, clock: MediaClock) -> None:
        from scipy.optimize import linear_sum_assignment  # slow to import, and most sessions have no truth

        self.truth, self.clock = truth, clock
        self._assignment = linear_sum_assignment
        people = range(truth.xyz.shape[1])
        self._people = [ScoreHistory(len(LIMB_JOINTS)) for _ in people]
        self._last: list[tuple[int, int] | None] = [None for _ in people]  # (round, id)
        self._instants = 0
        self._expected = 0
        self._matched = 0
        self._switches = 0

    def add(self, message: PoseMessage) -> None:
        """Count one message; those outside the truth or right after a seam of the loop are left out."""
        turn, media_s = self.clock.media_s(message.header.t_ns)
        true = self.truth.at(media_s) if turn >= 0 else None
        if true is None or (turn > 0 and media_s < SEAM_S * self.clock.speed):
            return
        present = np.isfinite(true[..., 0]).any(axis=1)
        self._instants += 1
        self._expected += int(present.sum())
        found = _limbs_of(message)
        for row, person in self._matches(found, true):
            last, track = self._last[person], int(message.ids[row])
            if last is not None and last[0] == turn and last[1] != track:
                self._switches += 1
            self._last[person] = (turn, track)
            self._people[person].add(found[row], true[person])
            self._matched += 1

    def score(self, last: int | None = None) -> StageScore:
        """Over all instants, or the errors over the `last` of each person only."""
        errors, offset_free, procrustes, variation, true_variation = [], [], [], [], []
        for person in self._people:
            found, true = person.last(last)
            if not len(found):
                continue
            errors.append(np.linalg.norm(found - true, axis=-1))
            offset_free.append(np.linalg.norm(_offsets_removed(found, true), axis=-1))
            procrustes.append(procrustes_errors(found, true))
            variation.append(bone_variation(found))
            true_variation.append(bone_variation(true))
        all_errors = np.concatenate([part.ravel() for part in errors]) if errors else np.array([np.nan])
        return StageScore(
            instants=self._instants,
            published=self._matched / self._expected if self._expected else float("nan"),
            mpjpe_mm=_mean(all_errors) * 1e3,
            median_mm=float(np.nanmedian(all_errors)) * 1e3 if np.isfinite(all_errors).any() else np.nan,
            offset_removed_mm=_mean(*offset_free) * 1e3,
            procrustes_mm=_mean(*procrustes) * 1e3,
            bone_variation=_mean(np.array(variation)),
            truth_bone_variation=_mean(np.array(true_variation)),
            id_switches=self._switches,
        )

    def _matches(self, found: NDArray[np.float64], true: NDArray[np.float64]) -> list[tuple[int, int]]:
        """(row of found, row of true) pairs of the assignment with the least total distance."""
        distances = np.linalg.norm(found[:, None] - true[None], axis=-1)
        seen = np.isfinite(distances)
        total = np.where(seen, distances, 0.0).sum(axis=-1)
        cost = np.where(seen.any(axis=-1), total / np.maximum(seen.sum(axis=-1), 1), np.inf)
        rows, people = self._assignment(np.minimum(cost, MATCH_M))
        return [
            (row, person) for row, person in zip(rows, people, strict=True) if cost[row, person] < MATCH_M
        ]


def procrustes_errors(found: NDArray[np.float64], true: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, joints) metres after the best similarity with scale at each instant.

    `found`, `true`: (n, joints, 3) metres. NaN where fewer than four joints are known in both.
    """
    moved, _ = aligned(found, true, scale=True)
    return np.linalg.norm(moved - true, axis=-1)


def bone_variation(xyz: NDArray[np.float64]) -> float:
    """Standard deviation over mean of the length over time, mean over the limb bones; `xyz` (n, 12, 3)."""
    variations = []
    for a, b in _BONES:
        lengths = np.linalg.norm(xyz[:, a] - xyz[:, b], axis=-1)
        lengths = lengths[np.isfinite(lengths)]
        if len(lengths) > 1:
            variations.append(lengths.std() / lengths.mean())
    return float(np.mean(variations)) if variations else float("nan")


def body_frames(xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3, 3) world_from_body of (n, 12, 3): x from right to left hip, y = trunk cross x, z = x cross y."""
    joint = {name: xyz[:, index] for index, name in enumerate(LIMB_JOINTS)}
    x = joint["left_hip"] - joint["right_hip"]
    x = x / np.linalg.norm(x, axis=-1, keepdims=True)
    shoulders = (joint["left_shoulder"] + joint["right_shoulder"]) / 2
    hips = (joint["left_hip"] + joint["right_hip"]) / 2
    y = np.cross(shoulders - hips, x)
    y = y / np.linalg.norm(y, axis=-1, keepdims=True)
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def _offsets_removed(found: NDArray[np.float64], true: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 12, 3) differences in the true body frame, less each joint's median."""
    differences = np.einsum("nij,nki->nkj", body_frames(true), found - true)
    known = np.isfinite(differences).any(axis=0)
    offsets = np.zeros(differences.shape[1:])
    for joint, axis in np.argwhere(known):
        offsets[joint, axis] = np.nanmedian(differences[:, joint, axis])
    return differences - offsets


def _limbs_of(message: PoseMessage) -> NDArray[np.float64]:
    """(people, 12, 3) of a message, NaN for limb joints that its set has not."""
    names = message.header.joints
    limbs = np.full((len(message.ids), len(LIMB_JOINTS), 3), np.nan)
    for row, name in enumerate(LIMB_JOINTS):
        if name in names:
            limbs[:, row] = message.xyz[:, names.index(name)]
    return limbs


def _mean(*parts: NDArray[np.float64]) -> float:
    values = np.concatenate([part.ravel() for part in parts]) if parts else np.empty(0)
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else float("nan")
