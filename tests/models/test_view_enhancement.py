import numpy as np
import pytest

pytest.importorskip("torch", reason="the networks need PyTorch")
import torch

from posecap.models.view_enhancement import enhance_views

torch.set_num_threads(1)


def slow_twin(volumes: np.ndarray, sequential: bool) -> np.ndarray:
    """Voxel by voxel; volumes (V, C, N)."""
    views, _, voxels = volumes.shape
    result = volumes.copy()
    for n in range(voxels):
        shifted = volumes[:, :, n] + 1e-10
        unit = shifted / np.linalg.norm(shifted, axis=1, keepdims=True)
        source = result if sequential else volumes
        for i in range(views):
            total = sum(unit[i] @ unit[j] * source[j, :, n] for j in range(views) if j != i)
            result[i, :, n] = result[i, :, n] + total
    return result


@pytest.mark.parametrize("views", [1, 2, 4, 5])
@pytest.mark.parametrize("update", ["sequential", "simultaneous"])
def test_the_slow_twin_agrees(views: int, update) -> None:
    torch.manual_seed(views)
    volumes = torch.randn(2, views, 6, 2, 3, 4, dtype=torch.float64)
    volumes[0, 0, :, 1, 1] = 0  # a view that knows nothing
    ours = enhance_views(volumes, update)
    for sample in range(2):
        truth = slow_twin(volumes[sample].flatten(2).numpy(), update == "sequential")
        np.testing.assert_allclose(ours[sample].flatten(2).numpy(), truth, atol=1e-12)


def test_views_grow_one_after_the_other_only_in_sequence() -> None:
    torch.manual_seed(0)
    volumes = torch.rand(1, 4, 32, 6, 6, 6)
    norms = [
        enhance_views(volumes, update).norm(dim=2).mean((0, 2, 3, 4))
        for update in ("sequential", "simultaneous")
    ]
    assert all(b > 1.5 * a for a, b in zip(norms[0][:-1], norms[0][1:], strict=True))
    assert float(norms[1].max() / norms[1].min()) < 1.01


def test_only_the_sequence_depends_on_the_order_of_views() -> None:
    torch.manual_seed(0)
    volumes = torch.randn(1, 3, 4, 2, 2, 2)
    for update, same in (("sequential", False), ("simultaneous", True)):
        turned = enhance_views(volumes.flip(1), update).flip(1)
        assert torch.allclose(turned, enhance_views(volumes, update), atol=1e-6) is same


def test_voxels_that_nobody_sees_stay_zero_in_single_precision() -> None:
    volumes = torch.zeros(1, 3, 32, 2, 2, 2)
    for update in ("sequential", "simultaneous"):
        assert torch.equal(enhance_views(volumes, update), volumes)


@pytest.mark.parametrize("update", ["sequential", "simultaneous"])
def test_gradients_are_exact(update) -> None:
    torch.manual_seed(0)
    volumes = torch.randn(1, 3, 4, 1, 1, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: enhance_views(v, update), (volumes,))
