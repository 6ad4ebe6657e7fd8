"""The traps of each kind: what is wrong in a way that field reports know is refused, or told apart, by name."""

import json
import pickle
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from random_rigs import corner_rig, largest_difference_px
from written_calibrations import known_rig

from posecap.calib.camera import Camera
from posecap.calib.errors import CalibrationError
from posecap.calib.export_rig import KINDS, export_rig
from posecap.calib.import_rig import import_rig, kind_of_calibration
from posecap.calib.rig import Rig
from posecap.calib.totalcapture import export_totalcapture

LENS = {"freemocap": [-0.05, 0.14, 6e-4, -7e-4, 0], "totalcapture": [-0.05, 0, 0, 0, 0]}
WIDE = [
    kind for kind in KINDS if kind not in ("human36m-h5", "human36m-json")
]  # they say how large pictures are


def rig_for(kind: str, names: tuple[str, ...] = ("cam1", "cam2", "cam3")) -> Rig:
    lens = np.array(LENS.get(kind, [-0.05, 0.14, 6e-4, -7e-4, 0.02]))
    return Rig(tuple(replace(one, distortion=lens) for one in known_rig(names).cameras))


def written(tmp_path: Path, kind: str, rig: Rig | None = None) -> Path:
    path = tmp_path / KINDS[kind].name
    export_rig(rig or rig_for(kind), path, kind)
    return path


def edited(path: Path, pattern: str, new: str, count: int = 0) -> Path:
    text, changes = re.subn(pattern, new, path.read_text(), count=count)
    assert changes, pattern
    path.write_text(text)
    return path


def exchanged(camera: Camera) -> Camera:
    return replace(camera, size_px=camera.size_px[::-1])


@pytest.mark.parametrize("kind", WIDE)
def test_width_and_height_exchanged(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path, kind, Rig(tuple(map(exchanged, rig_for(kind).cameras))))
    with pytest.raises(CalibrationError, match=r"camera 'cam1': .* width comes first, exchange them"):
        import_rig(path)


@pytest.mark.parametrize("kind", [kind for kind in WIDE if kind not in ("totalcapture", "freemocap")])
def test_a_lens_in_another_order_folds(tmp_path: Path, kind: str) -> None:
    """k1 k2 k3 p1 p2 written where k1 k2 p1 p2 k3 belong, with a third coefficient of a strong lens."""
    lens, wide = (
        np.array([-0.35, 0.2, -0.02, 1e-3, -0.9]),
        np.array([[500, 0, 544], [0, 500, 960], [0, 0, 1]]),
    )
    rig = Rig(tuple(replace(camera, distortion=lens, K=wide) for camera in rig_for(kind).cameras))
    with pytest.raises(CalibrationError, match=r"its distortion folds over .* check the order"):
        import_rig(written(tmp_path, kind, rig))


# ---------------------------------------------------------------- OpenCV's FileStorage, EasyMocap

R_BLOCK = r"(?m)^R_cam1: (.*\n){4}.*\]\n"


def test_easymocap_rotation_and_vector_must_agree(tmp_path: Path) -> None:
    path = written(tmp_path, "easymocap")
    edited(path / "extri.yml", r"(?s)(R_cam1: .*?data: \[ )([^]]*)", r"\g<1>0.1, 0.2, 0.3 ", 1)
    with pytest.raises(
        CalibrationError, match=r"'cam1': R_ \(vector\) and Rot_ \(matrix\) are different rotations: "
    ):
        import_rig(path)


def test_easymocap_a_transposed_matrix_is_called_so(tmp_path: Path) -> None:
    path = written(tmp_path, "easymocap")
    values = ", ".join(map(repr, rig_for("easymocap").cameras[0].R.T.ravel().tolist()))
    edited(path / "extri.yml", r"(?s)(Rot_cam1: .*?data: \[ )([^]]*)", rf"\g<1>{values} ", 1)
    with pytest.raises(CalibrationError, match=r"different rotations \(one is the other transposed\)"):
        import_rig(path)


def test_easymocap_older_files_and_either_rotation(tmp_path: Path) -> None:
    path, rig = written(tmp_path, "easymocap"), rig_for("easymocap")
    edited(path / "intri.yml", "dist_", "D_")
    edited(path / "extri.yml", R_BLOCK, "")
    assert largest_difference_px(rig, import_rig(path)) < 1e-6
    assert largest_difference_px(rig, import_rig(path / "extri.yml")) < 1e-6  # either file will do
    written(tmp_path, "easymocap")
    edited(path / "extri.yml", r"(?m)^Rot_cam\d: (.*\n){4}.*\]\n", "")
    assert largest_difference_px(rig, import_rig(path)) < 1e-6


def test_easymocap_the_matrix_where_the_vector_belongs(tmp_path: Path) -> None:
    path = written(tmp_path, "easymocap")
    edited(path / "extri.yml", r"(?m)^Rot_cam\d: (.*\n){4}.*\]\n", "")
    edited(path / "extri.yml", "(?m)^R_", "Rot_")
    with pytest.raises(CalibrationError, match=r"Rot_cam1 has shape \(3, 1\), expected \(3, 3\)"):
        import_rig(path)


EASYMOCAP = {
    "no sizes": (
        "intri.yml",
        r"[HW]_cam\d: \d+\n",
        "",
        "does not say how large its pictures are: give size_px",
    ),
    "no names": ("intri.yml", "names:", "nomes:", "has no list of names"),
    "others": ("extri.yml", '- "cam1"', '- "cam9"', "name different cameras"),
    "no K": ("intri.yml", "K_cam2", "L_cam2", "has no matrix K_cam2"),
    "few values": ("intri.yml", r"rows: 3\n", "rows: 4\n", "has 9 values, rows and cols say 4 x 3"),
    "eight values": (
        "intri.yml",
        r"cols: 5(\n.*\n.*data: \[ [^]]*)\]",
        r"cols: 6\1, 1.0 ]",
        "6 values for a Brown",
    ),
    "a key twice": ("intri.yml", "K_cam2", "K_cam1", "'K_cam1' is there twice"),
    "half a file": ("extri.yml", r"(?s)T_cam3.*", "T_cam3: [", "is not YAML"),
}


@pytest.mark.parametrize(("name", "pattern", "new", "message"), EASYMOCAP.values(), ids=EASYMOCAP.keys())
def test_easymocap_mistakes(tmp_path: Path, name: str, pattern: str, new: str, message: str) -> None:
    path = written(tmp_path, "easymocap")
    edited(path / name, pattern, new)
    with pytest.raises(CalibrationError, match=message) as caught:
        import_rig(path)
    assert str(path) in str(caught.value)


def test_easymocap_one_file_is_not_enough(tmp_path: Path) -> None:
    path = written(tmp_path, "easymocap")
    (path / "extri.yml").unlink()
    with pytest.raises(CalibrationError, match=r"no OpenCV file at .*extri\.yml"):
        import_rig(path)


def test_names_that_look_like_numbers_stay_names(tmp_path: Path) -> None:
    rig = rig_for("easymocap", ("01", "007", "1e3"))
    assert import_rig(written(tmp_path, "easymocap", rig)).names == ("01", "007", "1e3")
    odd = rig_for("easymocap", ("a b", "c", "d"))
    with pytest.raises(CalibrationError, match=r"'a b': EasyMocap makes keys of names"):
        export_rig(odd, tmp_path / "x", "easymocap")


OPENCV = {
    "direction": (
        r"extrinsics: .*",
        'extrinsics: "X_world = R X_cam + T"',
        "does not say by itself whether R goes",
    ),
    "no direction": (r"extrinsics: .*\n", "", "extrinsics is None, expected 'X_cam = R X_world"),
    "no unit": (r"length_unit: .*\n", "", "do not say their unit by themselves: give unit= one of m, cm"),
    "unknown unit": ('length_unit: "m"', 'length_unit: "ft"', "length_unit is 'ft'"),
    "unknown axis": (r'up_axis: "\+z"', 'up_axis: "z"', "up is 'z', expected one of"),
    "unknown lens": (
        'distortion_model: "brown"',
        'distortion_model: "mei"',
        "is 'mei', expected one of brown",
    ),
    "fisheye": (
        'distortion_model: "brown"',
        'distortion_model: "fisheye"',
        "5 values for a fisheye lens, expected 4",
    ),
    "no size": (r"image_width: .*\n", "", "does not say how large its pictures are"),
}


@pytest.mark.parametrize(("pattern", "new", "message"), OPENCV.values(), ids=OPENCV.keys())
def test_opencv_mistakes(tmp_path: Path, pattern: str, new: str, message: str) -> None:
    path = written(tmp_path, "opencv")
    for one in path.iterdir():
        edited(one, pattern, new)
    with pytest.raises(CalibrationError, match=message):
        import_rig(path)


def test_opencv_files_of_two_rigs(tmp_path: Path) -> None:
    path = written(tmp_path, "opencv")
    edited(path / "cam2.yml", 'length_unit: "m"', 'length_unit: "mm"')
    with pytest.raises(CalibrationError, match="its files state different units or up axes"):
        import_rig(path)


def test_opencv_a_file_that_states_nothing_is_read_when_told(tmp_path: Path) -> None:
    path = written(tmp_path, "opencv")
    for one in path.iterdir():
        edited(
            one,
            r"(length_unit|up_axis|extrinsics|camera_name|camera_index|image_\w+|distortion_model): .*\n",
            "",
        )
    with pytest.raises(CalibrationError, match="do not say their unit"):
        import_rig(path)
    assert largest_difference_px(rig_for("opencv"), import_rig(path, "m", size_px=(1088, 1920))) < 1e-6


def test_storage_makes_no_objects_and_expands_no_aliases(tmp_path: Path) -> None:
    path = written(tmp_path, "opencv")
    one = path / "cam1.yml"
    edited(one, "!!opencv-matrix", "!!python/object/apply:os.abort")
    assert largest_difference_px(rig_for("opencv"), import_rig(path)) < 1e-6
    bomb = "a0: &a0 [" + ", ".join("1" * 9) + "]\n"
    for k in range(1, 12):
        bomb += f"a{k}: &a{k} [" + ", ".join([f"*a{k - 1}"] * 9) + "]\n"
    edited(one, r"(?s)(camera_matrix: .*?data: )\[[^]]*\]", r"\1*a11", 1)
    one.write_text("%YAML:1.0\n---\n" + bomb + one.read_text().partition("---\n")[2])
    with pytest.raises(CalibrationError, match="has no matrix camera_matrix"):
        import_rig(path)


# ---------------------------------------------------------------- JSON


def json_of(path: Path) -> Any:
    return json.loads(path.read_text())


def test_panoptic_as_the_data_set_has_it(tmp_path: Path) -> None:
    path = written(tmp_path, "panoptic")
    document = json_of(path)
    for node, camera in enumerate(document["cameras"]):
        for key in ("name", "type", "resolution"):
            del camera[key]
        camera["node"] = 12 * node
    vga = dict(document["cameras"][0], panel=1, node=1)
    path.write_text(json.dumps({"calibDataSource": "160906", "cameras": [vga, *document["cameras"]]}))
    rig = import_rig(path, size_px=(1088, 1920))
    assert rig.names == ("00_00", "00_12", "00_24")  # as its folders of pictures; the VGA camera is left out
    with pytest.raises(CalibrationError, match="width comes first"):  # they are 1920 x 1080 unless said
        import_rig(path)


def test_centre_and_translation_are_told_apart_by_their_letter(tmp_path: Path) -> None:
    path = written(tmp_path, "human36m-toolbox")
    rig, document = rig_for("human36m-toolbox"), json_of(path)
    for camera, entry in zip(rig.cameras, document.values(), strict=True):
        del entry["T"]
        entry["t"] = (camera.t * 1000).tolist()
    path.write_text(json.dumps(document))
    assert largest_difference_px(rig, import_rig(path)) < 1e-6
    document["cam2"]["T"] = [0, 0, 0]
    path.write_text(json.dumps(document))
    with pytest.raises(CalibrationError, match=r"have both T \(centre\) and t \(translation\), or neither"):
        import_rig(path)


def test_posenet_entries_have_f_and_c(tmp_path: Path) -> None:
    path = written(tmp_path, "human36m-toolbox")
    document = {}
    for camera in rig_for("human36m-toolbox").cameras:
        (fx, _, cx), (_, fy, cy), _ = camera.K.tolist()
        document[camera.name] = {
            "R": camera.R.tolist(),
            "t": (camera.t * 1000).tolist(),
            "f": [fx, fy],
            "c": [cx, cy],
        }
    path.write_text(json.dumps(document))
    pinholes = Rig(tuple(replace(one, distortion=np.zeros(5)) for one in rig_for("").cameras))
    assert largest_difference_px(pinholes, import_rig(path, size_px=(1088, 1920))) < 1e-6


def test_posenet_files_of_its_own_converter_are_refused(tmp_path: Path) -> None:
    """It writes the camera's centre as t, which its loader takes for a translation."""
    path = written(tmp_path, "human36m-toolbox", corner_rig())
    edited(path, '"T"', '"t"')
    with pytest.raises(CalibrationError, match="all would if its translations were camera centres"):
        import_rig(path)


@pytest.mark.parametrize("kind", ["human36m-json", "human36m-h5"])
def test_whose_calibration_must_be_said(tmp_path: Path, kind: str) -> None:
    if kind == "human36m-h5":
        pytest.importorskip("h5py")
    path, rig = tmp_path / KINDS[kind].name, rig_for(kind)
    export_rig(rig, path, kind, subject=9)
    assert len(import_rig(path, size_px=(1088, 1920))) == 3
    if kind == "human36m-json":
        document = json_of(path)
        document["extrinsics"]["S11"] = document["extrinsics"]["S9"]
        path.write_text(json.dumps(document))
        with pytest.raises(CalibrationError, match=r"subject is None, it has S9, S11: give subject="):
            import_rig(path, size_px=(1088, 1920))
    with pytest.raises(CalibrationError, match="subject is 1, it has "):
        import_rig(path, subject=1, size_px=(1088, 1920))
    assert largest_difference_px(rig, import_rig(path, subject=9, size_px=(1088, 1920))) < 1e-6


def test_sizes_of_the_data_set_need_not_be_given(tmp_path: Path) -> None:
    names = ("54138969", "55011271", "58860488", "60457274")
    sizes = [(1000, 1002), (1000, 1000), (1000, 1000), (1000, 1002)]
    K = np.array([[1145.0, 0, 512], [0, 1144, 515], [0, 0, 1]])
    cameras = rig_for("", names).cameras
    rig = Rig(tuple(replace(one, size_px=size, K=K) for one, size in zip(cameras, sizes, strict=True)))
    path = written(tmp_path, "human36m-json", rig)
    assert [camera.size_px for camera in import_rig(path).cameras] == sizes


def test_a_qualisys_matrix_that_was_transposed(tmp_path: Path) -> None:
    path = written(tmp_path, "qualisys", corner_rig())
    assert len(import_rig(path)) == 4
    edited(path, r'r(\d)(\d)="', r'r\2\1="')
    with pytest.raises(CalibrationError, match="all would if its rotations were transposed"):
        import_rig(path)


# ---------------------------------------------------------------- plain numbers, HDF5, other things

TOTALCAPTURE = {
    "two coefficients": (r"^3 1\n", "3 2\n", "its distortion order is 2, expected 1"),
    "more cameras": (r"^3 1\n", "4 1\n", "has 65 numbers, 4 cameras have 86"),
    "no cameras": (r"^3 1\n", "0 1\n", "has 65 numbers, 0 cameras have 2"),
    "far too many": (r"^3 1\n", "9e18 1\n", "has 65 numbers, 9e.18 cameras"),
    "a window": (r"(?m)^0 1919 0 1087$", "10 1919 0 1087", "starts at row 10 and column 0, expected 0 and 0"),
    "words": (r"^3 1\n", "three 1\n", "is no calibration that is read"),
    "infinity": (r"\A3 1\n0", "3 1\ninf", "contains NaN or infinity"),
}


@pytest.mark.parametrize(("pattern", "new", "message"), TOTALCAPTURE.values(), ids=TOTALCAPTURE.keys())
def test_totalcapture_mistakes(tmp_path: Path, pattern: str, new: str, message: str) -> None:
    path = edited(written(tmp_path, "totalcapture"), pattern, new)
    with pytest.raises(CalibrationError, match=message):
        import_rig(path)


def test_inches_of_the_skeletons_are_not_taken_for_metres(tmp_path: Path) -> None:
    path = tmp_path / "calibration.cal"
    export_totalcapture(import_rig(written(tmp_path, "totalcapture"), up="+z"), path, unit_m=0.0254)
    with pytest.raises(CalibrationError, match=r"m apart where lengths are in m, .* unit="):
        import_rig(path)


def test_hdf5_values_are_counted_before_they_are_read(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = written(tmp_path, "human36m-h5")
    with h5py.File(path, "r+") as file:
        camera = file["subject1/camera1"]
        del camera["f"]
        camera.create_dataset(
            "f", shape=(1 << 40,), dtype="f8", chunks=(1 << 10,)
        )  # 8 TiB that are not there
    with pytest.raises(
        CalibrationError, match="f has 1099511627776 values of type float64, expected 1 to 64"
    ):
        import_rig(path, size_px=(1088, 1920))


def test_hdf5_links_to_other_files_are_not_followed(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path, other = written(tmp_path, "human36m-h5"), tmp_path / "other.h5"
    other.write_bytes(path.read_bytes())
    with h5py.File(path, "r+") as file:
        del file["subject1/camera1"]
        file["subject1/camera1"] = h5py.ExternalLink("other.h5", "subject1/camera1")
    with pytest.raises(CalibrationError, match="camera1 is no group"):
        import_rig(path, size_px=(1088, 1920))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("opencv", "easymocap")])
def test_a_file_that_is_far_too_large_is_not_read(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path, kind)
    with path.open("r+b") as file:
        file.truncate(1 << 34)  # 16 GiB, sparse
    with pytest.raises(CalibrationError, match="has 17179869184 bytes, a calibration at most"):
        import_rig(path)


def test_a_pickle_is_named_and_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "cameraIntrinsicsExtrinsics.pickle"
    path.write_bytes(pickle.dumps({"rotation": [1, 2, 3]}))
    with pytest.raises(CalibrationError, match="a pickle, which can run any program when it is opened"):
        import_rig(path)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match=r"is a folder without \.yml files"):
        kind_of_calibration(tmp_path)
