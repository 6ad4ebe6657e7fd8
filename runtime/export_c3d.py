"""C3D files, for motion analysis programs."""

from pathlib import Path

import numpy as np

from posecap.runtime.errors import ExportError
from posecap.runtime.export_trc import marker_name, seen
from posecap.runtime.pose_take import PoseTake
from posecap.runtime.take_metadata import posecap_version
from posecap.runtime.uniform_take import uniform_rate_hz

_LAST_FRAME = 65535  # frame numbers are unsigned 16-bit
_INVALID = -1.0
_MODELLED = 0.0


def write_c3d(take: PoseTake, path: Path, person: int) -> None:
    """One person from first to last sight, as points in millimetres with Z up (Y_SCREEN = +Z).

    Residual is -1 where a joint is unknown, and 0 elsewhere, which C3D reserves for modelled points: filtered and
    filled ones. Uncertainty is not written: readers disagree about the byte it would be in. No events,
    no analogue data.

    Args:
        take: of a uniform rate, see `at_rate`.
        path: of the file.
        person: an id of the take.

    Raises:
        TakeError: no such person.
        ExportError: times are uneven, too many frames for C3D, nothing known of the person, or ezc3d is missing.
    """
    try:
        import ezc3d
    except ImportError as error:
        raise ExportError("C3D files need ezc3d: pip install 'posecap[export]'") from error
    rate_hz = uniform_rate_hz(take)
    span = seen(take, person)
    if span.stop > _LAST_FRAME:
        raise ExportError(
            f"C3D numbers frames up to {_LAST_FRAME}, person {person} is seen until {span.stop}: "
            "choose a lower --rate, or --trc"
        )
    row = take.row(person)
    xyz_mm = take.xyz[span, row].astype(np.float64).transpose(2, 1, 0) * 1e3
    known = np.isfinite(xyz_mm.sum(axis=0))
    points = np.ones((4, *known.shape))
    points[:3] = xyz_mm

    file = ezc3d.c3d()
    file["header"]["points"]["first_frame"] = span.start
    point = file["parameters"]["POINT"]
    point["RATE"]["value"] = [rate_hz]
    point["UNITS"]["value"] = ["mm"]
    point["LABELS"]["value"] = [marker_name(joint) for joint in take.joints]
    point["DESCRIPTIONS"]["value"] = list(take.joints)
    for group, name, value in (
        ("POINT", "X_SCREEN", ["+X"]),
        ("POINT", "Y_SCREEN", ["+Z"]),
        ("SUBJECTS", "USED", [1]),
        ("SUBJECTS", "NAMES", [f"person{person}"]),
        ("MANUFACTURER", "SOFTWARE", [f"posecap {posecap_version()}"]),
        ("POSECAP", "JOINT_SET", [take.joint_set]),
        ("POSECAP", "RIG", [take.rig_id]),
        ("POSECAP", "STAGE", [take.stage]),
    ):
        file.add_parameter(group, name, value)
    file["data"]["points"] = points
    file["data"]["meta_points"]["residuals"] = np.where(known, _MODELLED, _INVALID)[None]
    file["data"]["meta_points"]["camera_masks"] = np.zeros((7, *known.shape), dtype=bool)
    file.write(str(path))
    if not path.is_file() or path.stat().st_size < 4 * points.size:  # ezc3d fails without a word
        raise ExportError(f"cannot write {path} whole: choose another folder with --out")
