"""What is true of every body, so that a turned or mirrored truth is noticed: heads are up, knees bend forwards."""

import numpy as np
from numpy.typing import NDArray

from posecap.training.errors import DatasetError

_UPRIGHT = 0.6  # cosine that a body which walks and sits reaches in most frames
_DOUBTFUL = 0.3
_BENT_M = 0.04  # knees nearer than this to the line from hip to ankle do not tell
_FEWEST = 10  # frames with a bent knee


def check_body(
    xyz: NDArray[np.float64], joints: tuple[str, ...], axes: tuple[str, str, str], file: str
) -> None:
    """Refuse joints that stand on their head, lie all the time, or have left and right exchanged.

    Args:
        xyz: (frames, people, joints, 3) metres, world frame, +Z up.
        joints: names of the joints axis; with hips, knees, ankles and shoulders.
        axes: what x, y and z of `xyz` are called in the file, such as ("+x", "-z", "+y").
        file: for messages.

    Raises:
        DatasetError: says what was found; joints that do not tell are accepted.
    """
    at = {name: xyz[:, :, index] for index, name in enumerate(joints)}
    middle = {
        part: (at[f"left_{part}"] + at[f"right_{part}"]) / 2 for part in ("shoulder", "hip", "knee", "ankle")
    }
    body = middle["shoulder"] - middle["ankle"]
    length = np.linalg.norm(body, axis=-1, keepdims=True)
    if not np.isfinite(length).any():
        return
    with np.errstate(invalid="ignore", divide="ignore"):
        along = np.nanmedian((body / length).reshape(-1, 3), axis=0)
    longest = int(np.argmax(np.abs(along)))
    if along[2] < _DOUBTFUL and abs(along[longest]) > _UPRIGHT:
        found = _turned(axes[longest]) if along[longest] < 0 else axes[longest]
        raise DatasetError(
            f"{file}: bodies stand along {found} of its world, expected {axes[2]}, as documented: two axes are "
            "exchanged or one is turned round, get the original file"
        )
    forwards = _forwards_m(at, middle)
    bent = forwards[np.abs(forwards) > _BENT_M]
    if len(bent) >= _FEWEST and np.median(bent) < 0:
        raise DatasetError(
            f"{file}: knees bend backwards in {np.mean(bent < 0):.0%} of the frames with bent knees, so left and right "
            "are exchanged: its world is mirrored or its joints are in another order, get the original file"
        )


def _forwards_m(
    at: dict[str, NDArray[np.float64]], middle: dict[str, NDArray[np.float64]]
) -> NDArray[np.float64]:
    """(n,) how far knees are in front of the line from hip to ankle; front = (right to left) x up."""
    to_left = at["left_hip"] - at["right_hip"]
    front = np.cross(to_left, middle["shoulder"] - middle["hip"])
    front /= np.linalg.norm(front, axis=-1, keepdims=True)
    legs = []
    for side in ("left", "right"):
        hip, knee, ankle = (at[f"{side}_{part}"] for part in ("hip", "knee", "ankle"))
        leg = ankle - hip
        share = ((knee - hip) * leg).sum(axis=-1, keepdims=True) / (leg * leg).sum(axis=-1, keepdims=True)
        legs.append(((knee - hip - share * leg) * front).sum(axis=-1).ravel())
    values = np.concatenate(legs)
    return values[np.isfinite(values)]


def _turned(axis: str) -> str:
    return ("-" if axis[0] == "+" else "+") + axis[1:]
