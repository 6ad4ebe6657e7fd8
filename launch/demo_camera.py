"""The camera that took a picture: from a rig file, from a focal length, or guessed."""

from dataclasses import dataclass
from math import radians, tan
from pathlib import Path

import numpy as np

from posecap.calib.camera import Camera
from posecap.calib.rig_file import load_rig
from posecap.launch.errors import UsageError

_SAME_SHAPE = 0.01


@dataclass(frozen=True, slots=True)
class CameraChoice:
    """What the user says of the camera; at most one of the three.

    Attributes:
        focal_px: focal length in pixels of the pictures.
        fov_deg: horizontal field of view.
        calibrated: from a rig file.
    """

    focal_px: float | None = None
    fov_deg: float | None = None
    calibrated: Camera | None = None

    @property
    def guessed(self) -> bool:
        """Whether the user said nothing, so that distances are a guess too."""
        return self.focal_px is None and self.fov_deg is None and self.calibrated is None

    def camera(self, size_px: tuple[int, int]) -> Camera:
        """The camera of pictures of `size_px`; a guess takes the longer side as the focal length (53 degrees).

        Raises:
            UsageError: the calibrated camera has pictures of another shape.
        """
        width, height = size_px
        if self.calibrated is not None:
            return self._scaled(self.calibrated, size_px)
        focal = float(max(size_px))
        if self.focal_px is not None:
            focal = self.focal_px
        elif self.fov_deg is not None:
            focal = width / 2 / tan(radians(self.fov_deg) / 2)
        K = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
        return Camera("picture", size_px, K, np.zeros(5), np.eye(4))

    @staticmethod
    def _scaled(camera: Camera, size_px: tuple[int, int]) -> Camera:
        if camera.size_px == size_px:
            return camera
        ratio = (size_px[0] / camera.size_px[0]) / (size_px[1] / camera.size_px[1])
        if abs(ratio - 1) > _SAME_SHAPE:
            raise UsageError(
                f"the picture has {size_px[0]} x {size_px[1]} px, camera {camera.name!r} was calibrated with "
                f"{camera.size_px[0]} x {camera.size_px[1]}: name the camera that took it with --camera"
            )
        return camera.scaled(size_px)


def camera_choice(
    focal_px: float | None, fov_deg: float | None, cams: Path | None, name: str
) -> CameraChoice:
    """What the options say.

    Raises:
        UsageError: more than one of them, numbers out of range, a rig file of several cameras without a name.
        CalibrationError: a rig file that cannot be read, or has no such camera.
    """
    given = [
        option
        for option, value in (("--focal", focal_px), ("--fov", fov_deg), ("--cams", cams))
        if value is not None
    ]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} say the same thing: keep one")
    if focal_px is not None and not 1 <= focal_px < 1e6:
        raise UsageError(f"--focal {focal_px:g} is no focal length: give it in pixels of the picture")
    if fov_deg is not None and not 1 <= fov_deg < 179:
        raise UsageError(f"--fov {fov_deg:g} is no field of view: give it in degrees from side to side")
    if cams is None:
        if name:
            raise UsageError(f"--camera {name!r} needs a rig file: add --cams rig.yaml")
        return CameraChoice(focal_px, fov_deg)
    rig = load_rig(cams)
    if not name and len(rig) > 1:
        raise UsageError(
            f"{cams} has the cameras {', '.join(rig.names)}: say with --camera which one took the picture"
        )
    return CameraChoice(calibrated=rig.cameras[rig.index(name)] if name else rig.cameras[0])
