"""Lengths in calibration files: metres here, anything there."""

from dataclasses import replace

import numpy as np

from posecap.calib.errors import CalibrationError
from posecap.calib.plausibility import spacing_of
from posecap.calib.rig import Rig

UNITS_M = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254}


def unit_m(unit: str) -> float:
    """Metres of one `unit`; CalibrationError lists those there are."""
    if unit not in UNITS_M:
        raise CalibrationError(f"unit is {unit!r}, expected one of {', '.join(UNITS_M)}")
    return UNITS_M[unit]


def scaled(rig: Rig, factor: float) -> Rig:
    """The rig with its translations multiplied."""
    into = np.ones((4, 4))
    into[:3, 3] = factor
    return replace(
        rig, cameras=tuple(replace(one, cam_from_world=one.cam_from_world * into) for one in rig.cameras)
    )


def check_spacing(rig: Rig, unit: str, within_m: tuple[float, float]) -> None:
    """Refuse a rig in metres whose size says that its file was in another unit than `unit`, which its kind fixes.

    Raises:
        CalibrationError: the farthest two cameras are not `within_m` of each other; with the units that would do.
    """
    spacing = spacing_of(np.stack([camera.centre for camera in rig.cameras]))
    least, most = within_m
    if len(rig) < 2 or least <= spacing <= most:
        return
    written = spacing / UNITS_M[unit]
    fitting = [other for other, metres in UNITS_M.items() if least <= written * metres <= most]
    advice = f"unit={fitting[0]!r} if it is in that" if fitting else "the right unit="
    raise CalibrationError(
        f"the cameras are {spacing:.3g} m apart where lengths are in {unit}, expected {least:g} to {most:g} m: "
        f"import it with {advice}, or with unit={unit!r} if it is as it should be"
    )
