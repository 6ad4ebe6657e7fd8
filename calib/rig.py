"""The cameras of one installation, in THE order of the system."""

import hashlib
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from posecap.calib.camera import Camera
from posecap.calib.errors import CalibrationError


@dataclass(frozen=True, slots=True, eq=False)
class Rig:
    """Calibrated cameras that see one volume.

    Attributes:
        cameras: the order of the views axis of every array in the system.
        rms_px: reprojection error of the calibration, pixels; None where it is not known.
        solved_at: ISO 8601 time of the calibration; None where it is not known.
    """

    cameras: tuple[Camera, ...]
    rms_px: float | None = None
    solved_at: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "cameras", tuple(self.cameras))
        if not self.cameras:
            raise CalibrationError("the rig has no cameras: list at least two under `cameras`")
        twice = [name for name, count in Counter(self.names).items() if count > 1]
        if twice:
            raise CalibrationError(
                f"two cameras are called {twice[0]!r}: give every camera a name of its own"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Camera names in rig order."""
        return tuple(camera.name for camera in self.cameras)

    @property
    def id(self) -> str:
        """12 hexadecimal digits that change with any number of the calibration or with the order of the cameras."""
        digest = hashlib.sha256()
        for camera in self.cameras:
            digest.update(camera.name.encode() + b"\0")
            digest.update(np.array(camera.size_px, dtype="<i8").tobytes())
            for array in (camera.K, camera.distortion, camera.cam_from_world):
                digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
        return digest.hexdigest()[:12]

    def index(self, name: str) -> int:
        """Position of the camera called `name`; CalibrationError names those there are."""
        if name not in self.names:
            raise CalibrationError(
                f"no camera {name!r} in the rig, there are {', '.join(self.names)}: check the spelling"
            )
        return self.names.index(name)

    def resized(self, name: str, size_px: tuple[int, int]) -> "Rig":
        """The rig whose camera `name` has pictures of another size; nothing is scaled or moved."""
        cameras = list(self.cameras)
        cameras[self.index(name)] = replace(cameras[self.index(name)], size_px=size_px)
        return replace(self, cameras=tuple(cameras))

    def __len__(self) -> int:
        return len(self.cameras)
