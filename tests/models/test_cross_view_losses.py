import pytest

pytest.importorskip("torch", reason="the networks need PyTorch")
import torch

from posecap.models.cross_view_losses import cross_view_loss, heatmap_loss
from posecap.models.heatmap_argmax import heatmap_argmax
from posecap.models.heatmap_peak import heatmap_peak
from posecap.models.heatmap_targets import gaussian_targets
from posecap.models.view_fusion import ViewFusion


def maps(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


def test_loss_sums_joints_and_views_and_means_pixels_and_batch() -> None:
    ones, zeros = torch.ones(3, 4, 20, 5, 6), torch.zeros(3, 4, 20, 5, 6)
    assert heatmap_loss(ones, zeros, torch.ones(3, 4, 20)) == 80.0
    assert cross_view_loss(ones, zeros, zeros, torch.ones(3, 4, 20)) == 80.0
    assert cross_view_loss(ones, ones, zeros, torch.ones(3, 4, 20)) == 160.0


def test_a_joint_without_weight_may_have_any_target() -> None:
    targets = torch.full((1, 1, 2, 2, 2), torch.nan)
    targets[:, :, 0] = 0.0
    weights = torch.tensor([[[1.0, 0.0]]])
    single = torch.ones(1, 1, 2, 2, 2, requires_grad=True)
    loss = heatmap_loss(single, targets, weights)
    loss.backward()
    assert loss == 1.0
    assert single.grad is not None
    assert single.grad[0, 0, 1].abs().max() == 0.0


@pytest.mark.parametrize("kind", ["normalised", "fixed"])
def test_a_sample_without_any_view_says_nothing_to_loss_and_matrices(kind) -> None:
    """Its fused heatmaps are NaN, the gradients those of the other sample alone."""
    layer = ViewFusion(3, 12, kind)
    single, targets = maps(2, 3, 2, 3, 4).float().requires_grad_(), maps(2, 3, 2, 4, 3).mT.float()
    present = torch.tensor([[True, True, False], [False, False, False]])
    weights = torch.ones(2, 3, 2)
    weights[1] = 0.0
    fused = layer(single, present)
    assert fused[1].isnan().all()
    assert fused[0].isfinite().all()
    loss = cross_view_loss(single, fused, targets, weights)
    loss.backward()
    gradients = [warp.weight.grad.clone() for warp in layer.aggre]  # pyright: ignore
    assert single.grad is not None
    assert (single.grad[1] == 0).all()
    layer.zero_grad()
    alone = cross_view_loss(single[:1], layer(single[:1], present[:1]), targets[:1], weights[:1]) / 2
    alone.backward()
    torch.testing.assert_close(loss, alone)
    for warp, gradient in zip(layer.aggre, gradients, strict=True):
        torch.testing.assert_close(gradient, warp.weight.grad)


def test_views_of_no_rig_count_twice_in_compat_and_once_in_clean() -> None:
    single, targets, weights = torch.ones(2, 1, 1, 2, 2), torch.zeros(2, 1, 1, 2, 2), torch.ones(2, 1, 1)
    fused = torch.full_like(single, 3.0)
    one_rig = torch.tensor([True, False])
    compat = cross_view_loss(single, fused, targets, weights, one_rig, single_twice=True)
    clean = cross_view_loss(single, fused, targets, weights, one_rig)
    assert compat == (1.0 + 1.0) / 2 + (9.0 + 1.0) / 2
    assert clean == (1.0 + 1.0) / 2 + 9.0 / 2


@pytest.mark.parametrize("single_twice", [False, True])
def test_gradients(single_twice: bool) -> None:
    single, fused = maps(2, 2, 3, 3, 4).requires_grad_(), maps(2, 2, 3, 4, 3).mT.contiguous().requires_grad_()
    targets, weights = maps(2, 2, 3, 3, 4), maps(2, 2, 3)
    one_rig = torch.tensor([True, False])
    assert torch.autograd.gradcheck(
        lambda a, b: cross_view_loss(a, b, targets, weights, one_rig, single_twice=single_twice),
        (single, fused),
    )


def test_targets_of_the_original_sit_on_cells() -> None:
    xy = torch.tensor([[3.4, 2.6], [3.5, 2.4]], dtype=torch.float64)
    targets, weights = gaussian_targets(xy, (12, 10), rounded=True)
    cell, height = heatmap_argmax(targets)
    assert cell.tolist() == [[3.0, 3.0], [4.0, 2.0]]
    assert height.tolist() == [1.0, 1.0]
    assert weights.tolist() == [1.0, 1.0]
    assert targets[0, 3, 9] == pytest.approx(torch.exp(torch.tensor(-36 / 8)).item())
    assert targets[0, 3, 10] == 0.0


def test_joints_outside_or_unknown_weigh_nothing() -> None:
    xy = torch.tensor([[-0.6, 2.0], [11.5, 2.0], [2.0, 9.6], [torch.nan, 2.0], [11.4, 9.4]])
    targets, weights = gaussian_targets(xy, (12, 10))
    assert weights.tolist() == [0.0, 0.0, 0.0, 0.0, 1.0]
    assert targets[:4].abs().max() == 0.0


def test_peaks_between_cells_come_back_exactly() -> None:
    xy = torch.tensor([[5.3, 4.8], [7.0, 3.5001], [2.49, 6.1]], dtype=torch.float64)
    peak, _ = heatmap_peak(gaussian_targets(xy, (12, 10))[0])
    torch.testing.assert_close(peak.double(), xy, atol=1e-5, rtol=0)
    rounded, _ = heatmap_peak(gaussian_targets(xy, (12, 10), rounded=True)[0])
    assert (rounded - torch.trunc(xy + 0.5)).abs().max() < 1e-5


def test_peaks_of_flat_border_and_unknown_maps() -> None:
    flat = torch.ones(4, 5)
    border = torch.zeros(4, 5)
    border[0, 4] = 1.0
    unknown = torch.full((4, 5), torch.nan)
    peak, _ = heatmap_peak(torch.stack([flat, border, unknown]))
    assert peak[:2].tolist() == [[0.0, 0.0], [4.0, 0.0]]
    assert peak[2].isnan().all()
