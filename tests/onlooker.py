"""The whole pipeline with its networks replaced by exact projections of people whose joints are known."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from posecap.calib.rig import Rig
from posecap.capture.frame import Frame, FrameSet
from posecap.models.joints import COCO_17
from posecap.runtime.pipeline import Pipeline
from posecap.runtime.pose import Keypoints2D, Region
from posecap.runtime.settings import PipelineSettings


class Onlooker:
    """Detector and joint network in one: knows where everybody is now, with a little noise.

    As a network does, it says the same wherever it is asked the same: noise is a function of picture and region.

    Attributes:
        people: (people, 17, 3) metres.
        place: the same for each frame set, by its index; where it is given, `people` is not used.
        looked: regions in the last frame set.
    """

    joint_set = COCO_17

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.people = np.empty((0, 17, 3))
        self.place: Callable[[int], NDArray[np.float64]] | None = None
        self.looked = 0
        self._view = 0

    def boxes(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        camera = self.rig.cameras[self._view % len(self.rig)]
        self._view += 1
        pixels = camera.project(self._people(int.from_bytes(image.tobytes()[:4], "little")))
        return np.array([[*p.min(axis=0), *p.max(axis=0), 0.9] for p in pixels]).reshape(-1, 5)

    def start(self, frame_set: FrameSet, regions: list[Region]) -> Callable[[], Keypoints2D]:
        return lambda: self.estimate(frame_set, regions)

    def estimate(self, frame_set: FrameSet, regions: list[Region]) -> Keypoints2D:
        """The person nearest to the middle of each square; nothing where the square is empty."""
        self.looked = len(regions)
        per_view = [[region for region in regions if region.view == v] for v in range(len(self.rig))]
        rows = max((len(view) for view in per_view), default=0)
        xy = np.full((len(self.rig), rows, 17, 2), np.nan)
        track = np.full(xy.shape[:2], -1)
        for v, view in enumerate(per_view):
            for k, region in enumerate(view):
                pixels = self.rig.cameras[v].project(self._people(frame_set.index))
                gap = np.linalg.norm(pixels[:, [11, 12]].mean(axis=1) - region.centre_px, axis=1)
                if len(gap) and gap.min() < region.side_px / 2:
                    xy[v, k] = pixels[gap.argmin()] + _noise(frame_set.index, region)
                    track[v, k] = region.track
        seen = np.isfinite(xy[..., 0])
        nothing = tuple((None,) * rows for _ in self.rig.cameras)
        return Keypoints2D(xy, seen * 0.9, np.where(seen, 4.0, np.inf), track, nothing)

    def _people(self, index: int) -> NDArray[np.float64]:
        return self.people if self.place is None else self.place(index)

    def close(self) -> None: ...


def _noise(index: int, region: Region) -> NDArray[np.float64]:
    seed = [
        index,
        region.view,
        *np.abs(np.round(np.multiply(region.centre_px, 1e6))).astype(np.int64).tolist(),
    ]
    return np.random.default_rng(seed).normal(0, 2.0, (17, 2))


def frame_set(rig: Rig, index: int, missing: set[str] = frozenset()) -> FrameSet:  # type: ignore[assignment]
    t_ns = 10**9 + index * 33_333_333
    picture = np.zeros((4, 4, 3), dtype=np.uint8)
    picture.reshape(-1)[:4] = list(index.to_bytes(4, "little"))
    frames = tuple(None if name in missing else Frame(name, index, t_ns, picture) for name in rig.names)
    return FrameSet(index, t_ns, frames)


def pipeline_of(rig: Rig, **settings: int) -> tuple[Pipeline, Onlooker]:
    onlooker = Onlooker(rig)
    return Pipeline(rig, PipelineSettings(**settings), onlooker, onlooker), onlooker  # type: ignore[arg-type]
