import pytest

pytest.importorskip("torch", reason="the networks need PyTorch")
import torch

from posecap.models.heatmap_argmax import heatmap_argmax
from posecap.models.soft_argmax import SoftArgmax


def peaks(*cells: tuple[int, ...], shape: tuple[int, ...], height: float = 80.0) -> torch.Tensor:
    """One map for each cell, as good as zero elsewhere after a softmax."""
    maps = torch.zeros(len(cells), *shape)
    for index, cell in enumerate(cells):
        maps[(index, *cell)] = height
    return maps


def test_a_peak_is_where_it_is() -> None:
    row_and_column = peaks((2, 5), (0, 0), (7, 11), shape=(8, 12))
    assert torch.allclose(SoftArgmax.pixels(8, 12)(row_and_column), torch.tensor([[5.0, 2], [0, 0], [11, 7]]))
    volume = peaks((1, 2, 3), shape=(4, 5, 6))
    assert torch.allclose(SoftArgmax.voxels(4, 5, 6)(volume), torch.tensor([[3.0, 2, 1]]))
    line = peaks((3,), shape=(7,))
    assert torch.allclose(SoftArgmax([(7, -1.0, 1.0)])(line), torch.tensor([[0.0]]), atol=1e-6)


def test_order_of_the_axes_can_be_kept() -> None:
    box = [(4, -1.0, 1.0), (5, 0.0, 4.0), (3, 10.0, 30.0)]
    volume = peaks((3, 1, 2), shape=(4, 5, 3))
    assert torch.allclose(SoftArgmax(box, order="same")(volume), torch.tensor([[1.0, 1, 30]]))


def test_expectation_of_two_cells_is_the_weighted_mean() -> None:
    maps = torch.full((1, 1, 4), -100.0)
    maps[..., 0], maps[..., 3] = torch.log(torch.tensor(0.25)), torch.log(torch.tensor(0.75))
    assert torch.allclose(SoftArgmax.pixels(1, 4)(maps), torch.tensor([[2.25, 0]]), atol=1e-6)
    mass = torch.tensor([[[0.1, 0, 0, 0.3]]])
    assert torch.allclose(SoftArgmax.pixels(1, 4, normalise="sum")(mass), torch.tensor([[2.25, 0]]))


def test_half_precision_counts_a_volume_in_full() -> None:
    flat = torch.zeros(1, 60, 60, 60, dtype=torch.float16)
    xyz = SoftArgmax.voxels(60, 60, 60)(flat)
    assert xyz.dtype == torch.float32
    assert torch.allclose(xyz, torch.full((1, 3), 29.5), atol=1e-3)


def test_an_empty_map_has_no_centre_of_mass() -> None:
    assert SoftArgmax.pixels(3, 3, normalise="sum")(torch.zeros(1, 3, 3)).isnan().all()


def test_checkpoints_need_not_know_of_the_coordinates() -> None:
    assert not SoftArgmax.voxels(4, 4, 4).state_dict()


def test_highest_cell_and_the_quarter_step_towards_the_higher_neighbour() -> None:
    maps = peaks((2, 5), (0, 11), shape=(8, 12), height=1.0)
    maps[0, 2, 6] = maps[0, 1, 5] = 0.5  # right, up
    xy, score = heatmap_argmax(maps)
    assert xy.tolist() == [[5, 2], [11, 0]]
    assert score.tolist() == [1, 1]
    assert heatmap_argmax(maps, quarter_step=True)[0].tolist() == [[5.25, 1.75], [11, 0]]


def test_a_map_with_nan_gives_nan() -> None:
    maps = peaks((1, 1), (1, 1), shape=(3, 3))
    maps[1, 0, 0] = torch.nan
    assert heatmap_argmax(maps)[0].isnan().tolist() == [[False, False], [True, True]]
