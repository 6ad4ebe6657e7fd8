import pytest

pytest.importorskip("torch", reason="the networks need PyTorch")
import torch
from torch import Tensor

from posecap.models.volume_crop import cropped_box, peak_voxels, resampled, voxels_around

torch.set_num_threads(1)


def volumes(*peaks: list[tuple[int, int, int]], side: int = 16) -> Tensor:
    """(1, J, side, side, side): -1 everywhere, 5 at each joint's voxels."""
    maps = torch.full((1, len(peaks), side, side, side), -1.0)
    for joint, voxels in enumerate(peaks):
        for x, y, z in voxels:
            maps[0, joint, x, y, z] = 5.0
    return maps


def test_peaks_are_indices_in_the_order_x_y_z_and_ties_their_mean() -> None:
    maps = volumes([(3, 9, 14)], [(0, 15, 2), (4, 15, 3)], [(1, 1, 1), (1, 2, 1), (1, 6, 1)])
    expected = [[3, 9, 14], [2, 15, 2.5], [1, 3, 1]]
    torch.testing.assert_close(peak_voxels(maps)[0], torch.tensor(expected, dtype=torch.float32))


def test_a_flat_volume_has_its_peak_in_the_middle() -> None:
    torch.testing.assert_close(peak_voxels(torch.zeros(1, 1, 16, 16, 16)), torch.full((1, 1, 3), 7.5))


def test_the_box_keeps_two_voxels_around_the_joints_as_far_as_the_volume_reaches() -> None:
    low, high = voxels_around(volumes([(5, 1, 7)], [(8, 3, 14)], [(6, 2, 10)]))
    assert low.tolist() == [[3, 0, 5]]
    assert high.tolist() == [[10, 5, 15]]
    low, high = voxels_around(volumes([(5, 1, 7)]), margin=0.0)
    assert low.tolist() == high.tolist() == [[5, 1, 7]]


def test_the_box_is_anisotropic_in_millimetres() -> None:
    maps = volumes([(5, 1, 7)], [(8, 3, 14)])
    lower, upper = torch.tensor([[-1500.0, -3000.0, 0.0]]), torch.tensor([[1500.0, 0.0, 1500.0]])
    low, high = voxels_around(maps)
    corner, opposite = cropped_box(lower, upper, low, high, maps)
    # voxels lie 200, 200 and 100 mm apart, the first and the last one on the faces
    torch.testing.assert_close(corner, torch.tensor([[-900.0, -3000.0, 500.0]]))
    torch.testing.assert_close(opposite, torch.tensor([[500.0, -2000.0, 1500.0]]))


def test_heatmaps_are_resampled_to_the_voxel_below_with_both_faces() -> None:
    side, fine = 16, 32
    # values are indices along one axis of each joint
    index = torch.arange(16.0)
    maps = torch.stack(
        [
            index[:, None, None].expand(side, side, side),
            index[:, None].expand(side, side, side),
            index.expand(side, side, side),
        ]
    )[None]
    low, high = torch.tensor([[3.0, 0.0, 5.0]]), torch.tensor([[10.0, 15.0, 15.0]])
    ours = resampled(maps, low, high, fine)
    assert ours.shape == (1, 3, fine, fine, fine)
    lines = ours[0, 0, :, 0, 0], ours[0, 1, 0, :, 0], ours[0, 2, 0, 0, :]
    for line, first, last in zip(lines, (3, 0, 5), (10, 15, 15), strict=True):
        expected = [first + (k * (last - first)) // (fine - 1) for k in range(fine)]  # exact integers
        assert line.tolist() == expected
        assert (line[0], line[-1]) == (first, last)


@pytest.mark.parametrize("fine", [16, 64])
def test_no_voxel_is_lost_to_rounding(fine: int) -> None:
    maps = torch.arange(32.0)[:, None, None].expand(1, 1, 32, 32, 32)
    for first in range(0, 20, 3):
        for last in range(first + 2, 32):
            low, high = torch.full((1, 3), float(first)), torch.full((1, 3), float(last))
            line = resampled(maps, low, high, fine)[0, 0, :, 0, 0]
            assert line.tolist() == [first + (k * (last - first)) // (fine - 1) for k in range(fine)]


def test_a_box_of_ties_starts_between_voxels_and_reaches_the_last() -> None:
    maps = volumes([(3, 8, 8), (4, 8, 8), (5, 8, 8), (3, 9, 8)], [(15, 8, 8)])  # mean x 3.75
    low, high = voxels_around(maps)
    assert low[0].tolist() == [1.75, 6, 6]
    assert high[0].tolist() == [15, 10.25, 10]
    line = resampled(torch.arange(16.0)[:, None, None].expand(1, 1, 16, 16, 16), low, high, 32)[0, 0, :, 0, 0]
    assert (line[0], line[-1]) == (1, 15)


def test_samples_of_a_batch_have_their_own_boxes() -> None:
    maps = torch.cat([volumes([(2, 3, 4)]), volumes([(12, 3, 4)])])
    low, high = voxels_around(maps)
    ours = resampled(maps, low, high, 32)
    for sample in range(2):
        alone = resampled(maps[sample : sample + 1], low[sample : sample + 1], high[sample : sample + 1], 32)
        torch.testing.assert_close(ours[sample : sample + 1], alone)
        assert ours[sample].max() == 5  # the peak is in the box


def test_unknown_heatmaps_stay_unknown() -> None:
    maps = torch.full((1, 2, 8, 8, 8), torch.nan)
    low, high = voxels_around(maps)
    assert low.isnan().all()
    assert resampled(maps, low, high, 16).isnan().all()
