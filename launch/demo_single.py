"""Published networks that find one person's joints in one crop, behind the person detector."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from posecap.launch.demo_person import DemoPerson, DemoPicture, Frame
from posecap.models.joints import JointSet
from posecap.models.networks import NetworkSpec
from posecap.models.published_joints import PUBLISHED_SETS
from posecap.runtime.network_crop import cut_out, picture_of_cells
from posecap.runtime.preprocess import image_from_crop
from posecap.runtime.regions import square_of_box

_BONES_MM = 4000.0  # of the 15 bones, as the weakly supervised network is scored

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
        xyz: (n, joints, 3) from the root in shares of the crop's side, x right, y down, z away; None where it tells
            no depth.
    """

    xy: NDArray[np.floating]
    score: NDArray[np.floating]
    map_px: tuple[int, int]
    xyz: NDArray[np.floating] | None = None


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
        depth: the network tells depth.
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
        depth: bool = False,
    ) -> None:
        self.spec = spec
        self.joint_set: JointSet = PUBLISHED_SETS[spec.joints]
        self.frame: Frame = "root" if depth else ""
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
        affines = [image_from_crop(square_of_box(0, box), size_px) for box in boxes]
        crops = np.stack([cut_out(image, affine, size_px, self.spec.preset) for affine in affines])
        cells = self.read(self.spec.picture.prepare(crops))
        return [
            self._person(cells, row, affine, box)
            for row, (affine, box) in enumerate(zip(affines, boxes, strict=True))
        ]

    def close(self) -> None:
        """Free the detector's engines."""
        if self._closes is not None:
            self._closes.close()

    def _person(
        self, cells: Cells, row: int, affine: NDArray[np.float64], box: NDArray[np.float64]
    ) -> DemoPerson:
        xy = picture_of_cells(cells.xy[row], cells.map_px, affine, self.spec.picture.size_px)
        xyz = None if cells.xyz is None else self._millimetres(np.asarray(cells.xyz[row], np.float64))
        return DemoPerson(xy[None], np.asarray(cells.score[row], np.float64)[None], box[None, :4], xyz)

    def _millimetres(self, xyz: NDArray[np.float64]) -> NDArray[np.float64]:
        """(joints, 3) so large that all bones together have `_BONES_MM`: one picture does not tell the size."""
        ends = np.array(self.joint_set.bones)
        total = float(np.linalg.norm(xyz[ends[:, 1]] - xyz[ends[:, 0]], axis=1).sum())
        return xyz * (_BONES_MM / total) if total > 0 else np.full_like(xyz, np.nan)
