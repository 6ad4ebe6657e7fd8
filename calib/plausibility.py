"""Does a valid calibration make sense? Each check catches a mistake that field reports know by name.

Valid is what `Camera` and `Rig` accept; plausible is what cameras around people look like. The thresholds are wide:
a rig is refused only where the numbers can hardly be meant.
"""

import numpy as np

from posecap.calib.camera import Camera
from posecap.calib.distortion import distort, lens_limit
from posecap.calib.errors import CalibrationError
from posecap.calib.rig import Rig

_MIN_SPACING_M = 0.02
_MAX_SPACING_M = 200.0
_MIDDLE = 0.1  # of width plus height: how far a principal point is from the middle, usually
_ASIDE = 0.2


def check_plausible(rig: Rig) -> None:
    """Refuse width and height exchanged, millimetres taken for metres, and lenses that fold inside the picture.

    Raises:
        CalibrationError: names the camera, what is odd and what to do.
    """
    for camera in rig.cameras:
        _check_size(camera)
        _check_lens(camera)
    spacing = spacing_of(np.stack([camera.centre for camera in rig.cameras]))
    if spacing > _MAX_SPACING_M:
        raise CalibrationError(
            f"the cameras are {spacing:.0f} m apart, expected less than {_MAX_SPACING_M:.0f}: are the translations "
            "millimetres? Divide them by 1000"
        )


def check_imported(rig: Rig) -> None:
    """As `check_plausible`, and refuse cameras in one place and principal points outside of the picture.

    Raises:
        CalibrationError: as above.
    """
    check_plausible(rig)
    spacing = spacing_of(np.stack([camera.centre for camera in rig.cameras]))
    if len(rig) > 1 and spacing < _MIN_SPACING_M:
        raise CalibrationError(
            f"the cameras are {1000 * spacing:.1f} mm apart, expected more than {1000 * _MIN_SPACING_M:.0f}: are the "
            "translations in another unit?"
        )
    for camera in rig.cameras:
        width, height = camera.size_px
        x, y = camera.K[0, 2], camera.K[1, 2]
        if not (0 < x < width and 0 < y < height):
            raise CalibrationError(
                f"camera {camera.name!r}: the principal point ({x:.0f}, {y:.0f}) is outside of the picture of "
                f"{width} x {height}: was it calibrated at another resolution?"
            )


def spacing_of(centres: np.ndarray) -> float:
    """Largest distance between two of the camera centres (n, 3), in their unit; 0 for one camera."""
    return float(np.linalg.norm(centres[:, None] - centres[None], axis=-1).max())


def _check_size(camera: Camera) -> None:
    width, height = camera.size_px
    x, y = float(camera.K[0, 2]), float(camera.K[1, 2])
    as_given = abs(x / width - 0.5) + abs(y / height - 0.5)
    exchanged = abs(x / height - 0.5) + abs(y / width - 0.5)
    if as_given > _ASIDE and exchanged < _MIDDLE:
        raise CalibrationError(
            f"camera {camera.name!r}: the principal point ({x:.0f}, {y:.0f}) is the middle of {height} x {width}, "
            f"size_px says {width} x {height}: width comes first, exchange them"
        )


def _check_lens(camera: Camera) -> None:
    """Real fits turn back in a corner now and then, never inside the largest circle of the picture."""
    limit = lens_limit(camera.distortion)
    if limit == np.inf:
        return
    edge = distort(np.array([limit * (1 - 1e-6), 0.0]), camera.distortion)
    radius_px = np.linalg.norm(edge) * camera.focal_px
    half = min(camera.size_px) / 2
    if radius_px < half:
        raise CalibrationError(
            f"camera {camera.name!r}: its distortion folds over {radius_px:.0f} px from the centre, inside the "
            "picture: check the order (k1 k2 p1 p2 k3, fisheye k1 k2 k3 k4) and which of the two it is"
        )
