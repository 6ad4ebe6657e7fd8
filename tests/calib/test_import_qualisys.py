"""Qualisys calibrations with known answers, and files that are none."""

from pathlib import Path

import numpy as np
import pytest
from written_calibrations import assert_same, known_rig, qualisys_of

from posecap.calib.errors import CalibrationError
from posecap.calib.import_qualisys import import_qualisys
from posecap.calib.rig_file import load_rig

ROOT = Path(__file__).resolve().parents[2]
FETCHED = ROOT / "data" / "pose2sim-single" / "rig.yaml"
REFERENCE = ROOT.parent / "shared" / "data" / "pose2sim" / "single_reference.trc"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "Calib.qca.txt"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("left", "top"), [(0, 0), (32, 8)])
def test_the_known_rig_comes_back(tmp_path: Path, left: int, top: int) -> None:
    assert_same(import_qualisys(written(tmp_path, qualisys_of(known_rig(), left, top))), known_rig())


def test_without_a_window_the_whole_sensor_is_the_picture(tmp_path: Path) -> None:
    text = "\n".join(line for line in qualisys_of(known_rig()).splitlines() if "fov_video" not in line)
    assert_same(import_qualisys(written(tmp_path, text)), known_rig())


def test_another_picture_size_moves_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, qualisys_of(known_rig()))
    rig = import_qualisys(path, {"cam_2": (1080, 1920)})
    assert [camera.size_px for camera in rig.cameras] == [(1088, 1920), (1080, 1920), (1088, 1920)]
    assert (rig.cameras[1].K == import_qualisys(path).cameras[1].K).all()
    with pytest.raises(
        CalibrationError, match=r"Calib.qca.txt: no camera 'cam02' in the rig, there are cam_1"
    ):
        import_qualisys(path, {"cam02": (1080, 1920)})


def test_marker_cameras_and_idle_ones_are_left_out(tmp_path: Path) -> None:
    first, *cameras = qualisys_of(known_rig(("a", "b", "c", "d"))).split("<camera ")
    cameras[0] = cameras[0].replace('active="1"', 'active="0"')
    for k, model in enumerate(("Miqus M3", "Miqus Video", "Miqus Video Plus"), 1):
        cameras[k] = cameras[k].replace('model="none"', f'model="{model}"')
    assert import_qualisys(written(tmp_path, "<camera ".join([first, *cameras]))).names == ("c", "d")


def test_few_digits_are_made_a_rotation(tmp_path: Path) -> None:
    text = qualisys_of(known_rig())
    for camera in known_rig().cameras:
        for value in camera.R.ravel():
            for sign in (value, -value):
                text = text.replace(f'="{sign}"', f'="{sign:.5f}"')
    R = import_qualisys(written(tmp_path, text)).cameras[0].R
    assert abs(R @ R.T - [[1, 0, 0], [0, 1, 0], [0, 0, 1]]).max() < 1e-12


BOMB = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<calibration><cameras>&b;</cameras></calibration>"""
GOOD = qualisys_of(known_rig())
MISTAKES = {
    "empty": ("", "is empty: export or write the Qualisys calibration again"),
    "entities": (BOMB, "declares a document type"),
    "not XML": ("[cam_0]\nname = 'a'\n", "is not XML"),
    "cut off": (GOOD[:900], "is not XML"),
    "another XML": ("<opencv_storage><CameraMatrix/></opencv_storage>", "has no <calibration><cameras>"),
    "no cameras": ("<calibration><cameras/></calibration>", "has no <calibration><cameras>"),
    "no transform": (GOOD.replace("<transform", "<elsewhere", 1), "camera 'cam_1' has no transform"),
    "no number": (GOOD.replace('r11="', 'r11="x', 1), "camera 'cam_1': r11 is 'x.*expected a number"),
    "missing number": (GOOD.replace("focalLengthU", "focal", 1), "camera 'cam_1': focalLengthU is None"),
    "no serial": (GOOD.replace("serial=", "number=", 1), "a camera has no serial"),
    "one serial twice": (GOOD.replace('"cam_2"', '"cam_1"'), "two cameras are called 'cam_1'"),
    "not rigid": (GOOD.replace('r33="', 'r33="9', 1), "camera 'cam_1': cam_from_world is not rigid"),
    "metres": (qualisys_of(known_rig(), unit_m=1.0), "the cameras are 5.. mm apart, .* in another unit"),
    "micrometres": (qualisys_of(known_rig(), unit_m=1e-6), "are the translations millimetres"),
    "infinite": (
        GOOD.replace(' x="', ' x="inf" was="', 1),
        "'cam_1': x is 'inf', expected a number",
    ),
    "not calibrated": (GOOD.replace('focalLengthU="', 'focalLengthU="0" was="', 1), "focal lengths are 0"),
    "another resolution": (
        GOOD.replace('right="1087"', 'right="300"', 1),
        "'cam_1': the principal point .* is outside",
    ),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_every_mistake_gets_one_sentence_with_the_path(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(CalibrationError, match=message) as caught:
        import_qualisys(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not FETCHED.is_file(), reason=f"no {FETCHED}: python launch/fetch.py pose2sim-single")
@pytest.mark.skipif(
    not REFERENCE.is_file(), reason=f"no {REFERENCE}: the reference data are not beside the repository"
)
def test_the_real_man_is_in_all_pictures() -> None:
    """The clips' published 3D reference, y up in its file, through the calibration that was imported at the fetch."""
    numbers = np.genfromtxt(REFERENCE, delimiter="\t", skip_header=6, usecols=range(2, 2 + 3 * 21))
    man = numbers.reshape(-1, 3)[:, [2, 0, 1]]
    man = man[np.isfinite(man).all(axis=1)]
    assert len(man) > 1000
    for camera in load_rig(FETCHED).cameras:
        pixels = camera.project(man)
        assert ((pixels > 0) & (pixels < camera.size_px)).all(axis=1).mean() > 0.99


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="no Qualisys calibration at"):
        import_qualisys(tmp_path / "absent.qca.txt")
