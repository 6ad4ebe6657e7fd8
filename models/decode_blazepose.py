"""BlazePose read (Bazarevsky et al. 2020; the GHUM networks of MediaPipe): landmarks of a crop, and people.

Landmarks are regressed in crop pixels and then drawn to the centre of mass of their heatmap nearby, as
MediaPipe's RefineLandmarksFromHeatmapCalculator does. The network counts from the crop's corner, and cell c
of a heatmap stands for 4 c there (mirrored crops agree on both); ours count from the centre of the first
pixel, half a pixel less.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from posecap.models.crop_poses import CropPoses, joint_variance, sigmoid

_CROP = 256
_CELLS = 64
_CELL_PX = _CROP / _CELLS
_JOINTS = 33
_HIPS, _CIRCLE = 33, 34  # hip centre, a point on the circle around the whole body
_REACH = 3  # the window is 7 x 7 cells
_LEAST_PEAK = 0.5
_SQUARE = 2 * 1.25  # side of the crop per radius of the circle

_DETECTOR_PX = 224
_GRIDS = ((28, 2), (14, 2), (7, 6))  # cells a side, anchors a cell
_KEEP_SCORE = 0.5
_SAME_IOU = 0.3


def decode_landmarks(outputs: dict[str, NDArray[np.float32]]) -> CropPoses:
    """Poses of a batch from `Identity` (n, 195), `Identity_1` (n, 1) and `Identity_3` (n, 64, 64, 39)."""
    rows = outputs["Identity"].reshape(-1, 39, 5).astype(np.float64)
    person = outputs["Identity_1"].reshape(-1).astype(np.float64)
    heatmaps = outputs["Identity_3"]
    regressed = rows[:, :_JOINTS, :2]
    refined, peak = _refined(regressed, heatmaps)
    visible = np.minimum(sigmoid(rows[:, :_JOINTS, 3]), sigmoid(rows[:, :_JOINTS, 4]))
    cell = np.array([[_CELL_PX, 0.0, -0.5], [0.0, _CELL_PX, -0.5]])
    return CropPoses(
        xy=refined - 0.5,
        score=visible * person[:, None],
        variance=joint_variance(peak, visible, _CROP),
        person=person,
        logits=np.moveaxis(heatmaps, 3, 1)[:, :_JOINTS],
        crop_from_cell=cell,
        next_region=_next_region(rows[:, _HIPS, :2], rows[:, _CIRCLE, :2]),
    )


def _refined(
    regressed: NDArray[np.float64], heatmaps: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Landmarks (n, 33, 2) moved to the mass of their heatmap in 7 x 7 cells, and its peak there, 0..1."""
    steps = np.arange(-_REACH, _REACH + 1)
    cell = np.floor(regressed / _CELL_PX).astype(np.int64)
    column, row = cell[..., 0, None] + steps, cell[..., 1, None] + steps  # (n, joints, 7)
    crop = np.arange(len(regressed))[:, None, None, None]
    joint = np.arange(_JOINTS)[None, :, None, None]
    at_row, at_column = (np.clip(index, 0, _CELLS - 1) for index in (row, column))
    window = sigmoid(heatmaps[crop, at_row[..., :, None], at_column[..., None, :], joint])
    inside = ((row >= 0) & (row < _CELLS))[..., :, None] & ((column >= 0) & (column < _CELLS))[..., None, :]
    window = np.where(inside, window, 0.0)
    mass = np.maximum(window.sum(axis=(2, 3)), 1e-9)
    x = (window.sum(axis=2) * column).sum(axis=2) / mass
    y = (window.sum(axis=3) * row).sum(axis=2) / mass
    peak = window.max(axis=(2, 3))
    sure = ((cell >= 0) & (cell < _CELLS)).all(axis=2) & (peak >= _LEAST_PEAK)
    refined = np.where(sure[..., None], np.stack([x, y], axis=2) * _CELL_PX, regressed)
    return refined, peak


def _next_region(hips: NDArray[np.float64], circle: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 4) centre, side and roll of the square that the network wants to see next."""
    up = circle - hips
    side = _SQUARE * np.linalg.norm(up, axis=1)
    return np.column_stack([hips - 0.5, side, np.arctan2(up[:, 0], -up[:, 1])])


def decode_boxes(outputs: dict[str, NDArray[np.float32]]) -> NDArray[np.float64]:
    """People in one picture of the detector, best first: (n, 5) hip centre x, y; circle point x, y; score.

    Pixels of the 224 x 224 letterbox, counted from its corner.
    """
    score = sigmoid(np.clip(outputs["Identity_1"].reshape(-1), -100, 100))
    keep = np.flatnonzero(score > _KEEP_SCORE)
    anchors = _anchors()[keep]
    rows = outputs["Identity"].reshape(-1, 12)[keep].astype(np.float64) / _DETECTOR_PX
    boxes = np.concatenate(
        [rows[:, :2] + anchors - rows[:, 2:4] / 2, rows[:, :2] + anchors + rows[:, 2:4] / 2], axis=1
    )
    points = (rows[:, 4:8].reshape(-1, 2, 2) + anchors[:, None]).reshape(-1, 4)
    return _merged(boxes, points, score[keep])


def _merged(
    boxes: NDArray[np.float64], points: NDArray[np.float64], score: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weighted non-maximum suppression: overlapping boxes are averaged with their scores as weights."""
    left = list(np.argsort(-score))
    people: list[NDArray[np.float64]] = []
    while left:
        best = left[0]
        same = [k for k in left if k == best or _iou(boxes[best], boxes[k]) > _SAME_IOU]
        weight = score[same] / score[same].sum()
        people.append(np.append(weight @ points[same] * _DETECTOR_PX, score[best]))
        left = [k for k in left if k not in same]
    return np.array(people).reshape(-1, 5)


def _iou(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    overlap = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0.0))
    return float(overlap / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - overlap + 1e-12))


@cache
def _anchors() -> NDArray[np.float64]:
    """(2254, 2) anchor centres, 0..1: row by row, then the columns, then the anchors of a cell."""
    parts = []
    for cells, count in _GRIDS:
        centre = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(centre, centre, indexing="ij")
        parts.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), count, axis=0))
    return np.concatenate(parts)
