"""Rigs from a walker whose every position is known: found from nothing, and refined."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scene import ring_rig
from walking import HEIGHT_M, filmed, hidden

from posecap.calib.camera import Camera
from posecap.calib.errors import CalibrationError
from posecap.calib.joint_tracks import PeopleTracks, read_tracks, write_tracks
from posecap.calib.joint_views import ViewSettings
from posecap.calib.people_calibration import KnownDistance, PeopleSettings, calibrate_from_people
from posecap.calib.people_refinement import RefinementSettings, refine_from_people
from posecap.calib.rig import Rig
from posecap.calib.rotation import rotation_of

RIG = ring_rig(4)
FEW = ViewSettings(instants=60)


def _lenses(rig: Rig) -> tuple[Camera, ...]:
    """The cameras without their poses."""
    return tuple(replace(camera, cam_from_world=np.eye(4)) for camera in rig.cameras)


def _relative(found: Rig, true: Rig) -> tuple[float, float]:
    """Worst rotation (degrees) and position (metres) of cameras relative to the first one."""
    turns, shifts = [], []
    for one, other in zip(found.cameras[1:], true.cameras[1:], strict=True):
        a = found.cameras[0].cam_from_world @ np.linalg.inv(one.cam_from_world)
        b = true.cameras[0].cam_from_world @ np.linalg.inv(other.cam_from_world)
        turns.append(np.degrees(np.arccos(np.clip((np.trace(a[:3, :3] @ b[:3, :3].T) - 1) / 2, -1, 1))))
        shifts.append(np.linalg.norm(a[:3, 3] - b[:3, 3]))
    return max(turns), float(max(shifts))


@pytest.mark.slow
def test_room_is_found_from_nothing_but_a_walker() -> None:
    tracks = filmed(RIG.cameras, noise_px=1.5)
    true = float(np.linalg.norm(RIG.cameras[0].centre - RIG.cameras[2].centre))
    distance = KnownDistance("cam00", "cam02", true)
    found = calibrate_from_people(_lenses(RIG), tracks, distance=distance, settings=PeopleSettings(views=FEW))
    degrees, metres = _relative(found.rig, RIG)
    assert degrees < 0.1
    assert metres < 0.02
    for camera, other in zip(found.rig.cameras, RIG.cameras, strict=True):  # floor and up
        assert camera.centre[2] == pytest.approx(other.centre[2], abs=0.04)
        assert np.degrees(np.arccos(camera.R[:, 2] @ other.R[:, 2])) < 0.6
    ahead = found.rig.cameras[0].R[2]
    assert ahead[1] > 0.9
    assert ahead[0] == pytest.approx(0, abs=1e-6)
    assert found.height_m == pytest.approx(HEIGHT_M, rel=0.02)
    assert found.reprojection.median_px < 2.5
    assert found.reprojection.kept > 0.99


def test_height_gives_the_scale() -> None:
    two = Rig(RIG.cameras[:2])
    found = calibrate_from_people(
        _lenses(two), filmed(two.cameras), height_m=HEIGHT_M, settings=PeopleSettings(views=FEW)
    )
    degrees, metres = _relative(found.rig, two)
    assert degrees < 0.2
    assert metres < 0.03 * np.linalg.norm(two.cameras[0].centre - two.cameras[1].centre)
    assert found.height_m == pytest.approx(HEIGHT_M)


@pytest.mark.slow
def test_what_fixes_no_room_is_refused() -> None:
    tracks, lenses = filmed(RIG.cameras, 4.0), _lenses(RIG)
    few = PeopleSettings(views=FEW)
    with pytest.raises(CalibrationError, match="do not say how large the room is: give the person's height"):
        calibrate_from_people(lenses, tracks)
    with pytest.raises(CalibrationError, match=r"the person is 175 m tall, expected 0.4 to 2.6: give metres"):
        calibrate_from_people(lenses, tracks, height_m=175)
    with pytest.raises(CalibrationError, match="a distance is given to camera 'door'"):
        calibrate_from_people(lenses, tracks, distance=KnownDistance("cam00", "door", 3))
    with pytest.raises(CalibrationError, match="1 view cannot be placed"):
        calibrate_from_people(lenses[:1], tracks, height_m=1.7)
    with pytest.raises(CalibrationError, match=r"camera 'cam03' shares \d+ joints"):
        calibrate_from_people(lenses, hidden(tracks, 3, slice(2, None)), height_m=1.7, settings=few)
    with pytest.raises(CalibrationError, match="2 people were followed, expected one"):
        calibrate_from_people(lenses, _twice(tracks), height_m=1.7)
    with pytest.raises(CalibrationError, match="no tracks of camera 'cam03'"):
        calibrate_from_people(lenses, tracks.of(RIG.names[:3]), height_m=1.7)
    still = filmed(RIG.cameras, 2.0, still=True)
    with pytest.raises(CalibrationError, match=r"hardly moves|no pose explains both"):
        calibrate_from_people(lenses, still, height_m=1.7, settings=few)


def test_refinement_brings_knocked_cameras_back() -> None:
    tracks = filmed(RIG.cameras, noise_px=1.5)
    knocked = list(RIG.cameras)
    for index, turn, shift in ((1, (0.01, -0.02, 0.01), 0.03), (3, (-0.01, 0.01, 0.0), -0.04)):
        pose = np.eye(4)
        pose[:3, :3] = rotation_of(turn) @ knocked[index].R
        pose[:3, 3] = knocked[index].t + np.array([shift, 0, shift])
        knocked[index] = replace(knocked[index], cam_from_world=pose)
    given = Rig(tuple(knocked))
    found = refine_from_people(given, tracks, RefinementSettings(views=FEW))
    before, after = _relative(given, RIG), _relative(found.rig, RIG)
    assert before[0] > 1
    assert after[0] < 0.1
    assert after[1] < before[1] / 2
    assert found.better
    assert found.after.median_px < 0.7 * found.before.median_px
    assert found.turned_rad[1] == pytest.approx(0.0245, rel=0.3)
    assert found.rig.names == RIG.names


def test_refinement_of_a_right_rig_changes_nothing() -> None:
    found = refine_from_people(RIG, filmed(RIG.cameras, noise_px=1.0), RefinementSettings(views=FEW))
    assert found.turned_rad.max() < 0.002
    assert found.moved_m.max() < 0.02


def test_refinement_refuses_somebody_who_stands_still() -> None:
    with pytest.raises(CalibrationError, match=r"the person hardly moves .*record somebody who walks"):
        refine_from_people(RIG, filmed(RIG.cameras, 2.0, still=True))
    with pytest.raises(
        CalibrationError, match=r"camera 'cam01' shares \d+ joints in 3 pictures with the others"
    ):
        refine_from_people(RIG, hidden(filmed(RIG.cameras, 2.0), 1, slice(3, None)))


def test_tracks_are_kept(tmp_path: Path) -> None:
    tracks, path = filmed(RIG.cameras, 1.0), tmp_path / "tracks.npz"
    write_tracks(path, tracks)
    back = read_tracks(path)
    assert (back.cameras, back.joints, back.joint_set) == (tracks.cameras, tracks.joints, tracks.joint_set)
    assert (back.t_ns == tracks.t_ns).all()
    assert np.allclose(back.xy, tracks.xy, atol=1e-3, equal_nan=True)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(CalibrationError, match=r"holds no tracks of people .*: remove it, track again"):
        read_tracks(path)


def _twice(tracks: PeopleTracks) -> PeopleTracks:
    xy, score, variance = (np.repeat(a, 2, axis=1) for a in (tracks.xy, tracks.score, tracks.variance))
    return replace(tracks, xy=xy, score=score, variance=variance)
