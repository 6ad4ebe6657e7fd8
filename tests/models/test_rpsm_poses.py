import numpy as np
import pytest

pytest.importorskip("torch", reason="the networks need PyTorch")
import torch
from heatmap_scene import LIMBS_M, heatmap_scene

from posecap.models.errors import ModelError
from posecap.models.joints import H36M_17
from posecap.models.limb_lengths import LimbLengths, true_lengths
from posecap.models.root_from_heatmaps import root_from_heatmaps
from posecap.models.rpsm_poses import RpsmSolver

torch.set_num_threads(1)
PRIOR = LimbLengths("h36m-17/1", LIMBS_M, np.full(16, 0.01), 1, "estimate")


def test_a_root_without_noise_is_exact() -> None:
    scene = heatmap_scene(6, views=3, noise=0.0)
    root = root_from_heatmaps(scene.heatmaps[:, :, 0], scene.views)
    np.testing.assert_allclose(root.numpy(), scene.xyz[:, 0], atol=1e-5)


def test_one_wrong_view_of_four_does_not_move_the_root() -> None:
    scene = heatmap_scene(8)
    scene.heatmaps[:, 1, 0] = scene.heatmaps[:, 1, 3]  # an ankle in place of the pelvis
    root = root_from_heatmaps(scene.heatmaps[:, :, 0], scene.views)
    assert np.linalg.norm(root.numpy() - scene.xyz[:, 0], axis=1).max() < 0.02


def test_a_root_in_fewer_than_two_views_is_unknown() -> None:
    scene = heatmap_scene(3, noise=0.0)
    scene.heatmaps[0, 1:] = 0.0
    scene.heatmaps[1, 2:] = torch.nan
    root = root_from_heatmaps(scene.heatmaps[:, :, 0], scene.views)
    assert root[0].isnan().all()
    np.testing.assert_allclose(root[1:].numpy(), scene.xyz[1:, 0], atol=1e-5)


def test_our_estimates_by_default_and_the_truth_only_with_its_name() -> None:
    scene = heatmap_scene(3)
    solver = RpsmSolver(PRIOR, frames_at_once=2)
    poses = solver.solve(scene.heatmaps, scene.views)
    assert (poses.label, poses.oracle) == ("RPSM", ())
    assert 1e3 * np.linalg.norm(poses.xyz.numpy() - scene.xyz, axis=-1).mean() < 8.0
    root, lengths = torch.from_numpy(scene.xyz[:, 0]), torch.from_numpy(true_lengths(scene.xyz, H36M_17))
    both = solver.solve(scene.heatmaps, scene.views, oracle_root=root, oracle_lengths=lengths)
    assert both.label == "RPSM, oracle root and lengths"
    assert not torch.equal(both.root, poses.root)
    assert solver.solve(scene.heatmaps, scene.views, oracle_root=root).label == "RPSM, oracle root"


def test_a_prior_from_the_truth_labels_everything() -> None:
    scene = heatmap_scene(1, views=2)
    prior = LimbLengths("h36m-17/1", LIMBS_M, np.full(16, 0.01), 1, "oracle")
    assert RpsmSolver(prior).solve(scene.heatmaps, scene.views).label == "RPSM, oracle lengths"


def test_a_frame_without_root_is_nan_and_the_others_are_not() -> None:
    scene = heatmap_scene(2, noise=0.0)
    scene.heatmaps[0] = torch.nan
    poses = RpsmSolver(PRIOR).solve(scene.heatmaps, scene.views)
    assert poses.xyz[0].isnan().all()
    assert poses.xyz[1].isfinite().all()


def test_what_cannot_be_solved_is_said() -> None:
    scene = heatmap_scene(1)
    with pytest.raises(ModelError, match="no pose fits in any of 1 frames: check cameras"):
        RpsmSolver(PRIOR).solve(torch.zeros_like(scene.heatmaps), scene.views)
    with pytest.raises(ModelError, match=r"expected \(frames, views, 17, height, width\)"):
        RpsmSolver(PRIOR).solve(scene.heatmaps[:, :, :16], scene.views)
    with pytest.raises(ModelError, match="1 frames and 3 views: give one camera"):
        RpsmSolver(PRIOR).solve(scene.heatmaps[:, :3], scene.views)
    with pytest.raises(ModelError, match="limb lengths of coco-17/1 for h36m-17/1"):
        RpsmSolver(LimbLengths("coco-17/1", LIMBS_M, LIMBS_M, 1, "estimate"))
