"""Losses of canonical fusion against numbers worked out by hand, and their gradients."""

import pytest

torch = pytest.importorskip("torch")

from posecap.models.canonical_losses import canonical_loss, keypoint_loss, point_loss  # noqa: E402


def test_keypoints_are_squares_and_the_original_adds_its_views() -> None:
    found = torch.zeros(2, 4, 3, 2)
    target = torch.zeros(2, 4, 3, 2)
    target[..., 0] = 2.0  # 4 and 0: a mean of 2 for each coordinate
    assert keypoint_loss(found, target) == 2
    by_view = sum(((found - target)[:, view] ** 2).mean() for view in range(4))
    assert keypoint_loss(found, target, over_views="sum") == by_view == 8
    target[0, 0, 0] = torch.nan
    target[1, 2] = 0.0
    assert keypoint_loss(found, target) == pytest.approx(4 * 20 / 46)


def test_points_are_distances_and_unknown_ones_do_not_count() -> None:
    found = torch.zeros(1, 4, 3, requires_grad=True)
    target = torch.tensor([[[3.0, 4, 0], [0, 0, 0], [torch.nan, 0, 0], [0, 0, 1]]])
    loss = point_loss(found, target)
    assert loss.item() == pytest.approx((5 + 0 + 1) / 3)
    loss.backward()
    torch.testing.assert_close(
        found.grad, torch.tensor([[[-0.6, -0.8, 0], [0, 0, 0], [0, 0, 0], [0, 0, -1]]]) / 3
    )
    assert point_loss(torch.full((1, 4, 3), torch.nan), target) == 0


def test_the_whole_is_the_sum_and_the_original_has_no_points() -> None:
    xy, xyz = torch.rand(2, 3, 5, 2), torch.rand(2, 5, 3)
    there, world = torch.rand(2, 3, 5, 2), torch.rand(2, 5, 3)
    assert canonical_loss(xy, xyz, there, world) == keypoint_loss(xy, there)
    torch.testing.assert_close(
        canonical_loss(xy, xyz, there, world, point_weight=0.5),
        keypoint_loss(xy, there) + 0.5 * point_loss(xyz, world),
    )
    with pytest.raises(ValueError, match=r"point_weight 0\.5 without target_xyz: give the points"):
        canonical_loss(xy, xyz, there, point_weight=0.5)


def test_gradcheck() -> None:
    rng = torch.Generator().manual_seed(0)

    def random(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, dtype=torch.float64, generator=rng)

    xy, xyz = random(2, 3, 4, 2).requires_grad_(), random(2, 4, 3).requires_grad_()
    there, world = random(2, 3, 4, 2), random(2, 4, 3)
    there[0, 1, 2] = torch.nan
    world[1, 3] = torch.nan
    assert torch.autograd.gradcheck(
        lambda a, b: canonical_loss(a, b, there, world, point_weight=0.3, over_views="sum"), (xy, xyz)
    )
