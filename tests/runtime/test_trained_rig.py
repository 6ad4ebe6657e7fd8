"""Which rigs a network may be run with: those whose cameras stand as in its training."""

from dataclasses import replace

import numpy as np
from scene import ring_rig

from posecap.calib.rig import Rig
from posecap.runtime.trained_rig import difference, rig_record


def _moved(rig: Rig, world: np.ndarray) -> Rig:
    return Rig(tuple(replace(one, cam_from_world=one.cam_from_world @ world) for one in rig.cameras))


def test_the_same_places_fit_wherever_the_world_begins() -> None:
    rig = ring_rig(4)
    turned = np.array([[0.0, -1, 0, 3], [1, 0, 0, -2], [0, 0, 1, 0.5], [0, 0, 0, 1]])
    assert difference(rig, rig_record(rig)) == ""
    assert difference(_moved(rig, turned), rig_record(rig)) == ""


def test_another_number_or_place_or_order_does_not() -> None:
    rig = ring_rig(4)
    assert difference(ring_rig(3), rig_record(rig)) == "was trained for 4 cameras, the rig has 3"
    further = replace(
        rig.cameras[2], cam_from_world=rig.cameras[2].cam_from_world.copy() + np.eye(4, k=3) * 0.3
    )
    assert difference(Rig((*rig.cameras[:2], further, rig.cameras[3])), rig_record(rig)) == (
        "was trained for a rig whose camera 3 stands 0.30 m and 0 degrees from cam02, relative to cam00"
    )
    swapped = Rig((rig.cameras[0], rig.cameras[2], rig.cameras[1], rig.cameras[3]))
    assert "90 degrees" in difference(swapped, rig_record(rig))


def test_a_record_that_is_none_is_named() -> None:
    assert "cannot be read" in difference(ring_rig(3), {"cam_from_world": [[1, 2], [3]]})
    assert "cannot be read" in difference(ring_rig(3), {})
