"""The second reading of a heatmap with a known peak."""

import numpy as np

from posecap.runtime.pose import Heatmaps
from posecap.runtime.reread import reread

JOINT = np.array([0])


def heatmap_with_peaks(peaks: list[tuple[float, float]]) -> Heatmaps:
    """One joint, 64 x 64 cells of 8 px, origin at (100, 50)."""
    x, y = np.meshgrid(np.arange(64), np.arange(64))
    chance = sum(0.9 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / 4.0) for px, py in peaks)
    chance = np.clip(chance, 1e-6, 1 - 1e-6)
    return Heatmaps(
        np.log(chance / (1 - chance))[None].astype(np.float32), np.array([[8.0, 0, 100], [0, 8.0, 50]])
    )


def test_the_peak_near_the_expectation_is_read() -> None:
    heatmaps = heatmap_with_peaks([(20.0, 30.0), (40.0, 30.0)])
    for column in (20.0, 40.0):
        expected = np.array([[100 + 8 * (column + 1.0), 50 + 8 * 30.0]])
        pixel, variance = reread(heatmaps, JOINT, expected, sigma_px=24.0)
        assert np.abs(pixel - [100 + 8 * column, 50 + 8 * 30.0]).max() < 4.0
        assert np.isfinite(variance).all()


def test_nothing_is_read_where_nothing_is_seen() -> None:
    heatmaps = heatmap_with_peaks([(20.0, 30.0)])
    pixel, variance = reread(heatmaps, JOINT, np.array([[100 + 8 * 55.0, 50 + 8 * 10.0]]), sigma_px=16.0)
    assert np.isnan(pixel).all()
    assert np.isinf(variance).all()


def test_an_unknown_or_far_away_expectation_reads_nothing() -> None:
    heatmaps = heatmap_with_peaks([(20.0, 30.0)])
    for expected in ([[np.nan, np.nan]], [[-500.0, 20.0]]):
        pixel, variance = reread(heatmaps, JOINT, np.array(expected), sigma_px=16.0)
        assert np.isnan(pixel).all()
        assert np.isinf(variance).all()
