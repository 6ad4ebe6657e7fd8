"""Whether what was seen of people can fix cameras at all, said with the remedy."""

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.errors import CalibrationError
from posecap.calib.joint_tracks import PeopleTracks
from posecap.calib.joint_views import JointViews

MIN_SHARED = 150  # joints at instants that two views must both see
MIN_INSTANTS = 15
_MIN_MOTION = 0.06  # rms wandering of a joint over the size of a body
_MIN_DEPTH_RATIO = 0.03  # thinnest over widest spread of all joints


def expect_shared(cameras: tuple[Camera, ...], views: JointViews) -> None:
    """CalibrationError names the camera that sees too few joints that another one sees at the same time."""
    seen = views.seen
    for index, camera in enumerate(cameras):
        both = seen[index] & np.delete(seen, index, axis=0).any(axis=0)
        instants = int(both.any(axis=1).sum())
        if both.sum() < MIN_SHARED or instants < MIN_INSTANTS:
            raise CalibrationError(
                f"camera {camera.name!r} shares {int(both.sum())} joints in {instants} pictures with the others, "
                f"expected {MIN_SHARED} in {MIN_INSTANTS}: let somebody walk where two cameras see them at a time"
            )


def expect_determined(views: JointViews, xyz: NDArray[np.float64]) -> None:
    """CalibrationError where people hardly moved, or all their joints lie in a plane."""
    known = np.isfinite(xyz[..., 0])
    if known.sum() < MIN_SHARED:
        raise CalibrationError(
            f"two views agree on {int(known.sum())} joints only, expected {MIN_SHARED}: record longer, in better light"
        )
    wander, size = [], []
    for person in np.unique(views.person):
        mine = np.where(known[views.person == person, :, None], xyz[views.person == person], np.nan)
        mine = mine[:, np.isfinite(mine[..., 0]).sum(axis=0) >= 2]
        if not mine.size:
            continue
        centre = np.nanmean(mine, axis=0)
        wander.append(np.nanmedian(np.linalg.norm(mine - centre, axis=-1)))
        size.append(np.nanmax(np.linalg.norm(centre - np.nanmean(centre, axis=0), axis=-1)) * 2)
    motion = float(np.max(np.array(wander) / np.array(size), initial=0.0))
    if motion < _MIN_MOTION:
        raise CalibrationError(
            f"the person hardly moves (joints wander by {100 * motion:.0f} % of the body, expected "
            f"{100 * _MIN_MOTION:.0f} %): record somebody who walks through the whole room"
        )
    points = xyz[known]
    spread = np.linalg.svd(points - np.median(points, axis=0), compute_uv=False)
    if spread[2] < _MIN_DEPTH_RATIO * spread[0]:
        raise CalibrationError(
            "all joints lie nearly in one plane, which does not fix the cameras: record somebody who walks towards "
            "and away from the cameras"
        )


def one_person(tracks: PeopleTracks) -> PeopleTracks:
    """The tracks of the only person; CalibrationError where there are several, or nobody."""
    seen = np.isfinite(tracks.xy[..., 0]).any(axis=(0, 2, 3))
    if seen.sum() > 1:
        raise CalibrationError(
            f"{int(seen.sum())} people were followed, expected one: let one person walk alone, or follow one only "
            "(max_people: 1)"
        )
    if not seen.any():
        raise CalibrationError("nobody was seen: record somebody who walks where the cameras look")
    return tracks.person((int(np.flatnonzero(seen)[0]),) * len(tracks.cameras))
