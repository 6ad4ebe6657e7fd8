"""MPII in its published layout, written with people whose joints are spots of known colours."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from posecap.models.networks import network  # noqa: E402
from posecap.models.published_joints import MPII_16  # noqa: E402
from posecap.training.crop_augmentation import CropAugmentation  # noqa: E402
from posecap.training.errors import DatasetError  # noqa: E402
from posecap.training.mpii import read_mpii  # noqa: E402
from posecap.training.weakly_supervised import augmented, collate, losses  # noqa: E402
from posecap.training.weakly_supervised_stages import RESNET_STAGES  # noqa: E402

WRIST, ANKLE, HEAD = (MPII_16.index(name) for name in ("left_wrist", "right_ankle", "head_top"))
SPOTS = {WRIST: (172.0, 80.0), ANKLE: (140.0, 125.0), HEAD: (155.0, 60.0)}  # pixels, the first one is 0


def person(**changes: object) -> dict[str, object]:
    """Somebody at (150, 90) who is 80 px high, all in pixels that begin with 1. The pelvis is not marked."""
    joints = np.array([SPOTS.get(joint, (150.0, 90.0)) for joint in range(16)]) + 1
    visible = [1] * 16
    joints[6], visible[6] = (-1, -1), 0
    fields = {"image": "one.png", "center": [151.0, 91.0], "scale": 0.4, "joints": joints.tolist()}
    return {**fields, "joints_vis": visible, **changes}


def write_mpii(root: Path, people: list[dict[str, object]], name: str = "train.json") -> Path:
    y, x = np.mgrid[:200, :300]
    places = np.array([SPOTS[joint] for joint in (WRIST, ANKLE, HEAD)])
    away = (x[..., None] - places[:, 0]) ** 2 + (y[..., None] - places[:, 1]) ** 2
    (root / "annot").mkdir(exist_ok=True)
    (root / "images").mkdir(exist_ok=True)
    cv2.imwrite(str(root / "images" / "one.png"), np.rint(250 * np.exp(-away / 18)).astype(np.uint8))
    (root / "annot" / name).write_text(json.dumps(people))
    return root


def middle(channel: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[: channel.shape[0], : channel.shape[1]]
    return np.array([(channel * at).sum() for at in (x, y)]) / channel.sum()


def test_the_square_and_the_joints_are_where_the_figures_say(tmp_path: Path) -> None:
    """Middle (150, 90 + 15 * 0.4) in pixels from 0, side 0.4 * 1.25 * 200 = 100, so 0.64 px of the crop a pixel."""
    people = read_mpii(write_mpii(tmp_path, [person(), person(scale=2.0)]), side_px=64)
    assert len(people) == 2
    sample = people[0]
    np.testing.assert_allclose(sample.xy_px[WRIST], 31.5 + 0.64 * (np.array(SPOTS[WRIST]) - [150, 96]))
    for channel, joint in enumerate((WRIST, ANKLE, HEAD)):
        np.testing.assert_allclose(middle(sample.picture_bgr[..., channel]), sample.xy_px[joint], atol=0.1)
    assert np.isnan(sample.xy_px[6]).all()
    assert np.isnan(sample.xy_px).any(-1).sum() == 1
    assert np.isnan(sample.depth).all()
    large = people[1]  # 500 px are asked for: no more than the longer side of the picture, 300
    np.testing.assert_allclose(large.xy_px[WRIST], 31.5 + 64 / 300 * (np.array(SPOTS[WRIST]) - [150, 120]))


def test_samples_are_augmented_and_train_the_first_stage(tmp_path: Path) -> None:
    people, stage = read_mpii(write_mpii(tmp_path, [person()]), side_px=64), RESNET_STAGES[0]
    rng = np.random.default_rng(3)
    for _ in range(20):
        sample = augmented(people[0], CropAugmentation(), rng)
        left = middle(sample.picture_bgr[..., 0])
        mirrored = sample.xy_px[MPII_16.index("right_wrist")], sample.xy_px[WRIST]
        assert min(np.linalg.norm(place - left) for place in mirrored) < 0.15
    batch = collate([people[0]], network("weakly-supervised-50").picture)
    maps = torch.zeros(1, 16, 16, 16, requires_grad=True)
    parts = losses((maps, maps), batch, stage)
    assert set(parts) == {"heatmap"}
    (gradient,) = torch.autograd.grad(parts["heatmap"], maps)
    asked = gradient.abs().sum((2, 3))[0] > 0
    assert not asked[6]
    assert asked.sum() == 15
    peak = int(gradient[0, WRIST].argmin())
    assert [peak % 16, peak // 16] == np.trunc(people[0].xy_px[WRIST] / 4).tolist()


@pytest.mark.parametrize("name", ["valid.json", "val.json"])
def test_validation_has_either_name(tmp_path: Path, name: str) -> None:
    write_mpii(
        tmp_path, [person(), person(joints_vis=[0] * 16), person(center=[-1, -1]), person(scale=-1)], name
    )
    assert len(read_mpii(tmp_path, "valid")) == 1  # the others cannot be cut, or have nothing to teach
    with pytest.raises(DatasetError, match=r"no train.json in .*annot: put the annotations of MPII there"):
        read_mpii(tmp_path)


def test_what_is_not_mpii_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no valid.json or val.json in .*annot: put"):
        read_mpii(tmp_path, "valid")
    write_mpii(tmp_path, [person(joints_vis=[1] * 15)])
    with pytest.raises(
        DatasetError, match="person 0 has 16 joints and 15 marks, MPII has 16: fetch the file anew"
    ):
        read_mpii(tmp_path)
    write_mpii(tmp_path, [{"image": "one.png"}])
    with pytest.raises(
        DatasetError, match=r"missing required field `center` - at `\$\[0\]`: give the annotations"
    ):
        read_mpii(tmp_path)
    write_mpii(tmp_path, [person(image="two.png")])
    with pytest.raises(DatasetError, match=r"no picture at .*two.png: extract mpii_human_pose_v1"):
        read_mpii(tmp_path)[0]
