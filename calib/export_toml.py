"""The TOML family, written: aniposelib, Pose2Sim, Caliscope, FreeMoCap. `import_toml` reads them.

No member says its unit. Here `[metadata]`, which all their loaders leave alone, says `length_unit` and `up_axis`, and
the importer believes it. Sections are padded with zeros, so that lexical order, which aniposelib's loader makes of
them, is the order of the rig.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

from posecap.calib.camera import Camera
from posecap.calib.distortion import FISHEYE_COEFFICIENTS
from posecap.calib.errors import CalibrationError
from posecap.calib.format_limits import Holds, Loss
from posecap.calib.import_toml import natural_order
from posecap.calib.length_unit import UNITS_M
from posecap.calib.rig import Rig

ANIPOSELIB_HOLDS = CALISCOPE_HOLDS = Holds(fisheye=True)
POSE2SIM_HOLDS = Holds()
FREEMOCAP_HOLDS = Holds(radial=2)
_NOT_CAMERAS = {"metadata", "capture_volume", "charuco", "checkerboard", "cameras"}


def export_aniposelib(rig: Rig, path: Path, unit: str = "m", up: str = "+z") -> list[Loss]:
    """Write `[cam_0]`, ... with the camera's own name as `name`; fisheye lenses with `fisheye = true`."""

    def table(index: int, camera: Camera) -> tuple[str, dict[str, Any]]:
        fisheye = {"fisheye": True} if len(camera.distortion) == FISHEYE_COEFFICIENTS else {}
        return _numbered(index, rig), _common(camera, unit) | fisheye

    _write(rig, path, unit, up, table)
    return []


def export_caliscope(rig: Rig, path: Path, unit: str = "m", up: str = "+z") -> list[Loss]:
    """Write Caliscope's `camera_array_aniposelib.toml`, with `fisheye` for each camera."""

    def table(index: int, camera: Camera) -> tuple[str, dict[str, Any]]:
        fisheye = {"fisheye": len(camera.distortion) == FISHEYE_COEFFICIENTS}
        return _numbered(index, rig), _common(camera, unit) | fisheye

    _write(rig, path, unit, up, table, {"adjusted": False, "error": 0.0})
    return []


def export_pose2sim(rig: Rig, path: Path, unit: str = "m", up: str = "+z") -> list[Loss]:
    """Write `[<name>]`, four distortion values, and the fifth where k3 is not 0 (its reader hands them to OpenCV).

    Raises:
        CalibrationError: a camera is called like a section that is none.
    """

    def table(index: int, camera: Camera) -> tuple[str, dict[str, Any]]:
        if camera.name in _NOT_CAMERAS:
            raise CalibrationError(
                f"camera {camera.name!r}: Pose2Sim skips the section of that name: rename the camera"
            )
        lens = camera.distortion if camera.distortion[4] else camera.distortion[:4]
        return camera.name, _common(camera, unit) | {"distortions": lens.tolist(), "fisheye": False}

    _write(rig, path, unit, up, table, {"adjusted": False, "error": 0.0})
    if sorted(rig.names, key=natural_order) == list(rig.names):
        return []
    return [Loss("order: cameras come back in the natural order of their names")]


def export_freemocap(rig: Rig, path: Path, unit: str = "mm", up: str = "+z") -> list[Loss]:
    """Write what FreeMoCap adds, too: id, index, orientation and place in the world; k3 is 0, its loader drops it."""

    def table(index: int, camera: Camera) -> tuple[str, dict[str, Any]]:
        return _numbered(index, rig), {
            "id": camera.name,
            "index": index,
            **_common(camera, unit),
            "world_orientation": camera.R.T.tolist(),
            "world_position": (camera.centre / UNITS_M[unit]).tolist(),
        }

    more = {} if rig.rms_px is None else {"reprojection_error_px": float(rig.rms_px)}
    _write(rig, path, unit, up, table, more)
    return [Loss("the board of the calibration and the number of its observations are not known")]


def _numbered(index: int, rig: Rig) -> str:
    return f"cam_{index:0{len(str(len(rig) - 1))}d}"


def _common(camera: Camera, unit: str) -> dict[str, Any]:
    return {
        "name": camera.name,
        "size": list(camera.size_px),
        "matrix": camera.K.tolist(),
        "distortions": camera.distortion.tolist(),
        "rotation": cv2.Rodrigues(camera.R.copy())[0].ravel().tolist(),
        "translation": (camera.t / UNITS_M[unit]).tolist(),
    }


def _write(
    rig: Rig,
    path: Path,
    unit: str,
    up: str,
    table: Callable[[int, Camera], tuple[str, dict[str, Any]]],
    metadata: dict[str, Any] | None = None,
) -> None:
    sections = [table(index, camera) for index, camera in enumerate(rig.cameras)]
    sections.append(("metadata", (metadata or {}) | {"length_unit": unit, "up_axis": up}))
    path.write_text(
        "\n".join(
            f"[{_text(name) if name not in _NOT_CAMERAS else name}]\n"
            + "".join(f"{key} = {_value(value)}\n" for key, value in entry.items())
            for name, entry in sections
        ),
        encoding="utf-8",
    )


def _value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _text(name: str) -> str:
    """A key; quoted where TOML wants it."""
    bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if bare else _value(name)
