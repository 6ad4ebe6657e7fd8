"""How far apart two rigs draw points, where the answer is known."""

from dataclasses import replace

import numpy as np
import pytest
from written_calibrations import known_rig

from posecap.calib.errors import CalibrationError
from posecap.calib.rig import Rig
from posecap.calib.rig_difference import rig_difference_px


def changed(**fields: object) -> Rig:
    """The known rig, another first camera."""
    first, *others = known_rig().cameras
    return Rig((replace(first, **fields), *others))  # pyright: ignore[reportArgumentType]


def test_a_shifted_principal_point_is_as_far_as_it_is_shifted() -> None:
    K = known_rig().cameras[0].K.copy()
    K[0, 2] += 3
    K[1, 2] -= 4
    found = rig_difference_px(known_rig(), changed(K=K))
    assert found["cam_1"] == pytest.approx(5)
    assert found["cam_2"] == found["cam_10"] == 0


def test_a_moved_camera_counts_most_for_what_is_near() -> None:
    pose = known_rig().cameras[0].cam_from_world.copy()
    pose[0, 3] += 0.001
    straight = Rig(tuple(replace(one, distortion=np.zeros(5)) for one in known_rig().cameras))
    moved = replace(straight.cameras[0], cam_from_world=pose)
    found = rig_difference_px(straight, Rig((moved, *straight.cameras[1:])))
    assert found["cam_1"] == pytest.approx(1600 * 0.001 / 0.5)  # fx, 1 mm, the nearest points at 0.5 m


def test_what_the_other_cannot_see_is_infinitely_far() -> None:
    behind = np.diag([-1.0, 1, -1, 1]) @ known_rig().cameras[0].cam_from_world
    assert rig_difference_px(known_rig(), changed(cam_from_world=behind))["cam_1"] == np.inf


def test_by_place_or_by_name() -> None:
    rig = known_rig()
    turned = Rig(rig.cameras[::-1])
    assert max(rig_difference_px(rig, turned).values()) == 0
    assert max(rig_difference_px(rig, turned, by_name=False).values()) > 100
    with pytest.raises(CalibrationError, match="no camera 'cam_1' in the rig"):
        rig_difference_px(rig, known_rig(("a", "b", "c")))
