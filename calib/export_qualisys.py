"""Qualisys `.qca.txt`, written: the way back from `import_qualisys`. Millimetres, 1/64 px, +Z up."""

from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from posecap.calib.format_limits import Holds, Loss
from posecap.calib.rig import Rig

HOLDS = Holds(skew=False)
_SUBPIXELS = 64.0


def export_qualisys(rig: Rig, path: Path, unit_m: float = 0.001) -> list[Loss]:
    """Write all cameras as video cameras of the model "none"; lengths are in units of `unit_m` metres."""
    cameras = "".join(_camera_text(rig, index, unit_m) for index in range(len(rig)))
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<calibration source="posecap" type="regular">\n'
        f"  <cameras>{cameras}\n  </cameras>\n</calibration>\n",
        encoding="utf-8",
    )
    return []


def _camera_text(rig: Rig, index: int, unit_m: float) -> str:
    camera = rig.cameras[index]
    M = np.diag([1.0, -1.0, -1.0]) @ camera.R  # it looks along -z
    width, height = camera.size_px
    k1, k2, p1, p2, k3 = camera.distortion.tolist()
    view = {"bottom": height - 1, "left": 0, "right": width - 1, "top": 0}
    pose = {f"r{i + 1}{j + 1}": float(M[i, j]) for i in range(3) for j in range(3)}
    pose |= dict(zip("xyz", (camera.centre / unit_m).tolist(), strict=True))
    K = camera.K * _SUBPIXELS
    inner = {
        "centerPointU": float(K[0, 2]),
        "centerPointV": float(K[1, 2]),
        "focalLengthU": float(K[0, 0]),
        "focalLengthV": float(K[1, 1]),
        "radialDistortion1": k1,
        "radialDistortion2": k2,
        "radialDistortion3": k3,
        "sensorMaxU": (width - 1) * 64,
        "sensorMaxV": (height - 1) * 64,
        "sensorMinU": 0,
        "sensorMinV": 0,
        "skew": 0,
        "tangentalDistortion1": p1,  # their spelling
        "tangentalDistortion2": p2,
    }
    head = f'active="1" avg-residual="{rig.rms_px or 0:g}" model="none" serial={quoteattr(camera.name)}'
    tags = (
        _tag("fov_marker", view),
        _tag("fov_video", view),
        _tag("transform", pose),
        _tag("intrinsic", inner),
    )
    return f'\n    <camera {head} viewrotation="0">{"".join(tags)}\n    </camera>'


def _tag(name: str, values: Mapping[str, float]) -> str:
    return f"\n      <{name} " + " ".join(f'{key}="{value!r}"' for key, value in values.items()) + "/>"
