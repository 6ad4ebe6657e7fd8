"""What a file format cannot hold of a rig: refused, or left out and said, with its cost in pixels. Never silent."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.distortion import BROWN_COEFFICIENTS, FISHEYE_COEFFICIENTS
from posecap.calib.errors import CalibrationError
from posecap.calib.rig import Rig

_GRID = 41
_HARMLESS_PX = 0.01  # what a round trip may cost


@dataclass(frozen=True, slots=True)
class Loss:
    """Something of a rig that a written file does not say, or that its usual readers do not use.

    Attributes:
        what: in words.
        px: by how much points inside the picture move for whoever reads the file; 0 where none does.
    """

    what: str
    px: float = 0.0

    def __str__(self) -> str:
        return f"{self.what} (up to {self.px:.3g} px)" if self.px else self.what


@dataclass(frozen=True, slots=True)
class Holds:
    """What a format has room for.

    Attributes:
        radial: how many radial coefficients of Brown's model.
        tangential: p1 and p2.
        fisheye: OpenCV's fisheye model.
        skew: an element of K for it.
    """

    radial: int = 3
    tangential: bool = True
    fisheye: bool = False
    skew: bool = True

    def __str__(self) -> str:
        """As in "k1 k2 p1 p2, skew"."""
        lens = [f"k{k}" for k in range(1, min(self.radial, 2) + 1)]
        lens += ["p1", "p2"] * self.tangential + ["k3"] * (self.radial > 2)
        more = ["fisheye"] * self.fisheye + ["skew"] * self.skew
        return ", ".join([" ".join(lens), *more])


def reduced(rig: Rig, kind: str, holds: Holds, lossy: bool) -> tuple[Rig, list[Loss]]:
    """The rig as the format has room for, and what that leaves out.

    Args:
        rig: as it is.
        kind: of file, for messages.
        holds: what it has room for.
        lossy: leave out what would move points inside a picture by more than 0.01 px.

    Raises:
        CalibrationError: a fisheye lens where there is no room for one, or more than 0.01 px without `lossy`.
    """
    cameras, losses = [], []
    for camera in rig.cameras:
        less, missing = _reduced(camera, kind, holds)
        px = moved_px(camera, less) if missing else 0.0
        if px > _HARMLESS_PX and not lossy:
            raise CalibrationError(
                f"camera {camera.name!r}: {kind} has no room for {missing}, points would move by up to {px:.3g} px: "
                "write another kind, or allow the loss (lossy)"
            )
        if missing:
            losses.append(Loss(f"{camera.name}: {missing}", px))
        elif camera.K[0, 1]:
            K = camera.K.copy()
            K[0, 1] = 0
            px = moved_px(camera, replace(camera, K=K))
            losses.append(Loss(f"{camera.name}: skew is in the file, OpenCV's model does not use it", px))
        cameras.append(less)
    return replace(rig, cameras=tuple(cameras)), losses


def moved_px(camera: Camera, other: Camera) -> float:
    """How far apart, at most, two cameras in one place draw what `camera` has in its picture; inf where one cannot."""
    x, y = (np.linspace(0, size - 1, _GRID) for size in camera.size_px)
    pixels = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    rays = camera.undistorted(pixels)
    rays = rays[np.isfinite(rays).all(axis=1)]
    ahead = np.column_stack([rays, np.ones(len(rays))])
    moved = _drawn(other, ahead) - _drawn(camera, ahead)
    distance = np.linalg.norm(moved, axis=1)
    return float(np.where(np.isnan(distance), np.inf, distance).max(initial=0.0))


def _drawn(camera: Camera, ahead: NDArray[np.float64]) -> NDArray[np.float64]:
    return replace(camera, cam_from_world=np.eye(4)).project(ahead)


def _reduced(camera: Camera, kind: str, holds: Holds) -> tuple[Camera, str]:
    """The camera without what there is no room for, and the names of that."""
    missing = []
    lens, K = camera.distortion.copy(), camera.K.copy()
    if len(lens) == FISHEYE_COEFFICIENTS:
        if not holds.fisheye:
            raise CalibrationError(
                f"camera {camera.name!r}: {kind} has no room for a fisheye lens: write another kind, or undistort the "
                "pictures"
            )
    else:
        room = {
            0: holds.radial > 0, 1: holds.radial > 1, 2: holds.tangential, 3: holds.tangential, 4: holds.radial > 2
        }  # fmt: skip
        names = "k1", "k2", "p1", "p2", "k3"
        for k in range(BROWN_COEFFICIENTS):
            if lens[k] and not room[k]:
                missing.append(names[k])
                lens[k] = 0
    if K[0, 1] and not holds.skew:
        missing.append("skew")
        K[0, 1] = 0
    return replace(camera, K=K, distortion=lens), " ".join(missing)
