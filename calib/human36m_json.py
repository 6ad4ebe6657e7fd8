"""Human3.6M's cameras in JSON, two forms, read and written. Millimetres, +Z up.

camera-parameters.json (canonical fusion, learnable triangulation) has intrinsics for each camera and, for each subject,
R and t with `X_cam = R X_world + t`. Its two tangential values are taken in OpenCV's order, as its users do; in the
data set's own files they stand the other way round (0.2 px).

The toolbox's form (H36M-Toolbox, CVF + RPSM, VoxelPose) has one entry for each camera: R, T = the camera's CENTRE with
`X_cam = R (X_world - T)`, fx fy cx cy, k (3), p (2). Entries of PoseNet's Human36M_subject<n>_camera.json say t, f, c
instead: there it is a translation. Capital T is a centre, small t a translation, and a file that means the other is
refused, because then its cameras do not look at one place.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.camera_parts import SizeHint, intrinsics_of, lens_of, numbers, pose_of, size_of
from posecap.calib.convention import Stored
from posecap.calib.errors import CalibrationError
from posecap.calib.format_limits import Holds, Loss
from posecap.calib.imported_rig import imported_rig
from posecap.calib.json_document import member, read_json, write_json
from posecap.calib.rig import Rig

PARAMETERS_HOLD = Holds()
TOOLBOX_HOLDS = Holds(skew=False)
SIZES_PX = {
    "54138969": (1000, 1002), "55011271": (1000, 1000), "58860488": (1000, 1000), "60457274": (1000, 1002)
}  # fmt: skip
STUDIO_M = (0.5, 30.0)


def import_camera_parameters(
    path: Path,
    unit: str | None = None,
    up: str | None = None,
    size_px: SizeHint = None,
    subject: int | None = None,
) -> Rig:
    """The cameras of one subject in the order of the file.

    Args:
        path: camera-parameters.json.
        unit: of the translations; None = millimetres.
        up: axis of the file's world that points up; None = +z.
        size_px: (width, height), for all or by name; None = those of Human3.6M's four cameras, by their names.
        subject: whose calibration; may be left out where the file has one.

    Raises:
        CalibrationError: the subject must be said, a camera is incomplete, or no camera results.
    """
    document = read_json(path)
    try:
        intrinsics, extrinsics = (member(document, key, "it") for key in ("intrinsics", "extrinsics"))
        whose = chosen_subject(list(extrinsics), "S", subject)
        poses = extrinsics[whose]
        if not isinstance(poses, dict) or not isinstance(intrinsics, dict):
            raise CalibrationError(f"{whose} has no cameras: export the calibration again")
        cameras = tuple(
            Camera(
                name=name,
                size_px=size_of(name, None, known_size(name, size_px)),
                K=numbers(
                    member(inner, "calibration_matrix", f"camera {name!r}"), (3, 3), f"camera {name!r}: K"
                ),
                distortion=lens_of(
                    member(inner, "distortion", f"camera {name!r}"), f"camera {name!r}: distortion"
                ),
                cam_from_world=pose_of(
                    member(pose, "R", f"{whose}, camera {name!r}"),
                    member(pose, "t", f"{whose}, camera {name!r}"),
                    f"{whose}, camera {name!r}",
                ),
            )
            for name, pose in poses.items()
            for inner in (member(intrinsics, name, "intrinsics"),)
        )
        return imported_rig(Rig(cameras), unit, up, "mm", within_m=STUDIO_M)
    except CalibrationError as error:
        raise CalibrationError(f"{path}: {error}") from error


def export_camera_parameters(rig: Rig, path: Path, unit_m: float = 0.001, subject: int = 1) -> list[Loss]:
    """Write the rig as that of one subject; lengths are in units of `unit_m` metres."""
    inner = {
        camera.name: {"calibration_matrix": camera.K.tolist(), "distortion": camera.distortion.tolist()}
        for camera in rig.cameras
    }
    poses = {
        camera.name: {"R": camera.R.tolist(), "t": (camera.t / unit_m)[:, None].tolist()}
        for camera in rig.cameras
    }
    write_json(path, {"intrinsics": inner, "extrinsics": {f"S{subject}": poses}})
    return unsaid_sizes(rig)


def import_toolbox(
    path: Path, unit: str | None = None, up: str | None = None, size_px: SizeHint = None
) -> Rig:
    """The cameras of a JSON object of toolbox or PoseNet entries, in the order of the file.

    Args:
        path: the file.
        unit: of T or t; None = millimetres.
        up: axis of the file's world that points up; None = +z.
        size_px: (width, height), for all or by name, where entries have no `width` and `height`.

    Raises:
        CalibrationError: an entry is incomplete or has T and t, entries differ in that, or no camera results.
    """
    document = read_json(path)
    try:
        if not isinstance(document, dict):
            raise CalibrationError("it is no object of cameras: export the calibration again")
        entries = {name: entry for name, entry in document.items() if isinstance(entry, dict)}
        kinds = {key for entry in entries.values() for key in ("T", "t") if key in entry}
        if len(kinds) != 1:
            raise CalibrationError(
                "its cameras have both T (centre) and t (translation), or neither: keep one, the same for all"
            )
        stored: Stored = "centre" if kinds == {"T"} else "translation"
        rig = Rig(tuple(_toolbox_camera(name, entry, stored, size_px) for name, entry in entries.items()))
        return imported_rig(rig, unit, up, "mm", within_m=STUDIO_M, stored=stored)
    except CalibrationError as error:
        raise CalibrationError(f"{path}: {error}") from error


def export_toolbox(rig: Rig, path: Path, unit_m: float = 0.001) -> list[Loss]:
    """Write the toolbox's entries, with `width` and `height`; lengths are in units of `unit_m` metres."""
    write_json(
        path,
        {
            camera.name: {
                "R": camera.R.tolist(),
                "T": (camera.centre / unit_m)[:, None].tolist(),
                **dict(zip(("fx", "fy", "cx", "cy"), intrinsics_in(camera), strict=True)),
                "k": camera.distortion[[0, 1, 4]][:, None].tolist(),
                "p": camera.distortion[[2, 3]][:, None].tolist(),
                "width": camera.size_px[0],
                "height": camera.size_px[1],
            }
            for camera in rig.cameras
        },
    )
    return []


def intrinsics_in(camera: Camera) -> list[float]:
    """fx, fy, cx, cy."""
    return [float(camera.K[at]) for at in ((0, 0), (1, 1), (0, 2), (1, 2))]


def known_size(name: str, given: SizeHint) -> SizeHint:
    """`given`, or that of the data set's camera called `name`."""
    return SIZES_PX.get(name) if given is None else given


def unsaid_sizes(rig: Rig) -> list[Loss]:
    """The loss of a file that does not say how large pictures are."""
    if all(SIZES_PX.get(camera.name) == camera.size_px for camera in rig.cameras):
        return []
    return [Loss("sizes of the pictures: give them again (size_px) when it is read")]


def chosen_subject(names: list[str], prefix: str, subject: int | None) -> str:
    """Which of the entries `<prefix><number>`; raises CalibrationError where it must be said or is not there."""
    if subject is None and len(names) == 1:
        return names[0]
    if f"{prefix}{subject}" not in names:
        raise CalibrationError(
            f"subject is {subject}, it has {', '.join(names[:20]) or 'none'}: give subject= the number of one of them"
        )
    return f"{prefix}{subject}"


def _toolbox_camera(name: str, entry: dict[str, Any], stored: Stored, size_px: SizeHint) -> Camera:
    what = f"camera {name!r}"
    stated = None
    if "width" in entry and "height" in entry:
        width, height = (numbers(entry[key], (1,), f"{what}: {key}")[0] for key in ("width", "height"))
        stated = (width, height)
    return Camera(
        name=name,
        size_px=size_of(name, stated, size_px if stated else known_size(name, size_px)),
        K=_toolbox_K(entry, what),
        distortion=toolbox_lens(entry.get("k"), entry.get("p"), what),
        cam_from_world=pose_of(
            member(entry, "R", what),
            member(entry, "T" if stored == "centre" else "t", what),
            what,
            centre=stored == "centre",
        ),
    )


def _toolbox_K(entry: dict[str, Any], what: str) -> NDArray[np.float64]:
    if "f" in entry:
        f = numbers(entry["f"], (2,), f"{what}: f")
        c = numbers(member(entry, "c", what), (2,), f"{what}: c")
        return intrinsics_of(*f, *c)
    return intrinsics_of(
        *(numbers(member(entry, key, what), (1,), f"{what}: {key}")[0] for key in ("fx", "fy", "cx", "cy"))
    )


def toolbox_lens(k: Any, p: Any, what: str) -> NDArray[np.float64]:
    """k1 k2 p1 p2 k3 of k (3) and p (2) in the toolbox's order, which is OpenCV's; zeros where they are missing."""
    k = np.zeros(3) if k is None else numbers(k, (3,), f"{what}: k")
    p = np.zeros(2) if p is None else numbers(p, (2,), f"{what}: p")
    return np.array([k[0], k[1], p[0], p[1], k[2]])
