from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="the networks need PyTorch")
import torch
from heatmap_scene import LIMBS_M, HeatmapScene, heatmap_scene
from parity import Fixture, compare, parity
from rpsm_loop import rpsm_loop

from posecap.models.heatmap_sampling import HeatmapViews, heatmap_from_image, project, sample
from posecap.models.joints import H36M_17
from posecap.models.rpsm import CLEAN, COMPAT, Rpsm, RpsmSettings

torch.set_num_threads(1)
MM = replace(COMPAT, grid_m=2000.0, tolerance_m=150.0)  # the fixture is in millimetres


def published(unit: float) -> tuple[Fixture, tuple[torch.Tensor, ...]]:
    """The fixture, and the inputs of `forward` with lengths in `unit` mm."""
    fixture = parity("cross_view/rpsm_nb16")

    def each(name: str) -> np.ndarray:
        return np.stack([fixture[f"cam{view}_{name}"] for view in range(4)])

    R, T, k, p = each("R"), each("T"), each("k")[..., 0], each("p")[..., 0]
    affine = heatmap_from_image(
        torch.from_numpy(fixture["box_center"]), 200.0 * torch.from_numpy(fixture["box_scale"][:, 0]), 64
    )
    length = dict(zip(map(tuple, fixture["limb_pairs"].tolist()), fixture["limb_len"], strict=True))
    lengths = np.array([length[limb] for limb in H36M_17.bones]) / unit
    arrays = (
        fixture["heatmaps"].astype(float),
        np.concatenate([R, -R @ T / unit], -1),
        np.concatenate([each("fx"), each("fy")], -1),
        np.concatenate([each("cx"), each("cy")], -1),
        np.concatenate([k[:, :2], p, k[:, 2:]], -1),
        affine.numpy(),
        fixture["center"] / unit,
        lengths,
        np.zeros(16),
    )
    return fixture, tuple(torch.from_numpy(np.ascontiguousarray(array))[None] for array in arrays)


def solved(
    settings: RpsmSettings, scene: HeatmapScene, spread_m: float = 0.01, lengths_m: np.ndarray = LIMBS_M
) -> np.ndarray:
    """Errors (frames, joints) in mm where the root is known to 20 mm."""
    off = np.random.default_rng(3).normal(0, 0.02, (len(scene.xyz), 3))
    root = torch.from_numpy(scene.xyz[:, 0] + off).to(scene.heatmaps)
    lengths = torch.from_numpy(lengths_m)[None].to(scene.heatmaps)
    with torch.inference_mode():
        xyz, _ = Rpsm(settings)(
            scene.heatmaps, *scene.views, root, lengths, torch.full_like(lengths, spread_m)
        )
    return 1e3 * np.linalg.norm(xyz.numpy() - scene.xyz, axis=-1)


def test_joints_are_those_of_the_original_bit_for_bit() -> None:
    fixture, inputs = published(unit=1.0)
    xyz, _ = Rpsm(MM)(*inputs)
    assert compare("pred_numpy", xyz[0], fixture) == 0.0
    compare("pred_torch_align_corners_true", xyz[0], fixture, absolute=1e-3)


def test_metres_give_the_same_joints() -> None:
    fixture, inputs = published(unit=1000.0)
    xyz, _ = Rpsm(COMPAT)(*inputs)
    compare("pred_numpy", 1000.0 * xyz[0], fixture, absolute=1e-9)


@pytest.mark.parametrize(
    "change", [{"one_focal": False}, {"hard": False}, {"bins": 15}, {"levels": 9}, {"tolerance_m": 50.0}]
)
def test_another_setting_gives_other_joints(change: dict[str, object]) -> None:
    fixture, inputs = published(unit=1.0)
    xyz, _ = Rpsm(replace(MM, **change))(*inputs)
    with pytest.raises(AssertionError, match="pred_numpy: differs by"):
        compare("pred_numpy", xyz[0], fixture, absolute=1e-3)


def test_the_slow_twin_finds_the_same_joints() -> None:
    scene = heatmap_scene(2, views=3, wrong=0.3)
    small = replace(COMPAT, bins=9)
    root = torch.from_numpy(scene.xyz[:, 0])
    lengths = torch.from_numpy(np.stack([LIMBS_M, 1.05 * LIMBS_M]))  # every frame its own
    xyz, _ = Rpsm(small)(scene.heatmaps, *scene.views, root, lengths, torch.zeros_like(lengths))
    for frame in range(2):
        cameras = [tuple(part[frame, view].numpy() for part in scene.views) for view in range(3)]
        slow = rpsm_loop(
            scene.heatmaps[frame].numpy(),
            cameras,  # pyright: ignore[reportArgumentType]
            scene.xyz[frame, 0],
            lengths[frame].numpy(),
            H36M_17.bones,
            grid=2.0,
            tolerance=0.15,
            bins=9,
        )
        np.testing.assert_allclose(xyz[frame].numpy(), slow, atol=1e-9)


def test_frames_do_not_meet() -> None:
    scene = heatmap_scene(3, noise=0.05)
    together = solved(COMPAT, scene)
    root = torch.from_numpy(scene.xyz[1:2, 0] + np.random.default_rng(3).normal(0, 0.02, (3, 3))[1])
    lengths = torch.from_numpy(LIMBS_M)[None]
    one = HeatmapViews(*(part[1:2] for part in scene.views))
    xyz, _ = Rpsm(COMPAT)(scene.heatmaps[1:2], *one, root, lengths, torch.zeros_like(lengths))
    np.testing.assert_array_equal(1e3 * np.linalg.norm(xyz[0].numpy() - scene.xyz[1], axis=-1), together[1])


def test_clean_terms_are_nearer_to_the_truth() -> None:
    good, spoiled = heatmap_scene(5), heatmap_scene(5, wrong=0.2, seed=1)
    assert solved(CLEAN, good).mean() < 0.9 * solved(COMPAT, good).mean() < 8.0
    assert np.median(solved(CLEAN, spoiled)) < np.median(solved(COMPAT, spoiled))


def test_float32_is_enough() -> None:
    scene = heatmap_scene(4, dtype=torch.float32)
    double = heatmap_scene(4)
    assert abs(solved(CLEAN, scene).mean() - solved(CLEAN, double).mean()) < 0.1


def test_where_nothing_is_seen_compat_answers_with_a_corner_and_clean_with_nan() -> None:
    scene = heatmap_scene(1, noise=0.0)
    scene.heatmaps.zero_()
    corner = solved(COMPAT, scene)
    assert corner.min() > 600.0
    assert np.isnan(solved(CLEAN, scene)).all()


def test_a_joint_that_nobody_sees_is_nan_and_the_others_stay() -> None:
    scene = heatmap_scene(2, noise=0.0)
    scene.heatmaps[:, :, 13] = 0.0  # left wrist
    errors = solved(CLEAN, scene)
    assert np.isnan(errors[:, 13]).all()
    others = np.delete(errors, 13, 1)
    assert others.mean() < 8.0
    assert others.max() < 40.0  # the elbow, whose wrist may be anywhere


def test_only_with_least_evidence_an_unseen_joint_is_unknown() -> None:
    """The switch alone, in both presets: nothing but unseen joints changes."""
    scene = heatmap_scene(1, noise=0.0)
    scene.heatmaps[:, :, 13] = 0.0  # left wrist
    for base in (CLEAN, COMPAT):
        known = solved(replace(base, least_evidence=float("-inf")), scene)
        asked = solved(replace(base, least_evidence=0.1), scene)
        assert np.isfinite(known).all()
        unknown = np.flatnonzero(np.isnan(asked[0])).tolist()
        # one joint without any evidence makes all products 0, so that others are in a corner too
        assert unknown == [13] if base is CLEAN else 13 in unknown
        np.testing.assert_array_equal(np.delete(asked, unknown, 1), np.delete(known, unknown, 1))


def test_only_with_sees_behind_a_point_behind_the_camera_has_evidence() -> None:
    """A point and its mirror image through the camera's centre lie on one pixel."""
    scene = heatmap_scene(1, views=1, noise=0.0)
    at = torch.from_numpy(scene.xyz)
    pose = scene.views.cam_from_world[0, 0]
    centre = -pose[:, :3].T @ pose[:, 3]
    bins = torch.stack([at, 2 * centre - at], 2)  # (frames, joints, 2, 3)
    for base in (CLEAN, COMPAT):
        front, behind = (
            Rpsm(replace(base, sees_behind=False)).evidence(scene.heatmaps, scene.views, bins).unbind(-1)
        )
        assert front.min() > 0.8
        assert behind.abs().max() == 0
        front, behind = (
            Rpsm(replace(base, sees_behind=True)).evidence(scene.heatmaps, scene.views, bins).unbind(-1)
        )
        torch.testing.assert_close(front, behind)


def test_an_absent_view_says_nothing() -> None:
    scene = heatmap_scene(2, views=4)
    scene.heatmaps[:, 2] = torch.nan
    assert np.nanmax(solved(CLEAN, scene)) < 40.0


def test_wrong_lengths_cost_accuracy_but_no_pose() -> None:
    scene = heatmap_scene(4, noise=0.0)
    errors = solved(CLEAN, scene, lengths_m=1.15 * LIMBS_M)
    assert np.isfinite(errors).all()
    assert solved(CLEAN, scene).mean() < errors.mean() < 100.0


def test_projection_is_that_of_the_cameras() -> None:
    scene = heatmap_scene(2, views=3)
    pixels, depth = project(torch.from_numpy(scene.xyz), scene.views)
    np.testing.assert_allclose(pixels.numpy(), scene.pixels, atol=1e-9)
    assert depth.min() > 3.0


def test_sampling_is_bilinear_and_zero_beyond_the_border() -> None:
    plane = torch.arange(5.0)[:, None] * 10.0 + torch.arange(4.0)  # value = 10 y + x
    pixels = torch.tensor([[1.25, 2.5], [3.0, 4.0], [3.01, 1.0], [-0.01, 1.0], [torch.nan, 1.0], [0.0, 0.0]])
    values = sample(plane[None, None, None], pixels[None, None, None])
    torch.testing.assert_close(values[0, 0, 0], torch.tensor([26.25, 43.0, 0.0, 0.0, 0.0, 0.0]))
