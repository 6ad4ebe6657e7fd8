"""Running everything once before the first picture counts: engines and numba compile at the first call."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from posecap.calib.rig import Rig
from posecap.capture.frame import Frame, FrameSet
from posecap.models.joints import JointSet
from posecap.runtime.pipeline import Pipeline
from posecap.runtime.pose import Keypoints2D, Region

_STEPS = 4  # one to find the person, the others to follow
_PERIOD_NS = 33_000_000
_BATCHED_PEOPLE = (1, 2)
_HEIGHT_M = {
    "head": 1.75, "eye": 1.65, "ear": 1.63, "nose": 1.6, "mouth": 1.55, "neck": 1.48, "shoulder": 1.42,
    "elbow": 1.12, "belly": 1.15, "wrist": 0.9, "hip": 0.95, "pelvis": 0.95, "knee": 0.5, "ankle": 0.1,
    "heel": 0.05,
}  # fmt: skip


def warm_up(pipeline: Pipeline) -> None:
    """Compile what `pipeline` will run, without leaving a trace in its state.

    The geometry is run by a second pipeline, in which a person stands still before cameras that see nothing.
    """
    rig, settings = pipeline.rig, pipeline.settings
    pictures = [np.zeros((camera.size_px[1], camera.size_px[0], 3), dtype=np.uint8) for camera in rig.cameras]
    standing = _Standing(rig, pipeline.joint_set)
    rehearsal = Pipeline(rig, settings, standing, standing)  # pyright: ignore[reportArgumentType]
    for index in range(_STEPS):
        rehearsal.step(_frame_set(rig, pictures, index))
    for size_px, picture in {picture.shape: picture for picture in pictures}.items():
        assert len(size_px) == 3
        pipeline.detector.boxes(picture)
    for people in _BATCHED_PEOPLE:
        regions = [
            Region(view, (camera.size_px[0] / 2, camera.size_px[1] / 2), float(min(camera.size_px)))
            for view, camera in enumerate(rig.cameras)
            for _ in range(people)
        ]
        pipeline.estimator.estimate(_frame_set(rig, pictures, 0), regions)


def _frame_set(rig: Rig, pictures: list[NDArray[np.uint8]], index: int) -> FrameSet:
    t_ns = (index + 1) * _PERIOD_NS
    frames = tuple(Frame(name, index, t_ns, image) for name, image in zip(rig.names, pictures, strict=True))
    return FrameSet(index, t_ns, frames)


class _Standing:
    """In place of detector and joint network: one person who stands where the cameras look."""

    def __init__(self, rig: Rig, joint_set: JointSet) -> None:
        self.joint_set = joint_set
        xyz = _standing_person(joint_set) + np.append(_where_cameras_look(rig), 0.0)
        self._xy = np.stack([camera.project(xyz) for camera in rig.cameras])
        self._views = 0

    def boxes(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The person in the next view, (1, 5)."""
        xy = self._xy[self._views % len(self._xy)]
        self._views += 1
        seen = xy[np.isfinite(xy).all(axis=1)]
        if not len(seen):
            return np.empty((0, 5))
        return np.concatenate([seen.min(axis=0), seen.max(axis=0), [1.0]])[None]

    def start(self, frame_set: FrameSet, regions: list[Region]) -> Callable[[], Keypoints2D]:
        """The person's joints in the first region of every view."""
        return lambda: self._seen(regions)

    def _seen(self, regions: list[Region]) -> Keypoints2D:
        people = max([sum(region.view == view for region in regions) for view in range(len(self._xy))])
        shape = (len(self._xy), people, len(self.joint_set))
        xy = np.full((*shape, 2), np.nan)
        track = np.full(shape[:2], -1, dtype=np.int64)
        for view in {region.view for region in regions}:
            xy[view, 0] = self._xy[view]
            track[view, 0] = next(region.track for region in regions if region.view == view)
        seen = np.isfinite(xy[..., 0])
        return Keypoints2D(
            xy=xy,
            score=np.where(seen, 0.9, 0.0),
            variance=np.where(seen, 9.0, np.inf),
            track=track,
            heatmaps=((None,) * people,) * len(self._xy),
        )


def _standing_person(joint_set: JointSet) -> NDArray[np.float64]:
    """(joints, 3) metres, feet at the origin."""
    side = {"left": 0.2, "right": -0.2}
    return np.array(
        [
            (
                side.get(name.split("_")[0], 0.0),
                0.0,
                next((height for word, height in _HEIGHT_M.items() if word in name), 0.8),
            )
            for name in joint_set.names
        ]
    )


def _where_cameras_look(rig: Rig) -> NDArray[np.float64]:
    """(2,) metres: the point of the floor plan nearest to all optical axes."""
    information, target = np.eye(3) * 1e-6, np.zeros(3)
    for camera in rig.cameras:
        centre, forward = -camera.R.T @ camera.t, camera.R[2]
        across = np.eye(3) - np.outer(forward, forward)
        information += across
        target += across @ centre
    return np.linalg.solve(information, target)[:2].astype(np.float64)
