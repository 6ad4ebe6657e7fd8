from itertools import combinations

import numpy as np
import pytest

pytest.importorskip("torch", reason="the networks need PyTorch")
import torch
from parity import parity
from torch import Tensor

from posecap.models.published_joints import TWO_STAGE_17
from posecap.models.two_stage import Stage
from posecap.models.two_stage_losses import (
    ANGLES,
    Losses,
    LossSettings,
    absolute_difference,
    angle_difference,
    counted,
    counted_voxels,
    distance_difference,
    in_box,
    two_stage_losses,
    volume_cross_entropy,
)

torch.set_num_threads(1)

JOINTS = 17


def stage(batch: int = 2, voxels: int = 6) -> tuple[Stage, Tensor]:
    """A stage in a box of 2 x 4 x 6 around (1, 2, 3), and truth in it, float64."""
    torch.manual_seed(batch)
    joints = torch.rand(batch, JOINTS, 3, dtype=torch.float64) * 1.8 - 0.9
    half = torch.tensor([1.0, 2, 3], dtype=torch.float64).expand(batch, 3)
    middle = half
    truth = middle[:, None] + half[:, None] * (torch.rand_like(joints) * 0.6 - 0.3)
    heatmaps = torch.randn(batch, JOINTS, voxels, voxels, voxels, dtype=torch.float64)
    points = middle[:, None] + half[:, None] * joints
    return Stage(points, joints, heatmaps, middle - half, middle + half), truth


def everything(batch: int = 2) -> Tensor:
    return torch.ones(batch, JOINTS, dtype=torch.bool)


def test_terms_of_the_original() -> None:
    fixture = parity("two_stage/s96_v16")
    arrays = {key: torch.from_numpy(fixture[key]).double() for key in fixture.arrays}
    counts = everything()
    found = torch.zeros(3, dtype=torch.float64)
    for number, ours in ((0, "out1"), (1, "out2")):
        truth = in_box(arrays["loss_gt"], arrays["loss_vmin"][:, number], arrays["loss_vmax"][:, number])
        assert counted(truth, "batch").all()
        found += torch.stack(
            [
                absolute_difference(arrays[ours], truth, counts),
                1e-4 * angle_difference(arrays[ours], truth, counts),
                1e-3 * distance_difference(arrays[ours], truth, counts),
            ]
        )
    expected = torch.stack([arrays[f"loss_{name}"] for name in ("l1", "ang", "len")])
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)


def test_terms_by_hand() -> None:
    first, points = stage()
    truth = in_box(points, first.lower, first.upper)
    np.testing.assert_allclose(truth.numpy(), (points - first.lower[:, None]) / torch.tensor([1, 2, 3]) - 1)
    a, g = first.joints.numpy(), truth.numpy()
    counts = everything()
    assert float(absolute_difference(first.joints, truth, counts)) == pytest.approx(np.abs(a - g).sum())

    def cosine(p: np.ndarray, middle: int, one: int, other: int) -> float:
        u, v = p[one] - p[middle], p[other] - p[middle]
        return u @ v / np.linalg.norm(u) / np.linalg.norm(v)

    angles = sum(abs(cosine(p, *j) - cosine(q, *j)) for p, q in zip(a, g, strict=True) for j in ANGLES)
    assert float(angle_difference(first.joints, truth, counts)) == pytest.approx(angles)
    pairs = list(combinations(range(JOINTS), 2))
    assert len(pairs) == 136
    lengths = sum(
        abs(np.linalg.norm(p[i] - p[j]) - np.linalg.norm(q[i] - q[j]))
        for p, q in zip(a, g, strict=True)
        for i, j in pairs
    )
    assert float(distance_difference(first.joints, truth, counts)) == pytest.approx(lengths)
    surprise = []
    for sample in range(2):
        for joint in range(JOINTS):
            volume = np.exp(first.heatmaps[sample, joint].numpy())
            x, y, z = np.floor((g[sample, joint] + 1) / 2 * 5).astype(int)
            surprise.append(-np.log(volume[x, y, z] / volume.sum() + 1e-6))
    ours = volume_cross_entropy(first.heatmaps, truth, counts)
    assert float(ours) == pytest.approx(np.mean(surprise))


def test_the_terms_of_both_stages_are_weighed_and_added() -> None:
    first, points = stage()
    second = stage()[0]._replace(joints=first.joints * 0.5)
    alone = [two_stage_losses([one], points) for one in (first, second)]
    both = two_stage_losses([first, second], points)
    for ours, a, b in zip(both, *alone, strict=True):
        torch.testing.assert_close(ours, a + b)
    torch.testing.assert_close(both.total(), torch.stack(list(both)).sum())
    unit = LossSettings(absolute=1.0, volume=1.0, angle=1.0, distance=1.0)
    plain = two_stage_losses([first, second], points, unit)
    expected = Losses(plain.absolute, plain.volume * 0.01, plain.angle * 1e-4, plain.distance * 1e-3)
    for ours, theirs in zip(both, expected, strict=True):
        torch.testing.assert_close(ours, theirs)
    assert min(both) > 0


def test_angles_are_at_shoulders_elbows_hips_and_knees() -> None:
    names = TWO_STAGE_17.names
    for middle, *_ in ANGLES:
        assert names[middle].split("_")[1] in ("shoulder", "elbow", "hip", "knee")
    assert len({middle for middle, *_ in ANGLES}) == 8
    parents = dict(zip(names, TWO_STAGE_17.parents, strict=True))
    for middle, one, other in ANGLES:
        for end in (one, other):
            bone = {names[middle], names[end]}
            assert any(parents[a] >= 0 and names[parents[a]] == b for a in bone for b in bone - {a}), bone


def test_a_joint_outside_drops_its_sample_or_in_compat_the_whole_batch() -> None:
    first, points = stage()
    points[1, 5, 0] = first.upper[1, 0] + 0.5
    sample, batch = (
        two_stage_losses([first], points),
        two_stage_losses([first], points, LossSettings("batch")),
    )
    assert all(float(term) == 0 for term in batch)
    alone = Stage(*(part[:1] for part in first))
    for ours, expected in zip(sample, two_stage_losses([alone], points[:1]), strict=True):
        torch.testing.assert_close(ours, expected)
        assert expected > 0
    # the other stage, whose box is wider, keeps both samples
    wider = first._replace(lower=first.lower - 1, upper=first.upper + 1)
    assert all(float(term) > 0 for term in two_stage_losses([first, wider], points, LossSettings("batch")))


def test_the_first_voxel_counts_as_outside_only_in_compat() -> None:
    first, points = stage()
    assert float(two_stage_losses([first], points, LossSettings("batch")).volume) > 0
    points[0, 3, 2] = first.lower[0, 2] + 0.01
    truth = in_box(points, first.lower, first.upper)
    assert counted(truth, "batch").all()
    assert not counted_voxels(truth, first.heatmaps, "batch").any()
    assert counted_voxels(truth, first.heatmaps, "sample").all()
    compat = two_stage_losses([first], points, LossSettings("batch"))
    assert float(compat.volume) == 0
    assert float(compat.absolute) > 0
    assert float(two_stage_losses([first], points).volume) > 0


def test_faces_of_the_box_are_inside() -> None:
    truth = torch.tensor([[[1.0, -1.0, 0.0]]], dtype=torch.float64)
    assert counted(truth, "sample").all()
    heatmaps = torch.zeros(1, 1, 4, 4, 4, dtype=torch.float64)
    heatmaps[0, 0, 3, 0, 1] = 50.0  # floor(0.5 * 3) = 1
    surprise = volume_cross_entropy(heatmaps, truth, torch.ones(1, 1, dtype=torch.bool))
    assert float(surprise) == pytest.approx(0.0, abs=2e-6)


def test_unknown_joints_count_for_nothing_and_leave_finite_gradients() -> None:
    first, points = stage()
    points[0, 4] = torch.nan
    joints = first.joints.clone().requires_grad_()
    heatmaps = first.heatmaps.clone().requires_grad_()
    losses = two_stage_losses([first._replace(joints=joints, heatmaps=heatmaps)], points)
    losses.total().backward()
    assert joints.grad is not None
    assert heatmaps.grad is not None
    assert joints.grad.isfinite().all()
    assert heatmaps.grad.isfinite().all()
    assert joints.grad[0, 4].abs().sum() == 0
    assert heatmaps.grad[0, 4].abs().sum() == 0
    assert (joints.grad[1].abs().sum(-1) > 0).all()
    changed = first.joints.clone()
    changed[0, 4] += 0.3
    torch.testing.assert_close(
        two_stage_losses([first._replace(joints=changed)], points).total(), losses.total()
    )
    points[:] = torch.nan
    assert float(two_stage_losses([first], points).total()) == 0


@pytest.mark.parametrize("term", [absolute_difference, angle_difference, distance_difference])
def test_gradients_of_the_terms_over_joints_are_exact(term) -> None:
    first, points = stage()
    truth = in_box(points, first.lower, first.upper)
    counts = everything()
    counts[0, 8] = False
    joints = first.joints.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda j: term(j, truth, counts), (joints,))


def test_gradients_of_the_volumes_are_exact() -> None:
    torch.manual_seed(0)
    heatmaps = torch.randn(2, 3, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    truth = torch.rand(2, 3, 3, dtype=torch.float64) * 2 - 1
    counts = torch.tensor([[True, True, False], [True, True, True]])
    assert torch.autograd.gradcheck(lambda h: volume_cross_entropy(h, truth, counts), (heatmaps,))
