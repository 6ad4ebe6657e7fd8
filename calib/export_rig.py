"""A rig as files of other tools. `import_rig` reads all of them back."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from posecap.calib import (
    easymocap,
    export_qualisys,
    export_toml,
    human36m_h5,
    human36m_json,
    opencv_rig,
    panoptic,
    totalcapture,
)
from posecap.calib.errors import CalibrationError
from posecap.calib.format_limits import Holds, Loss, reduced
from posecap.calib.length_unit import UNITS_M, unit_m
from posecap.calib.rig import Rig
from posecap.calib.rig_file import rig_file_of, write_rig_file
from posecap.calib.up_axis import from_up


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file.

    Attributes:
        what: whose it is, in words.
        name: how such a file is usually called.
        write: (rig in the file's world, path, unit, up, subject) -> what its readers do not get.
        holds: which lenses it has room for.
        unit: its unit, or the default where it can state one.
        up: its up axis, or the default where it can state one.
        states: whether the file says its unit and its up axis.
    """

    what: str
    name: str
    write: Callable[[Rig, Path, str, str, int], list[Loss]]
    holds: Holds
    unit: str = "m"
    up: str = "+z"
    states: bool = False


def _posecap(rig: Rig, path: Path, unit: str, up: str, subject: int) -> list[Loss]:
    write_rig_file(path, rig_file_of(rig))
    return []


def _toml(
    write: Callable[[Rig, Path, str, str], list[Loss]],
) -> Callable[[Rig, Path, str, str, int], list[Loss]]:
    return lambda rig, path, unit, up, subject: write(rig, path, unit, up)


def _plain(
    write: Callable[[Rig, Path, float], list[Loss]],
) -> Callable[[Rig, Path, str, str, int], list[Loss]]:
    return lambda rig, path, unit, up, subject: write(rig, path, UNITS_M[unit])


def _of_subject(
    write: Callable[[Rig, Path, float, int], list[Loss]],
) -> Callable[[Rig, Path, str, str, int], list[Loss]]:
    return lambda rig, path, unit, up, subject: write(rig, path, UNITS_M[unit], subject)


KINDS: dict[str, Kind] = {
    "posecap": Kind("posecap's rig file", "rig.yaml", _posecap, Holds(fisheye=True)),
    "aniposelib": Kind(
        "aniposelib",
        "calibration.toml",
        _toml(export_toml.export_aniposelib),
        export_toml.ANIPOSELIB_HOLDS,
        states=True,
    ),
    "pose2sim": Kind(
        "Pose2Sim", "Calib.toml", _toml(export_toml.export_pose2sim), export_toml.POSE2SIM_HOLDS
    ),
    "caliscope": Kind(
        "Caliscope",
        "camera_array_aniposelib.toml",
        _toml(export_toml.export_caliscope),
        export_toml.CALISCOPE_HOLDS,
    ),
    "freemocap": Kind(
        "FreeMoCap", "calibration.toml", _toml(export_toml.export_freemocap), export_toml.FREEMOCAP_HOLDS, "mm"
    ),
    "opencv": Kind(
        "OpenCV FileStorage, a folder with a file for each camera",
        "cameras",
        _toml(opencv_rig.export_opencv),
        opencv_rig.HOLDS,
        states=True,
    ),
    "easymocap": Kind(
        "EasyMocap, a folder with intri.yml and extri.yml",
        "easymocap",
        _plain(easymocap.export_easymocap),
        easymocap.HOLDS,
    ),
    "qualisys": Kind(
        "Qualisys", "Calib.qca.txt", _plain(export_qualisys.export_qualisys), export_qualisys.HOLDS, "mm"
    ),
    "panoptic": Kind(
        "CMU Panoptic", "calibration.json", _plain(panoptic.export_panoptic), panoptic.HOLDS, "cm", panoptic.UP
    ),
    "human36m-h5": Kind(
        "Human3.6M, cameras.h5 with R transposed and T = centre",
        "cameras.h5",
        _of_subject(human36m_h5.export_cameras_h5),
        human36m_h5.HOLDS,
        "mm",
    ),
    "human36m-json": Kind(
        "Human3.6M, R and t for each subject",
        "camera-parameters.json",
        _of_subject(human36m_json.export_camera_parameters),
        human36m_json.PARAMETERS_HOLD,
        "mm",
    ),
    "human36m-toolbox": Kind(
        "Human3.6M, the toolbox's R and T = centre",
        "cameras.json",
        _plain(human36m_json.export_toolbox),
        human36m_json.TOOLBOX_HOLDS,
        "mm",
    ),
    "totalcapture": Kind(
        "TotalCapture",
        "calibration.cal",
        _plain(totalcapture.export_totalcapture),
        totalcapture.HOLDS,
        "m",
        totalcapture.UP,
    ),
}  # fmt: skip


def export_rig(
    rig: Rig,
    path: Path,
    kind: str,
    unit: str | None = None,
    up: str | None = None,
    lossy: bool = False,
    subject: int = 1,
) -> list[Loss]:
    """Write `rig` as `kind`, converted into its unit and its up axis.

    Args:
        rig: metres, +Z up.
        path: the file, or the folder where a kind is one (opencv, easymocap).
        kind: a key of `KINDS`.
        unit: of lengths: m, cm, mm or in. None = that of the kind, which is the only one unless the file states it.
        up: axis of the file's world that points up. None = that of the kind, likewise.
        lossy: leave out what the kind has no room for even if points in the picture move by more than 0.01 px.
        subject: number under which Human3.6M's files keep the rig.

    Returns:
        What the file does not hold, or its usual readers do not use, with what that costs in pixels.

    Raises:
        CalibrationError: unknown kind, a unit or axis that it does not have, a lens that it has no room for, or a
            place that cannot be written.
    """
    if kind not in KINDS:
        raise CalibrationError(f"kind is {kind!r}, expected one of {', '.join(KINDS)}")
    chosen = KINDS[kind]
    unit_m(unit or chosen.unit)
    if not chosen.states:
        for what, asked, fixed in (("lengths in", unit, chosen.unit), ("up along", up, chosen.up)):
            if asked not in (None, fixed):
                raise CalibrationError(
                    f"{kind} has {what} {fixed}, not {asked}: leave that out, or choose another kind"
                )
    if not 1 <= subject <= 99:
        raise CalibrationError(f"subject is {subject}, expected 1 to 99")
    less, losses = reduced(rig, kind, chosen.holds, lossy)
    try:
        losses += chosen.write(
            from_up(less, up or chosen.up), path, unit or chosen.unit, up or chosen.up, subject
        )
    except OSError as error:
        raise CalibrationError(
            f"{path} cannot be written ({error.strerror or error}): check the folder and its permissions"
        ) from error
    if kind != "posecap" and (rig.rms_px is not None or rig.solved_at is not None):
        losses.append(Loss("error and time of the calibration do not come back"))
    return losses
