"""Pictures and joints stay together, whatever happens to a crop."""

import cv2
import numpy as np
import pytest

from posecap.models.published_joints import MPII_16
from posecap.training.crop_augmentation import CropAugmentation, CropChange

SIDE = 128
MARKED = {"right_wrist": (40.3, 71.8), "left_ankle": (80.0, 85.5), "pelvis": (63.0, 58.25)}  # a colour each


def blobs(xy: np.ndarray, width: int, height: int) -> np.ndarray:
    """A soft spot in each channel, exact between pixels."""
    y, x = np.mgrid[:height, :width]
    away = (x[..., None] - xy[:, 0]) ** 2 + (y[..., None] - xy[:, 1]) ** 2
    return np.rint(240 * np.exp(-away / (2 * 2.5**2))).astype(np.uint8)


def middles(picture: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    weight = picture.astype(float)
    return np.stack([(weight * at[..., None]).sum((0, 1)) / weight.sum((0, 1)) for at in (x, y)], -1)


def joints() -> np.ndarray:
    xy = np.full((16, 2), np.nan)
    for name, place in MARKED.items():
        xy[MPII_16.index(name)] = place
    return xy


def other_side(name: str) -> str:
    return {"right_wrist": "left_wrist", "left_ankle": "right_ankle"}.get(name, name)


CHANGES = [
    CropChange(),
    CropChange(scale=0.75),
    CropChange(scale=1.25),
    CropChange(turn_deg=35),
    CropChange(mirrored=True),
    CropChange(0.9, -60, True),
    *(CropAugmentation().draw(np.random.default_rng(seed), has_depth=False) for seed in range(20)),
]


@pytest.mark.parametrize("cut_anew", [False, True])
@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_a_marked_pixel_and_its_joint_stay_together(change: CropChange, cut_anew: bool) -> None:
    old = np.array(list(MARKED.values()))
    if cut_anew:  # the crop is half the size of its place in a picture of 400 x 300
        crop_from_whole = np.array([[0.5, 0.0, -30.0], [0.0, 0.5, -12.0]])
        whole = blobs((old - crop_from_whole[:, 2]) / 0.5, 400, 300)
        affine = change.crop_from_whole(crop_from_whole, SIDE)
    else:
        whole, affine = blobs(old, SIDE, SIDE), change.new_from_old(SIDE)
    found = middles(cv2.warpAffine(whole, affine, (SIDE, SIDE)))
    said = change.places(joints(), SIDE)
    for place, name in zip(found, MARKED, strict=True):
        called = other_side(name) if change.mirrored else name
        np.testing.assert_allclose(said[MPII_16.index(called)], place, atol=0.1, err_msg=called)
    assert np.isnan(said).any(-1).sum() == 13  # the unknown stay unknown


def test_a_mirror_and_a_quarter_turn_are_exact() -> None:
    picture = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)

    def cut(change: CropChange) -> np.ndarray:
        return cv2.warpAffine(picture, change.new_from_old(64), (64, 64))

    np.testing.assert_array_equal(cut(CropChange()), picture)
    np.testing.assert_array_equal(cut(CropChange(mirrored=True)), picture[:, ::-1])
    np.testing.assert_array_equal(cut(CropChange(turn_deg=90)), np.rot90(picture, -1))  # clockwise
    np.testing.assert_array_equal(cut(CropChange(turn_deg=90, mirrored=True)), np.rot90(picture, -1)[:, ::-1])


def test_depths_are_told_in_sides_of_the_new_crop_and_change_sides_with_the_joints() -> None:
    depth = np.arange(16.0) / 100
    assert CropChange(scale=1.25, turn_deg=20).depths(depth) == pytest.approx(depth / 1.25)
    mirrored = CropChange(mirrored=True).depths(depth)
    assert mirrored[MPII_16.index("left_knee")] == depth[MPII_16.index("right_knee")]
    assert mirrored[MPII_16.index("pelvis")] == depth[MPII_16.index("pelvis")]


def test_changes_are_as_large_and_as_many_as_the_original_s() -> None:
    rng = np.random.default_rng(0)
    changes = [CropAugmentation().draw(rng, has_depth=False) for _ in range(4000)]
    scale, turn = np.array([(one.scale, one.turn_deg) for one in changes]).T
    assert (scale.min(), scale.max()) == (0.75, 1.25)
    assert np.mean(np.abs(scale - 1) == 0.25) == pytest.approx(
        0.317, abs=0.03
    )  # beyond one standard deviation
    assert (turn.min(), turn.max()) == (-60, 60)
    turned = turn != 0
    assert turned.mean() == pytest.approx(0.6, abs=0.03)
    assert np.median(np.abs(turn[turned])) == pytest.approx(0.674 * 30, abs=1.5)
    assert np.mean([one.mirrored for one in changes]) == pytest.approx(0.5, abs=0.03)
    with_depth = [CropAugmentation().draw(rng, has_depth=True) for _ in range(200)]
    assert {one.turn_deg for one in with_depth} == {0.0}
    assert len({one.scale for one in with_depth}) > 100
    with pytest.raises(
        ValueError, match=r"augmentation with scale 1, .*: give a scale from 0 to below 1, and shares"
    ):
        CropAugmentation(scale=1)
