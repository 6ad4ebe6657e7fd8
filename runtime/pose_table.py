"""Poses as a table: one row for each joint of each person in each frame that has them."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from posecap.runtime.pose_take import PoseTake

COLUMNS = {
    "frame": "row of the recording, from 0",
    "frame_set": "number that the cameras' pictures were grouped under",
    "t_s": "seconds since the first frame",
    "unix_ns": "Unix time, nanoseconds",
    "person": "id",
    "joint": "name in the joint set",
    "x_m": "metres, right-handed world frame, +Z up; empty = unknown",
    "y_m": "likewise",
    "z_m": "likewise",
    "cov_xx_m2": "covariance of the position, square metres; empty = unknown, or filled",
    "cov_xy_m2": "likewise",
    "cov_xz_m2": "likewise",
    "cov_yy_m2": "likewise",
    "cov_yz_m2": "likewise",
    "cov_zz_m2": "likewise",
    "residual_px": "rms reprojection distance, pixels; empty = unknown, or filled",
    "views": "cameras that support the joint; 0 = unknown, filled, or predicted",
}
"""Name of each column and what is in it."""


def table_parts(take: PoseTake, frames: int = 2000) -> Iterator[tuple[int, dict[str, NDArray]]]:
    """The table in parts of `frames` frames: the frame after the last of the part, and its columns.

    Someone of whom no joint is known in a frame has no rows there; else all joints have one, unknown numbers NaN.
    `joint` is the index into `take.joints`.
    """
    joints = len(take.joints)
    seen = take.seen
    for start in range(0, len(take.t_ns), frames):
        part = slice(start, min(start + frames, len(take.t_ns)))
        frame, person = np.nonzero(seen[part])
        row = frame + start
        covariance = take.covariance[row, person].reshape(-1, 6)
        xyz = take.xyz[row, person].reshape(-1, 3)
        columns = {
            "frame": np.repeat(row, joints),
            "frame_set": np.repeat(take.index[row], joints),
            "t_s": np.repeat(take.t_s[row], joints),
            "unix_ns": np.repeat(take.t_ns[row] + take.unix_offset_ns, joints),
            "person": np.repeat(take.ids[person], joints),
            "joint": np.tile(np.arange(joints, dtype=np.int32), len(row)),
            **{name: xyz[:, axis] for axis, name in enumerate(("x_m", "y_m", "z_m"))},
            **{name: covariance[:, k] for k, name in enumerate(c for c in COLUMNS if c.startswith("cov"))},
            "residual_px": take.residual_px[row, person].reshape(-1),
            "views": take.views[row, person].reshape(-1),
        }
        yield part.stop, columns
