"""Files are told apart by what is in them, not by their names."""

from pathlib import Path

import pytest
from written_calibrations import assert_same, known_rig, qualisys_of, toml_of

from posecap.calib.errors import CalibrationError
from posecap.calib.import_rig import import_rig
from posecap.calib.rig_file import rig_file_of, write_rig_file
from posecap.calib.up_axis import UP_AXES, with_up


@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize(
    "text", [qualisys_of(known_rig()), toml_of(known_rig()), toml_of(known_rig(), 0.001)]
)
def test_by_content(tmp_path: Path, text: str, bom: str) -> None:
    path = tmp_path / "calibration.dat"
    path.write_text(bom + text, encoding="utf-8")
    assert_same(import_rig(path), known_rig())


def test_a_rig_file_is_one_too(tmp_path: Path) -> None:
    path = tmp_path / "rig.txt"
    write_rig_file(path, rig_file_of(known_rig()))
    assert import_rig(path).id == known_rig().id


def test_unit_and_axis_are_passed_on(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(toml_of(known_rig(), 0.01))
    assert_same(import_rig(path, "cm"), known_rig())
    for text in (toml_of(known_rig()), qualisys_of(known_rig())):
        path.write_text(text)
        assert_same(import_rig(path, up="+y"), with_up(known_rig(), "+y"))


@pytest.mark.parametrize("up", UP_AXES)
def test_turning_the_world_is_a_rotation_that_takes_the_axis_up(up: str) -> None:
    rig, turned = known_rig(), with_up(known_rig(), up)  # Camera refuses a mirrored world
    sign, axis = (1 if up[0] == "+" else -1), "xyz".index(up[1])
    for one, other in zip(rig.cameras, turned.cameras, strict=True):
        assert other.centre[2] == pytest.approx(sign * one.centre[axis])
        assert (other.t == one.t).all()


MISTAKES = {
    "nothing known": (
        "hello",
        "is no calibration that is read: there are Qualisys .qca.txt, the TOML of aniposelib",
    ),
    "OpenCV": (
        "%YAML:1.0\n---\nK_01: !!opencv-matrix\n",
        "an OpenCV file without camera_matrix, no calibration",
    ),
    "JSON": ('{"camera": []}', "is JSON, no calibration that is read"),
    "empty": ("", "is empty"),
    "XML": ("<a>", "is not XML"),
    "broken rig file": ("posecap_rig: 1\n", "missing required field"),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_what_is_not_read(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "calibration.toml"
    path.write_text(text)
    with pytest.raises(CalibrationError, match=message) as caught:
        import_rig(path)
    assert str(path) in str(caught.value)


def test_a_unit_where_the_kind_fixes_it(tmp_path: Path) -> None:
    path = tmp_path / "Calib.qca.txt"
    path.write_text(qualisys_of(known_rig()))
    with pytest.raises(
        CalibrationError, match="is of a kind that fixes its unit, not 'm' or any other: leave it out"
    ):
        import_rig(path, "m")


def test_binary(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(bytes(range(256)) * 10)
    with pytest.raises(CalibrationError, match="is no calibration that is read"):
        import_rig(path)
