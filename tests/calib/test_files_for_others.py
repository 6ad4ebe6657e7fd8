"""What other programs make of the files: read with their libraries, projected with their formulas, not with ours."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from written_calibrations import known_rig

from posecap.calib.camera import Camera
from posecap.calib.export_rig import KINDS, export_rig
from posecap.calib.rig import Rig

Array = NDArray[np.float64]
View = tuple[Array, Array, Array, Array]  # K, k1 k2 p1 p2 k3, R, t in the unit of the file
BENT = {"freemocap": [-0.05, 0.14, 6e-4, -7e-4, 0], "totalcapture": [-0.05, 0, 0, 0, 0]}


def rig_for(kind: str) -> Rig:
    """Every coefficient that the kind has room for is there and different."""
    lens = np.array(BENT.get(kind, [-0.05, 0.14, 6e-4, -7e-4, 0.02]))
    return Rig(
        tuple(
            Camera(f"cam{k}", one.size_px, one.K, lens, one.cam_from_world)
            for k, one in enumerate(known_rig().cameras, 1)
        )
    )


def from_toml(path: Path) -> list[View]:
    document = tomllib.loads(path.read_text())
    document.pop("metadata")
    return [
        (
            np.array(document[section]["matrix"]),
            np.array([*document[section]["distortions"], 0.0])[:5],
            cv2.Rodrigues(np.array(document[section]["rotation"]))[0],
            np.array(document[section]["translation"]),
        )
        for section in sorted(document)  # as aniposelib's loader does
    ]


def from_opencv(path: Path) -> list[View]:
    views = []
    for one in sorted(path.glob("*.yml")):
        file = cv2.FileStorage(str(one), cv2.FILE_STORAGE_READ)
        K, lens, R, t = (
            file.getNode(key).mat() for key in ("camera_matrix", "distortion_coefficients", "R", "T")
        )
        assert file.getNode("extrinsics").string() == "X_cam = R X_world + T"
        views.append((K, lens.ravel(), R, t.ravel()))
    return views


def from_easymocap(path: Path) -> list[View]:
    intri, extri = (
        cv2.FileStorage(str(path / name), cv2.FILE_STORAGE_READ) for name in ("intri.yml", "extri.yml")
    )
    names = intri.getNode("names")
    views = []
    for name in (names.at(k).string() for k in range(names.size())):
        R, vector = extri.getNode(f"Rot_{name}").mat(), extri.getNode(f"R_{name}").mat()
        np.testing.assert_allclose(cv2.Rodrigues(vector)[0], R, atol=1e-12)
        t, lens = extri.getNode(f"T_{name}").mat().ravel(), intri.getNode(f"dist_{name}").mat().ravel()
        assert (intri.getNode(f"W_{name}").real(), intri.getNode(f"H_{name}").real()) == (1088, 1920)
        views.append((intri.getNode(f"K_{name}").mat(), lens, R, t))
    return views


def from_qualisys(path: Path) -> list[View]:
    """Their camera looks along -z with y up, at a place in the world; M = r11..r33 takes the world into it."""
    views = []
    for camera in ElementTree.parse(path).getroot().iter("camera"):
        pose, inner = camera.find("transform"), camera.find("intrinsic")
        assert pose is not None
        assert inner is not None
        M = np.array([[float(pose.attrib[f"r{i}{j}"]) for j in (1, 2, 3)] for i in (1, 2, 3)])
        R = np.array([[1, 0, 0], [0, -1, 0], [0, 0, -1]]) @ M
        centre = np.array([float(pose.attrib[axis]) for axis in "xyz"])
        fx, fy, cx, cy = (
            float(inner.attrib[key]) / 64
            for key in ("focalLengthU", "focalLengthV", "centerPointU", "centerPointV")
        )
        lens = [float(inner.attrib[f"{kind}Distortion{k}"]) for kind, k in
                [("radial", 1), ("radial", 2), ("tangental", 1), ("tangental", 2), ("radial", 3)]]  # fmt: skip
        views.append((K_of(fx, fy, cx, cy), np.array(lens), R, -R @ centre))
    return views


def from_panoptic(path: Path) -> list[View]:
    return [
        (np.array(one["K"]), np.array(one["distCoef"]), np.array(one["R"]), np.array(one["t"]).ravel())
        for one in json.loads(path.read_text())["cameras"]
    ]


def from_parameters(path: Path) -> list[View]:
    document = json.loads(path.read_text())
    views = []
    for name, pose in document["extrinsics"]["S1"].items():
        inner = document["intrinsics"][name]
        lens = np.array(inner["distortion"])
        K = np.array(inner["calibration_matrix"])
        views.append((K, lens, np.array(pose["R"]), np.array(pose["t"]).ravel()))
    return views


def from_toolbox(path: Path) -> list[View]:
    views = []
    for one in json.loads(path.read_text()).values():
        R, centre = np.array(one["R"]), np.array(one["T"]).ravel()
        (k1,), (k2,), (k3,) = one["k"]
        (p1,), (p2,) = one["p"]
        K = K_of(one["fx"], one["fy"], one["cx"], one["cy"])
        views.append((K, np.array([k1, k2, p1, p2, k3]), R, -R @ centre))  # X_cam = R (X - T)
    return views


def from_h5(path: Path) -> list[View]:
    h5py = pytest.importorskip("h5py")
    views = []
    with h5py.File(path) as file:
        for name in sorted(file["subject1"]):
            one = {key: value[()] for key, value in file[f"subject1/{name}"].items()}
            R = one["R"].T  # the file has it transposed
            k, p = one["k"].ravel(), one["p"].ravel()
            K = K_of(*one["f"].ravel(), *one["c"].ravel())
            views.append((K, np.array([k[0], k[1], p[0], p[1], k[2]]), R, -R @ one["T"].ravel()))
    return views


def from_cal(path: Path) -> list[View]:
    lines = [list(map(float, line.split())) for line in path.read_text().splitlines()]
    assert lines[0] == [3, 1]
    views = []
    for k in range(3):
        rows, (fx, fy, cx, cy), (k1,), *R, t = lines[1 + 7 * k : 8 + 7 * k]
        assert rows == [0, 1919, 0, 1087]
        views.append((K_of(fx, fy, cx, cy), np.array([k1, 0, 0, 0, 0]), np.array(R), np.array(t)))
    return views


def K_of(fx: float, fy: float, cx: float, cy: float) -> Array:
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])


def same(xyz: Array) -> Array:
    return xyz


def y_down(xyz: Array) -> Array:
    """(x, z, -y) of the file's world is ours, as VoxelPose has it."""
    return np.stack([xyz[:, 0], -xyz[:, 2], xyz[:, 1]], axis=1)


def y_up(xyz: Array) -> Array:
    return np.stack([xyz[:, 0], xyz[:, 2], -xyz[:, 1]], axis=1)


READERS: dict[str, tuple[Callable[[Path], list[View]], float, Callable[[Array], Array]]] = {
    "aniposelib": (from_toml, 1, same),
    "pose2sim": (from_toml, 1, same),
    "caliscope": (from_toml, 1, same),
    "freemocap": (from_toml, 1000, same),
    "opencv": (from_opencv, 1, same),
    "easymocap": (from_easymocap, 1, same),
    "qualisys": (from_qualisys, 1000, same),
    "panoptic": (from_panoptic, 100, y_down),
    "human36m-h5": (from_h5, 1000, same),
    "human36m-json": (from_parameters, 1000, same),
    "human36m-toolbox": (from_toolbox, 1000, same),
    "totalcapture": (from_cal, 1, y_up),
}


def test_every_kind_is_read_by_others() -> None:
    assert set(READERS) == set(KINDS) - {"posecap"}


@pytest.mark.parametrize("kind", READERS)
def test_others_draw_the_same_points(tmp_path: Path, kind: str) -> None:
    rig, path = rig_for(kind), tmp_path / KINDS[kind].name
    export_rig(rig, path, kind)
    read, units_a_metre, axes = READERS[kind]
    xyz = np.random.default_rng(0).normal((0, 0, 1), 0.4, (50, 3))
    views = read(path)
    assert len(views) == len(rig)
    for camera, (K, lens, R, t) in zip(rig.cameras, views, strict=True):
        drawn = cv2.projectPoints(axes(xyz) * units_a_metre, cv2.Rodrigues(R)[0], t, K, lens)[0][:, 0]
        np.testing.assert_allclose(drawn, camera.project(xyz), atol=1e-6)
