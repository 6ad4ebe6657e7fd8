from pathlib import Path

import numpy as np
import pytest

from posecap.models.errors import ModelError
from posecap.models.joints import H36M_17
from posecap.models.limb_lengths import limb_lengths, read_limb_lengths, true_lengths, write_limb_lengths

LENGTHS_M = np.linspace(0.1, 0.5, 16)


def poses(frames: int, noise_m: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(frames, 16, 3))
    limbs = directions / np.linalg.norm(directions, axis=-1, keepdims=True) * LENGTHS_M[:, None]
    xyz = np.zeros((frames, 17, 3))
    for (parent, child), limb in zip(H36M_17.bones, limbs.swapaxes(0, 1), strict=True):
        xyz[:, child] = xyz[:, parent] + limb
    return xyz + rng.normal(0, noise_m, xyz.shape)


def test_exact_poses_give_exact_lengths() -> None:
    np.testing.assert_allclose(true_lengths(poses(3), H36M_17), np.tile(LENGTHS_M, (3, 1)), atol=1e-12)
    found = limb_lengths(poses(3), H36M_17, symmetric=False)
    np.testing.assert_allclose(found.length_m, LENGTHS_M, atol=1e-12)
    assert found.spread_m.tolist() == [0.005] * 16
    assert (found.joints, found.frames, found.origin) == ("h36m-17/1", 3, "estimate")


def test_both_sides_have_one_length() -> None:
    found = limb_lengths(poses(3), H36M_17).length_m
    right_thigh, left_thigh, belly = 1, 4, 6
    assert found[right_thigh] == found[left_thigh] == pytest.approx(LENGTHS_M[[1, 4]].mean())
    assert found[belly] == pytest.approx(LENGTHS_M[belly])


def test_wrong_and_unknown_joints_do_no_harm_to_the_median() -> None:
    xyz = poses(200, noise_m=0.01)
    xyz[:20] *= 3.0
    xyz[20:60, 13] = np.nan
    robust = limb_lengths(xyz, H36M_17, symmetric=False)
    mean = limb_lengths(xyz, H36M_17, symmetric=False, mean=True)
    assert np.abs(robust.length_m - LENGTHS_M).max() < 0.006
    assert np.abs(mean.length_m - LENGTHS_M).max() > 0.05
    assert np.all((robust.spread_m > 0.009) & (robust.spread_m < 0.025))  # sqrt(2) * 10 mm along the limb


def test_a_limb_that_was_never_seen_is_named() -> None:
    xyz = poses(5)
    xyz[1:, 13] = np.nan
    with pytest.raises(
        ModelError, match="left_elbow - left_wrist was seen in 1 of 5 poses, needs 2: give more"
    ):
        limb_lengths(xyz, H36M_17, least_frames=2)
    with pytest.raises(ModelError, match="check the joint set"):
        limb_lengths(xyz[:, :16], H36M_17)


def test_a_file_comes_back_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "limbs.json"
    lengths = limb_lengths(poses(5, 0.01), H36M_17, "training")
    write_limb_lengths(path, lengths, H36M_17)
    found = read_limb_lengths(path, H36M_17)
    np.testing.assert_array_equal(found.length_m, lengths.length_m)
    np.testing.assert_array_equal(found.spread_m, lengths.spread_m)
    assert (found.origin, found.frames) == ("training", 5)
    good = path.read_text()
    for wrong, message in (
        (good.replace("pelvis - belly", "belly - pelvis"), "expected those of h36m-17/1"),
        (good.replace('"frames"', '"count"'), "write it again"),
        (good[:50], "write it again"),
        (good.replace(str(lengths.length_m[6]), "-1.0"), "a length is not positive"),
    ):
        path.write_text(wrong)
        with pytest.raises(ModelError, match=message):
            read_limb_lengths(path, H36M_17)
    with pytest.raises(ModelError, match="No such file or directory: write it"):
        read_limb_lengths(tmp_path / "none.json", H36M_17)
