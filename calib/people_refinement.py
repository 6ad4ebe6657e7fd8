"""A better rig from one that is nearly right and a person who walks through it."""

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.joint_tracks import PeopleTracks
from posecap.calib.joint_views import JointViews, ViewSettings, joint_views
from posecap.calib.people_bundle import adjust_people
from posecap.calib.people_checks import expect_determined, expect_shared, one_person
from posecap.calib.people_extrinsics import triangulated
from posecap.calib.people_problem import BundleSettings
from posecap.calib.people_world import moved_world
from posecap.calib.reprojection import Reprojection, reprojection, robust_rms_px
from posecap.calib.rig import Rig


class RefinementSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a rig is refined.

    Attributes:
        views: what is believed of 2D joints.
        bone_share: standard deviation of a bone's length over the length.
        robust_sigmas: residuals beyond this many sigmas lose weight.
        pose_rad, pose_m: standard deviations of the poses that the rig has.
        focal: the focal lengths may change too.
        distortion: k1 and k2 may change too.
        focal_share: standard deviation of the factor on the focal length.
        offsets: each camera's time offset is solved for too (see `time_offset`, which also tells how sure it is).
    """

    views: ViewSettings = ViewSettings()
    bone_share: float = 0.03
    robust_sigmas: float = 0.6
    pose_rad: float = 0.05
    pose_m: float = 0.15
    focal: bool = False
    distortion: bool = False
    focal_share: float = 0.01
    offsets: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class PeopleRefinement:
    """A rig after refinement.

    Attributes:
        rig: refined.
        before, after: how well the cameras agreed.
        turned_rad, moved_m: (views,) how far each camera went from what was given.
        views: what was used.
        xyz: (instants, joints, 3) metres; NaN = not known.
        offsets_s: (views,) true time = stamped time + offset; 0 where it was not asked for.
    """

    rig: Rig
    before: Reprojection
    after: Reprojection
    turned_rad: NDArray[np.float64]
    moved_m: NDArray[np.float64]
    views: JointViews
    xyz: NDArray[np.float64]
    offsets_s: NDArray[np.float64]

    @property
    def better(self) -> bool:
        """Whether the cameras agree better than before."""
        return self.after.median_px < self.before.median_px


def refine_from_people(
    rig: Rig, tracks: PeopleTracks, settings: RefinementSettings | None = None
) -> PeopleRefinement:
    """The rig near the one given whose cameras agree best about one walking person.

    World, floor and scale stay those of `rig`: all poses are held softly to what they were.

    Raises:
        CalibrationError: a camera without tracks, several people, too little seen by two views at a time, somebody who
            hardly moves, everything in a plane.
    """
    settings = settings or RefinementSettings()
    tracks = one_person(tracks.of(rig.names))
    views = joint_views(tracks, settings.views)
    expect_shared(rig.cameras, views)
    xyz = triangulated(rig.cameras, views)
    expect_determined(views, xyz)
    before = reprojection(rig.cameras, views)
    bundle = adjust_people(
        rig.cameras,
        xyz,
        views,
        BundleSettings(
            focal=settings.focal,
            distortion=settings.distortion,
            offsets=settings.offsets,
            bone_share=settings.bone_share,
            robust_sigmas=settings.robust_sigmas,
            pose_rad=settings.pose_rad,
            pose_m=settings.pose_m,
            focal_share=settings.focal_share,
        ),
    )
    if settings.offsets:
        views = joint_views(tracks, settings.views, bundle.offsets_s)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    cameras, xyz = _in_place(bundle.cameras, bundle.xyz, rig.cameras)
    pairs = list(zip(cameras, rig.cameras, strict=True))
    return PeopleRefinement(
        rig=Rig(cameras, rms_px=robust_rms_px(bundle.residual), solved_at=now),
        before=before,
        after=reprojection(cameras, views),
        turned_rad=np.array([_angle_rad(new, old) for new, old in pairs]),
        moved_m=np.array([float(np.linalg.norm(new.centre - old.centre)) for new, old in pairs]),
        views=views,
        xyz=xyz,
        offsets_s=bundle.offsets_s,
    )


def _in_place(
    cameras: tuple[Camera, ...], xyz: NDArray[np.float64], given: tuple[Camera, ...]
) -> tuple[tuple[Camera, ...], NDArray[np.float64]]:
    """The world turned, shifted and scaled to where most cameras are where they were; people do not fix any of it.

    Cameras that moved farther than the others count less, so that one that was knocked does not take the floor along.
    """
    weight, R, scale = np.ones(len(cameras)), np.eye(3), 1.0
    new, old = (np.array([camera.centre for camera in group]) for group in (cameras, given))
    for _ in range(10):
        turns = np.sum([w * b.R.T @ a.R for w, a, b in zip(weight, cameras, given, strict=True)], axis=0)
        u, _, vt = np.linalg.svd(turns)
        R = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
        a, b = (centres - np.average(centres, axis=0, weights=weight) for centres in (new @ R.T, old))
        scale = float((weight[:, None] * a * b).sum() / (weight[:, None] * a * a).sum())
        miss = np.linalg.norm(scale * a - b, axis=1)
        weight = 1 / (1 + (miss / max(float(np.median(miss)), 1e-6)) ** 2)
    new_from_old = np.eye(4)
    new_from_old[:3, :3] = R
    new_from_old[:3, 3] = np.average(old / scale - new @ R.T, axis=0, weights=weight)
    return moved_world(cameras, xyz, new_from_old, scale)


def _angle_rad(a: Camera, b: Camera) -> float:
    return float(np.arccos(np.clip((np.trace(a.R @ b.R.T) - 1) / 2, -1, 1)))
