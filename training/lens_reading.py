"""Whether the lens in a camera file is the one that a data set's own 2D truth was drawn with.

Five distortion numbers are published in several orders, and code is around that draws tangential terms of half the
size. Pictures alone do not tell: the difference is a fraction of a pixel up to some pixels. The projected truth that
comes with the data set does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.training.errors import DatasetError

Pixels = NDArray[np.float64]
_EXACT_PX = 1e-4  # nobody doubts a lens that draws this well
_ACCEPTED_PX = 1.0
_CLEAR = 0.2  # another lens must leave less than this share of the error to be believed


@dataclass(frozen=True, slots=True, eq=False)
class FittedLenses:
    """Cameras whose lenses agree with the 2D truth.

    Attributes:
        cameras: as read, or with tangential numbers exchanged where the 2D truth says so.
        rms_px: (views,) distance of the projected from the published truth; NaN where none is published.
        exchanged: names of the cameras whose tangential numbers were exchanged.
    """

    cameras: tuple[Camera, ...]
    rms_px: NDArray[np.float64]
    exchanged: tuple[str, ...]


def fitted_lenses(
    cameras: tuple[Camera, ...], xyz: NDArray[np.float64], drawn_px: Mapping[str, Pixels], file: str
) -> FittedLenses:
    """The cameras, once their lenses were compared with the 2D truth.

    A camera without distortion is taken as it is: some camera files have none. Two exchanged tangential numbers, in
    which files of one layout are known to differ, are put right; everything else that is clearly wrong is refused.

    Args:
        cameras: as read.
        xyz: (frames, people, joints, 3) metres, world frame.
        drawn_px: by camera, (frames, people, joints, 2) published 2D truth of the same joints.
        file: camera file, for messages.

    Raises:
        DatasetError: another lens or another camera fits clearly better, or none fits within a pixel.
    """
    fitted, rms, exchanged = list(cameras), np.full(len(cameras), np.nan), []
    for view, camera in enumerate(cameras):
        if camera.name not in drawn_px:
            continue
        drawn = drawn_px[camera.name]
        rms[view] = _rms(camera.project(xyz), drawn)
        if rms[view] <= _EXACT_PX or not camera.distortion.any():
            continue
        swapped = _with_order(camera, _EXCHANGED)
        fits = {what: _rms(draw(camera, xyz), drawn) for what, draw in _WRONG.items()}
        fits |= {
            f"it draws what belongs to camera {other.name!r}, the cameras are exchanged": _rms(
                other.project(xyz), drawn
            )
            for other in cameras
            if other is not camera
        }
        best = min(fits, key=lambda what: fits[what])
        if (better := _rms(swapped.project(xyz), drawn)) <= min(_CLEAR * rms[view], fits[best]):
            fitted[view], rms[view] = swapped, better
            exchanged.append(camera.name)
        elif fits[best] <= _CLEAR * rms[view]:
            raise DatasetError(
                f"{file}: camera {camera.name!r} draws the truth {rms[view]:.2g} px from where the 2D truth has it: "
                f"{best} ({fits[best]:.2g} px)"
            )
        elif not rms[view] <= _ACCEPTED_PX:
            raise DatasetError(
                f"{file}: camera {camera.name!r} draws the truth {rms[view]:.2g} px from where the 2D truth has it, "
                f"expected at most {_ACCEPTED_PX:g}: take camera file, truth and 2D truth of one subject"
            )
    return FittedLenses(tuple(fitted), rms, tuple(exchanged))


def without_factor_2(camera: Camera, xyz: NDArray[np.float64]) -> Pixels:
    """Pixels (..., 2) of (..., 3) as some published code draws them: tangential terms p1 y + p2 x without the 2."""
    local = camera.in_camera(xyz)
    x, y = local[..., 0] / local[..., 2], local[..., 1] / local[..., 2]
    k1, k2, p1, p2, k3 = camera.distortion
    r2 = x * x + y * y
    bend = 1 + r2 * (k1 + r2 * (k2 + r2 * k3)) + p1 * y + p2 * x
    return camera.pixels(np.stack([x * bend + p2 * r2, y * bend + p1 * r2], axis=-1))


_TANGENTIAL_TURNED = np.array([1.0, 1, -1, -1, 1])
_EXCHANGED = (0, 1, 3, 2, 4)
_RADIAL_FIRST = (0, 1, 3, 4, 2)  # where k1 k2 p1 p2 k3 stand in k1 k2 k3 p1 p2


def _with_order(camera: Camera, order: tuple[int, ...]) -> Camera:
    return replace(camera, distortion=camera.distortion[list(order)])


_WRONG: dict[str, Callable[[Camera, NDArray[np.float64]], Pixels]] = {
    "its distortion is in the order k1 k2 k3 p1 p2, write it as k1 k2 p1 p2 k3": lambda camera, xyz: (
        _with_order(camera, _RADIAL_FIRST).project(xyz)
    ),
    "its tangential numbers have the other sign, turn p1 and p2 round": lambda camera, xyz: replace(
        camera, distortion=camera.distortion * _TANGENTIAL_TURNED
    ).project(xyz),
    "the 2D truth was drawn without distortion, take the original 2D truth": lambda camera, xyz: replace(
        camera, distortion=np.zeros(5)
    ).project(xyz),
    "the 2D truth was drawn without the factor 2 of tangential terms, take the original": without_factor_2,
}


def _rms(pixels: Pixels, drawn: Pixels) -> float:
    square = ((pixels - drawn) ** 2).sum(axis=-1)
    return float(np.sqrt(np.nanmean(square))) if np.isfinite(square).any() else np.inf
