"""3DPW's layout written from exact joints and read back; then what can be wrong with a copy is made wrong."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dataset_takes import SOLO, grey_clip
from typer.testing import CliRunner

from posecap.models.published_joints import MPII_16
from posecap.training.errors import DatasetError
from posecap.training.synthetic_take import SyntheticTake, take_of
from posecap.training.threedpw import read_3dpw
from posecap.training.threedpw_check import app
from posecap.training.threedpw_joints import (
    COCO_18,
    COCO_18_OF_MPII,
    COCO_18_OF_SMPL,
    SMPL_24,
    SMPL_OF_MPII,
    in_mpii,
)
from posecap.training.threedpw_people import read_contents
from posecap.training.threedpw_pickle import StoredArray, numbers, read_pickle
from posecap.training.threedpw_sequence import find_sequences, read_sequence
from posecap.training.write_threedpw import python2_pickle, smpl_joints, write_threedpw

FRAMES, EVERY, UNALIGNED = 8, 12, 3
NAME = "downtown_posecap_00"


@pytest.fixture(scope="module")
def take() -> SyntheticTake:
    return take_of(SOLO)


@pytest.fixture(scope="module")
def original(take, tmp_path_factory) -> Path:
    """One person and a second one half a metre beside, in eight pictures; the fourth has no aligned camera."""
    root = tmp_path_factory.mktemp("3dpw")
    beside = replace(take, xyz=take.xyz + np.array([0.5, 0.0, 0.0]))
    write_threedpw([take, beside], root, frames=FRAMES, every=EVERY, unaligned=[UNALIGNED])
    return root


@pytest.fixture
def root(original, tmp_path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "copy"))


def change(root: Path, what: Callable[[dict], None]) -> None:
    """Rewrites the pickle after `what` has changed its values, arrays as numpy's."""
    (path,) = find_sequences(root, "train")
    table = {name: plain(value) for name, value in read_pickle(path).items()}
    what(table)
    path.write_bytes(python2_pickle(table))


def plain(value):
    if isinstance(value, StoredArray):
        return numbers(value)
    return [plain(one) for one in value] if isinstance(value, list) else value


def refusal(root: Path, **more) -> str:
    with pytest.raises(DatasetError) as caught:
        read_3dpw(root, **more)
    said = str(caught.value)
    assert "\n" not in said
    assert ": " in said
    return said


def test_joints_are_mapped_by_name() -> None:
    smpl, coco = np.arange(24.0)[:, None], np.arange(18.0)[:, None]
    for maps, given, names in ((SMPL_OF_MPII, smpl, SMPL_24), (COCO_18_OF_MPII, coco, COCO_18)):
        found = in_mpii(given, maps)
        for joint, row in zip(MPII_16.names, found, strict=True):
            if joint in names:
                assert names[int(row[0])] == joint
    unknown = np.isnan(in_mpii(coco, COCO_18_OF_MPII)[:, 0])
    assert {MPII_16.names[place] for place in np.flatnonzero(unknown)} == {"pelvis", "upper_neck", "head_top"}
    assert COCO_18[int(in_mpii(coco, COCO_18_OF_MPII)[MPII_16.names.index("thorax"), 0])] == "neck"
    assert np.flatnonzero(np.isnan(in_mpii(smpl, SMPL_OF_MPII)[:, 0])).tolist() == [
        MPII_16.names.index("head_top")
    ]
    assert all(COCO_18[place] == SMPL_24[row] for row, place in enumerate(COCO_18_OF_SMPL) if place >= 0)


def test_camera_space_is_that_of_the_renderer(root, take) -> None:
    (path,) = find_sequences(root, "train")
    sequence = read_sequence(path)
    camera = take.rig.cameras[0]
    assert sequence.name == NAME
    np.testing.assert_array_equal(sequence.K, camera.K)
    poses = sequence.cam_from_world
    assert np.abs(np.diff(poses[:, :3, 3], axis=0)).max() > 1e-3  # a camera that moves
    true = camera.in_camera(smpl_joints(take)[np.arange(FRAMES) * EVERY])
    found = sequence.in_camera_m(0)
    good = np.arange(FRAMES) != UNALIGNED
    np.testing.assert_allclose(found[good], true[good], atol=1e-9)
    assert np.isnan(found[UNALIGNED]).all()
    assert sequence.people[0].xyz_m.shape == (FRAMES, 24, 3)
    assert sequence.people[0].xy_px.shape == (FRAMES, 18, 2)


def test_a_sample_for_each_person_and_valid_picture(root, take) -> None:
    samples = read_3dpw(root, side_px=64)
    assert len(samples) == 2 * (FRAMES - 1)
    assert samples.left_out == {"campose_valid is 0": 2}
    assert samples.notes == ()
    assert [one.picture for one in samples.people[:4]] == [f"{NAME}/image_0000{k}.jpg" for k in (0, 1, 2, 4)]
    camera = take.rig.cameras[0]
    true_mm = camera.in_camera(smpl_joints(take)[4 * EVERY]) * 1000
    np.testing.assert_allclose(samples.truth_24_mm(3), true_mm, atol=1e-6)
    np.testing.assert_allclose(samples.truth_mm(3), in_mpii(true_mm, SMPL_OF_MPII), atol=1e-6)


def test_samples_lie_on_the_person(root, take) -> None:
    pytest.importorskip("torch")
    samples = read_3dpw(root, side_px=128, margin=1.25)
    sample, truth = samples[0], samples.truth_mm(0)
    assert sample.picture_bgr.shape == (128, 128, 3)
    known = np.isfinite(sample.xy_px).all(-1)
    assert known.sum() == 15
    low, high = sample.xy_px[known].min(0), sample.xy_px[known].max(0)
    assert (low > 0).all()
    assert (high < 127).all()
    assert (high - low).max() == pytest.approx(
        128 / 1.25, rel=0.12
    )  # hands and toes, the box's edge, are not joints
    back = truth[:, 2] - truth[MPII_16.names.index("pelvis"), 2]
    ratio = back[known & (np.abs(back) > 20)] / sample.depth[known & (np.abs(back) > 20)]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-9)
    assert sample.whole_bgr is not None
    assert sample.crop_from_whole is not None
    whole = truth[:, :2] / truth[:, 2:] * [samples.people[0].focal_px] + samples.people[0].centre_px
    moved = whole @ sample.crop_from_whole[:, :2].T + sample.crop_from_whole[:, 2]
    np.testing.assert_allclose(moved[known], sample.xy_px[known], atol=1e-9)


def test_joints_found_in_the_picture(root) -> None:
    pytest.importorskip("torch")
    change(root, lambda table: table["poses2d"][1][0].fill(0))
    projected, found = read_3dpw(root, side_px=64), read_3dpw(root, side_px=64, places="coco")
    assert found.left_out == {"campose_valid is 0": 2, "fewer than 6 joints in the picture": 1}
    assert len(read_3dpw(root, found_only=True)) == len(projected) - 1
    sample = found[0]
    assert np.isnan(sample.xy_px[MPII_16.names.index("pelvis")]).all()
    assert (np.isnan(sample.depth) == np.isnan(sample.xy_px).any(-1)).all()
    left = found.people[0].bbox
    assert left[2] < projected.people[0].bbox[2] + 1e-9  # no hands, no toes
    wrist = MPII_16.names.index("left_wrist")
    there = [one[0].xy_px[wrist] - one[0].crop_from_whole[:, 2] for one in (projected, found)]
    zoom = [one[0].crop_from_whole[0, 0] for one in (projected, found)]
    np.testing.assert_allclose(there[0] / zoom[0], there[1] / zoom[1], atol=1e-6)


def test_found_joints_far_off_the_picture_are_unknown(root) -> None:
    def spoil(table: dict) -> None:
        table["poses2d"][0][0, 0, 4] = 1e7
        table["poses2d"][0][0, 1, 7] = np.nan

    change(root, spoil)
    person = read_sequence(find_sequences(root, "train")[0]).people[0]
    assert np.flatnonzero(np.isnan(person.xy_px[0]).any(-1)).tolist() == [4, 7]
    assert np.flatnonzero(person.confidence[0] == 0).tolist() == [4, 7]


def test_reprojection_tells_what_does_not_fit(root, take) -> None:
    ((_, contents),) = read_contents(root, "train")
    assert (contents.people, contents.pictures, contents.size_px) == (2, FRAMES, take.rig.cameras[0].size_px)
    for fit in contents.fits:
        assert fit.frames == FRAMES - 1
        assert fit.median_px < 0.01
        assert fit.before_camera == 1
    assert contents.fits[0].in_picture == 1
    change(root, lambda table: table.update(cam_poses=np.linalg.inv(table["cam_poses"])))
    samples = read_3dpw(root)
    assert len(samples) == 0
    assert samples.left_out["their recording does not fit its camera"] == 2 * (FRAMES - 1)
    assert "while the inverse of cam_poses fits: left out." in samples.notes[0]
    assert samples.notes[0].startswith(f"{NAME}, person 0: cam_poses applied to jointPositions puts ")


def test_two_people_who_are_exchanged_are_seen(root) -> None:
    change(root, lambda table: table["poses2d"].reverse())
    samples = read_3dpw(root)
    assert len(samples) == 0
    assert "px from where poses2d has them (median)" in samples.notes[0]
    assert "while the inverse" not in samples.notes[0]


def test_without_found_joints_the_picture_decides(root) -> None:
    change(root, lambda table: table.pop("poses2d"))
    assert len(read_3dpw(root)) == 2 * (FRAMES - 1)

    def shift(table: dict) -> None:
        table["cam_poses"][:, 0, 3] += 6

    change(root, shift)
    samples = read_3dpw(root)
    assert "puts only 0% of the joints into the picture" in samples.notes[0]
    assert len(samples) == 0


BROKEN: dict[str, tuple[Callable[[dict], object], str]] = {
    "no_field": (lambda t: t.pop("campose_valid"), "has no campose_valid, there are betas"),
    "frames": (
        lambda t: t.update(cam_poses=t["cam_poses"][:5]),
        "jointPositions is an array (8, 72), expected (5, 72)",
    ),
    "cameras": (
        lambda t: t.update(cam_poses=t["cam_poses"][:, :3]),
        "cam_poses is an array (8, 3, 4), expected",
    ),
    "nobody": (
        lambda t: t.update(jointPositions=[]),
        "jointPositions is 0 of them, expected a list with an array",
    ),
    "person": (
        lambda t: t["campose_valid"].pop(),
        "2 people with joints, 1 with campose_valid and 2 with poses2d",
    ),
    "flags": (lambda t: t["campose_valid"][0].fill(2), "campose_valid has values other than 0 and 1"),
    "scaled": (lambda t: t.update(cam_poses=t["cam_poses"] * 2), "cam_poses of picture 0 is not a rotation"),
    "nan": (lambda t: t["cam_poses"][5].fill(np.nan), "cam_poses of picture 5 is not a rotation"),
    "lens": (lambda t: t["cam_intrinsics"].fill(0), "cam_intrinsics: focal lengths are 0 and 0 px"),
    "skew": (lambda t: t.update(cam_intrinsics=t["cam_intrinsics"].T), "expected [fx 0 cx; 0 fy cy; 0 0 1]"),
    "huge": (lambda t: t["jointPositions"][0].fill(1e30), "a joint is further than 100000 m away"),
    "text": (lambda t: t.update(cam_poses="none"), "cam_poses is not numbers"),
    "outside": (lambda t: t.update(sequence="../../etc"), "sequence is '../../etc', expected the plain name"),
    "absolute": (lambda t: t.update(sequence="/etc"), "sequence is '/etc', expected the plain name"),
    "number": (lambda t: t.update(sequence=7), "sequence is 7, expected the plain name"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_pickles_are_refused(root, name: str) -> None:
    how, said = BROKEN[name]
    change(root, how)
    assert said in refusal(root)


def test_a_joint_that_is_unknown_leaves_out_one_sample(root) -> None:
    def spoil(table: dict) -> None:
        table["jointPositions"][0][0, 5] = np.nan

    change(root, spoil)
    samples = read_3dpw(root)
    assert samples.left_out["a joint is not finite"] == 1
    assert len(samples) == 2 * (FRAMES - 1) - 1


def test_one_recording_twice_is_refused(root) -> None:
    (path,) = find_sequences(root, "train")
    shutil.copyfile(path, path.with_name("z.pkl"))
    assert f"z.pkl is a second {NAME} in train: remove one" in refusal(root)


def test_options_that_cannot_be(root, tmp_path) -> None:
    assert "crops of 0 px were asked for" in refusal(root, side_px=0)
    assert "crops of -64 px were asked for" in refusal(root, side_px=-64)
    assert "a margin of nan was asked for" in refusal(root, margin=float("nan"))
    assert "no split 'val' of 3DPW, there are train, validation and test" in refusal(root, split="val")
    assert "no 3DPW_test.json in" in refusal(root, split="test")


def listing(root: Path, **more) -> Path:
    """A listing of one person that can be used and whatever `more` says: images, annotations, text."""
    joints = (np.random.default_rng(0).normal(0, 0.3, (24, 3)) + np.array([0.0, 0.0, 4.0])).tolist()
    lens = {"focal": [300.0, 300.0], "princpt": [99.5, 99.5]}
    image = {"id": 1, "sequence": "a", "file_name": "image_00000.jpg", "cam_param": lens} | more.get(
        "image", {}
    )
    person = {"image_id": 1, "joint_cam": joints, "bbox": [50.0, 50.0, 80.0, 90.0]}
    people = [person, *({**person, **change} for change in more.get("people", []))]
    path = root / "3DPW_train.json"
    path.write_text(
        more.get("text") or json.dumps({"images": [image] * more.get("times", 1), "annotations": people})
    )
    return path


def test_people_of_a_listing_who_cannot_be_used_are_counted(tmp_path) -> None:
    listing(
        tmp_path,
        people=[
            {"joint_cam": [[0.0, 0.0, 4.0]] * 23},
            {"joint_cam": [[0.0, 4.0]] * 24},
            {"joint_cam": [[0.0, 0.0, -4.0]] * 24},
            {"joint_cam": [[0.0, 0.0, 4e9]] * 24},
            {"bbox": [0.0, 0.0, 0.0, 10.0]},
            {"bbox": [0.0, 0.0, -5.0, 10.0]},
            {"bbox": [0.0, 0.0, 1e30, 10.0]},
        ],
    )
    samples = read_3dpw(tmp_path)
    assert len(samples) == 1
    assert samples.left_out == {
        "not 24 joints of 3 numbers": 2,
        "a joint is behind the camera": 1,
        "a joint is not finite, or further than 1000 m": 1,
        "a box without an area, or far off": 3,
    }
    assert "has no joints found in pictures: use the pickles" in refusal(tmp_path, places="coco")


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ({"sequence": "../.."}, "picture 1: sequence is '../..', expected the plain name"),
        ({"sequence": "/etc"}, "picture 1: sequence is '/etc'"),
        ({"sequence": ".."}, "picture 1: sequence is '..'"),
        ({"sequence": ""}, "picture 1: sequence is ''"),
        ({"file_name": "..\\a.jpg"}, "picture 1: file_name is '..\\\\a.jpg'"),
        ({"file_name": "a\x00.jpg"}, "picture 1: file_name is 'a\\x00.jpg'"),
        ({"cam_param": {"focal": [0.0, 300.0], "princpt": [1, 1]}}, "focal lengths are 0 and 300 px"),
        ({"cam_param": {"focal": [-300.0, 300.0], "princpt": [1, 1]}}, "focal lengths are -300 and 300 px"),
        ({"cam_param": {"focal": [1e300, 300.0], "princpt": [1, 1]}}, "focal lengths are 1e+300 and 300 px"),
        ({"cam_param": {"focal": [300.0, 300.0], "princpt": [1e9, 1]}}, "the principal point is (1e+09, 1)"),
    ],
)
def test_listings_that_lead_elsewhere_or_have_no_lens(tmp_path, image: dict, said: str) -> None:
    listing(tmp_path, image=image)
    assert said in refusal(tmp_path)


def test_listings_that_are_something_else(tmp_path) -> None:
    listing(tmp_path, text='{"images": [], "annotations": [], "more": ' + "[" * 200_000 + "]" * 200_000 + "}")
    assert "is nested too deeply" in refusal(tmp_path)
    listing(tmp_path, times=2)
    assert "picture 1 is listed twice" in refusal(tmp_path)
    listing(tmp_path, people=[{"image_id": 5}])
    assert "a person is in picture 5, which is not listed" in refusal(tmp_path)
    (tmp_path / "3DPW_train.json").write_bytes(b'{"images": "\xff\xfe"}')
    assert "is it the annotations of 3DPW?" in refusal(tmp_path)


def test_the_command_says_what_is_there(root, tmp_path) -> None:
    (root / "imageFiles" / NAME / "image_00005.jpg").unlink()
    done = CliRunner().invoke(app, [str(root), "--split", "train"])
    assert done.exit_code == 0, done.output
    row = next(line for line in done.stdout.splitlines() if NAME in line).split()
    assert row[:5] == [NAME, "2", "8", "7", "14"]
    assert "2 left out: campose_valid is 0" in done.stdout
    assert (
        "14 samples in 7 pictures; recordings: 1, people in them: 2; 1 of these pictures are missing"
        in done.stdout
    )
    samples = read_3dpw(root)
    found = np.array([samples.truth_mm(index) for index in range(len(samples))])
    np.savez(tmp_path / "found.npz", xyz_mm=found + np.array([3.0, 0, 4]))
    done = CliRunner().invoke(app, [str(root), "--score", str(tmp_path / "found.npz")])
    assert done.exit_code == 0, done.output
    row = next(line for line in done.stdout.splitlines() if line.strip().startswith("found")).split()
    assert row == ["found", "5.0", "5.0", "0.0", "0.0", "0.0", "15", "14"]
    np.savez(tmp_path / "found.npz", xyz_mm=found[:3])
    (tmp_path / "cut.npz").write_bytes((tmp_path / "found.npz").read_bytes()[:-30])
    for options, said in (
        (["--score", str(tmp_path / "found.npz")], "xyz_mm is (3, 16, 3), expected (14, 16, 3)"),
        (["--score", str(tmp_path / "cut.npz")], "has no array xyz_mm"),
        (["--score", str(tmp_path / "none.npz")], "give the estimated joints with --score"),
        (["--split", "testing"], "no split 'testing' of 3DPW"),
        (["--places", "mpii"], "no places 'mpii'"),
    ):
        done = CliRunner().invoke(app, [str(root), *options])
        assert done.exit_code == 2
        assert said in " ".join(done.stderr.split())


def test_writing_what_cannot_be_written(take, tmp_path) -> None:
    short = replace(take, clips=(grey_clip(tmp_path / "short.mp4", (64, 64), 30, 5),))
    with pytest.raises(DatasetError, match=r"short\.mp4 has 3 pictures to take, expected 4: ask for fewer"):
        write_threedpw([short], tmp_path, frames=4, every=2)
    with pytest.raises(DatasetError, match="no clip of camera 0 to write"):
        write_threedpw([], tmp_path)
    with pytest.raises(DatasetError, match="no clip of camera 7 to write"):
        write_threedpw([take], tmp_path, view=7)
