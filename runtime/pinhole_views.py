"""Pictures as pinhole cameras would take them, for networks that know nothing of lenses."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.rig import Rig
from posecap.capture.frame import Frame, FrameSet

_Maps = tuple[NDArray, NDArray]


class PinholeViews:
    """Takes the distortion out of a rig's pictures; those of cameras without any pass through.

    Attributes:
        rig: the same cameras without distortion: size, focal lengths and principal points stay.
    """

    def __init__(self, rig: Rig) -> None:
        pinholes = (replace(camera, distortion=np.zeros(5)) for camera in rig.cameras)
        self.rig = replace(rig, cameras=tuple(pinholes))
        self._maps = tuple(_maps(camera) if camera.distortion.any() else None for camera in rig.cameras)

    def straight(self, frame_set: FrameSet) -> FrameSet:
        """The same instant; black where a pinhole camera sees what the lens did not."""
        frames = zip(frame_set.frames, self._maps, strict=True)
        return replace(frame_set, frames=tuple(_straight(frame, maps) for frame, maps in frames))


def _straight(frame: Frame | None, maps: _Maps | None) -> Frame | None:
    if frame is None or maps is None:
        return frame
    image = cv2.remap(frame.image, *maps, interpolation=cv2.INTER_LINEAR)
    return replace(frame, pixels=np.asarray(image, dtype=np.uint8))


def _maps(camera: Camera) -> _Maps:
    """Where each pixel comes from, in the fixed-point form that is fast."""
    fisheye = len(camera.distortion) == 4
    module = cv2.fisheye if fisheye else cv2
    maps = module.initUndistortRectifyMap(
        camera.K, camera.distortion, np.eye(3), camera.K, camera.size_px, cv2.CV_16SC2
    )
    return np.asarray(maps[0]), np.asarray(maps[1])
