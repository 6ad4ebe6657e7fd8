"""3DMPPE from a picture to absolute people: detector, then RootNet and PoseNet in each person's box."""

from collections.abc import Callable
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.launch.demo_person import DemoPerson, DemoPicture, Frame
from posecap.launch.errors import UsageError
from posecap.models.joints import JointSet
from posecap.models.networks import PictureInput, PresetName
from posecap.models.posenet_box import (
    VOXELS,
    PersonBox,
    camera_from_voxels,
    person_box,
    picture_from_voxels,
)
from posecap.models.rootnet import k_value
from posecap.runtime.network_crop import cut_out

Boxes = Callable[[NDArray[np.uint8]], NDArray[np.float64]]
"""People in a BGR picture, best first: (n, 5) left, top, right, bottom about pixel centres, score."""

PoseOf = Callable[[NDArray[np.float32]], NDArray[np.floating]]
"""Joints (n, joints, 3) in voxels of crops (n, 3, 256, 256)."""

RootOf = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.floating]]
"""Roots (n, 3), x and y in cells and distance in mm, of crops (n, 3, 256, 256) and k (n, 1)."""


class _Closes(Protocol):
    def close(self) -> None: ...


class AbsolutePeople:
    """Implements `DemoSystem`: everybody in the camera's space.

    Args:
        joint_set: of PoseNet.
        boxes: the person detector.
        pose: PoseNet.
        root: RootNet, or the distance of everybody in millimetres.
        picture: how crops enter both networks.
        preset: of PoseNet; the crops of `compat` are cut as the original cuts them.
        centred: of PoseNet and `PersonBox`; None = not in `compat`.
        checkpoints: of PoseNet and RootNet.
        most_people: boxes of a picture that are read.
        closes: what is closed at the end.
    """

    frame: Frame = "camera"

    def __init__(
        self,
        joint_set: JointSet,
        boxes: Boxes,
        pose: PoseOf,
        root: RootOf | float,
        picture: tuple[PictureInput, PictureInput],
        *,
        preset: PresetName = "clean",
        centred: bool | None = None,
        checkpoints: tuple[str | None, ...] = (),
        most_people: int = 10,
        closes: _Closes | None = None,
    ) -> None:
        self.joint_set = joint_set
        self.boxes = boxes
        self.pose = pose
        self.root = root
        self.picture = picture
        self.preset: str = preset
        self._cut: PresetName = preset
        self.centred = preset != "compat" if centred is None else centred
        self.checkpoints = checkpoints
        self.most_people = most_people
        self._closes = closes

    def people(self, pictures: list[DemoPicture]) -> list[DemoPerson]:
        """Everybody in the picture, best box first.

        Raises:
            UsageError: the picture has no camera.
        """
        picture = pictures[0]
        if picture.camera is None:
            raise UsageError(f"{picture.name} has no camera: give --focal, --fov or --cams")
        squares, found = [], []
        for box in self.boxes(picture.image)[: self.most_people]:
            # the detector's pixels have their centres at whole numbers, those of a centred square their corners
            corners = box[:4] + 0.5 if self.centred else box[:4]
            left, top, right, bottom = (float(value) for value in corners)
            square = person_box((left, top, right, bottom), picture.size_px, centred=self.centred)
            if square is not None:
                squares.append(square)
                found.append(box[:4])
        if not squares:
            return []
        size_px = self.picture[0].size_px
        affines = [
            np.array(cv2.invertAffineTransform(square.crop_from_picture), np.float64) for square in squares
        ]
        crops = np.stack([cut_out(picture.image, affine, size_px, self._cut) for affine in affines])
        voxels = self.pose(self.picture[0].prepare(crops))
        roots = self._roots(crops, squares, picture.camera)
        return [self._person(*one, picture.camera) for one in zip(voxels, roots, squares, found, strict=True)]

    def close(self) -> None:
        """Free the detector's engines."""
        if self._closes is not None:
            self._closes.close()

    def _roots(
        self, crops: NDArray[np.uint8], squares: list[PersonBox], camera: Camera
    ) -> NDArray[np.floating]:
        if isinstance(self.root, int | float):
            return np.tile([np.nan, np.nan, self.root], (len(squares), 1))
        focal = float(camera.K[0, 0]), float(camera.K[1, 1])
        k = [[k_value(focal, (square.side, square.side))] for square in squares]
        return self.root(self.picture[1].prepare(crops), np.array(k, np.float32))

    def _person(
        self,
        voxels: NDArray[np.floating],
        root: NDArray[np.floating],
        square: PersonBox,
        box: NDArray[np.float64],
        camera: Camera,
    ) -> DemoPerson:
        xyz = in_camera(voxels, square, camera, float(root[2]))
        cells = np.append(root[:2], VOXELS / 2)[None]  # in the middle of the box's depth
        at = in_camera(cells, square, camera, float(root[2]))[0]
        xy = picture_from_voxels(voxels, square)[None]
        return DemoPerson(xy, np.full(xy.shape[:2], np.nan), box[None], xyz, at)


def in_camera(
    voxels: NDArray[np.floating], square: PersonBox, camera: Camera, root_depth_mm: float
) -> NDArray[np.float64]:
    """(joints, 3) millimetres in camera axes; the lens is taken into account, which the paper's pinhole is not."""
    xyz = camera_from_voxels(voxels, square, camera.K, root_depth_mm)
    if camera.distortion.any():
        xyz[:, :2] = camera.undistorted(picture_from_voxels(voxels, square)) * xyz[:, 2:]
    return xyz
