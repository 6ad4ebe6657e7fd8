"""TRC files as other readers see them."""

import math
from pathlib import Path

import numpy as np
import pytest
from exported_take import FRAMES, expected_xyz, exported_take
from recorded_session import poses_of, swinging

from posecap.launch.truth import load_truth
from posecap.models.joints import HALPE_26, LIMB_JOINTS
from posecap.runtime.errors import ExportError, TakeError
from posecap.runtime.export_trc import marker_name, write_trc
from posecap.runtime.session_poses import take_of

REFERENCE = Path(__file__).parents[3] / "shared" / "data" / "pose2sim" / "single_reference.trc"


def read_as_opensim(path: Path):
    """Header values, marker names, times and (frames, markers, 3) by the rules of OpenSim's TRCFileAdapter."""

    def cells(
        line: bytes,
    ) -> list[str]:  # separated by tab or carriage return; nothing after the last one is no cell
        parts = line.decode().replace("\r", "\t").split("\t")
        return parts if parts[-1] else parts[:-1]

    lines = path.read_bytes().split(b"\n")
    assert lines[0].split()[0] == b"PathFileType"
    keys, values = ([cell for cell in cells(line) if cell] for line in lines[1:3])
    names = [cell for cell in cells(lines[3]) if cell]
    assert names[:2] == ["Frame#", "Time"]
    markers = names[2:]
    axes = [cell for cell in cells(lines[4]) if cell]
    assert axes == [f"{axis}{k + 1}" for k in range(len(markers)) for axis in "XYZ"]
    rows = [cells(line) for line in lines[5:] if line]
    assert {len(row) for row in rows} == {2 + 3 * len(markers)}
    numbers = [[float(cell) if cell else math.nan for cell in row] for row in rows]
    table = np.array(numbers)
    return dict(zip(keys, values, strict=True)), markers, table[:, :2], table[:, 2:].reshape(len(rows), -1, 3)


def test_opensim_reads_the_same_joints_with_y_up(tmp_path):
    write_trc(exported_take(), tmp_path / "a.trc", 3)
    values, markers, frame_time, xyz = read_as_opensim(tmp_path / "a.trc")
    assert values == {
        "DataRate": "30", "CameraRate": "30", "NumFrames": "40", "NumMarkers": "17", "Units": "m",
        "OrigDataRate": "30", "OrigDataStartFrame": "1", "OrigNumFrames": "40",
    }  # fmt: skip
    assert markers[:2] + markers[-1:] == ["Nose", "LEye", "RAnkle"]
    np.testing.assert_allclose(frame_time[:, 0], np.arange(1, FRAMES + 1))
    np.testing.assert_allclose(frame_time[:, 1], np.arange(FRAMES) / 30, atol=2e-9)
    truth = expected_xyz()[:, 0]
    np.testing.assert_allclose(xyz, np.roll(truth, -1, axis=-1), atol=1e-6)  # NaN equals NaN only
    assert (xyz[0, :, 1] > 0).all()  # feet above the floor, Y up


def test_the_truth_reader_gets_the_world_back(tmp_path):
    write_trc(exported_take(), tmp_path / "a.trc", 3)
    truth = load_truth(tmp_path / "a.trc")
    names = exported_take().joints
    limbs = [names.index(name) for name in LIMB_JOINTS]
    np.testing.assert_allclose(truth.xyz, expected_xyz()[:, :1, limbs], atol=1e-6)
    assert truth.fps == 30


def test_a_late_person_keeps_the_frames_of_the_recording(tmp_path):
    write_trc(exported_take(), tmp_path / "b.trc", 12)
    values, _, frame_time, xyz = read_as_opensim(tmp_path / "b.trc")
    assert (values["NumFrames"], values["OrigDataStartFrame"]) == ("30", "11")
    assert frame_time[0].tolist() == [11, pytest.approx(10 / 30)]
    np.testing.assert_allclose(xyz, np.roll(expected_xyz()[10:, 1], -1, axis=-1), atol=1e-6)


@pytest.mark.skipif(not REFERENCE.is_file(), reason="the reference of Pose2Sim is not on this machine")
def test_the_layout_is_that_of_pose2sim(tmp_path):
    write_trc(exported_take(), tmp_path / "a.trc", 3)
    ours, theirs = (path.read_text().splitlines()[:5] for path in (tmp_path / "a.trc", REFERENCE))
    for row in (1, 3, 4):
        assert ours[row].split("\t")[:5] == [
            theirs[row].split("\t")[0], theirs[row].split("\t")[1], *ours[row].split("\t")[2:5]
        ]  # fmt: skip
    assert ours[1] == theirs[1]
    assert ours[0].split("\t")[:3] == theirs[0].split("\t")[:3]
    for ours_or_theirs, markers in ((ours, 17), (theirs, 21)):
        assert [line.count("\t") for line in ours_or_theirs] == [3, 7, 7, 1 + 3 * markers, 1 + 3 * markers]
    _, reference_names, _, reference = read_as_opensim(REFERENCE)
    assert set(reference_names) <= {marker_name(joint) for joint in HALPE_26.names}
    assert reference[0, :, 1].max() > 1.4  # theirs is Y-up as well


def test_what_cannot_be_written_says_so(tmp_path):
    take = exported_take()
    with pytest.raises(TakeError, match="no person 4 in the recording, there is 3, 12: correct --person"):
        write_trc(take, tmp_path / "x.trc", 4)
    uneven = np.arange(10) / 30 + np.array([0, 0, 0, 0.01, 0, 0, 0, 0, 0, 0])
    with pytest.raises(ExportError, match=r"up to 10\.0 ms off a uniform rate, which this format needs"):
        write_trc(take_of(poses_of(swinging(uneven), uneven, (1,))), tmp_path / "x.trc", 1)
    blind = take.of_joints(["nose"])
    blind.xyz[:] = np.nan
    with pytest.raises(ExportError, match="person 3: not one joint is known"):
        write_trc(blind, tmp_path / "x.trc", 3)
