"""The TOML family with known answers: each member's traps, and files that are none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from written_calibrations import assert_same, known_rig, toml_of

from posecap.calib.errors import CalibrationError
from posecap.calib.import_toml import import_toml
from posecap.calib.rig import Rig
from posecap.calib.up_axis import with_up

CALISCOPE = (
    Path(__file__).resolve().parents[3] / "shared" / "data" / "caliscope_charuco" / "camera_array.toml"
)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "calibration.toml"
    path.write_text(text)
    return path


def without_k3(rig: Rig) -> Rig:
    return Rig(tuple(replace(one, distortion=one.distortion * [1, 1, 1, 1, 0]) for one in rig.cameras))


@pytest.mark.parametrize("unit", [None, "m", "mm"])
@pytest.mark.parametrize("vectors", [True, False])
def test_the_known_rig_comes_back(tmp_path: Path, unit: str | None, vectors: bool) -> None:
    unit_m = {None: 1.0, "m": 1.0, "mm": 0.001}[unit]
    assert_same(import_toml(written(tmp_path, toml_of(known_rig(), unit_m, vectors)), unit), known_rig())


def test_millimetres_are_noticed(tmp_path: Path) -> None:
    assert_same(import_toml(written(tmp_path, toml_of(known_rig(), 0.001))), known_rig())


@pytest.mark.parametrize(("unit", "unit_m"), [("cm", 0.01), ("in", 0.0254)])
def test_other_units_must_be_said(tmp_path: Path, unit: str, unit_m: float) -> None:
    path = written(tmp_path, toml_of(known_rig(), unit_m))
    with pytest.raises(
        CalibrationError, match="not clearly metres or millimetres: import it with unit= one of m, cm"
    ):
        import_toml(path)
    assert_same(import_toml(path, unit), known_rig())


def test_a_said_unit_wins(tmp_path: Path) -> None:
    """A small rig, 30 cm, in millimetres: the distance alone would ask."""
    small = Rig(
        tuple(
            replace(one, cam_from_world=np.block([[one.R, 0.04 * one.t[:, None]], [np.eye(4)[3:]]]))
            for one in known_rig().cameras
        )
    )
    path = written(tmp_path, toml_of(small, 0.001))
    with pytest.raises(CalibrationError, match="unit="):
        import_toml(path)
    assert_same(import_toml(path, "mm"), small)


def test_cameras_come_in_natural_order_whatever_the_file_does(tmp_path: Path) -> None:
    text = toml_of(known_rig())
    assert text.index("[cam_10]") < text.index("[cam_2]")
    assert import_toml(written(tmp_path, text)).names == ("cam_1", "cam_2", "cam_10")


def test_pose2sim_has_four_values_that_are_no_fisheye(tmp_path: Path) -> None:
    expected = without_k3(known_rig())
    lenses = [str(camera.distortion[:4].tolist()) for camera in expected.cameras]
    text = toml_of(expected, distortions="[-0.05, 0.14, 6e-4, {k}]", fisheye="false")
    for k, lens in enumerate(lenses):
        text = text.replace(f"[-0.05, 0.14, 6e-4, {k}]", lens)
    assert_same(import_toml(written(tmp_path, text)), expected)


def test_four_values_are_a_fisheye_where_the_file_says_so(tmp_path: Path) -> None:
    expected = known_rig(fisheye=True)
    assert_same(import_toml(written(tmp_path, toml_of(expected, fisheye="true"))), expected)
    rig = import_toml(written(tmp_path, toml_of(expected)))  # the key missing means false
    np.testing.assert_array_equal(rig.cameras[0].distortion, [0.05, -0.01, 0.002, -0.001, 0])


def test_freemocap_is_millimetres_by_its_board_and_keeps_k3(tmp_path: Path) -> None:
    """A rig of 20 cm, which the distance alone would not tell; extra keys of the cameras are no concern."""
    small = Rig(
        tuple(
            replace(one, cam_from_world=np.block([[one.R, 0.04 * one.t[:, None]], [np.eye(4)[3:]]]))
            for one in known_rig().cameras
        )
    )
    text = (
        toml_of(small, 0.001, id='"{k}"', world_position="[1, 2, 3]") + "board = {square_length_mm = 58.0}\n"
    )
    rig = import_toml(written(tmp_path, text))
    assert_same(rig, small)
    assert rig.cameras[0].distortion[4] == 0.01


def test_a_world_that_is_the_first_camera_is_refused_and_turned_when_told(tmp_path: Path) -> None:
    """FreeMoCap and aniposelib put the world into the first camera, y down: nobody would stand."""
    upright = known_rig()
    in_first = Rig(
        tuple(
            replace(one, cam_from_world=one.cam_from_world @ np.linalg.inv(upright.cameras[0].cam_from_world))
            for one in upright.cameras
        )
    )
    path = written(tmp_path, toml_of(in_first))
    with pytest.raises(
        CalibrationError, match=r"upright along -y of this world, expected \+z: import it with up='-y'"
    ):
        import_toml(path)
    turned = import_toml(path, up="-y")
    assert_same(turned, with_up(in_first, "-y"))
    as_given = import_toml(path, up="+z")
    pairs = list(zip(turned.cameras, as_given.cameras, strict=True))
    turns = [np.linalg.inv(one.cam_from_world) @ other.cam_from_world for one, other in pairs]
    np.testing.assert_allclose(turns, np.broadcast_to(turns[0], (3, 4, 4)), atol=1e-12)  # nothing moved
    np.testing.assert_allclose(turns[0] @ [0, -1, 0, 1], [0, 0, 1, 1], atol=1e-12)
    assert all(-camera.R[1, 2] > 0.9 for camera in turned.cameras)


def test_caliscope_keeps_cameras_by_number_and_marks_ignored_ones(tmp_path: Path) -> None:
    rig = known_rig(("cam_0", "cam_2", "cam_11", "cam_12"))
    text = toml_of(rig, name="", error="0.4", exposure='"null"').replace("[cam_", "[cameras.")
    text = text.replace("[cameras.11]", "[cameras.11]\nignore = true").replace("[metadata]", "[charuco]")
    found = import_toml(written(tmp_path, text))
    assert_same(found, Rig(tuple(rig.cameras[k] for k in (0, 1, 3))))


@pytest.mark.skipif(
    not CALISCOPE.is_file(), reason=f"no {CALISCOPE}: the reference data are not beside the repository"
)
def test_a_real_caliscope_file() -> None:
    rig = import_toml(CALISCOPE)
    assert rig.names == ("cam_0", "cam_1", "cam_2", "cam_3")
    assert {camera.size_px for camera in rig.cameras} == {(1280, 720)}
    assert rig.cameras[0].K[0, 0] == 903.550124089999
    assert rig.cameras[0].distortion[4] == 0.0665682301495769
    assert np.abs(rig.cameras[0].t - [0.12300856, -0.20907748, 0.66794905]).max() < 1e-8
    board = np.array([[0.0, 0, 0]])  # the world is the board at one instant: all cameras look at it
    for camera in rig.cameras:
        assert (np.abs(camera.project(board)[0] / camera.size_px - 0.5) < 0.5).all()


def test_names_that_are_paths_give_way_to_the_section(tmp_path: Path) -> None:
    rig = import_toml(written(tmp_path, toml_of(known_rig(), name='"C:\\\\videos\\\\{k}.mp4"')))
    assert rig.names == ("cam_1", "cam_2", "cam_10")
    assert import_toml(written(tmp_path, toml_of(known_rig(), name='"film {k}"'))).names == (
        "film 0",
        "film 1",
        "film 2",
    )


GOOD = toml_of(known_rig())
MISTAKES = {
    "empty": ("", "is empty"),
    "not TOML": ("cameras: [1, 2]\n", "is not TOML"),
    "latin-1": ("[cam_ä]", "is not TOML"),
    "no cameras": ('[tool]\nname = "x"\n', "has no camera sections .tables with matrix, distortions"),
    "no pose": (
        toml_of(known_rig(), rotation="", translation=""),
        r"\[cam_1\] has no rotation and no translation",
    ),
    "null pose": (toml_of(known_rig(), rotation='"null"'), r"\[cam_1\] has no rotation: calibrate the pose"),
    "quaternion": (
        toml_of(known_rig(), rotation="[1, 0, 0, 0]"),
        r"\[cam_1\] has a rotation of 4 values, expected",
    ),
    "infinite rotation": (toml_of(known_rig(), rotation="[inf, 0, 0]"), r"\[cam_1\] has a rotation with NaN"),
    "text for a rotation": (toml_of(known_rig(), rotation='"x"'), r"\[cam_1\] has could not convert"),
    "not rigid": (
        toml_of(known_rig(), rotation="[[1, 0, 0], [0, 1, 0], [0, 0, -1]]"),
        r"'cam_1': cam_from_world is not rigid \(det -1",
    ),
    "no size": (toml_of(known_rig(), size=""), r"\[cam_1\] has no size"),
    "size exchanged": (
        toml_of(known_rig(), size="[1920, 1088]"),
        "'cam_1': the principal point .* exchange them",
    ),
    "another resolution": (
        toml_of(known_rig(), size="[320, 240]"),
        "'cam_1': the principal point .* is outside",
    ),
    "K of 9": (
        toml_of(known_rig(), matrix="[1, 0, 0, 0, 1, 0, 0, 0, 1]"),
        r"\[cam_1\] matrix has shape \(9,\)",
    ),
    "text in K": (toml_of(known_rig(), matrix='["a"]'), r"\[cam_1\] matrix is no array of numbers"),
    "no lens": (toml_of(known_rig(), distortions=""), r"\[cam_1\] has no distortions"),
    "two lens values": (
        toml_of(known_rig(), distortions="[0.1, 0.2]"),
        r"\[cam_1\] has 2 distortion values and fishey",
    ),
    "rational lens": (
        toml_of(known_rig(), distortions="[0, 0, 0, 0, 0, 0.1, 0, 0]"),
        r"\[cam_1\] has 8 distortion values and fisheye = false, expected 5 .*: recalibrate",
    ),
    "fisheye of five": (
        toml_of(known_rig(), fisheye="true"),
        r"\[cam_1\] has 5 distortion values and fisheye = true, expected 4",
    ),
    "lens that folds": (
        toml_of(known_rig(), distortions="[-3.0, 0, 0, 0, 0]"),
        "'cam_1': its distortion folds over",
    ),
    "one name": (toml_of(known_rig(), name='"a"'), "two cameras are called 'a'"),
    "one camera": (toml_of(known_rig(("cam_1",))), "one camera does not tell its unit"),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_every_mistake_gets_one_sentence_with_the_path(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "calibration.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(CalibrationError, match=message) as caught:
        import_toml(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_said_unit_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match=r"the cameras are 5.\d mm apart, .* in another unit"):
        import_toml(written(tmp_path, GOOD), "mm")


def test_a_unit_or_an_axis_that_is_none(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    with pytest.raises(CalibrationError, match="unit is 'feet', expected one of m, cm, mm, in"):
        import_toml(path, "feet")
    with pytest.raises(CalibrationError, match=r"up is 'z', expected one of \+x, -x"):
        import_toml(path, up="z")
