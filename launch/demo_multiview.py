"""Published networks that look at one person from several calibrated cameras at once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.triangulate import triangulate
from posecap.launch.demo_crops import cut_out, picture_of_cells
from posecap.launch.demo_person import DemoPerson, DemoPicture, Frame
from posecap.models.joints import JointSet
from posecap.models.networks import NetworkSpec
from posecap.models.published_joints import PUBLISHED_SETS
from posecap.runtime.pose import Region
from posecap.runtime.preprocess import image_from_crop

_MARGIN = 1.25
_HEAD_TOP = 1.12  # the joints that locate people end at the eyes and the ankles


@dataclass(frozen=True, slots=True, eq=False)
class ViewsInput:
    """One person in all views.

    Attributes:
        pictures: (1, views, 3, height, width), prepared.
        projections: (1, views, 3, 4) from the world in metres to pixels of those pictures.
        centre_m: (1, 3) of the person.
    """

    pictures: NDArray[np.float32]
    projections: NDArray[np.float64]
    centre_m: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ViewsAnswer:
    """What a network says of one person.

    Attributes:
        xyz_m: (joints, 3) world; None where it finds joints in the pictures only.
        cells: (views, joints, 2) of its heatmaps, None where it finds them in the room only.
        score: (views, joints) or None.
        map_px: (width, height) of the heatmaps.
        corner: as `picture_of_cells`.
    """

    xyz_m: NDArray[np.floating] | None = None
    cells: NDArray[np.floating] | None = None
    score: NDArray[np.floating] | None = None
    map_px: tuple[int, int] = (1, 1)
    corner: bool = False


class ViewsNetwork:
    """Implements `DemoSystem`: everybody at one instant of a rig.

    Args:
        spec: of the network.
        people_m: (people, joints, 3) world metres: who is where, for crops and centres.
        read: the network and its decoder.
        whole: it takes whole pictures squeezed to its size; otherwise a square around the person.
        checkpoints: of the network.
    """

    frame: Frame = "world"

    def __init__(
        self,
        spec: NetworkSpec,
        people_m: NDArray[np.float64],
        read: Callable[[ViewsInput], ViewsAnswer],
        *,
        whole: bool,
        checkpoints: tuple[str | None, ...],
    ) -> None:
        self.spec = spec
        self.joint_set: JointSet = PUBLISHED_SETS[spec.joints]
        self.preset: str = spec.preset
        self.checkpoints = checkpoints
        self.people_m = people_m
        self.read = read
        self.whole = whole

    def people(self, pictures: list[DemoPicture]) -> list[DemoPerson]:
        """Everybody who was located; pictures have cameras without distortion."""
        return [self._person(pictures, xyz) for xyz in self.people_m]

    def close(self) -> None:
        """Nothing to free."""

    def _person(self, pictures: list[DemoPicture], located: NDArray[np.float64]) -> DemoPerson:
        cameras = [one.camera for one in pictures if one.camera is not None]
        regions = [self._region(camera, located) for camera in cameras]
        size_px = self.spec.picture.size_px
        crops = np.stack(
            [
                cut_out(one.image, region, size_px, self.preset)
                if region is not None
                else _squeezed(one, size_px)
                for one, region in zip(pictures, regions, strict=True)
            ]
        )
        P = np.stack(
            [_projection(camera, region, size_px) for camera, region in zip(cameras, regions, strict=True)]
        )
        centre = np.nanmean(located, axis=0)
        answer = self.read(ViewsInput(self.spec.picture.prepare(crops)[None], P[None], centre[None]))
        xy, xyz = None, answer.xyz_m
        if answer.cells is not None:
            xy = np.stack(
                [
                    picture_of_cells(cells, answer.map_px, region, size_px, corner=answer.corner)
                    for cells, region in zip(answer.cells, regions, strict=True)
                    if region is not None
                ]
            )
        if xyz is None and xy is not None:
            xyz = _met(cameras, xy)
        xyz = np.asarray(xyz, np.float64)
        if xy is None:
            xy = np.stack([camera.project(xyz) for camera in cameras])
        score = (
            np.full(xy.shape[:2], np.nan) if answer.score is None else np.asarray(answer.score, np.float64)
        )
        boxes = np.stack([_box(region) for region in regions])
        return DemoPerson(xy, score, boxes, 1e3 * xyz)

    def _region(self, camera: Camera, located: NDArray[np.float64]) -> Region | None:
        """The square around a person; None = the whole picture."""
        if self.whole:
            return None
        pixels = camera.project(located)
        if not np.isfinite(pixels).any():  # behind this camera: something of the size of the picture
            return Region(0, (camera.size_px[0] / 2, camera.size_px[1] / 2), float(max(camera.size_px)))
        low, high = np.nanmin(pixels, axis=0), np.nanmax(pixels, axis=0)
        centre = (low + high) / 2
        side = _MARGIN * _HEAD_TOP * float((high - low).max())
        return Region(0, (float(centre[0]), float(centre[1])), max(side, 24.0))


def _squeezed(picture: DemoPicture, size_px: tuple[int, int]) -> NDArray[np.uint8]:
    import cv2

    return np.array(cv2.resize(picture.image, size_px, interpolation=cv2.INTER_AREA), np.uint8)


def _projection(camera: Camera, region: Region | None, size_px: tuple[int, int]) -> NDArray[np.float64]:
    """(3, 4) from the world in metres to pixels of the network's picture."""
    if region is None:
        return camera.scaled(size_px).K @ camera.cam_from_world[:3]
    back = np.vstack([image_from_crop(region, size_px), [0.0, 0.0, 1.0]])
    return np.linalg.inv(back) @ camera.K @ camera.cam_from_world[:3]


def _met(cameras: list[Camera], xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """(joints, 3) metres where the rays of all views meet."""
    rays = np.stack([camera.undistorted(pixels) for camera, pixels in zip(cameras, xy, strict=True)])
    variance = np.stack([np.full(xy.shape[1], 1 / camera.focal_px**2) for camera in cameras])
    return triangulate(rays, variance, np.stack([camera.cam_from_world[:3] for camera in cameras])).xyz


def _box(region: Region | None) -> NDArray[np.float64]:
    if region is None:
        return np.full(4, np.nan)
    half = region.side_px / 2
    x, y = region.centre_px
    return np.array([x - half, y - half, x + half, y + half])
