"""Offsets between cameras to about half a picture: of many shifts, the one at which epipolar lines agree best."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.errors import CalibrationError
from posecap.calib.joint_tracks import PeopleTracks
from posecap.calib.joint_views import ViewSettings, joint_views
from posecap.calib.people_extrinsics import undistorted

_LEAST_MATCHES = 150


def searched_offsets(
    cameras: tuple[Camera, ...], tracks: PeopleTracks, settings: ViewSettings, search_s: float
) -> NDArray[np.float64]:
    """(views,) seconds, to about half a picture: each view against those before it.

    Raises:
        CalibrationError: a view that shares too few pictures with the others, or an offset at the end of the range.
    """
    offsets = np.zeros(len(cameras))
    step = tracks.period_s / 2
    count = int(np.ceil(search_s / step))
    shifts = step * np.arange(-count, count + 1)
    fewer = msgspec.structs.replace(settings, instants=min(settings.instants or 150, 150))
    for view in range(1, len(cameras)):
        cost = [_disagreement(cameras, tracks, view, offsets, shift, fewer) for shift in shifts]
        if not np.isfinite(cost).any():
            raise CalibrationError(
                f"camera {cameras[view].name!r} shares too few pictures with the others: let somebody walk where they "
                "all look, and start the recordings at about one time"
            )
        best = int(np.nanargmin(cost))
        if best in (0, len(shifts) - 1):
            raise CalibrationError(
                f"camera {cameras[view].name!r} is off by {search_s:g} s or more: search farther (search_s), or "
                "let somebody walk through the views of all cameras"
            )
        offsets[view] = shifts[best]
    return offsets


def _disagreement(
    cameras: tuple[Camera, ...],
    tracks: PeopleTracks,
    view: int,
    offsets: NDArray[np.float64],
    shift: float,
    settings: ViewSettings,
) -> float:
    """Mean over the earlier views of the median distance from epipolar lines in px; NaN where too little is shared."""
    order = tuple(camera.name for camera in cameras[: view + 1])
    seen = joint_views(tracks.of(order), settings, np.append(offsets[:view], shift))
    rays = undistorted(cameras[: view + 1], seen)
    found = []
    for other in range(view):
        relative = cameras[view].cam_from_world @ np.linalg.inv(cameras[other].cam_from_world)
        x, y, z = relative[:3, 3]
        E = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]) @ relative[:3, :3]
        a = np.concatenate([rays[other], np.ones((*rays.shape[1:3], 1))], axis=-1)
        b = np.concatenate([rays[view], np.ones((*rays.shape[1:3], 1))], axis=-1)
        there, back = a @ E.T, b @ E
        miss = (there * b).sum(axis=-1)
        slope = np.sqrt((there[..., :2] ** 2).sum(axis=-1) + (back[..., :2] ** 2).sum(axis=-1))
        distance = np.abs(miss / slope) * cameras[view].focal_px
        if np.isfinite(distance).sum() >= _LEAST_MATCHES:
            found.append(float(np.nanmedian(distance)))
    return float(np.mean(found)) if found else float("nan")
