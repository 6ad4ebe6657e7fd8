"""Features moved by cameras, and the units in which the network sees cameras and joints."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from parity import parity  # noqa: E402

from posecap.models.feature_transform import (  # noqa: E402
    heatmap_points,
    inverse_projections,
    network_projections,
    picture_points,
    to_view,
    to_world,
)

METRES = "metres, -1 to 1"
MILLIMETRES = "millimetres, pixels"


def camera() -> tuple[np.ndarray, np.ndarray]:
    """Projection from metres to 256 x 256 pixels, and a point that it sees."""
    K = np.array([[600.0, 0, 130], [0, 610, 120], [0, 0, 1]])
    angle = 0.7
    R = np.array([[np.cos(angle), -np.sin(angle), 0], [0, 0, -1], [np.sin(angle), np.cos(angle), 0]])
    return K @ np.column_stack([R, [0.1, 0.9, 4.2]]), np.array([0.3, -0.2, 1.1])


def seen(P: np.ndarray, X: np.ndarray) -> np.ndarray:
    uvw = P @ np.append(X, 1.0)
    return uvw[:2] / uvw[2]


def test_channels_are_vectors_three_or_four_at_a_time() -> None:
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(2, 5, 300, 2, 3)))  # (N, views, channels, h, w)
    matrix = torch.from_numpy(rng.normal(size=(2, 5, 4, 3)))
    y = to_world(x, matrix)
    assert y.shape == (2, 5, 400, 2, 3)
    vector = x[1, 4, 3 * 17 : 3 * 17 + 3, 1, 2]
    np.testing.assert_allclose(y[1, 4, 4 * 17 : 4 * 17 + 4, 1, 2], matrix[1, 4] @ vector)
    back = to_view(y, torch.linalg.pinv(matrix))
    np.testing.assert_allclose(back, x, atol=1e-9)
    # one world, seen by every view
    assert to_view(y[:, :1], torch.linalg.pinv(matrix)).shape == (2, 5, 300, 2, 3)


@pytest.mark.parametrize(("units", "per_metre"), [(METRES, 1.0), (MILLIMETRES, 1000.0)])
def test_projections_and_targets_agree_in_both_units(units: str, per_metre: float) -> None:
    P, X = camera()
    view_from_world, world_from_view = network_projections(torch.from_numpy(P), 256, units)
    target = heatmap_points(torch.from_numpy(seen(P, X)), 256, units)
    np.testing.assert_allclose(seen(view_from_world.numpy(), X * per_metre), target, atol=2e-5)
    both = view_from_world.double() @ world_from_view.double()
    np.testing.assert_allclose(both, np.eye(3), atol=1e-2 if units == MILLIMETRES else 1e-6)
    np.testing.assert_allclose(picture_points(target, 256, units), seen(P, X), atol=1e-9)


def test_only_metres_have_factors_of_one_size() -> None:
    P, _ = camera()
    small, _ = network_projections(torch.from_numpy(P), 256, METRES)
    large, _ = network_projections(torch.from_numpy(P), 256, MILLIMETRES)
    assert small.abs().max() < 25
    assert large.abs().max() > 1e5
    np.testing.assert_allclose(small[2, :3].norm(), 1, atol=1e-6)
    twice, _ = network_projections(torch.from_numpy(2 * P), 256, METRES)  # a projection's scale means nothing
    torch.testing.assert_close(twice, small)


def test_the_original_targets_lie_three_eighths_of_a_cell_beside() -> None:
    pixels = torch.tensor([100.0, 30.0])
    np.testing.assert_allclose(heatmap_points(pixels, 256, MILLIMETRES), pixels / 4 - 0.375)
    np.testing.assert_allclose(
        heatmap_points(torch.tensor([0.0, 255.0]), 256, METRES), [-1 + 1 / 256, 1 - 1 / 256]
    )


@pytest.mark.parametrize("side", [64, 320])
def test_heatmaps_have_a_quarter_of_the_picture_unless_said_otherwise(side: int) -> None:
    """The border of the first two cells and that of the picture, where a cell has four pixels."""
    pixels = torch.tensor([3.5, side - 0.5])
    at = heatmap_points(pixels, side, MILLIMETRES)
    np.testing.assert_allclose(at, [0.5, side / 4 - 0.5])
    np.testing.assert_allclose(picture_points(at, side, MILLIMETRES), pixels)
    P, X = camera()
    moved, _ = network_projections(torch.from_numpy(P), side, MILLIMETRES)
    expected = heatmap_points(torch.from_numpy(seen(P, X)), side, MILLIMETRES)
    np.testing.assert_allclose(seen(moved.numpy(), X * 1000), expected, atol=2e-5)
    same, _ = network_projections(torch.from_numpy(P), side, MILLIMETRES, cells=side // 4)
    torch.testing.assert_close(moved, same)
    half, _ = network_projections(torch.from_numpy(P), side, MILLIMETRES, cells=side // 2)
    assert (half - moved).abs().max() > 1


def test_inverses_are_those_of_the_original() -> None:
    fixture = parity("canonical/views4")
    ours = inverse_projections(torch.from_numpy(fixture["P"])).float().numpy()
    for view in range(4):
        np.testing.assert_allclose(
            ours[view], fixture["Pinv"][view], rtol=1e-3, atol=1e-4 * abs(ours[view]).max()
        )
