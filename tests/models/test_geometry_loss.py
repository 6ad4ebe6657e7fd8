"""Losses of the weakly supervised network against the original's numbers and against their own differences."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from parity import parity  # noqa: E402

from posecap.models.geometry_loss import MPII_GROUPS, geometry_loss  # noqa: E402
from posecap.models.weakly_supervised_losses import (  # noqa: E402
    depth_loss,
    gathered,
    heatmap_loss,
)


def test_the_losses_and_the_gradient_are_those_of_the_original() -> None:
    fixture = parity("weakly_supervised/losses")
    arrays = {name: torch.from_numpy(array) for name, array in fixture.arrays.items() if array.ndim}
    depth = arrays["var_input"][..., 0].requires_grad_()
    has_depth = arrays["var_mask"].sum((1, 2))
    xy = arrays["var_gt2d"].reshape(3, 16, 2)
    loss = geometry_loss(
        depth, xy, arrays["var_visible"][..., 0], has_depth, weight=float(fixture["var_weight"])
    )
    loss.backward()
    np.testing.assert_allclose(loss.detach(), fixture["var_loss"][0], rtol=1e-5)
    np.testing.assert_allclose(depth.grad[..., None], fixture["var_grad"], atol=1e-7)
    found, target = arrays["reg_pred"][..., 0], arrays["reg_target"][..., 0]
    np.testing.assert_allclose(depth_loss(found, target, arrays["reg_mask"]), fixture["reg_loss"], rtol=1e-5)


def scene() -> tuple[torch.Tensor, ...]:
    rng = torch.Generator().manual_seed(3)
    depth = torch.rand(3, 16, dtype=torch.float64, generator=rng, requires_grad=True)
    xy = torch.rand(3, 16, 2, dtype=torch.float64, generator=rng)
    visible = (torch.rand(3, 16, generator=rng) > 0.2).double()
    return depth, xy, visible, torch.tensor([0.0, 1.0, 0.0])


def test_every_loss_has_the_right_gradient() -> None:
    depth, xy, visible, has_depth = scene()
    assert torch.autograd.gradcheck(lambda z: geometry_loss(z, xy, visible, has_depth, weight=1.0), depth)
    target = 3 * xy[..., 0]  # both sides of the bend of smooth L1
    for kind in ("smooth_l1", "l2"):
        assert torch.autograd.gradcheck(lambda z, kind=kind: depth_loss(z, target, visible, kind=kind), depth)
    rng = torch.Generator().manual_seed(4)
    maps = torch.rand(2, 3, 4, 5, dtype=torch.float64, generator=rng, requires_grad=True)
    other = torch.rand(2, 3, 4, 5, dtype=torch.float64, generator=rng)
    assert torch.autograd.gradcheck(lambda m: heatmap_loss(m, other), maps)
    cells = torch.tensor([[[0, 0], [4, 3], [2, 1]], [[9, -1], [1, 2], [4, 0]]])
    assert torch.autograd.gradcheck(lambda m: gathered(m, cells), maps)
    assert gathered(maps, cells)[0, 1] == maps[0, 1, 3, 4]
    assert gathered(maps, cells)[1, 0] == maps[1, 0, 0, 4]  # outside: the border


def test_lengths_in_the_right_ratio_cost_nothing_and_others_do() -> None:
    """Two shins and two thighs along z; one shin twice too long costs half the variance of four lengths."""
    (_, shin), *_ = MPII_GROUPS[0]
    depth = torch.zeros(1, 16, dtype=torch.float64)
    depth[0, [2, 1, 0]] = torch.tensor([0.0, 1.0, 1.0 + 1 / shin], dtype=torch.float64)
    depth[0, [3, 4, 5]] = depth[0, [2, 1, 0]]
    xy = torch.zeros(1, 16, 2, dtype=torch.float64)
    visible = torch.zeros(1, 16)
    visible[0, :6] = 1
    nobody = torch.zeros(1)
    assert float(geometry_loss(depth, xy, visible, nobody, weight=1.0)) == pytest.approx(0, abs=1e-15)
    depth[0, 5] += 1 / shin
    expected = np.var([1, 1, 1, 2]) / 2
    assert float(geometry_loss(depth, xy, visible, nobody, weight=1.0)) == pytest.approx(expected)
    assert float(geometry_loss(depth, xy, visible, torch.ones(1))) == 0  # supervised: nothing to guess
    visible[0, 5] = 0  # the wrong end is not seen
    assert float(geometry_loss(depth, xy, visible, nobody)) == pytest.approx(0, abs=1e-15)


def test_nothing_known_and_nothing_long_leave_no_nan() -> None:
    depth = torch.zeros(2, 16, requires_grad=True)
    xy = torch.zeros(2, 16, 2)
    xy[:, 9] = torch.nan  # the head's top is in no bone
    xy[0] = torch.nan
    visible = torch.stack([torch.zeros(16), torch.ones(16)])
    loss = geometry_loss(depth, xy, visible, torch.zeros(2))
    loss = loss + depth_loss(depth, torch.full((2, 16), torch.nan), torch.zeros(2, 16))
    loss.backward()
    assert float(loss.detach()) == 0
    assert depth.grad.abs().max() == 0
