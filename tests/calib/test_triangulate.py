"""Triangulation against exact points, a slow twin and the Cramer-Rao bound."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from posecap.calib.triangulate import Triangulated, triangulate

FOCAL_PX = 1145.0
RADIUS_M = 4.5


def ring(views: int, height_m: float = 0.0, seed: int | None = None) -> NDArray[np.float64]:
    """(views, 3, 4) cameras in a ring that look at the origin; with a seed they are scattered around it."""
    angles = 2 * np.pi * (np.arange(views) + 0.3) / views
    centres = np.stack(
        [RADIUS_M * np.cos(angles), RADIUS_M * np.sin(angles), np.full(views, height_m)], axis=1
    )
    if seed is not None:
        rng = np.random.default_rng(seed)
        centres = rng.normal(size=(views, 3)) * (1, 1, 0.3)
        centres *= rng.uniform(2.0, 8.0, (views, 1)) / np.linalg.norm(centres, axis=1, keepdims=True)
    forward = -centres / np.linalg.norm(centres, axis=1, keepdims=True)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    R = np.stack([right, np.cross(forward, right), forward], axis=1)
    return np.concatenate([R, -R @ centres[..., None]], axis=2)


def images(extrinsics: NDArray, points: NDArray) -> NDArray[np.float64]:
    """(views, n, 2) normalised image points."""
    local = np.einsum("vij,nj->vni", extrinsics[:, :, :3], points) + extrinsics[:, None, :, 3]
    return local[..., :2] / local[..., 2:]


def information(extrinsics: NDArray, point: NDArray, weight: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Image (views, 2), Jacobian (views, 2, 3) and information (3, 3) at one point."""
    local = extrinsics @ np.append(point, 1.0)
    image = local[:, :2] / local[:, 2:]
    J = (extrinsics[:, :2, :3] - image[..., None] * extrinsics[:, 2:, :3]) / local[:, 2, None, None]
    return image, J, np.einsum("v,vri,vrj->ij", weight, J, J)


def slow_twin(rays: NDArray, variance: NDArray, extrinsics: NDArray) -> Triangulated:
    """The same estimate in plain numpy, one point after the other, Gauss-Newton until nothing moves."""
    n = rays.shape[1]
    result = Triangulated(np.full((n, 3), np.nan), np.full((n, 3, 3), np.nan))
    for k in range(n):
        used = np.isfinite(rays[:, k]).all(axis=1) & np.isfinite(variance[:, k])
        if used.sum() < 2:
            continue
        E, seen, weight = extrinsics[used], rays[used, k], 1 / variance[used, k]
        rows = np.sqrt(weight)[:, None, None] * (seen[..., None] * E[:, 2:3] - E[:, :2])
        A = rows.reshape(-1, 4)
        x = np.linalg.lstsq(A[:, :3], -A[:, 3], rcond=None)[0]
        for _ in range(50):
            image, J, F = information(E, x, weight)
            step = np.linalg.solve(F, np.einsum("v,vri,vr->i", weight, J, seen - image))
            x = x + step
            if np.abs(step).max() < 1e-13:
                break
        result.xyz[k] = x
        result.covariance[k] = np.linalg.inv(information(E, x, weight)[2])
    return result


def noisy(views: int, n: int, seed: int, noise_px: float = 3.0) -> tuple[NDArray, ...]:
    """Truth (n, 3), rays, variance (a factor of up to 16 between views), extrinsics; some not seen."""
    rng = np.random.default_rng(seed)
    E = ring(views, seed=seed)
    truth = rng.uniform(-0.8, 0.8, (n, 3))
    sigma = noise_px / FOCAL_PX * rng.uniform(0.5, 2.0, (views, n))
    rays = images(E, truth) + sigma[..., None] * rng.normal(size=(views, n, 2))
    hidden = rng.random((views, n)) < 0.25
    rays[hidden & (rng.random((views, n)) < 0.5)] = np.nan
    variance = np.where(hidden, np.inf, sigma**2)
    return truth, rays, variance, E


@pytest.mark.parametrize("views", [2, 3, 4, 16])
def test_exact_rays_give_the_exact_point(views: int) -> None:
    E = ring(views if views > 2 else 5, height_m=1.0)[:views]
    truth = np.random.default_rng(0).uniform(-1, 1, (40, 3))
    result = triangulate(images(E, truth), np.full((views, 40), 1e-6), E)
    assert np.abs(result.xyz - truth).max() < 1e-12


@given(st.integers(2, 9), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_agrees_with_the_slow_twin(views: int, seed: int) -> None:
    _, rays, variance, E = noisy(views, 12, seed)
    fast, slow = triangulate(rays, variance, E), slow_twin(rays, variance, E)
    # nearly parallel rays may be refused by the fast one, and the twin knows no camera that looks away
    known = np.isfinite(fast.xyz[:, 0])
    sure = np.sqrt(np.trace(slow.covariance, axis1=1, axis2=2)) < 0.05
    assert (known | ~sure)[np.isfinite(slow.xyz[:, 0])].all()
    sigma = np.sqrt(np.trace(slow.covariance, axis1=1, axis2=2))[known & sure]
    gap = np.linalg.norm(fast.xyz - slow.xyz, axis=1)[known & sure]
    assert (gap < 0.05 * sigma).all()
    ratio = np.linalg.norm(fast.covariance - slow.covariance, axis=(1, 2)) / np.linalg.norm(
        slow.covariance, axis=(1, 2)
    )
    assert (ratio[known & sure] < 0.05).all()


def test_company_layout_and_precision_do_not_matter() -> None:
    """A point alone and among many gives the same bits; float32 input the same point."""
    _, rays, variance, E = noisy(5, 30, 7)
    together = triangulate(rays, variance, E)
    alone = [triangulate(rays[:, k : k + 1], variance[:, k : k + 1], E) for k in range(30)]
    np.testing.assert_array_equal(together.xyz, np.concatenate([one.xyz for one in alone]))
    single = triangulate(rays.astype(np.float32), variance.astype(np.float32), E.astype(np.float32))
    np.testing.assert_allclose(single.xyz, together.xyz, atol=1e-4)


def test_reaches_the_cramer_rao_bound() -> None:
    """Ring of four level cameras: RMS error = (distance sigma / focal) sqrt(5 / V), 13.2 mm here."""
    views, draws, sigma_px = 4, 20_000, 3.0
    E = ring(views)
    noise = np.random.default_rng(3).normal(0, sigma_px / FOCAL_PX, (views, draws, 2))
    result = triangulate(noise, np.full((views, draws), (sigma_px / FOCAL_PX) ** 2), E)
    bound = RADIUS_M * sigma_px / FOCAL_PX * np.sqrt(5 / views)
    assert bound == pytest.approx(0.01318, abs=1e-5)
    rms = np.sqrt((result.xyz**2).sum(axis=1).mean())
    assert rms <= 1.01 * bound
    assert np.sqrt(np.trace(result.covariance.mean(axis=0))) == pytest.approx(bound, rel=0.01)


def test_covariance_is_the_spread_of_the_error() -> None:
    """Views of unequal noise: error^T covariance^-1 error is chi-square with 3 degrees of freedom."""
    rng = np.random.default_rng(5)
    E = ring(4, height_m=1.5)
    truth = rng.uniform(-1, 1, (20_000, 3))
    sigma = np.broadcast_to(np.array([1.0, 2.0, 6.0, 12.0])[:, None] / FOCAL_PX, (4, len(truth)))
    rays = images(E, truth) + sigma[..., None] * rng.normal(size=(4, len(truth), 2))
    result = triangulate(rays, sigma**2, E)
    gap = result.xyz - truth
    assert np.einsum("ni,nij,nj->n", gap, np.linalg.inv(result.covariance), gap).mean() == pytest.approx(
        3, rel=0.02
    )
    unweighted = triangulate(rays, np.ones(sigma.shape), E).xyz - truth
    assert np.linalg.norm(gap, axis=1).mean() < 0.6 * np.linalg.norm(unweighted, axis=1).mean()


def unseen(rays: NDArray, variance: NDArray, how: str) -> None:
    if how == "nan ray":
        rays[:3] = np.nan
    elif how == "half a ray":
        rays[:3, :, 1] = np.nan
    elif how == "zero variance":
        variance[:3] = 0.0
    else:
        variance[:3] = {"inf variance": np.inf, "nan variance": np.nan}[how]


@pytest.mark.parametrize("how", ["nan ray", "half a ray", "inf variance", "nan variance", "zero variance"])
def test_one_view_is_not_enough(how: str) -> None:
    E = ring(4, height_m=0.7)
    truth = np.random.default_rng(0).uniform(-1, 1, (50, 3))
    rays, variance = images(E, truth), np.full((4, 50), 1e-6)
    unseen(rays[:, :40], variance[:, :40], how)
    result = triangulate(rays, variance, E)
    assert np.isnan(result.xyz[:40]).all()
    assert np.isnan(result.covariance[:40]).all()
    np.testing.assert_allclose(result.xyz[40:], truth[40:], atol=1e-12)


def test_an_unseen_view_does_not_matter() -> None:
    _, rays, variance, E = noisy(6, 8, 11)
    variance[2], rays[4], variance[5] = np.inf, np.nan, 0.0
    left = [0, 1, 3]
    np.testing.assert_allclose(
        triangulate(rays, variance, E).xyz, triangulate(rays[left], variance[left], E[left]).xyz, atol=1e-12
    )


def test_parallel_rays_have_no_point() -> None:
    E = np.stack([np.eye(4)[:3], np.eye(4)[:3]])
    E[1, 0, 3] = -1.0  # one metre to the right, looking the same way
    rays = np.tile(np.random.default_rng(0).uniform(-0.5, 0.5, (1, 200, 2)), (2, 1, 1))
    rays[1] -= (1e-5, 0)  # they meet 100 km away
    result = triangulate(rays, np.full((2, 200), 1e-6), E)
    assert np.isnan(result.xyz).all()
    assert np.isnan(result.covariance).all()


def test_two_cameras_at_one_place_have_no_point() -> None:
    E = np.stack([np.eye(4)[:3], np.eye(4)[:3]])
    rays = np.random.default_rng(0).normal(0, 3e-3, (2, 50, 2))
    assert np.isnan(triangulate(rays, np.full((2, 50), 1e-6), E).xyz).all()


def test_points_behind_a_camera_are_refused() -> None:
    E = np.stack([np.eye(4)[:3], np.eye(4)[:3]])
    E[1, 0, 3] = -1.0
    behind = np.array([[0.2, 0.1, -3.0]])
    assert np.isnan(triangulate(images(E, behind), np.full((2, 1), 1e-6), E).xyz).all()
    front = -behind
    np.testing.assert_allclose(triangulate(images(E, front), np.full((2, 1), 1e-6), E).xyz, front, atol=1e-12)


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_rays_without_any_relation_give_points_in_front_or_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    E = ring(3, seed=seed)
    result = triangulate(rng.normal(0, 0.5, (3, 30, 2)), rng.uniform(1e-7, 1e-4, (3, 30)), E)
    known = np.isfinite(result.xyz).all(axis=1)
    assert (np.isnan(result.xyz).all(axis=1) | known).all()
    depth = np.einsum("vj,nj->vn", E[:, 2, :3], result.xyz[known]) + E[:, 2, 3:]
    assert (depth > 0).all()
    assert (np.linalg.eigvalsh(result.covariance[known]) > 0).all()


def test_nothing_to_triangulate() -> None:
    assert triangulate(np.empty((4, 0, 2)), np.empty((4, 0)), ring(4)).xyz.shape == (0, 3)


def test_shapes_that_do_not_belong_together() -> None:
    with pytest.raises(ValueError, match=r"rays \(4, 5, 2\), variance \(4, 6\) and extrinsics \(4, 3, 4\)"):
        triangulate(np.zeros((4, 5, 2)), np.zeros((4, 6)), ring(4))
