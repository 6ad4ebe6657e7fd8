"""Human3.6M's cameras.h5, read and written: `subjectN/cameraM` with f, c, R TRANSPOSED and T = the camera's centre, mm.

`X_cam = R_stored^T (X_world - T)`. Files of 3d-pose-baseline have k, p and Name, too; the two-stage volumetric network
reads c, f, R and T and takes the lens for a pinhole. Needs h5py, which is optional.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posecap.calib.calibration_file import read_calibration_file
from posecap.calib.camera import Camera
from posecap.calib.camera_parts import SizeHint, intrinsics_of, numbers, pose_of, size_of
from posecap.calib.errors import CalibrationError
from posecap.calib.format_limits import Holds, Loss, reduced
from posecap.calib.human36m_json import (
    SIZES_PX,
    STUDIO_M,
    chosen_subject,
    intrinsics_in,
    known_size,
    toolbox_lens,
    unsaid_sizes,
)
from posecap.calib.imported_rig import imported_rig
from posecap.calib.rig import Rig

HOLDS = Holds(skew=False)
_MOST_VALUES = 64


def import_cameras_h5(
    path: Path,
    unit: str | None = None,
    up: str | None = None,
    size_px: SizeHint = None,
    subject: int | None = None,
) -> Rig:
    """The cameras of one subject, camera1 first.

    Args:
        path: cameras.h5.
        unit: of T; None = millimetres.
        up: axis of the file's world that points up; None = +z.
        size_px: (width, height), for all or by name; None = those of Human3.6M's cameras. A camera without a `Name`
            is, of four, the data set's of that number, and `camera<number>` otherwise.
        subject: whose calibration; may be left out where the file has one.

    Raises:
        CalibrationError: h5py is missing, the subject must be said, or no camera results.
    """
    h5py = _h5py()
    read_calibration_file(path, "calibration", "give the path of a cameras.h5")
    try:
        with h5py.File(path, "r") as file:
            subjects = [name for name in file if name.startswith("subject")]
            group = _group(file, chosen_subject(subjects, "subject", subject))
            names = sorted((name for name in group if name[6:].isdecimal()), key=lambda name: int(name[6:]))
            cameras = tuple(_camera(_group(group, name), name, len(names), size_px) for name in names)
        return imported_rig(Rig(cameras), unit, up, "mm", within_m=STUDIO_M, stored="centre")
    except CalibrationError as error:
        raise CalibrationError(f"{path}: {error}") from error
    except (OSError, KeyError, RuntimeError, ValueError, TypeError) as error:  # h5py's words for broken files
        raise CalibrationError(f"{path} is not readable as HDF5 ({error}): get the file again") from error


def export_cameras_h5(rig: Rig, path: Path, unit_m: float = 0.001, subject: int = 1) -> list[Loss]:
    """Write the rig as that of one subject, with k, p and Name; lengths are in units of `unit_m` metres."""
    with _h5py().File(path, "w") as file:
        for number, camera in enumerate(rig.cameras, 1):
            group = file.create_group(f"subject{subject}/camera{number}")
            fx, fy, cx, cy = intrinsics_in(camera)
            group["f"], group["c"] = np.array([[fx], [fy]]), np.array([[cx], [cy]])
            group["R"] = camera.R.T
            group["T"] = (camera.centre / unit_m)[:, None]
            group["k"] = camera.distortion[[0, 1, 4]][:, None]
            group["p"] = camera.distortion[[2, 3]][:, None]
            group["Name"] = np.array([[ord(letter)] for letter in camera.name], dtype=np.uint32)
    _, lens = reduced(rig, "two-stage", Holds(radial=0, tangential=False), lossy=True)
    return unsaid_sizes(rig) + [
        Loss(f"{loss.what}: the two-stage reader does not use it", loss.px) for loss in lens
    ]


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise CalibrationError(
            "cameras.h5 needs h5py: install it with `pip install posecap[datasets]`"
        ) from error
    return h5py


def _group(parent: Any, name: str) -> Any:
    """A group that lies in the file itself: links into other files are not followed."""
    h5py = _h5py()
    if not isinstance(parent.get(name, getlink=True), h5py.HardLink) or not isinstance(
        parent[name], h5py.Group
    ):
        raise CalibrationError(f"{name} is no group: is it Human3.6M's cameras.h5?")
    return parent[name]


def _values(group: Any, key: str, shape: tuple[int, ...] | None, what: str) -> NDArray[np.float64]:
    h5py = _h5py()
    link = group.get(key, getlink=True) if key in group else None
    data: Any = group[key] if isinstance(link, h5py.HardLink) else None
    if not isinstance(data, h5py.Dataset) or data.is_virtual or data.external:  # those read other files
        raise CalibrationError(f"{what} has no {key}: is it Human3.6M's cameras.h5?")
    if data.dtype.kind not in "iuf" or not 0 < data.size <= _MOST_VALUES:
        raise CalibrationError(
            f"{what}: {key} has {data.size} values of type {data.dtype}, expected 1 to {_MOST_VALUES} numbers"
        )
    return numbers(data[()], shape or (data.size,), f"{what}: {key}")


def _camera(group: Any, number: str, count: int, size_px: SizeHint) -> Camera:
    name = number
    if "Name" in group:
        codes = _values(group, "Name", None, number)
        name = "".join(chr(int(code)) for code in codes if 0 <= code < 0x110000)
    elif count == len(SIZES_PX):
        name = list(SIZES_PX)[int(number[6:]) - 1] if 1 <= int(number[6:]) <= count else number
    what = f"camera {name!r}"
    f, c = _values(group, "f", (2,), what), _values(group, "c", (2,), what)
    k, p = (_values(group, key, (n,), what) if key in group else None for key, n in (("k", 3), ("p", 2)))
    return Camera(
        name=name,
        size_px=size_of(name, None, known_size(name, size_px)),
        K=intrinsics_of(*f, *c),
        distortion=toolbox_lens(k, p, what),
        cam_from_world=pose_of(
            _values(group, "R", (3, 3), what).T, _values(group, "T", (3,), what), what, centre=True
        ),
    )
