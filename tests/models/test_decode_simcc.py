import numpy as np

from posecap.models.decode_simcc import decode_simcc


def test_peaks_in_half_pixels() -> None:
    x = np.zeros((2, 3, 2 * 192), dtype=np.float32)
    y = np.zeros((2, 3, 2 * 256), dtype=np.float32)
    bins = np.arange(512)
    truth = np.random.default_rng(1).uniform(10, 180, (2, 3, 2)).round(1)
    for k in np.ndindex(2, 3):
        x[k] = 0.9 * np.exp(-0.5 * ((bins[:384] - 2 * truth[k][0]) / 4) ** 2)
        y[k] = 0.6 * np.exp(-0.5 * ((bins - 2 * truth[k][1]) / 4) ** 2)
    poses = decode_simcc({"simcc_x": x, "simcc_y": y})
    assert np.abs(poses.xy - truth).max() <= 0.25 + 1e-6
    np.testing.assert_allclose(poses.score, 0.6, atol=0.01)
    assert poses.logits is None


def test_negative_answers_score_zero() -> None:
    x, y = np.full((1, 1, 384), -0.3, np.float32), np.full((1, 1, 512), 0.4, np.float32)
    poses = decode_simcc({"simcc_x": x, "simcc_y": y})
    assert poses.score[0, 0] == 0.0
    assert np.isfinite(poses.variance).all()
