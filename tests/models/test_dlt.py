"""Triangulation by inverse iteration against the singular value decomposition, and its gradient in both units."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor  # noqa: E402

from posecap.models.dlt import Triangulation, smallest_vector, triangulate  # noqa: E402
from posecap.models.feature_transform import heatmap_points, network_projections  # noqa: E402

METRES = "metres, -1 to 1"
MILLIMETRES = "millimetres, pixels"
ORIGINAL = {"shift": -1e-3, "iterations": 2, "start": (0.5, 0.5, 0.5, 0.5)}


def scenes(count: int, views: int, noise_px: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
    """Cameras three to six metres around a room: points (n, 3) m, pixels (n, views, 1, 2), projections; float64.

    Pictures are 256 x 256, so a pixel of the heatmap is four of them.
    """
    rng = np.random.default_rng(7)
    angle = (
        rng.uniform(0, 2 * np.pi, (count, 1))
        + np.arange(views) * 2 * np.pi / (views + 1)  # two views do not face each other
        + rng.normal(0, 0.2, (count, views))
    )
    distance = rng.uniform(3, 6, (count, views))
    centre = np.stack(
        [distance * np.cos(angle), distance * np.sin(angle), rng.uniform(1, 2, angle.shape)], -1
    )
    ahead = [0, 0, 1] - centre
    ahead /= np.linalg.norm(ahead, axis=-1, keepdims=True)
    right = np.cross(ahead, [0.0, 0, 1])
    right /= np.linalg.norm(right, axis=-1, keepdims=True)
    R = np.stack([right, np.cross(ahead, right), ahead], -2)
    K = np.array([[512.0, 0, 127.5], [0, 512, 127.5], [0, 0, 1]])
    P = K @ np.concatenate([R, -R @ centre[..., None]], -1)
    X = rng.uniform([-1, -1, 0], [1, 1, 2], (count, 3))
    uvw = (P @ np.append(X, np.ones((count, 1)), 1)[:, None, :, None])[..., 0]
    xy = uvw[..., :2] / uvw[..., 2:] + rng.normal(0, max(noise_px, 1e-12), (count, views, 2))
    return torch.from_numpy(X), torch.from_numpy(xy)[:, :, None], torch.from_numpy(P)


def by_svd(points: Tensor, projections: Tensor) -> np.ndarray:
    """(n, 3) in float64."""
    p, P = points[:, :, 0].double().numpy(), projections.double().numpy()
    A = p[..., None] * P[..., 2:, :] - P[..., :2, :]
    x = np.linalg.svd(A.reshape(len(A), -1, 4))[2][:, -1]
    return x[:, :3] / x[:, 3:]


def jacobian(units: str, xy: Tensor, P: Tensor, **options: object) -> Tensor:
    """(n, 3, coordinates of all views) of the float32 answer: mm of the world per pixel of the heatmap."""
    points = heatmap_points(xy, 256, units).float().requires_grad_()
    X = triangulate(points, network_projections(P, 256, units)[0], **options)
    rows = [torch.autograd.grad(X[..., axis].sum(), points, retain_graph=True)[0] for axis in range(3)]
    J = torch.stack(rows, 1).flatten(2)
    return J * (1000 * 2 / 64) if units == METRES else J


@pytest.mark.parametrize("views", [2, 3, 4, 8])
def test_exact_points_come_back(views: int) -> None:
    X, xy, P = scenes(200, views)
    for units, unit_m in ((METRES, 1.0), (MILLIMETRES, 1e-3)):
        found = triangulate(heatmap_points(xy, 256, units), network_projections(P, 256, units)[0].double())
        # the projections are float32
        np.testing.assert_allclose(found[:, 0] * unit_m, X, atol=1e-5)


@pytest.mark.parametrize(("views", "limit_m"), [(2, 2e-5), (4, 5e-6), (6, 5e-6)])
def test_float32_agrees_with_svd_in_float64(views: int, limit_m: float) -> None:
    _, xy, P = scenes(2000, views, noise_px=0.5)
    points, projections = heatmap_points(xy, 256, METRES).float(), network_projections(P, 256, METRES)[0]
    found = triangulate(points, projections)[:, 0].double().numpy()
    truth = by_svd(points, projections)
    apart = np.linalg.norm(found - truth, axis=1)
    assert apart.max() < limit_m
    coarse = triangulate(points, projections, iterations=1)[:, 0].double().numpy()
    assert np.linalg.norm(coarse - truth, axis=1).max() > 20 * limit_m  # one step is not enough


@pytest.mark.parametrize("views", [2, 4])
@pytest.mark.parametrize("noise_px", [0.0, 0.01, 1.0])
def test_float32_in_millimetres_finds_points_without_noise_too(views: int, noise_px: float) -> None:
    """The last pivot of exact points cancels to nothing, and the original's shift is far below a last digit."""
    _, xy, P = scenes(3000, views, noise_px)
    points, projections = (
        heatmap_points(xy, 256, MILLIMETRES).float(),
        network_projections(P, 256, MILLIMETRES)[0],
    )
    found = triangulate(points, projections, **ORIGINAL)[:, 0].double().numpy()
    apart_mm = np.linalg.norm(found - by_svd(points, projections), axis=1)
    assert np.isfinite(apart_mm).all()
    assert np.quantile(apart_mm, 0.99) < 0.02
    assert apart_mm.max() < 15  # where the original's start is nearly orthogonal to the answer


def test_the_gradient_stays_bounded_in_metres_and_not_in_millimetres() -> None:
    """10,000 scenes of four views, one heatmap pixel of noise; the issue's measure of an unstable training."""
    _, xy, P = scenes(10_000, 4, noise_px=4.0)
    metres = jacobian(METRES, xy, P).norm(dim=(1, 2))
    millimetres = jacobian(MILLIMETRES, xy, P, **ORIGINAL).norm(dim=(1, 2))
    assert torch.isfinite(metres).all()
    assert 30 < metres.median() < 50
    assert metres.max() < 3 * metres.median()
    assert 30 < millimetres.median() < 50  # the same answer as a rule
    assert millimetres.max() > 50 * millimetres.median()


def test_the_gradient_is_that_of_the_singular_vector() -> None:
    _, xy, P = scenes(300, 4, noise_px=4.0)
    J = jacobian(METRES, xy, P)
    points, projections = heatmap_points(xy, 256, METRES), network_projections(P, 256, METRES)[0]
    for view in range(4):
        for axis in range(2):
            step = torch.zeros_like(points)
            step[:, view, 0, axis] = 1e-6
            difference = by_svd(points + step, projections) - by_svd(points - step, projections)
            slope = difference / 2e-6 * (1000 * 2 / 64)
            np.testing.assert_allclose(J[:, :, 2 * view + axis], slope, atol=2e-3 * np.abs(slope).max())


def test_gradcheck() -> None:
    _, xy, P = scenes(2, 3, noise_px=1.0)
    points, projections = heatmap_points(xy, 256, METRES), network_projections(P, 256, METRES)[0].double()
    weights = torch.rand(2, 3, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 0.5
    inputs = points.requires_grad_(), projections.requires_grad_(), weights.requires_grad_()
    assert torch.autograd.gradcheck(triangulate, inputs)


def test_views_that_do_not_know_a_joint_do_not_count() -> None:
    X, xy, P = scenes(50, 4)
    points, projections = heatmap_points(xy, 256, METRES).float(), network_projections(P, 256, METRES)[0]
    points = points.expand(-1, -1, 3, -1).clone()  # three joints at one place
    points[:, 0, 0] = math.nan
    points[:, 1:, 1] = math.nan  # one view is not enough
    points[:, 3, 2] += 0.3
    weights = torch.ones(50, 4, 3)
    weights[:, 3, 2] = 0.0
    points.requires_grad_()
    found = triangulate(points, projections, weights)
    np.testing.assert_allclose(found[:, [0, 2]].detach(), X[:, None].expand(-1, 2, -1), atol=2e-5)
    assert found[:, 1].isnan().all()
    found[:, [0, 2]].sum().backward()
    assert points.grad is not None
    assert points.grad.isfinite().all()
    assert (points.grad[:, 3, 2] == 0).all()


def test_a_point_at_infinity_is_unknown() -> None:
    """Two cameras side by side whose rays are parallel."""
    P = torch.eye(3, 4).repeat(1, 2, 1, 1)
    P[0, 1, 0, 3] = -1.0
    found = triangulate(torch.zeros(1, 2, 1, 2), P, iterations=12, start=(0.5, 0.4, 0.3, 0.0))
    assert found.isnan().all()


@pytest.mark.parametrize("shift", [-1e-3, 1e-3])
def test_a_step_divides_by_eigenvalue_plus_shift(shift: float) -> None:
    """With the original's minus an eigenvalue below 0.001 turns its vector around, and a larger one gains more."""
    for least in (0.0002, 0.003):
        gram = torch.diag(torch.tensor([least, 1.0, 2.0, 3.0], dtype=torch.float64))[None]
        x = smallest_vector(gram, shift=shift, iterations=1, start=(1, 1, 1, 1))[0]
        assert (x[0] / x[1]).item() == pytest.approx((1 + shift) / (least + shift))
        assert (x[0] / x[1] < 0) == (shift < 0 and least < 1e-3)


def test_the_start_may_not_be_orthogonal_to_the_answer() -> None:
    gram = torch.diag(torch.tensor([0.0, 1, 2, 3]))[None]
    right = smallest_vector(gram, start=(0.1, 1, 0, 0))
    np.testing.assert_allclose(right[0], [1, 0, 0, 0], atol=1e-6)
    wrong = smallest_vector(gram, start=(0, 1, 0, 0))
    np.testing.assert_allclose(wrong[0], [0, 1, 0, 0], atol=1e-6)


@pytest.mark.slow
def test_engines_agree_at_any_batch_and_any_number_of_views(tmp_path) -> None:
    pytest.importorskip("onnxscript")
    from posecap.models.export_onnx import export
    from posecap.models.verify_onnx import verify

    def inputs(batch: int, views: int) -> tuple[Tensor, Tensor]:
        _, xy, P = scenes(batch, views, noise_px=2.0)
        points = heatmap_points(xy, 256, METRES).float().expand(-1, -1, 14, -1)
        return points.contiguous(), network_projections(P, 256, METRES)[0]

    path, axes = tmp_path / "dlt.onnx", {0: "batch", 1: "views"}
    export(
        Triangulation(), inputs(3, 4), path, outputs=("xyz",), inputs=("points", "P"), dynamic=(axes, axes)
    )
    for batch, views in ((1, 2), (3, 4), (5, 7)):
        for verified in verify(path, Triangulation(), inputs(batch, views), repeats=0):
            assert verified.difference < 1e-5, verified
