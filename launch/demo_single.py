"""Published networks that find one person's joints in one crop, behind the person detector."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from posecap.launch.demo_crops import cut_out, picture_of_cells
from posecap.launch.demo_person import DemoPerson, DemoPicture, Frame
from posecap.models.joints import JointSet
from posecap.models.networks import NetworkSpec
from posecap.models.published_joints import PUBLISHED_SETS
from posecap.runtime.pose import Region
from posecap.runtime.regions import square_of_box

Boxes = Callable[[NDArray[np.uint8]], NDArray[np.float64]]
"""People in a BGR picture, best first: (n, 5) left, top, right, bottom about pixel centres, score."""

Read = Callable[[NDArray[np.float32]], "Cells"]


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """What a network says of a batch of crops.

    Attributes:
        xy: (n, joints, 2) cells of its heatmaps.
        score: (n, joints).
        map_px: (width, height) of its heatmaps.
        z: (n, joints) depth relative to the root in shares of the crop's side, None where it tells none.
    """

    xy: NDArray[np.floating]
    score: NDArray[np.floating]
    map_px: tuple[int, int]
    z: NDArray[np.floating] | None = None


class _Closes(Protocol):
    def close(self) -> None: ...


class CropNetwork:
    """Implements `DemoSystem`: everybody in the picture, each in a square a quarter larger than the box.

    Args:
        spec: of the network.
        boxes: the person detector.
        read: the network and its decoder.
        checkpoints: of the network.
        most_people: boxes of a picture that are read.
        closes: what is closed at the end.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        boxes: Boxes,
        read: Read,
        *,
        checkpoints: tuple[str | None, ...] = (None,),
        most_people: int = 10,
        closes: _Closes | None = None,
    ) -> None:
        self.spec = spec
        self.joint_set: JointSet = PUBLISHED_SETS[spec.joints]
        self.frame: Frame = ""
        self.preset: str = spec.preset
        self.checkpoints = checkpoints
        self.boxes = boxes
        self.read = read
        self.most_people = most_people
        self._closes = closes

    def people(self, pictures: list[DemoPicture]) -> list[DemoPerson]:
        """Everybody in the picture, best box first."""
        image = pictures[0].image
        boxes = self.boxes(image)[: self.most_people]
        if not len(boxes):
            return []
        size_px = self.spec.picture.size_px
        regions = [square_of_box(0, box) for box in boxes]
        crops = np.stack([cut_out(image, region, size_px, self.preset) for region in regions])
        cells = self.read(self.spec.picture.prepare(crops))
        return [
            self._person(cells, row, region, box)
            for row, (region, box) in enumerate(zip(regions, boxes, strict=True))
        ]

    def close(self) -> None:
        """Free the detector's engines."""
        if self._closes is not None:
            self._closes.close()

    def _person(self, cells: Cells, row: int, region: Region, box: NDArray[np.float64]) -> DemoPerson:
        size_px = self.spec.picture.size_px
        xy = picture_of_cells(cells.xy[row], cells.map_px, region, size_px, self.preset)
        return DemoPerson(xy[None], np.asarray(cells.score[row], np.float64)[None], box[None, :4])
