"""C3D files as a second library reads them."""

import sys

import c3d
import numpy as np
import pytest
from exported_take import FRAMES, expected_xyz, exported_take

from posecap.runtime.errors import ExportError
from posecap.runtime.export_c3d import write_c3d
from posecap.runtime.session_poses import PoseTake

pytestmark = pytest.mark.filterwarnings("ignore:No analog data found in file")


def read(path):
    """(frames, points, 5) of the file in millimetres: x y z, residual, cameras; and the open reader's facts."""
    with path.open("rb") as stream:
        reader = c3d.Reader(stream)
        frames = [points.copy() for _, points, _ in reader.read_frames()]
        text = {
            name: reader.get(name).string_value.strip()
            for name in (
                "POINT:X_SCREEN",
                "POINT:Y_SCREEN",
                "POINT:UNITS",
                "POSECAP:JOINT_SET",
                "POSECAP:RIG",
            )
        }
        facts = (
            reader.first_frame,
            reader.last_frame,
            reader.point_rate,
            [s.strip() for s in reader.point_labels],
        )
    return np.array(frames), facts, text


def test_the_c3d_package_reads_the_same_joints(tmp_path):
    write_c3d(exported_take(), tmp_path / "a.c3d", 3)
    frames, (first, last, rate, labels), text = read(tmp_path / "a.c3d")
    truth = expected_xyz()[:, 0]
    known = np.isfinite(truth[..., 0])
    assert (first, last, rate) == (1, FRAMES, 30)
    assert labels[0] == "Nose"
    assert labels[-1] == "RAnkle"
    np.testing.assert_allclose(frames[..., :3][known] / 1e3, truth[known], atol=1e-4)
    np.testing.assert_array_equal(frames[..., 3] == -1, ~known)
    np.testing.assert_array_equal(frames[..., 3][known], 0)
    assert text == {
        "POINT:X_SCREEN": "+X", "POINT:Y_SCREEN": "+Z", "POINT:UNITS": "mm",
        "POSECAP:JOINT_SET": "coco-17/1", "POSECAP:RIG": "0123456789ab",
    }  # fmt: skip


def test_ezc3d_reads_unknown_joints_as_nan(tmp_path):
    import ezc3d

    write_c3d(exported_take(), tmp_path / "a.c3d", 3)
    points = ezc3d.c3d(str(tmp_path / "a.c3d"))["data"]["points"]
    np.testing.assert_allclose(points[:3].T / 1e3, expected_xyz()[:, 0], atol=1e-4)


def test_a_late_person_keeps_the_frames_of_the_recording(tmp_path):
    write_c3d(exported_take(), tmp_path / "b.c3d", 12)
    frames, (first, last, _, _), _ = read(tmp_path / "b.c3d")
    assert (first, last, len(frames)) == (11, FRAMES, 30)


def long_take(frames: int) -> PoseTake:
    return PoseTake(
        t_ns=np.arange(frames) * 10_000_000, ids=np.array([1]), joint_set="one-1/1", joints=("nose",),
        xyz=np.ones((frames, 1, 1, 3), np.float32), covariance=np.full((frames, 1, 1, 6), np.nan, np.float32),
        residual_px=np.full((frames, 1, 1), np.nan, np.float32), views=np.zeros((frames, 1, 1), np.uint8),
        rig_id="0", stage="refined", unix_offset_ns=0,
    )  # fmt: skip


def test_more_frames_than_c3d_can_number_are_refused(tmp_path):
    write_c3d(long_take(65535), tmp_path / "a.c3d", 1)
    import ezc3d

    assert ezc3d.c3d(str(tmp_path / "a.c3d"))["data"]["points"].shape == (4, 1, 65535)
    with pytest.raises(ExportError, match="C3D numbers frames up to 65535, person 1 is seen until 65536"):
        write_c3d(long_take(65536), tmp_path / "b.c3d", 1)


def test_without_ezc3d_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ezc3d", None)
    with pytest.raises(ExportError, match=r"C3D files need ezc3d: pip install 'posecap\[export\]'"):
        write_c3d(exported_take(), tmp_path / "a.c3d", 3)


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ExportError, match="choose another folder with --out"):
        write_c3d(exported_take(), tmp_path / "none" / "a.c3d", 3)
