import numpy as np
from numpy.typing import NDArray

from posecap.models.decode_movenet import decode_people, decode_single

RNG = np.random.default_rng(6)


def heads(count: int, cells: int) -> dict[str, NDArray[np.float32]]:
    def noise(channels: int, scale: float, mean: float = 0.0) -> NDArray[np.float32]:
        return RNG.normal(mean, scale, (count, channels, cells, cells)).astype(np.float32)

    return {
        "centre": (1 / (1 + np.exp(-noise(1, 2.0, -2.0)))).astype(np.float32),
        "heatmap": noise(17, 2.0, -2.0),
        "regression": noise(34, 8.0),
        "offset": noise(34, 0.5),
    }


def decoded_slowly(maps: dict[str, NDArray[np.float32]], k: int) -> NDArray[np.float64]:
    """The published post-processing, one joint at a time: (17, 3) y, x in 0..1, score."""
    n = maps["centre"].shape[-1]
    rows, columns = np.mgrid[:n, :n].astype(float)
    weight = 1 / (np.sqrt((rows - n / 2) ** 2 + (columns - n / 2) ** 2) + 1.8)
    cy, cx = divmod(int(np.argmax(maps["centre"][k, 0] * weight)), n)
    result = np.empty((17, 3))
    for j in range(17):
        ry = cy + maps["regression"][k, 2 * j, cy, cx]
        rx = cx + maps["regression"][k, 2 * j + 1, cy, cx]
        heat = 1 / (1 + np.exp(-maps["heatmap"][k, j].astype(float)))
        d = np.sqrt((rows - ry) ** 2 + (columns - rx) ** 2) + 1.8
        y, x = divmod(int(np.argmax(heat / d)), n)
        result[j] = (
            (y + maps["offset"][k, 2 * j, y, x]) / n,
            (x + maps["offset"][k, 2 * j + 1, y, x]) / n,
            heat[y, x],
        )
    return result


def test_single_agrees_with_its_slow_twin() -> None:
    maps = heads(6, 24)
    poses = decode_single(maps)
    for k in range(6):
        expected = decoded_slowly(maps, k)
        np.testing.assert_allclose((poses.xy[k] + 0.5) / (24 * 4), expected[:, 1::-1], atol=1e-6)
        np.testing.assert_allclose(poses.score[k], expected[:, 2], atol=1e-6)


def test_single_keeps_the_logits_and_says_where_cells_are() -> None:
    maps = heads(1, 24)
    poses = decode_single(maps)
    assert poses.logits is not None
    np.testing.assert_array_equal(poses.logits, maps["heatmap"])
    first = poses.crop_from_cell @ (0, 0, 1)
    np.testing.assert_allclose(first, (1.5, 1.5))  # the middle of pixels 0 to 3


def people_maps() -> tuple[dict[str, NDArray[np.float32]], list[tuple[int, int]]]:
    """Two people with joints in a column through their centres."""
    maps = {
        name: np.zeros((1, channels, 40, 64), np.float32)
        for name, channels in (("regression", 34), ("offset", 34))
    }
    maps["centre"] = np.full((1, 1, 40, 64), 0.01, np.float32)
    maps["heatmap"] = np.full((1, 17, 40, 64), -6.0, np.float32)
    maps["box_size"] = np.zeros((1, 2, 40, 64), np.float32)
    maps["box_offset"] = np.zeros((1, 2, 40, 64), np.float32)
    centres = [(20, 15), (22, 45)]
    for (cy, cx), likely in zip(centres, (0.9, 0.7), strict=True):
        maps["centre"][0, 0, cy, cx] = likely
        maps["centre"][0, 0, cy, cx + 1] = likely - 0.1  # not a peak
        maps["box_size"][0, :, cy, cx] = (24, 10)
        maps["box_offset"][0, :, cy, cx] = (0.5, 0.25)
        for j in range(17):
            y = cy - 8 + j
            maps["regression"][0, 2 * j, cy, cx] = y - cy + 1  # one cell off
            maps["heatmap"][0, j, y, cx] = 3.0
            maps["offset"][0, 2 * j, y, cx] = 0.25
    return maps, centres


def test_people_each_get_their_own_joints() -> None:
    maps, centres = people_maps()
    boxes, joints = decode_people(maps)
    assert len(boxes) == 2
    for box, body, (cy, cx), likely in zip(boxes, joints, centres, (0.9, 0.7), strict=True):
        np.testing.assert_allclose(
            box[:4], 4 * np.array((cx + 0.25 - 5, cy + 0.5 - 12, cx + 5.25, cy + 12.5)), atol=1e-4
        )
        np.testing.assert_allclose(body[:, 0], 4 * cx, atol=1e-4)
        np.testing.assert_allclose(body[:, 1], 4 * (cy - 8 + np.arange(17) + 0.25), atol=1e-4)
        assert 0 < box[4] <= likely


def test_nobody() -> None:
    maps, _ = people_maps()
    maps["centre"][:] = 0.02
    boxes, joints = decode_people(maps)
    assert boxes.shape == (0, 5)
    assert joints.shape == (0, 17, 3)
