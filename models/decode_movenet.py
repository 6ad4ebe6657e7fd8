"""MoveNet's heads read: the person nearest the middle of a crop, or everybody in a picture.

The networks are CenterNets (Zhou, Wang and Kraehenbuehl 2019): a centre map says where people are, a
regression map at the centre where their joints are roughly, heatmaps and offsets near there where exactly.
All maps have a stride of 4 input pixels; coordinates count from the picture's corner, so cell c with offset
o is at 4 (c + o) - 0.5 about pixel centres.
"""

import numpy as np
from numpy.typing import NDArray

from posecap.models.crop_poses import CropPoses, joint_variance, sigmoid

_STRIDE = 4
_CENTRE_SOFTNESS = 1.8  # cells; of the published graphs
_PEAK_REACH = 2  # a centre is the largest of 5 x 5 cells
_SPREAD_OF_BOX = 0.30004883  # constants of the published multi-pose graph
_COUNTED_SCORE = 0.12695312


def decode_single(outputs: dict[str, NDArray[np.float32]]) -> CropPoses:
    """Poses of a batch from the heads `centre`, `heatmap`, `regression`, `offset`."""
    logits = outputs["heatmap"]
    heat = sigmoid(logits)
    count, joints, cells = heat.shape[:3]
    crop, joint = np.arange(count)[:, None], np.arange(joints)[None]
    index = np.arange(cells, dtype=np.float32)
    middle = 1.0 / (np.hypot(index[:, None] - cells / 2, index - cells / 2) + _CENTRE_SOFTNESS)
    centres = (outputs["centre"][:, 0] * middle).reshape(count, -1).argmax(axis=1)
    cy, cx = np.divmod(centres, cells)
    coarse = outputs["regression"].reshape(count, joints, 2, cells, cells)[
        crop, joint, :, cy[:, None], cx[:, None]
    ]
    coarse_y = cy[:, None].astype(np.float32) + coarse[..., 0]
    coarse_x = cx[:, None].astype(np.float32) + coarse[..., 1]
    away = (index - coarse_y[..., None])[..., :, None] ** 2 + (index - coarse_x[..., None])[..., None, :] ** 2
    near = heat / (np.sqrt(away, out=away) + np.float32(_CENTRE_SOFTNESS))
    y, x = np.divmod(near.reshape(count, joints, -1).argmax(axis=2), cells)
    offset = outputs["offset"].reshape(count, joints, 2, cells, cells)[crop, joint, :, y, x]
    exact = np.stack([x + offset[..., 1], y + offset[..., 0]], axis=2)
    score = heat[crop, joint, y, x].astype(np.float64)
    return CropPoses(
        xy=_STRIDE * exact - 0.5,
        score=score,
        variance=joint_variance(score, 1.0, _STRIDE * cells),
        person=outputs["centre"].reshape(count, -1)[np.arange(count), centres].astype(np.float64),
        logits=logits,
        crop_from_cell=np.array([[_STRIDE, 0.0, _STRIDE / 2 - 0.5], [0.0, _STRIDE, _STRIDE / 2 - 0.5]]),
    )


def decode_people(
    outputs: dict[str, NDArray[np.float32]], most: int = 6, least_centre: float = 0.1
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Everybody in one picture, as the published multi-pose graph finds them.

    Args:
        outputs: heads `centre`, `heatmap`, `regression`, `offset`, `box_size`, `box_offset`, (1, channels,
            h, w).
        most: people at most.
        least_centre: centres below this are not looked at.

    Returns:
        Boxes (people, 5) x0, y0, x1, y1 in input pixels from the picture's corner, and the person's score;
        joints (people, 17, 3) x, y in the same unit, and the joint's score. Best first.
    """
    centre = outputs["centre"][0, 0].astype(np.float64)
    height, width = centre.shape
    padded = np.pad(centre, _PEAK_REACH, constant_values=-np.inf)
    around = np.lib.stride_tricks.sliding_window_view(padded, (2 * _PEAK_REACH + 1, 2 * _PEAK_REACH + 1))
    peaks = np.where(centre >= around.max(axis=(2, 3)) - 1e-6, centre, 0.0).ravel()
    best = np.argsort(-peaks, kind="stable")[:most]
    best = best[peaks[best] >= least_centre]
    cy, cx = np.divmod(best, width)
    size = np.maximum(outputs["box_size"][0, :, cy, cx].astype(np.float64), 0.0)  # (people, 2) height, width
    middle = np.stack([cy, cx], axis=1) + outputs["box_offset"][0, :, cy, cx]
    low = np.clip(middle - size / 2, 0, (height, width))
    high = np.clip(middle + size / 2, 0, (height, width))
    coarse = (
        outputs["regression"][0, :, cy, cx].reshape(len(best), outputs["regression"].shape[1] // 2, 2)
        + np.stack([cy, cx], axis=1)[:, None]
    )
    joints = np.empty((len(best), coarse.shape[1], 3))
    for k in range(len(best)):
        joints[k] = _joints_in_box(outputs, coarse[k], low[k], high[k])
    counted = joints[..., 2] > _COUNTED_SCORE
    mean = (joints[..., 2] * counted).sum(axis=1) / np.maximum(counted.sum(axis=1), 1)
    boxes = np.column_stack([low[:, ::-1] * _STRIDE, high[:, ::-1] * _STRIDE, peaks[best] * mean])
    order = np.argsort(-boxes[:, 4], kind="stable")
    return boxes[order], joints[order]


def _joints_in_box(
    outputs: dict[str, NDArray[np.float32]],
    coarse: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(joints, 3) x, y, score of one person: the strongest answer in the box near the coarse joint."""
    top, left = np.ceil(low).astype(int)
    bottom, right = np.ceil(high).astype(int)
    if bottom <= top or right <= left:
        return np.zeros((len(coarse), 3))
    heat = sigmoid(outputs["heatmap"][0, :, top:bottom, left:right])
    rows = np.arange(top, bottom)[None, :, None]
    columns = np.arange(left, right)[None, None, :]
    spread = _SPREAD_OF_BOX * min(outputs["heatmap"].shape[2:])
    off = (rows - coarse[:, 0, None, None]) ** 2 + (columns - coarse[:, 1, None, None]) ** 2
    weighted = heat * np.exp(-off / spread)
    at = weighted.reshape(len(coarse), -1).argmax(axis=1)
    y, x = np.divmod(at, right - left)
    score = weighted.reshape(len(coarse), -1)[np.arange(len(coarse)), at]
    y, x = y + top, x + left
    offset = outputs["offset"][0].reshape(len(coarse), 2, *outputs["heatmap"].shape[2:])
    joint = np.arange(len(coarse))
    exact_x, exact_y = x + offset[joint, 1, y, x], y + offset[joint, 0, y, x]
    return np.column_stack([exact_x * _STRIDE, exact_y * _STRIDE, score])
