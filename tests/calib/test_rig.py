"""A rig: order, names, identity, and what is valid but cannot be meant."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posecap.calib.camera import Camera
from posecap.calib.errors import CalibrationError
from posecap.calib.plausibility import check_plausible
from posecap.calib.rig import Rig


def camera(name: str, x_m: float = 0.0) -> Camera:
    K = np.array([[900.0, 0, 640], [0, 900, 360], [0, 0, 1]])
    cam_from_world = np.array([[1.0, 0, 0, -x_m], [0, 0, -1, 1], [0, 1, 0, 3], [0, 0, 0, 1]])
    return Camera(name, (1280, 720), K, np.array([-0.1, 0.05, 0.001, 0, 0]), cam_from_world)


LEFT, RIGHT = camera("left", -1.0), camera("right", 1.0)


def test_names_are_in_rig_order() -> None:
    rig = Rig([RIGHT, LEFT])  # a list becomes a tuple
    assert rig.cameras == (RIGHT, LEFT)
    assert rig.names == ("right", "left")
    assert rig.index("left") == 1
    assert len(rig) == 2


@pytest.mark.parametrize(
    ("cameras", "message"),
    [
        ((), "no cameras: list at least two"),
        ((LEFT, camera("left", 2.0)), "two cameras are called 'left': give every camera a name of its own"),
    ],
)
def test_no_rig(cameras: tuple[Camera, ...], message: str) -> None:
    with pytest.raises(CalibrationError, match=message):
        Rig(cameras)


def test_an_unknown_name_is_told_which_there_are() -> None:
    with pytest.raises(
        CalibrationError, match="no camera 'top' in the rig, there are left, right: check the spelling"
    ):
        Rig((LEFT, RIGHT)).index("top")


def test_the_id_stands_for_the_calibration_alone() -> None:
    rig = Rig((LEFT, RIGHT))
    assert rig.id == Rig((LEFT, RIGHT), rms_px=0.3, solved_at="2026-01-01").id
    assert len(rig.id) == 12
    assert rig.id == "a70e339574ee"  # does not change between versions: recordings carry it


@given(st.sampled_from(["K", "distortion", "cam_from_world"]), st.integers(0, 1))
def test_the_id_sees_the_last_bit_of_every_number(field: str, which: int) -> None:
    cameras = [LEFT, RIGHT]
    array = getattr(cameras[which], field).copy()
    place = {"K": (0, 0), "distortion": (1,), "cam_from_world": (0, 3)}[field]
    array[place] = np.nextafter(array[place], np.inf)
    changed = [replace(one, **{field: array}) if k == which else one for k, one in enumerate(cameras)]
    assert Rig(tuple(changed)).id != Rig((LEFT, RIGHT)).id


def test_the_id_sees_names_sizes_and_order() -> None:
    rigs = [
        (LEFT, RIGHT),
        (RIGHT, LEFT),
        (LEFT, camera("r", 1.0)),
        (LEFT, replace(RIGHT, size_px=(1280, 722))),
    ]
    assert len({Rig(cameras).id for cameras in rigs}) == len(rigs)


IMPLAUSIBLE = {
    "width and height exchanged": (
        replace(RIGHT, size_px=(720, 1280)),
        r"'right': the principal point \(640, 360\) is the middle of 1280 x 720, size_px says 720 x 1280: width comes",
    ),
    "millimetres": (
        camera("right", 3000.0),
        "the cameras are 3001 m apart, .* are the translations millimetres",
    ),
    "k and p exchanged": (
        replace(RIGHT, distortion=np.array([-3.0, 0, 0, 0, 0])),
        "'right': its distortion folds over 200 px from the centre, inside the picture: check the order",
    ),
    "fisheye that folds": (
        replace(RIGHT, distortion=np.array([-3.0, 0, 0, 0])),
        "'right': its distortion folds over 200 px",
    ),
}


@pytest.mark.parametrize(("odd", "message"), IMPLAUSIBLE.values(), ids=IMPLAUSIBLE.keys())
def test_what_cannot_be_meant(odd: Camera, message: str) -> None:
    with pytest.raises(CalibrationError, match=message):
        check_plausible(Rig((LEFT, odd)))


@pytest.mark.parametrize(
    "camera",
    [
        RIGHT,
        replace(RIGHT, size_px=(1280, 1280)),
        RIGHT.cropped(300, 100, (500, 500)),  # the principal point aside, as it is
        replace(RIGHT, distortion=np.array([-0.33, 0, 0, 0, 0])),  # turns back in the corners only
        replace(RIGHT, distortion=np.zeros(4)),
    ],
)
def test_what_can_be_meant(camera: Camera) -> None:
    check_plausible(Rig((LEFT, camera)))
