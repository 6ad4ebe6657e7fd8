"""What a demo finds: people in one picture, or in one instant of a rig. Every system answers in these values."""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.models.joints import JointSet

Frame = Literal["", "camera", "root", "world"]
FRAMES: dict[Frame, str] = {
    "": "no 3D: this system finds joints in the picture only",
    "camera": "millimetres from the camera: x right, y down, z forward",
    "root": "millimetres from the person's root, in camera axes: x right, y down, z forward",
    "world": "millimetres in the world of the rig file: +z up",
}


@dataclass(frozen=True, slots=True, eq=False)
class DemoPicture:
    """One picture to look at.

    Attributes:
        name: of the file, without its ending; pictures of a video have their number behind it.
        source: the file as the user gave it.
        image: (height, width, 3) BGR.
        t_s: time in the video, None for a picture file.
        camera: that took it, None where no system needs one.
    """

    name: str
    source: str
    image: NDArray[np.uint8]
    t_s: float | None = None
    camera: Camera | None = None

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height)."""
        return self.image.shape[1], self.image.shape[0]


@dataclass(frozen=True, slots=True, eq=False)
class DemoPerson:
    """One person.

    Attributes:
        xy: (pictures, joints, 2) pixels in each picture of the instant, (0, 0) at the centre of the top-left pixel;
            NaN = unknown.
        score: (pictures, joints) as the system gives it, usually 0..1; NaN where it gives none.
        boxes: (pictures, 4) left, top, right, bottom in the same pixels, NaN where none was used.
        xyz_mm: (joints, 3) in the system's frame, None where it gives no 3D.
        root_mm: (3,) the root alone, where a network of its own finds it.
    """

    xy: NDArray[np.float64]
    score: NDArray[np.float64]
    boxes: NDArray[np.float64]
    xyz_mm: NDArray[np.float64] | None = None
    root_mm: NDArray[np.float64] | None = None


class DemoSystem(Protocol):
    """A network with everything around it that turns pictures into people.

    Attributes:
        joint_set: of its people.
        frame: in which `xyz_mm` is.
        preset: compat or clean; "" for models of the live pipeline.
        checkpoints: its trained weights; None for each network that has random ones.
    """

    joint_set: JointSet
    frame: Frame
    preset: str
    checkpoints: tuple[str | None, ...]

    def people(self, pictures: list[DemoPicture]) -> list[DemoPerson]:
        """Everybody in the pictures of one instant; a single-view system is given one picture."""
        ...

    def close(self) -> None:
        """Free the engines."""
        ...
