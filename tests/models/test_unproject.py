import math

import numpy as np
import pytest

pytest.importorskip("torch", reason="the networks need PyTorch")
import torch

from posecap.models.unproject import Edge, box_points, unproject

torch.set_num_threads(1)


def slow_twin(
    features: np.ndarray, projection: np.ndarray, points: np.ndarray, edge: str, half_pixel: bool, mask: bool
) -> np.ndarray:
    """(C, N) of one view, point by point, as the description has it; cells of 4 px."""
    channels, height, width = features.shape
    found = np.zeros((channels, len(points)))

    def cell(row: int, column: int) -> np.ndarray:
        inside = 0 <= row < height and 0 <= column < width
        return features[:, row, column] if inside else np.zeros(channels)

    for n, point in enumerate(points):
        u, v, depth = projection @ [*point, 1.0]
        if mask and depth <= 0:
            continue
        x, y = u / depth / 4, v / depth / 4
        if half_pixel:
            x, y = (u / depth + 0.5) / 4 - 0.5, (v / depth + 0.5) / 4 - 0.5
        if edge != "zero":
            x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
        x0, y0 = math.floor(x), math.floor(y)
        x1, y1 = x0 + 1, y0 + 1
        if edge != "zero":
            x1, y1 = min(x1, width - 1), min(y1, height - 1)
        right, below = x - x0, y - y0
        left, above = 1 - right, 1 - below
        if edge == "original":  # weights of a cell that was clamped vanish
            left, above = x1 - x, y1 - y
        found[:, n] = (
            left * above * cell(y0, x0)
            + right * above * cell(y0, x1)
            + left * below * cell(y1, x0)
            + right * below * cell(y1, x1)
        )
    return found


def scene() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two samples, three views of 8 x 6 cells; boxes that pass every edge of the pictures and a camera's plane."""
    rng = np.random.default_rng(3)
    features = rng.normal(size=(2, 3, 5, 6, 8))
    lens = np.array([[20.0, 0, 15.5], [0, 20.0, 11.5], [0, 0, 1]])
    projections = np.zeros((2, 3, 3, 4))
    for view in range(3):
        angle = 2.1 * view
        c, s = math.cos(angle), math.sin(angle)
        rotation = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
        projections[:, view] = lens @ np.c_[rotation, [0.1, -0.2, 1.3]]
    points = box_points(
        torch.tensor([[-2.0, -1.5, -1.5], [-0.5, -0.6, -0.3]], dtype=torch.float64),
        torch.tensor([[1.5, 1.0, 2.0], [0.7, 0.5, 0.9]], dtype=torch.float64),
        6,
    )
    return torch.from_numpy(features), torch.from_numpy(projections), points


def test_a_box_has_its_faces_and_the_axes_x_y_z() -> None:
    points = box_points(torch.tensor([[-1.0, 0, 10], [0, 0, 0]]), torch.tensor([[1.0, 3, 40], [1, 1, 1]]), 4)
    assert points.shape == (2, 4, 4, 4, 3)
    torch.testing.assert_close(points[0, :, 0, 0, 0], torch.tensor([-1, -1 / 3, 1 / 3, 1]))
    torch.testing.assert_close(points[0, 0, :, 0, 1], torch.tensor([0.0, 1, 2, 3]))
    torch.testing.assert_close(points[0, 0, 0, :, 2], torch.tensor([10.0, 20, 30, 40]))
    assert points[0, 3, 0, 2].tolist() == [1, 0, 30]


@pytest.mark.parametrize("edge", ["original", "border", "zero"])
@pytest.mark.parametrize("half_pixel", [False, True])
@pytest.mark.parametrize("mask", [False, True])
def test_the_slow_twin_agrees(edge: Edge, half_pixel: bool, mask: bool) -> None:
    features, projections, points = scene()
    ours = unproject(features, projections, points, edge=edge, half_pixel=half_pixel, mask_behind=mask)
    assert ours.shape == (2, 3, 5, 6, 6, 6)
    zeros = 0
    for sample in range(2):
        for view in range(3):
            truth = slow_twin(
                features[sample, view].numpy(),
                projections[sample, view].numpy(),
                points[sample].reshape(-1, 3).numpy(),
                edge,
                half_pixel,
                mask,
            )
            np.testing.assert_allclose(ours[sample, view].flatten(1).numpy(), truth, atol=1e-9)
            zeros += int((truth == 0).all(0).sum())
    assert (zeros > 0) == (edge != "border" or mask)  # the scene does reach over the edges


def looking_along_z(u: float, v: float) -> tuple[torch.Tensor, torch.Tensor]:
    """A projection, and one point that it sees at pixel (u, v)."""
    projection = torch.eye(3, 4, dtype=torch.float64)[None, None]
    return projection, torch.tensor([u, v, 1.0], dtype=torch.float64).reshape(1, 1, 1, 1, 3)


@pytest.mark.parametrize(
    ("u", "v", "original", "border", "zero"),
    [
        (-9.0, 8.0, 7.0, 7.0, 0.0),  # left of everything
        (8.0, -9.0, 7.0, 7.0, 0.0),  # above
        (28.0, 8.0, 0.0, 7.0, 7.0),  # on the last column's centre
        (27.0, 8.0, 7.0, 7.0, 7.0),
        (99.0, 8.0, 0.0, 7.0, 0.0),
        (8.0, 20.0, 0.0, 7.0, 7.0),  # on the last row's centre
        (8.0, 19.0, 7.0, 7.0, 7.0),
        (8.0, 99.0, 0.0, 7.0, 0.0),
        (30.0, 8.0, 0.0, 7.0, 3.5),  # half a cell beyond
    ],
)
def test_the_edges_of_a_picture(u: float, v: float, original: float, border: float, zero: float) -> None:
    features = torch.full((1, 1, 1, 6, 8), 7.0, dtype=torch.float64)
    projections, points = looking_along_z(u, v)
    for edge, expected in (("original", original), ("border", border), ("zero", zero)):
        value = unproject(features, projections, points, edge=edge, half_pixel=False)  # pyright: ignore[reportArgumentType]
        assert float(value.flatten()) == pytest.approx(expected), edge


def test_with_half_a_pixel_a_ramp_over_the_picture_is_found_again() -> None:
    pixels = torch.arange(32, dtype=torch.float64)
    cells = pixels.reshape(8, 4).mean(1)  # what an average over a cell's pixels would be
    features = cells.expand(1, 1, 1, 6, 8)
    projections, points = looking_along_z(13.0, 10.0)
    right = unproject(features, projections, points, half_pixel=True)
    shifted = unproject(features, projections, points, half_pixel=False)
    assert float(right.flatten()) == pytest.approx(13.0)
    assert float(shifted.flatten()) == pytest.approx(13.0 + 1.5)


def test_points_behind_a_camera_are_mirrored_unless_masked() -> None:
    features = torch.rand(1, 1, 1, 6, 8, dtype=torch.float64)
    projections, points = looking_along_z(13.0, 10.0)
    in_front = unproject(features, projections, points)
    behind = unproject(features, projections, -points, mask_behind=False)
    torch.testing.assert_close(in_front, behind)
    assert float(unproject(features, projections, -points).abs().sum()) == 0


def test_a_point_at_the_camera_is_finite_and_so_is_its_gradient() -> None:
    features = torch.rand(1, 1, 2, 6, 8, dtype=torch.float64, requires_grad=True)
    projections, points = looking_along_z(13.0, 10.0)
    volume = unproject(features, projections, points * 0)
    assert volume.abs().sum() == 0
    volume.sum().backward()
    assert features.grad is not None
    assert features.grad.isfinite().all()


def test_gradients_of_features_are_exact() -> None:
    features, projections, points = scene()
    features, projections = features[:1, :1, :1].requires_grad_(), projections[:1, :1]
    for edge in ("original", "zero"):
        assert torch.autograd.gradcheck(
            lambda f, edge=edge: unproject(f, projections[:1], points[:1, ::2, ::2, ::2], edge=edge),
            (features,),
        )
