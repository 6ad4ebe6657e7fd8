from types import SimpleNamespace

import numpy as np
import pytest
from bvh import Bvh
from moving_skeleton import angle_deg, moving
from scipy.spatial.transform import Rotation

from posecap.models.joints import BLAZEPOSE_33, COCO_17, JOINT_SETS
from posecap.runtime.errors import ExportError, TakeError
from posecap.runtime.euler import euler_deg
from posecap.runtime.export_bvh import write_bvh
from posecap.runtime.session_poses import PoseTake

SETS = pytest.mark.parametrize("joint_set", JOINT_SETS.values(), ids=lambda joint_set: joint_set.name)


def take_of_motion(truth, joint_set=COCO_17, ids=(4,)) -> PoseTake:
    xyz = np.full((len(truth.t_ns), len(ids), len(joint_set), 3), np.nan, dtype=np.float32)
    xyz[:, -1] = truth.xyz
    shape = xyz.shape[:3]
    return PoseTake(
        t_ns=truth.t_ns, ids=np.array(ids), joint_set=joint_set.name, joints=joint_set.names, xyz=xyz,
        covariance=np.full((*shape, 6), 1e-4, dtype=np.float32), residual_px=np.ones(shape, dtype=np.float32),
        views=np.full(shape, 4, dtype=np.uint8), rig_id="rig", stage="refined", unix_offset_ns=0,
    )  # fmt: skip


def turn(axis: str, deg: float) -> np.ndarray:
    c, s = np.cos(np.radians(deg)), np.sin(np.radians(deg))
    return {
        "X": np.array([[1, 0, 0], [0, c, -s], [0, s, c]]),
        "Y": np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]),
        "Z": np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]),
    }[axis]


def posed(file: Bvh, frame: int) -> dict[str, np.ndarray]:
    """Where each joint and tip is, by the definition of the format: offsets and channels in the order they stand in."""
    places = {}

    def visit(node, place, rotation):
        name = node.name
        here = place + rotation @ np.array([float(value) for value in node["OFFSET"]])
        for channel in file.joint_channels(name):
            value = file.frame_joint_channel(frame, name, channel)
            if channel.endswith("position"):
                here[" XYZ".index(channel[0]) - 1] += value
            else:
                rotation = rotation @ turn(channel[0], value)
        places[name] = here
        for child in node.filter("JOINT"):
            visit(child, here, rotation)
        for end in node.filter("End"):
            places[f"{name} end"] = here + rotation @ np.array([float(value) for value in end["OFFSET"]])

    visit(next(file.root.filter("ROOT")), np.zeros(3), np.eye(3))
    return places


@SETS
@pytest.mark.parametrize("order", ["ZXY", "XYZ"])
def test_another_reader_finds_the_joints_where_they_were(tmp_path, joint_set, order):
    truth = moving(joint_set.names, frames=40, seed=1)
    summary = write_bvh(take_of_motion(truth, joint_set), tmp_path / "one.bvh", order=order)
    file = Bvh((tmp_path / "one.bvh").read_text())
    layout = truth.skeleton.layout
    assert tuple(file.get_joints_names()) == layout.segments == summary.segments
    assert file.nframes == summary.frames == 40
    assert file.frame_time == pytest.approx(1 / 30, abs=1e-8)
    assert file.joint_channels("Hips") == [
        "Xposition", "Yposition", "Zposition", *(f"{axis}rotation" for axis in order),
    ]  # fmt: skip
    assert all(
        file.joint_channels(name) == [f"{axis}rotation" for axis in order] for name in layout.segments[1:]
    )
    assert [file.joint_parent_index(name) for name in layout.segments] == list(layout.parents)
    pivots = truth.skeleton.pivots(truth.root_m, truth.rotation)
    for frame in (0, 17, 39):
        places = posed(file, frame)
        for segment, name in enumerate(layout.segments):
            x, y, z = 100 * pivots[frame, segment]
            np.testing.assert_allclose(places[name], (y, z, x), atol=0.01, err_msg=name)  # 0.1 mm
        for segment, ends in enumerate(layout.ends):
            if ends:
                joints = [truth.xyz[frame, layout.joints.index(joint)] for joint in ends]
                x, y, z = 100 * np.mean(joints, axis=0)
                np.testing.assert_allclose(places[f"{layout.segments[segment]} end"], (y, z, x), atol=0.01)
    assert summary.residual_m < 1e-5
    assert (summary.filled, summary.held, summary.at_rest) == (0, 0, ())


def test_rest_is_a_t_pose_in_the_unit_asked_for(tmp_path):
    truth = moving(BLAZEPOSE_33.names, frames=10)
    write_bvh(take_of_motion(truth, BLAZEPOSE_33), tmp_path / "m.bvh", unit="m")
    file = Bvh((tmp_path / "m.bvh").read_text())
    np.testing.assert_allclose(file.joint_offset("LeftForeArm"), (0.29, 0, 0), atol=1e-4)
    np.testing.assert_allclose(file.joint_offset("RightHand"), (-0.25, 0, 0), atol=1e-4)
    np.testing.assert_allclose(file.joint_offset("RightLeg"), (0, -0.42, 0), atol=1e-4)
    np.testing.assert_allclose(file.joint_offset("Chest"), (0, 0.48, 0), atol=1e-4)


def test_another_rate_lies_on_the_same_motion(tmp_path):
    truth = moving(COCO_17.names, frames=61, rate_hz=30)
    summary = write_bvh(take_of_motion(truth), tmp_path / "fast.bvh", rate_hz=60)
    file = Bvh((tmp_path / "fast.bvh").read_text())
    assert (summary.frames, file.nframes, summary.rate_hz) == (121, 121, 60)
    between = 100 * (truth.xyz[20] + truth.xyz[21]) / 2
    x, y, z = between[COCO_17.index("left_ankle")]
    np.testing.assert_allclose(posed(file, 41)["LeftLeg end"], (y, z, x), atol=0.2)
    assert summary.filled == summary.held == 0


def test_short_gaps_are_filled_and_long_ones_held(tmp_path):
    truth = moving(COCO_17.names, frames=90)
    take = take_of_motion(truth)
    wrist, hip = COCO_17.index("left_wrist"), COCO_17.index("left_hip")
    take.xyz[10:14, 0, wrist] = np.nan
    take.xyz[40:70, 0, wrist] = np.nan
    take.xyz[:3, 0, hip] = np.nan  # the person is not there yet
    summary = write_bvh(take, tmp_path / "gaps.bvh", max_gap_s=0.5)
    assert (summary.frames, summary.filled, summary.held) == (87, 4, 30)
    assert summary.start_ns == truth.t_ns[3]
    file = Bvh((tmp_path / "gaps.bvh").read_text())
    turns = np.array(file.frames_joint_channels("LeftForeArm", ["Zrotation", "Xrotation", "Yrotation"]))
    assert np.ptp(turns[37:67], axis=0).max() == 0
    assert np.ptp(turns[67:], axis=0).max() > 1
    x, y, z = 100 * truth.xyz[12, wrist]
    np.testing.assert_allclose(posed(file, 9)["LeftForeArm end"], (y, z, x), atol=2)
    strict = write_bvh(take, tmp_path / "strict.bvh", max_gap_s=0)
    assert (strict.filled, strict.held) == (0, 34)


def test_what_was_never_seen_keeps_the_rest_pose(tmp_path):
    truth = moving(COCO_17.names, frames=5)
    take = take_of_motion(truth)
    take.xyz[:, :, COCO_17.index("right_elbow")] = np.nan
    summary = write_bvh(take, tmp_path / "one_armed.bvh")
    assert summary.at_rest == ("RightArm", "RightForeArm")
    file = Bvh((tmp_path / "one_armed.bvh").read_text())
    assert file.frame_joint_channels(3, "RightArm", ["Zrotation", "Xrotation", "Yrotation"]) == [0, 0, 0]
    assert np.isfinite(np.array(file.frames, dtype=float)).all()


def test_plain_arrays_will_do(tmp_path):
    truth = moving(COCO_17.names, frames=5)
    arrays = SimpleNamespace(t_ns=truth.t_ns, ids=np.array([1, 2]), joints=COCO_17.names)
    arrays.xyz = np.stack([truth.xyz + 1, truth.xyz], axis=1)
    assert write_bvh(arrays, tmp_path / "a.bvh", person=2).person == 2
    file = Bvh((tmp_path / "a.bvh").read_text())
    np.testing.assert_allclose(posed(file, 0)["Hips"], 100 * truth.root_m[0][[1, 2, 0]], atol=1e-2)


def test_angles_do_not_jump_through_the_singular_place():
    deg = np.stack([np.full(181, 20.0), np.linspace(0, 180, 181), np.full(181, 30.0)], axis=1)
    R = Rotation.from_euler("ZXY", deg, degrees=True).as_matrix()
    found = euler_deg(R, "ZXY")
    assert angle_deg(Rotation.from_euler("ZXY", found, degrees=True).as_matrix(), R).max() < 1e-6
    deg[:, 1] = np.linspace(0.3, 179.7, 181)
    through = euler_deg(Rotation.from_euler("ZXY", deg, degrees=True).as_matrix(), "ZXY")
    assert np.abs(np.diff(through, axis=0)).max() < 2
    spin = np.stack([np.linspace(0, 900, 181), np.full(181, 20.0), np.full(181, 30.0)], axis=1)
    whole_turns = euler_deg(Rotation.from_euler("ZXY", spin, degrees=True).as_matrix(), "ZXY")
    np.testing.assert_allclose(whole_turns, spin, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"person": 9}, TakeError, r"no person 9 in the take, there is 3, 4: name one"),
        ({}, TakeError, r"2 people in the take \(3, 4\), a BVH file holds one: name a person"),
        ({"person": 4, "rate_hz": 0}, ExportError, r"a rate of 0 Hz, expected 0.1 to 10000: choose"),
        ({"person": 4, "max_gap_s": float("nan")}, ExportError, r"a gap of nan s, expected 0 or more"),
    ],
)
def test_what_cannot_be_written_is_said(tmp_path, options, error, message):
    take = take_of_motion(moving(COCO_17.names, frames=5), ids=(3, 4))
    with pytest.raises(error, match=message):
        write_bvh(take, tmp_path / "x.bvh", **options)
    assert not (tmp_path / "x.bvh").exists()


def test_a_folder_that_is_not_there_is_said(tmp_path):
    take = take_of_motion(moving(COCO_17.names, frames=5))
    with pytest.raises(
        ExportError, match=r"cannot write .*x\.bvh \(No such file or directory\): choose a folder"
    ):
        write_bvh(take, tmp_path / "none" / "x.bvh")
