"""A rig with known answers, and how the other tools write it."""

import cv2
import numpy as np

from posecap.calib.camera import Camera
from posecap.calib.rig import Rig


def known_rig(names: tuple[str, ...] = ("cam_1", "cam_2", "cam_10"), fisheye: bool = False) -> Rig:
    """Cameras around the origin, 1.5 m up, portrait, each with other intrinsics; k3 is not zero."""
    cameras = []
    for k, name in enumerate(names):
        angle = 2 * np.pi * k / len(names) + 0.2
        centre = np.array([3 * np.cos(angle), 2.5 * np.sin(angle), 1.5 + 0.1 * k])
        forward = (np.array([0.0, 0.0, 1.0]) - centre) / np.linalg.norm(np.array([0.0, 0.0, 1.0]) - centre)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        cam_from_world = np.eye(4)
        cam_from_world[:3, :3] = np.stack([right, np.cross(forward, right), forward])
        cam_from_world[:3, 3] = -cam_from_world[:3, :3] @ centre
        K = np.array([[1600.0 + k, 0, 543.5 + k], [0, 1601.0, 959.5 - k], [0, 0, 1]])
        lens = (
            [0.05, -0.01, 0.002, -0.001] if fisheye else [-0.05, 0.14, 6e-4, 7e-4 * (k + 1), 0.01 * (k + 1)]
        )
        cameras.append(Camera(name, (1088, 1920), K, np.array(lens), cam_from_world))
    return Rig(tuple(cameras))


def toml_of(rig: Rig, unit_m: float = 1.0, vectors: bool = True, **more: str) -> str:
    """aniposelib's layout; `more` replaces or adds lines by key ("" leaves the key out), {k} is the camera's index."""
    blocks = []
    for k, camera in enumerate(rig.cameras):
        rotation = cv2.Rodrigues(camera.R.copy())[0][:, 0] if vectors else camera.R
        lines = {
            "name": f'"{camera.name}"',
            "size": list(camera.size_px),
            "matrix": camera.K.tolist(),
            "distortions": camera.distortion.tolist(),
            "rotation": rotation.tolist(),
            "translation": (camera.t / unit_m).tolist(),
        } | {key: value.format(k=k) for key, value in more.items()}
        blocks.append(
            f"[{camera.name}]\n"
            + "".join(f"{key} = {value}\n" for key, value in lines.items() if value != "")
        )
    return (
        "\n".join(sorted(blocks)) + "\n[metadata]\nadjusted = false\nerror = 0.0\n"
    )  # lexical, as it is found


def qualisys_of(rig: Rig, left: int = 0, top: int = 0, unit_m: float = 0.001) -> str:
    """Qualisys' layout: mm unless said, 1/64 px, cameras look along -z, pictures start at (left, top)."""
    cameras = ""
    for camera in rig.cameras:
        M = np.diag([1.0, -1.0, -1.0]) @ camera.R
        rotation = " ".join(f'r{i + 1}{j + 1}="{M[i, j]}"' for i in range(3) for j in range(3))
        x, y, z = camera.centre / unit_m
        width, height = camera.size_px
        k1, k2, p1, p2, k3 = camera.distortion
        cameras += f"""
    <camera active="1" avg-residual="0.4" model="none" serial="{camera.name}" viewrotation="0">
      <fov_video bottom="{top + height - 1}" left="{left}" right="{left + width - 1}" top="{top}"/>
      <transform {rotation} x="{x}" y="{y}" z="{z}"/>
      <intrinsic centerPointU="{(camera.K[0, 2] + left) * 64}" centerPointV="{(camera.K[1, 2] + top) * 64}"
        focalLengthU="{camera.K[0, 0] * 64}" focalLengthV="{camera.K[1, 1] * 64}"
        radialDistortion1="{k1}" radialDistortion2="{k2}" radialDistortion3="{k3}"
        sensorMaxU="{(left + width - 1) * 64}" sensorMaxV="{(top + height - 1) * 64}"
        tangentalDistortion1="{p1}" tangentalDistortion2="{p2}"/>
    </camera>"""
    return f"""<?xml version='1.0' encoding='ASCII'?>
<calibration created="now" type="regular"><!-- by hand -->
  <cameras>{cameras}
  </cameras>
</calibration>
"""


def assert_same(found: Rig, expected: Rig) -> None:
    """The same cameras to the digits of a double."""
    assert found.names == expected.names
    for one, other in zip(found.cameras, expected.cameras, strict=True):
        assert one.size_px == other.size_px
        for field in ("K", "distortion", "cam_from_world"):
            np.testing.assert_allclose(getattr(one, field), getattr(other, field), atol=1e-9, err_msg=field)
