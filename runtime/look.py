"""Where to look in the next pictures: at the people who are expected, and now and then for new ones.

The detector is slower than the joint network, so with somebody tracked it visits one view in each frame set; when all
views have been visited, boxes that no expected person explains are looked at in all views at once.
"""

import numpy as np
from numpy.typing import NDArray

from posecap.calib.rig import Rig
from posecap.capture.frame import FrameSet
from posecap.models.joints import JointSet
from posecap.runtime.detect import PersonDetector
from posecap.runtime.pose import Region
from posecap.runtime.regions import region_of_box, region_of_skeleton

_MISSED_SETS = 3
_LOST_EVERY = 4
_EXPLAINED = 0.45  # share of a box inside an expected person's square


class Looker:
    """Chooses the regions of each frame set.

    Args:
        rig: the cameras, in the order of the views axis.
        joint_set: of the expected skeletons.
        detector: finds people in one picture.
        every: frame sets between the starts of two rounds of the detector.
        max_people: boxes a view at most.
    """

    def __init__(
        self, rig: Rig, joint_set: JointSet, detector: PersonDetector, every: int, max_people: int
    ) -> None:
        self.rig = rig
        self.joint_set = joint_set
        self.detector = detector
        self.every = max(every, len(rig))
        self.max_people = max_people
        self._boxes: list[NDArray[np.float64]] = [np.empty((0, 5))] * len(rig)
        self._since_round = 0
        self._turn = 0

    def regions(
        self,
        frame_set: FrameSet,
        ids: NDArray[np.int64],
        expected: NDArray[np.float64],
        missed: NDArray[np.int64],
        left_out: int = 0,
    ) -> list[Region]:
        """Squares for expected people (people, joints, 3), and for boxes that none of them explains.

        Who has been missing for some time, `missed` (people,) frame sets, is looked for now and then only. `left_out`
        views, other ones each time, are not read for expected people.
        """
        self._turn += 1
        lost = missed > _MISSED_SETS
        wanted = ~lost | (self._turn % _LOST_EVERY == 0)
        regions = [
            region
            for view, camera in enumerate(self.rig.cameras)
            if frame_set.frames[view] is not None
            for track, xyz in zip(ids[wanted], expected[wanted], strict=True)
            if (region := region_of_skeleton(camera, view, xyz, self.joint_set, int(track))) is not None
        ]
        looked = [region for region in regions if (region.view + self._turn) % len(self.rig) >= left_out]
        following = follows_anybody(missed)
        for view in self._due(following):
            frame = frame_set.frames[view]
            self._boxes[view] = self.detector.boxes(frame.image) if frame is not None else np.empty((0, 5))
        if not following or self._since_round == len(self.rig) - 1:
            looked += self._unexplained(frame_set, regions)
        self._since_round = (self._since_round + 1) % self.every if following else 0
        return looked

    def _due(self, tracking: bool) -> range:
        views = len(self.rig)
        if not tracking:
            return range(views)
        return range(self._since_round, self._since_round + 1) if self._since_round < views else range(0)

    def _unexplained(self, frame_set: FrameSet, expected: list[Region]) -> list[Region]:
        fresh: list[Region] = []
        for view, boxes in enumerate(self._boxes):
            if frame_set.frames[view] is None:
                continue
            known = [region for region in expected if region.view == view]
            new = [box for box in boxes if not any(explains(region, box) for region in known)]
            new.sort(key=lambda box: -box[4])
            fresh += [region_of_box(self.rig.cameras[view], view, box) for box in new[: self.max_people]]
        return fresh


def follows_anybody(missed: NDArray[np.int64]) -> bool:
    """Whether somebody was seen in the last frame sets; else the detector looks at all views at once."""
    return bool((missed <= _MISSED_SETS).any())


def explains(region: Region, box: NDArray[np.float64]) -> bool:
    """Whether the box is about where and as large as the person that the region expects."""
    half = region.side_px / 2 / 1.25
    x0, y0 = np.subtract(region.centre_px, half)
    x1, y1 = np.add(region.centre_px, half)
    inner = max(0.0, min(x1, box[2]) - max(x0, box[0])) * max(0.0, min(y1, box[3]) - max(y0, box[1]))
    area = max((box[2] - box[0]) * (box[3] - box[1]), 1.0)
    centre = (box[:2] + box[2:4]) / 2
    near = np.abs(centre - region.centre_px).max() < 0.25 * region.side_px
    return bool(near and inner / area > _EXPLAINED)
