"""Human3.6M's layout written from exact joints and read back; then everything known to be exchanged is exchanged."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from dataset_takes import FRAMES, grey_clip, off_px, studio_take, with_lens

from posecap.calib.camera import Camera
from posecap.calib.human36m_json import export_camera_parameters
from posecap.calib.rig import Rig
from posecap.models.joints import H36M_17
from posecap.training.camera_reading import Reading, check_reading
from posecap.training.errors import DatasetError
from posecap.training.human36m import find_human36m, read_human36m
from posecap.training.human36m_cameras import CAMERAS
from posecap.training.human36m_poses import RAW_OF_17, read_positions
from posecap.training.lens_reading import without_factor_2
from posecap.training.synthetic_rigs import looking_at
from posecap.training.synthetic_take import SyntheticTake
from posecap.training.write_human36m import CAMERA_FILES, raw_joints, write_cdf, write_human36m

NAME = "S9/Walking-1"
VIDEOS = "Videos_S9/S9/Videos"
D3 = "Poses_D3_Positions_S9/S9/MyPoseFeatures/D3_Positions/Walking 1.cdf"
D2 = "Poses_D2_Positions_S9/S9/MyPoseFeatures/D2_Positions"


@pytest.fixture(scope="module")
def take(tmp_path_factory) -> SyntheticTake:
    return studio_take(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def originals(take, tmp_path_factory) -> dict[str, Path]:
    folders = {kind: tmp_path_factory.mktemp(kind) for kind in CAMERA_FILES}
    for kind, folder in folders.items():
        write_human36m(take, folder, cameras=kind)
    return folders


@pytest.fixture
def copy(originals, tmp_path) -> Callable[[str], Path]:
    return lambda kind="json": Path(shutil.copytree(originals[kind], tmp_path / kind))


def refusal(root: Path, sequence: str = NAME, **more: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        read_human36m(root, sequence, **more)
    said = str(caught.value)
    assert "\n" not in said
    assert ": " in said
    return said


def change_json(root: Path, change: Callable[[dict, np.ndarray, np.ndarray], None]) -> None:
    path = root / "camera-parameters.json"
    document = json.loads(path.read_text())
    for pose in document["extrinsics"]["S9"].values():
        change(pose, np.array(pose["R"]), np.array(pose["t"]))
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("kind", CAMERA_FILES)
def test_truth_lands_where_the_renderer_drew_it(kind, copy, take) -> None:
    read = read_human36m(copy(kind), NAME)
    assert read.name == "S9/Walking 1"
    assert read.rig.names == CAMERAS
    assert read.xyz.shape == (FRAMES, 1, 17, 3)
    assert off_px(read, take).max() < 1e-3
    assert read.rms_px.max() < 1e-3
    assert read.seen.min() > 0.99
    assert read.fps == 50
    assert [Path(source.file).name for source in read.sources] == [
        f"Walking 1.{name}.mp4" for name in CAMERAS
    ]
    assert read.xyz[:, 0, read.joints.index("left_wrist")] == pytest.approx(
        take.joint("left_wrist"), abs=1e-6
    )


def test_posenet_says_translation_with_a_small_t(copy, take) -> None:
    root = copy()
    document = json.loads((root / "camera-parameters.json").read_text())
    entries = {}
    for number, name in enumerate(CAMERAS, 1):
        K = np.array(document["intrinsics"][name]["calibration_matrix"])
        pose = document["extrinsics"]["S9"][name]
        entries[str(number)] = {
            "R": pose["R"], "t": np.ravel(pose["t"]).tolist(), "f": [K[0, 0], K[1, 1]], "c": [K[0, 2], K[1, 2]],
        }  # fmt: skip
    (root / "annotations").mkdir()
    (root / "annotations/Human36M_subject9_camera.json").write_text(json.dumps(entries))
    (root / "camera-parameters.json").unlink()
    read = read_human36m(root, NAME)
    pinhole = replace(
        take, rig=with_lens(replace(take.rig, cameras=tuple(map(without_lens, take.rig.cameras))))
    )
    assert off_px(read, pinhole).max() < 1e-3
    assert any("has no distortion" in note for note in read.notes)


def without_lens(camera: Camera) -> Camera:
    return replace(camera, distortion=np.zeros(5))


TRAPS = {
    "transposed": lambda pose, R, t: pose.update(R=R.T.tolist()),
    "a centre for t": lambda pose, R, t: pose.update(t=(-R.T @ t).tolist()),
    "from camera to world": lambda pose, R, t: pose.update(R=R.T.tolist(), t=(-R.T @ t).tolist()),
    "other sign of t": lambda pose, R, t: pose.update(t=(-t).tolist()),
    "other sign of R": lambda pose, R, t: pose.update(R=(-R).tolist()),
    "mirrored": lambda pose, R, t: pose.update(R=(R @ np.diag([1, 1, -1])).tolist()),
    "metres": lambda pose, R, t: pose.update(t=(t / 1000).tolist()),
}
SAID = {
    "transposed": "if its rotations were transposed",
    "a centre for t": "if its translations were camera centres",
    "from camera to world": "if its transforms were from camera to world",
    "other sign of t": "",
    "other sign of R": "",
    "mirrored": "",
    "metres": "where lengths are in mm",
}


@pytest.mark.parametrize("trap", TRAPS)
def test_poses_of_another_convention_are_refused(trap, copy) -> None:
    root = copy()
    change_json(root, TRAPS[trap])
    said = refusal(root)
    assert "camera-parameters.json" in said
    assert SAID[trap] in said


def test_an_h5_file_whose_rotations_are_not_transposed_is_refused(copy) -> None:
    root = copy("h5")
    with h5py.File(root / "cameras.h5", "r+") as file:
        for camera in file["subject9"].values():
            camera["R"][...] = camera["R"][()].T
    assert "if its rotations were transposed" in refusal(root)


def test_a_toolbox_file_whose_centre_is_a_translation_is_refused(copy) -> None:
    root = copy("toolbox")
    document = json.loads((root / "cameras.json").read_text())
    for entry in document.values():
        entry["T"] = (-np.array(entry["R"]) @ np.array(entry["T"])).tolist()
    (root / "cameras.json").write_text(json.dumps(document))
    assert "camera centres were translations" in refusal(root)


def test_joints_in_the_pictures_are_not_enough(take) -> None:
    """A transposed rotation keeps the origin where it is in pictures; the importer's own check is left out."""
    joints = raw_joints(take)[:, None, RAW_OF_17]
    poses = [looking_at(camera.centre, np.zeros(3)) for camera in take.rig.cameras]
    pairs = zip(take.rig.cameras, poses, strict=True)
    rig = Rig(tuple(replace(camera, cam_from_world=pose) for camera, pose in pairs))
    assert check_reading(rig, Reading(), joints, H36M_17.names, "+z", "file").min() > 0.8
    for pose in poses:
        pose[:3, :3] = pose[:3, :3].T.copy()
    pairs = zip(take.rig.cameras, poses, strict=True)
    rig = Rig(tuple(replace(camera, cam_from_world=pose) for camera, pose in pairs))
    with pytest.raises(DatasetError) as caught:
        check_reading(rig, Reading(), joints, H36M_17.names, "+z", "file")
    assert "show people upright, read as X_cam = R^T X + t 100%" in str(caught.value)


def test_cameras_of_a_subject_who_stood_elsewhere_are_refused(copy) -> None:
    root = copy()
    change_json(root, lambda pose, R, t: pose.update(t=(t + R @ [[4000.0], [0], [0]]).tolist()))
    assert "take cameras, truth and videos of one subject" in refusal(root)


def test_cameras_under_each_others_names_are_refused(copy) -> None:
    root = copy()
    path = root / "camera-parameters.json"
    text = path.read_text()
    path.write_text(
        text.replace(CAMERAS[0], "first").replace(CAMERAS[2], CAMERAS[0]).replace("first", CAMERAS[2])
    )
    assert f"it draws what belongs to camera '{CAMERAS[2]}'" in refusal(root)


@pytest.mark.parametrize(
    ("order", "sign", "said"),
    [
        ((0, 1, 4, 2, 3), 1, "distortion is in the order k1 k2 k3 p1 p2"),
        ((0, 1, 2, 3, 4), -1, "its tangential numbers have the other sign"),
    ],
)
def test_another_lens_is_refused(order, sign, said, copy, take) -> None:
    root = copy()
    export_camera_parameters(with_lens(take.rig, order, sign), root / "camera-parameters.json", subject=9)
    assert said in refusal(root)


def test_exchanged_tangential_numbers_are_put_right_and_told(copy, take) -> None:
    root = copy()
    export_camera_parameters(with_lens(take.rig, (0, 1, 3, 2, 4)), root / "camera-parameters.json", subject=9)
    read = read_human36m(root, NAME)
    assert off_px(read, take).max() < 1e-3
    assert any("two tangential numbers" in note and CAMERAS[0] in note for note in read.notes)


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        (lambda camera, raw: without_lens(camera).project(raw), "drawn without distortion"),
        (without_factor_2, "without the factor 2"),
        (lambda camera, raw: camera.project(raw) + 3, "expected at most 1"),
    ],
)
def test_2d_truth_of_another_lens_is_refused(draw, said, copy, take) -> None:
    root, raw = copy(), raw_joints(take)
    for camera in take.rig.cameras:
        write_cdf(root / D2 / f"Walking 1.{camera.name}.cdf", draw(camera, raw).reshape(len(raw), -1))
    assert said in refusal(root)


@pytest.mark.parametrize(("factor", "unit"), [(1e-3, "metres"), (0.1, "centimetres"), (1 / 25.4, "inches")])
def test_truth_in_another_unit_is_refused(factor, unit, copy, take) -> None:
    root, raw = copy(), raw_joints(take)
    write_cdf(root / D3, raw.reshape(len(raw), -1) * 1000 * factor)
    assert f"it seems to be in {unit}, convert it" in refusal(root)


def test_truth_of_a_mirrored_or_turned_world_is_refused(copy, take) -> None:
    root, raw = copy(), raw_joints(take)
    write_cdf(root / D3, (raw * [1, -1, 1]).reshape(len(raw), -1) * 1000)
    assert "its world is mirrored" in refusal(root)
    write_cdf(root / D3, raw[..., [0, 2, 1]].reshape(len(raw), -1) * 1000)
    assert "bodies stand along +y of its world, expected +z" in refusal(root)


def test_truth_a_few_rows_short_or_long_is_cut_and_told(copy, take) -> None:
    root, raw = copy(), raw_joints(take)
    write_cdf(root / D3, raw[:-2].reshape(len(raw) - 2, -1) * 1000)
    read = read_human36m(root, NAME)
    assert len(read.xyz) == FRAMES - 2
    assert any("the first 18 of each are used" in note for note in read.notes)


def test_truth_at_another_rate_is_refused(copy, take) -> None:
    root, raw = copy(), raw_joints(take)[::2]
    write_cdf(root / D3, raw.reshape(len(raw), -1) * 1000)
    assert "the truth has 10 rows, the videos have 54138969 20" in refusal(root)


def test_videos_that_were_scaled_are_refused(copy) -> None:
    root = copy()
    for name in CAMERAS:
        grey_clip(root / VIDEOS / f"Walking 1.{name}.mp4", (126, 126), 50)
    assert "outside of the picture of 126 x 126" in refusal(root)


def test_what_is_missing_is_named(copy, tmp_path) -> None:
    assert "no folder at" in refusal(tmp_path / "nowhere")
    root = copy()
    assert "there are S9/Walking 1: check the spelling" in refusal(root, "S9/Waiting 1")
    assert "no camera file at" in refusal(root, cameras=tmp_path / "cameras.h5")
    (root / VIDEOS / f"Walking 1.{CAMERAS[1]}.mp4").unlink()
    read = read_human36m(root, NAME)
    assert len(read.rig) == len(read.sources) == 3
    assert CAMERAS[1] not in read.rig.names
    for name in (CAMERAS[0], CAMERAS[2]):
        (root / VIDEOS / f"Walking 1.{name}.mp4").unlink()
    assert "has 1 videos" in refusal(root)
    (root / D3).unlink()
    assert "extract Poses_D3_Positions_S9.tgz" in refusal(root)
    (root / "camera-parameters.json").unlink()
    found = find_human36m(root)[0]
    assert found.cameras == (CAMERAS[3],)
    assert "D3_Positions" in found.missing
    assert "camera file" in found.missing


def test_files_that_are_something_else_are_refused(copy, take) -> None:
    root = copy()
    with pytest.raises(DatasetError, match=r"shape \(1, 20, 64\), expected \(1, frames, 96\)"):
        read_positions(root / D2 / f"Walking 1.{CAMERAS[0]}.cdf")
    (root / D3).write_bytes((root / D3).read_bytes()[:200])
    assert "extract it again" in refusal(root)
    (root / VIDEOS / f"Walking 1.{CAMERAS[0]}.mp4").write_bytes(b"no video")
    write_cdf(root / D3, raw_joints(take).reshape(FRAMES, -1) * 1000)
    assert CAMERAS[0] in refusal(root)


def test_truth_that_is_known_to_be_shifted_is_flagged(take, tmp_path) -> None:
    write_human36m(take, tmp_path, action="Greeting")
    read = read_human36m(tmp_path, "S9/Greeting")
    assert read.damaged
    assert "known to be shifted" in read.notes[0]
