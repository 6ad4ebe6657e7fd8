"""A rig from a person who walks through the room.

The lenses are known (a board, or another calibration); poses come from the person. Their scale comes from how tall the
person is or how far two cameras stand from each other.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.errors import CalibrationError
from posecap.calib.joint_tracks import PeopleTracks
from posecap.calib.joint_views import JointViews, ViewSettings, joint_views
from posecap.calib.people_bundle import adjust_people
from posecap.calib.people_checks import one_person
from posecap.calib.people_extrinsics import poses_from_people, triangulated
from posecap.calib.people_problem import BundleSettings
from posecap.calib.people_world import WorldSettings, moved_world, standing_height, world_from_people
from posecap.calib.reprojection import Reprojection, reprojection, robust_rms_px
from posecap.calib.rig import Rig

_HEIGHT_M = (0.4, 2.6)


@dataclass(frozen=True, slots=True)
class KnownDistance:
    """What fixes the scale: `metres` between the optical centres of cameras `a` and `b`."""

    a: str
    b: str
    metres: float


class PeopleSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How cameras are found from people.

    Attributes:
        views: what is believed of 2D joints.
        world: how the floor is found.
        bone_share: standard deviation of a bone's length over the length.
        robust_sigmas: residuals beyond this many sigmas lose weight.
        offsets: each camera's time offset is solved for too (see `time_offset`, which also tells how sure it is).
        seed: of random sampling.
    """

    views: ViewSettings = ViewSettings()
    world: WorldSettings = WorldSettings()
    bone_share: float = 0.03
    robust_sigmas: float = 0.6
    offsets: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class PeopleCalibration:
    """A rig that people made.

    Attributes:
        rig: world +Z up, floor at z = 0, the first camera looks along +Y; `rms_px` of the weighted residuals.
        views: what was used.
        xyz: (instants, joints, 3) metres, the person in the rig's world; NaN = not known.
        reprojection: how well the cameras agree.
        height_m: of the person, as the rig measures it; NaN where no eyes were seen. Good to 3 %.
        offsets_s: (views,) true time = stamped time + offset; 0 where it was not asked for.
    """

    rig: Rig
    views: JointViews
    xyz: NDArray[np.float64]
    reprojection: Reprojection
    height_m: float
    offsets_s: NDArray[np.float64]


def calibrate_from_people(
    cameras: tuple[Camera, ...],
    tracks: PeopleTracks,
    *,
    height_m: float | None = None,
    distance: KnownDistance | None = None,
    settings: PeopleSettings | None = None,
) -> PeopleCalibration:
    """Poses of all cameras from one walking person; the poses that `cameras` have are not looked at.

    Args:
        cameras: lenses, two at least; a subset of the tracks' cameras in any order.
        tracks: one person (`posecap.runtime.people_tracks.track_people`).
        height_m: of the person, from the top of the head to the floor, in shoes; used where `distance` is not given.
        distance: between two cameras; more exact than a height.
        settings: how.

    Raises:
        CalibrationError: no scale, several people, too little seen by two views at a time, somebody who hardly moves,
            everything in a plane, views that do not hang together, no feet.
    """
    settings = settings or PeopleSettings()
    _expect_scale(cameras, height_m, distance)
    tracks = one_person(tracks.of(tuple(camera.name for camera in cameras)))
    views = joint_views(tracks, settings.views)
    bundle_settings = BundleSettings(bone_share=settings.bone_share, robust_sigmas=settings.robust_sigmas)
    bundle = poses_from_people(cameras, views, settings.seed, bundle_settings)
    if settings.offsets:
        with_offsets = msgspec.structs.replace(bundle_settings, offsets=True)
        for _ in range(2):  # the second time from pictures that are nearest at the offsets found
            views = joint_views(tracks, settings.views, bundle.offsets_s)
            xyz = triangulated(bundle.cameras, views)
            bundle = adjust_people(bundle.cameras, xyz, views, with_offsets, bundle.offsets_s)
        views = joint_views(tracks, settings.views, bundle.offsets_s)
    new_from_old = world_from_people(bundle.xyz, views, bundle.cameras[0].R[2], settings.world)
    found, xyz = moved_world(bundle.cameras, bundle.xyz, new_from_old)
    found, xyz = moved_world(found, xyz, np.eye(4), _scale(found, xyz, views, height_m, distance, settings))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return PeopleCalibration(
        rig=Rig(
            found,
            rms_px=robust_rms_px(bundle.residual),
            solved_at=now,
        ),
        views=views,
        xyz=xyz,
        reprojection=reprojection(found, views),
        height_m=_height(xyz, views, settings),
        offsets_s=bundle.offsets_s,
    )


def _expect_scale(
    cameras: tuple[Camera, ...], height_m: float | None, distance: KnownDistance | None
) -> None:
    if distance is None and height_m is None:
        raise CalibrationError(
            "people alone do not say how large the room is: give the person's height or the distance of two cameras"
        )
    if distance is None and height_m is not None and not _HEIGHT_M[0] < height_m < _HEIGHT_M[1]:
        raise CalibrationError(f"the person is {height_m:g} m tall, expected 0.4 to 2.6: give metres")
    if distance is None:
        return
    names = [camera.name for camera in cameras]
    for name in (distance.a, distance.b):
        if name not in names:
            raise CalibrationError(
                f"a distance is given to camera {name!r}, there are {', '.join(names)}: check the spelling"
            )
    if distance.a == distance.b or not distance.metres > 0:
        raise CalibrationError(
            f"the distance from {distance.a!r} to {distance.b!r} is {distance.metres:g} m: give metres between two"
            " cameras"
        )


def _scale(
    cameras: tuple[Camera, ...],
    xyz: NDArray[np.float64],
    views: JointViews,
    height_m: float | None,
    distance: KnownDistance | None,
    settings: PeopleSettings,
) -> float:
    if distance is not None:
        centre = {camera.name: camera.centre for camera in cameras}
        return distance.metres / float(np.linalg.norm(centre[distance.a] - centre[distance.b]))
    return (height_m or 0.0) / standing_height(xyz, views, settings.world)


def _height(xyz: NDArray[np.float64], views: JointViews, settings: PeopleSettings) -> float:
    try:
        return standing_height(xyz, views, settings.world)
    except CalibrationError:
        return float("nan")
