"""Offsets between cameras from a walker whose every position is known."""

import re
from dataclasses import replace

import numpy as np
import pytest
from scene import ring_rig
from walking import filmed, hidden

from posecap.calib.errors import CalibrationError
from posecap.calib.rig import Rig
from posecap.calib.rig_file import rig_file_of
from posecap.calib.time_offset import OffsetSettings, TimeOffsets, time_offsets, with_time_offsets

RIG = ring_rig(4)


@pytest.mark.slow
@pytest.mark.parametrize("fps", [30.0, 60.0])
def test_fractions_of_a_picture_are_found(fps: float) -> None:
    late = (0.0, 0.0117, -0.0244, 0.050)
    found = time_offsets(RIG, filmed(RIG.cameras, 6.0, fps, 2.0, late))
    assert found.cameras == RIG.names
    assert found.offset_s == pytest.approx(late, abs=0.002)
    assert np.abs(found.offset_s - late)[1:] == pytest.approx(0, abs=4 * found.sigma_s[1:].max())
    assert (found.sigma_s[1:] > 1e-5).all()
    assert (found.sigma_s[1:] < 0.002).all()
    assert found.sigma_s[0] == 0
    assert found.after_px < found.before_px


def test_recordings_that_began_at_other_times_are_found() -> None:
    late = (0.0, -0.31, 0.207)
    rig = Rig(RIG.cameras[:3])
    found = time_offsets(rig, filmed(rig.cameras, late_s=late))
    assert found.offset_s == pytest.approx(late, abs=0.002)


def test_two_cameras_do() -> None:
    rig = Rig(RIG.cameras[:2])
    found = time_offsets(rig, filmed(rig.cameras, late_s=(0.0, 0.02)))
    assert found.offset_s == pytest.approx((0, 0.02), abs=0.002)


@pytest.mark.slow
def test_what_fixes_no_offset_is_refused() -> None:
    late = filmed(RIG.cameras, 4.0, late_s=(0.0, 0.4, 0.0, 0.0))
    noisy = filmed(RIG.cameras, seconds=2, noise_px=25)
    with pytest.raises(CalibrationError, match=r"hardly moves .* record somebody who walks"):
        time_offsets(RIG, filmed(RIG.cameras, 3.0, still=True))
    with pytest.raises(
        CalibrationError, match=re.escape("camera 'cam02' shares too few pictures with the others")
    ):
        time_offsets(RIG, hidden(filmed(RIG.cameras, 3.0), 2, slice(3, None)))
    with pytest.raises(CalibrationError, match=r"'cam01' is off by 0.1 s or more: search farther"):
        time_offsets(RIG, late, OffsetSettings(search_s=0.1))
    with pytest.raises(
        CalibrationError, match=r"camera 'cam0\d': the motion fixes its offset to \d+ ms only"
    ):
        time_offsets(RIG, noisy, OffsetSettings(worst_s=0.0015))
    with pytest.raises(CalibrationError, match="1 cameras with 60 pictures do not tell an offset"):
        time_offsets(Rig(RIG.cameras[:1]), filmed(RIG.cameras[:1], seconds=2))


def test_offsets_go_into_the_rig_file() -> None:
    sources = {name: {"type": "video", "file": f"{name}.mp4"} for name in RIG.names}
    sources["cam01"]["time_offset_s"] = 0.001
    content = rig_file_of(RIG, sources)
    found = TimeOffsets(RIG.names, np.array([0, 0.01, -0.02, 0.0301]), np.zeros(4), 2.0, 1.0)
    corrected = with_time_offsets(content, found)
    assert [entry.source["time_offset_s"] for entry in corrected.cameras] == [0, 0.011, -0.02, 0.0301]
    assert content.cameras[1].source == sources["cam01"]  # the given one stays
    with pytest.raises(CalibrationError, match="camera 'cam01' has no source whose times could be corrected"):
        with_time_offsets(rig_file_of(RIG), found)
    with pytest.raises(CalibrationError, match="an offset was found for camera 'door'"):
        with_time_offsets(content, replace(found, cameras=("door", *RIG.names[1:])))
