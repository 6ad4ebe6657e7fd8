"""TotalCapture's layout written from exact joints and read back; then units, axes and conventions are exchanged."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dataset_takes import FRAMES, HALL_PX, grey_clip, hall_take, off_px

from posecap.calib.totalcapture import export_totalcapture
from posecap.calib.up_axis import from_up
from posecap.training.errors import DatasetError
from posecap.training.synthetic_take import SyntheticTake
from posecap.training.totalcapture import Z_UP_FROM_Y_UP, find_totalcapture, read_totalcapture
from posecap.training.write_totalcapture import vicon_joints, write_skeletons, write_totalcapture

NAME = "s1/walking2"
SKELETONS = "s1/walking2/gt_skel_gbl_pos.txt"
VIDEO = "s1/walking2/TC_S1_walking2_cam{}.mp4"


@pytest.fixture(scope="module")
def take(tmp_path_factory) -> SyntheticTake:
    return hall_take(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def original(take, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("totalcapture")
    write_totalcapture(take, root)
    return root


@pytest.fixture
def root(original, tmp_path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "copy"))


def refusal(root: Path, sequence: str = NAME, **more) -> str:
    with pytest.raises(DatasetError) as caught:
        read_totalcapture(root, sequence, **more)
    said = str(caught.value)
    assert "\n" not in said
    assert ": " in said
    return said


def change_poses(
    root: Path, change: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
) -> None:
    path = root / "calibration.cal"
    lines = [[float(value) for value in line.split()] for line in path.read_text().splitlines()]
    for first in range(4, len(lines), 7):
        R, t = change(np.array(lines[first : first + 3]), np.array(lines[first + 3]))
        lines[first : first + 4] = [*R.tolist(), t.tolist()]
    path.write_text("".join(" ".join(f"{value:.12g}" for value in line) + "\n" for line in lines))


def y_up(take: SyntheticTake) -> np.ndarray:
    return vicon_joints(take) @ Z_UP_FROM_Y_UP


@pytest.mark.parametrize("cameras", [(1, 3, 5, 7), (8, 2)])
def test_truth_lands_where_the_renderer_drew_it(cameras, root, take) -> None:
    read = read_totalcapture(root, "S1/Walking2", cameras)
    assert read.rig.names == tuple(f"cam{number}" for number in cameras)
    assert read.xyz.shape == (FRAMES, 1, 21, 3)
    assert off_px(read, take).max() < 1e-3
    assert read.seen.min() > 0.9
    assert [Path(source.file).name[-8:-4] for source in read.sources] == [f"cam{n}" for n in cameras]
    for side in ("left", "right"):  # not mirrored, z up, metres
        joint = f"{side}_wrist"
        assert read.xyz[:, 0, read.joints.index(joint)] == pytest.approx(take.joint(joint), abs=1e-6)


def test_y_becomes_z_by_a_rotation() -> None:
    assert np.linalg.det(Z_UP_FROM_Y_UP) == pytest.approx(1)
    assert np.array_equal(Z_UP_FROM_Y_UP @ [1, 2, 3], [1, -3, 2])


TRAPS = {
    "transposed": (lambda R, t: (R.T, t), "read as X_cam = R^T X + t"),
    "a centre for t": (lambda R, t: (R, -R.T @ t), "if its translations were camera centres"),
    "from camera to world": (lambda R, t: (R.T, -R.T @ t), "if its transforms were from camera to world"),
    "other sign of t": (lambda R, t: (R, -t), "of one subject"),
    "other sign of R": (lambda R, t: (-R, t), "mirrored"),
    "y and z swapped": (lambda R, t: (R[:, [0, 2, 1]], t), "two axes were swapped"),
    "millimetres": (lambda R, t: (R, t * 1000), "if it is in that"),
    "inches": (lambda R, t: (R, t / 0.0254), "the cameras are 36"),
    "z up": (lambda R, t: (R @ Z_UP_FROM_Y_UP.T, t), "upright along +z of this world, expected +y"),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_poses_of_another_convention_are_refused(trap, root) -> None:
    change, words = TRAPS[trap]
    change_poses(root, change)
    said = refusal(root)
    assert "calibration.cal" in said
    assert words in said


@pytest.mark.parametrize(("unit", "words"), [("m", "metres"), ("cm", "centimetres"), ("mm", "millimetres")])
def test_skeletons_in_another_unit_are_refused(unit, words, root, take) -> None:
    write_skeletons(root / SKELETONS, y_up(take), unit)
    said = refusal(root)
    assert "if it is in inches, as documented" in said
    assert words in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda xyz: xyz[..., [0, 2, 1]], "bodies stand along +z of its world, expected +y"),
        (lambda xyz: xyz @ Z_UP_FROM_Y_UP.T, "bodies stand along +z of its world, expected +y"),
        (lambda xyz: xyz * [1, -1, 1], "bodies stand along -y of its world, expected +y"),
        (lambda xyz: xyz * [-1, 1, 1], "left and right are exchanged"),
    ],
)
def test_skeletons_of_another_world_are_refused(change, said, root, take) -> None:
    write_skeletons(root / SKELETONS, change(y_up(take)))
    assert said in refusal(root)


def test_a_camera_that_shows_people_on_their_heads_is_refused(root) -> None:
    cameras = iter(range(1, 9))
    turned = np.diag([-1.0, -1, 1])
    change_poses(root, lambda R, t: (turned @ R, turned @ t) if next(cameras) == 3 else (R, t))
    assert "camera 'cam3' shows 0% of the standing people upright" in refusal(root)


def test_a_lens_of_two_coefficients_is_refused(root) -> None:
    path = root / "calibration.cal"
    path.write_text(path.read_text().replace("8 1\n", "8 2\n", 1))
    assert "distortion order is 2, expected 1 (k1)" in refusal(root)


def test_cameras_in_another_order_are_refused(root, take) -> None:
    turned = from_up(take.rig, "+y")
    export_totalcapture(type(turned)(turned.cameras[4:] + turned.cameras[:4]), root / "calibration.cal")
    assert off_px(read_totalcapture(root, NAME), take).min() > 10  # nothing but pictures tells in a ring
    (root / "calibration.cal").write_text("8 1\n0 1 2")
    assert "has 5 numbers, 8 cameras have 170" in refusal(root)


def test_columns_go_by_their_names(root, take) -> None:
    lines = (root / SKELETONS).read_text().splitlines()
    turned = ["\t".join(reversed(line.strip("\t").split("\t"))) for line in lines]
    (root / SKELETONS).write_text("\n".join(turned))
    assert off_px(read_totalcapture(root, NAME), take).max() < 1e-3


def test_broken_skeletons_are_refused(root) -> None:
    path = root / SKELETONS
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, rows[0], rows[1][:-12]]))
    assert "line 3 has" in refusal(root)
    path.write_text("\n".join(rows))
    assert "its first line lacks Hips" in refusal(root)
    path.write_text(header)
    assert "it has no frames" in refusal(root)
    path.write_text(header + "\nnone at all")
    assert "is not names, then numbers" in refusal(root)


def test_skeletons_a_few_rows_short_are_told_and_half_of_them_refused(root, take) -> None:
    write_skeletons(root / SKELETONS, y_up(take)[:-3])
    read = read_totalcapture(root, NAME)
    assert len(read.xyz) == FRAMES - 3
    assert any("the first 17 of each are used" in note for note in read.notes)
    write_skeletons(root / SKELETONS, y_up(take)[::2])
    assert "the truth has 10 rows, the videos have cam1 20" in refusal(root)


def test_videos_of_another_size_are_refused(root) -> None:
    grey_clip(root / VIDEO.format(3), (HALL_PX[0] // 2, HALL_PX[1] // 2 + 1), 60)
    assert "camera 'cam3': its video is 240 x 136" in refusal(root)


def test_what_is_missing_is_named(root, tmp_path) -> None:
    assert "no folder at" in refusal(tmp_path / "nowhere")
    assert "there are s1/walking2" in refusal(root, "s1/acting1")
    assert "has 0 videos of cameras 9" in refusal(root, cameras=(9,))
    (root / VIDEO.format(5)).unlink()
    read = read_totalcapture(root, NAME)
    assert read.rig.names == ("cam1", "cam3", "cam7")
    assert "Camera cam5 has no video and is left out." in read.notes
    (root / SKELETONS).unlink()
    assert "extract the Vicon part" in refusal(root)
    (root / "calibration.cal").unlink()
    assert "copy the calibration.cal of the data set there" in refusal(root)
    assert find_totalcapture(root)[0].missing == ("video of cam5", "gt_skel_gbl_pos.txt", "calibration.cal")
