import numpy as np
from numpy.typing import NDArray

from posecap.models.decode_blazepose import _anchors, decode_boxes, decode_landmarks

RNG = np.random.default_rng(5)


def outputs(count: int) -> dict[str, NDArray[np.float32]]:
    rows = np.zeros((count, 39, 5), dtype=np.float32)
    rows[..., :2] = RNG.uniform(-10, 266, (count, 39, 2))
    rows[..., 3:] = RNG.normal(0, 3, (count, 39, 2))
    return {
        "Identity": rows.reshape(count, 195),
        "Identity_1": RNG.uniform(0, 1, (count, 1)).astype(np.float32),
        "Identity_3": RNG.normal(-2, 2, (count, 64, 64, 39)).astype(np.float32),
    }


def refined_slowly(x: float, y: float, heatmap: NDArray[np.float32]) -> tuple[float, float]:
    """The rule as MediaPipe words it, one landmark at a time."""
    ix, iy = int(np.floor(x / 4)), int(np.floor(y / 4))
    if not (0 <= ix < 64 and 0 <= iy < 64):
        return x, y
    total = sum_x = sum_y = peak = 0.0
    for row in range(max(iy - 3, 0), min(iy + 4, 64)):
        for column in range(max(ix - 3, 0), min(ix + 4, 64)):
            p = 1 / (1 + np.exp(-float(heatmap[row, column])))
            total, sum_x, sum_y, peak = total + p, sum_x + p * column, sum_y + p * row, max(peak, p)
    return (x, y) if peak < 0.5 else (4 * sum_x / total, 4 * sum_y / total)


def test_refinement_agrees_with_its_slow_twin() -> None:
    raw = outputs(5)
    poses = decode_landmarks(raw)
    rows = raw["Identity"].reshape(5, 39, 5)
    for k in range(5):
        for joint in range(33):
            expected = refined_slowly(rows[k, joint, 0], rows[k, joint, 1], raw["Identity_3"][k, :, :, joint])
            np.testing.assert_allclose(poses.xy[k, joint] + 0.5, expected, atol=1e-3)


def test_batch_is_its_parts() -> None:
    raw = outputs(4)
    whole = decode_landmarks(raw)
    for k in range(4):
        part = decode_landmarks({name: value[k : k + 1] for name, value in raw.items()})
        np.testing.assert_array_equal(whole.xy[k], part.xy[0])
        np.testing.assert_array_equal(whole.variance[k], part.variance[0])


def test_score_is_the_lower_of_visibility_and_presence_times_the_flag() -> None:
    raw = outputs(1)
    rows = raw["Identity"].reshape(1, 39, 5)
    rows[0, 0, 3:] = (2.0, -1.0)
    raw["Identity_1"][:] = 0.5
    assert decode_landmarks(raw).score[0, 0] == np.float64(0.5 / (1 + np.exp(np.float64(1.0))))


def test_surer_joints_have_less_variance() -> None:
    raw = outputs(1)
    rows = raw["Identity"].reshape(1, 39, 5)
    rows[..., :2] = 128.0
    rows[..., 3:] = 5.0
    raw["Identity_3"][:] = -8
    raw["Identity_3"][0, 32, 32, 0] = 3.0
    raw["Identity_3"][0, 32, 32, 1] = 0.0
    variance = decode_landmarks(raw).variance[0]
    assert variance[0] < variance[1] < variance[2]


def test_next_region_is_upright_for_a_point_above_the_hips() -> None:
    raw = outputs(2)
    rows = raw["Identity"].reshape(2, 39, 5)
    rows[0, 33, :2], rows[0, 34, :2] = (128, 140), (128, 60)
    rows[1, 33, :2], rows[1, 34, :2] = (100, 100), (160, 100)  # leans to the right: clockwise
    region = decode_landmarks(raw).next_region
    assert region is not None
    np.testing.assert_allclose(region[0], (127.5, 139.5, 200, 0), atol=1e-9)
    np.testing.assert_allclose(region[1], (99.5, 99.5, 150, np.pi / 2), atol=1e-6)


def test_anchors() -> None:
    anchors = _anchors()
    assert anchors.shape == (2254, 2)
    np.testing.assert_allclose(anchors[[0, 1, 2]] * 28, [(0.5, 0.5), (0.5, 0.5), (1.5, 0.5)])
    np.testing.assert_allclose(anchors[28 * 28 * 2 + 14 * 14 * 2] * 7, (0.5, 0.5))


def test_boxes_of_one_person_merge_and_two_people_stay_two() -> None:
    logits = np.full((1, 2254, 1), -10.0, dtype=np.float32)
    rows = np.zeros((1, 2254, 12), dtype=np.float32)
    anchors = _anchors() * 224
    people = {(60.0, 100.0): (3.0, 2.0), (170.0, 110.0): (1.0, 0.5)}
    for (x, y), scores in people.items():
        near = np.argsort(np.hypot(*(anchors - (x, y)).T))[: len(scores)]
        for anchor, score in zip(near, scores, strict=True):
            logits[0, anchor] = score
            rows[0, anchor, :2] = (x, y) - anchors[anchor]
            rows[0, anchor, 2:4] = 50
            rows[0, anchor, 4:6] = (x, y + 5) - anchors[anchor]
            rows[0, anchor, 6:8] = (x, y - 60) - anchors[anchor]
    found = decode_boxes({"Identity": rows, "Identity_1": logits})
    assert found.shape == (2, 5)
    np.testing.assert_allclose(found[0], (60, 105, 60, 40, 1 / (1 + np.exp(-3.0))), atol=1e-4)
    np.testing.assert_allclose(found[1, :4], (170, 115, 170, 50), atol=1e-4)


def test_nobody() -> None:
    nobody = {
        "Identity": np.zeros((1, 2254, 12), dtype=np.float32),
        "Identity_1": np.full((1, 2254, 1), -200.0, dtype=np.float32),
    }
    assert decode_boxes(nobody).shape == (0, 5)
