"""For which rig a network was trained: written into its checkpoint, compared with the rig that is to run it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posecap.calib.rig import Rig

_MOST_TURN_RAD = np.deg2rad(2.0)
_MOST_SHIFT_M = 0.05


def rig_record(rig: Rig) -> dict[str, Any]:
    """Plain values for `save_checkpoint(rig=...)`: names and places of the cameras, in the order of the views."""
    return {
        "cameras": list(rig.names),
        "cam_from_world": [camera.cam_from_world.tolist() for camera in rig.cameras],
    }


def difference(rig: Rig, record: Mapping[str, Any]) -> str:
    """How `rig` differs from the recorded one, as the end of a sentence; "" where a network for that one fits.

    Only the places of the cameras among themselves count, in their order: a network sees crops about the person, and
    neither names nor the world's origin. Tolerances: 2 degrees and 5 cm.
    """
    trained = _poses(record)
    if trained is None:
        return "its record of the rig cannot be read"
    if len(trained) != len(rig):
        return f"was trained for {len(trained)} cameras, the rig has {len(rig)}"
    ours = np.stack([camera.cam_from_world for camera in rig.cameras])
    turn, shift = _apart(_from_first(ours), _from_first(trained))
    worst = int(np.argmax(turn / _MOST_TURN_RAD + shift / _MOST_SHIFT_M))
    if turn[worst] <= _MOST_TURN_RAD and shift[worst] <= _MOST_SHIFT_M:
        return ""
    return (
        f"was trained for a rig whose camera {worst + 1} stands {shift[worst]:.2f} m and "
        f"{np.rad2deg(turn[worst]):.0f} degrees from {rig.names[worst]}, relative to {rig.names[0]}"
    )


def _poses(record: Mapping[str, Any]) -> NDArray[np.float64] | None:
    try:
        poses = np.array(record["cam_from_world"], dtype=np.float64)
    except (KeyError, TypeError, ValueError):
        return None
    return poses if poses.ndim == 3 and poses.shape[1:] == (4, 4) and np.isfinite(poses).all() else None


def _from_first(poses: NDArray[np.float64]) -> NDArray[np.float64]:
    """(views, 4, 4) from each camera into the first."""
    return poses[0] @ np.linalg.inv(poses)


def _apart(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Angles (views,) and distances (views,) m between rigid transforms."""
    trace = np.einsum("vij,vij->v", a[:, :3, :3], b[:, :3, :3])
    return np.arccos(np.clip((trace - 1) / 2, -1, 1)), np.linalg.norm(a[:, :3, 3] - b[:, :3, 3], axis=1)
