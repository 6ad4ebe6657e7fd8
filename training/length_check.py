"""A length that everybody knows, so that joints in another unit than their documentation says are noticed."""

import numpy as np
from numpy.typing import NDArray

from posecap.calib.length_unit import UNITS_M
from posecap.training.errors import DatasetError

_LIMB_M = (0.2, 0.65)  # thighs and shins of people
_IN_WORDS = {"m": "metres", "cm": "centimetres", "mm": "millimetres", "in": "inches"}
_BONES = (("hip", "knee"), ("knee", "ankle"))


def check_limbs(xyz: NDArray[np.float64], joints: tuple[str, ...], unit: str, file: str) -> None:
    """Refuse joints whose thighs and shins are not of human length.

    Args:
        xyz: (frames, people, joints, 3) metres, if the file is in `unit`.
        joints: names of the joints axis.
        unit: that the documentation names.
        file: for the message.

    Raises:
        DatasetError: with the unit that would do, if one does.
    """
    lengths = [
        np.linalg.norm(
            xyz[:, :, joints.index(f"{side}_{upper}")] - xyz[:, :, joints.index(f"{side}_{lower}")], axis=-1
        )
        for side in ("left", "right")
        for upper, lower in _BONES
    ]
    if not np.isfinite(lengths).any():
        raise DatasetError(f"{file} has no leg that is known: get the file again")
    found = float(np.nanmedian(lengths))
    least, most = _LIMB_M
    if least <= found <= most:
        return
    fitting = [other for other, metres in UNITS_M.items() if least <= found / UNITS_M[unit] * metres <= most]
    remedy = (
        f"it seems to be in {' or '.join(_IN_WORDS[one] for one in fitting)}, convert it"
        if fitting
        else "get the file again"
    )
    raise DatasetError(
        f"{file}: thighs and shins are {found:.3g} m long if it is in {_IN_WORDS[unit]}, as documented, "
        f"expected {least:g} to {most:g} m: {remedy}"
    )
