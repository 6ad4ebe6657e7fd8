"""From cameras as a file has them to a rig as this project has them: metres, +Z up, and every check on the way."""

from posecap.calib.convention import Stored, check_convention
from posecap.calib.length_unit import check_spacing, scaled, unit_m
from posecap.calib.plausibility import check_imported
from posecap.calib.rig import Rig
from posecap.calib.up_axis import check_up, with_up

ROOM_M = (0.3, 50.0)


def imported_rig(
    rig: Rig,
    unit: str | None,
    up: str | None,
    fixed_unit: str,
    fixed_up: str = "+z",
    within_m: tuple[float, float] = ROOM_M,
    stored: Stored = "translation",
) -> Rig:
    """The rig in metres and turned so that +Z is up.

    Args:
        rig: in the unit and the world of the file.
        unit: what the user says; None = `fixed_unit`, which must then make sense.
        up: what the user says; None = `fixed_up`, which must then not be clearly wrong.
        fixed_unit: of this kind of file.
        fixed_up: axis that points up in this kind of file.
        within_m: how far apart the farthest two cameras can be.
        stored: what the file has beside rotations.

    Raises:
        CalibrationError: wrong unit, wrong way round, wrong axis, or implausible.
    """
    rig = scaled(rig, unit_m(unit or fixed_unit))
    check_convention(rig, stored)  # first: the wrong way round, distances mean nothing
    if unit is None:
        check_spacing(rig, fixed_unit, within_m)
    check_imported(rig)
    if up is None:
        check_up(rig, fixed_up)
    return with_up(rig, up or fixed_up)
