"""Camera poses from nothing but the joints of people in views of the same time; the lenses are known.

Pairs of views give essential matrices (MAGSAC, Barath et al. 2020, of OpenCV) over all joints and instants. The pair
with the most agreement is triangulated, the others are put to its points one after another (perspective n points),
and everything is adjusted together. Nothing here knows the scale: the first pair is 1 apart.
"""

from dataclasses import dataclass, replace
from itertools import combinations

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.errors import CalibrationError
from posecap.calib.joint_views import JointViews
from posecap.calib.people_bundle import PeopleBundle, adjust_people
from posecap.calib.people_checks import MIN_INSTANTS, MIN_SHARED, expect_determined
from posecap.calib.people_problem import BundleSettings
from posecap.calib.triangulate import triangulate

_MAX_MATCHES = 4000
_INLIER_SIGMAS = 3.0
_MIN_INLIERS = 0.4
_PLANAR_SHARE = 0.9  # of the matches that one homography explains as well


@dataclass(frozen=True, slots=True, eq=False)
class PairPose:
    """How two views stand to each other.

    Attributes:
        a, b: indices of the views.
        b_from_a: (4, 4), translation of length 1.
        inliers: matches that agree; matches: all there were.
    """

    a: int
    b: int
    b_from_a: NDArray[np.float64]
    inliers: int
    matches: int


def poses_from_people(
    cameras: tuple[Camera, ...], views: JointViews, seed: int = 0, settings: BundleSettings | None = None
) -> PeopleBundle:
    """Cameras with poses and all joints, in any frame and an unknown unit; poses given are not looked at.

    Raises:
        CalibrationError: one view, too little seen by two views at a time, somebody who hardly moves, everything in a
            plane, or views that do not hang together.
    """
    if len(cameras) < 2:
        raise CalibrationError(
            f"{len(cameras)} view cannot be placed by people: give recordings of two cameras or more"
        )
    settings = settings or BundleSettings()
    rays = undistorted(cameras, views)
    pairs = [
        pair
        for a, b in combinations(range(len(cameras)), 2)
        if (pair := pair_pose(cameras, views, rays, a, b, seed)) is not None
    ]
    _expect_connected(cameras, views, pairs)
    bundle = _chained(cameras, views, rays, pairs, settings)
    expect_determined(views, bundle.xyz)
    return bundle


def undistorted(cameras: tuple[Camera, ...], views: JointViews) -> NDArray[np.float64]:
    """(views, instants, joints, 2) normalised image points; NaN = not seen."""
    return np.stack(
        [
            camera.undistorted(np.where(seen[..., None], xy, np.nan))
            for camera, xy, seen in zip(cameras, views.xy, views.seen, strict=True)
        ]
    )


def pair_pose(
    cameras: tuple[Camera, ...], views: JointViews, rays: NDArray[np.float64], a: int, b: int, seed: int = 0
) -> PairPose | None:
    """The relative pose of two views; None where they share too little, or what they share does not fix it."""
    both = np.isfinite(rays[a, ..., 0]) & np.isfinite(rays[b, ..., 0])
    if both.sum() < MIN_SHARED or both.any(axis=1).sum() < MIN_INSTANTS:
        return None
    chosen = np.flatnonzero(both.ravel())
    if len(chosen) > _MAX_MATCHES:
        chosen = np.random.default_rng(seed).choice(chosen, _MAX_MATCHES, replace=False)
    pa, pb = rays[a].reshape(-1, 2)[chosen], rays[b].reshape(-1, 2)[chosen]
    focal = (cameras[a].focal_px + cameras[b].focal_px) / 2
    sigma = float(np.median(np.concatenate([views.sigma_px[v].ravel()[chosen] for v in (a, b)])))
    threshold = _INLIER_SIGMAS * sigma / focal
    cv2.setRNGSeed(seed)
    E, mask = cv2.findEssentialMat(
        pa, pb, np.eye(3), method=cv2.USAC_MAGSAC, prob=0.9999, threshold=threshold, maxIters=2000
    )
    if E is None or E.shape != (3, 3) or mask is None:
        return None
    count, R, t, good = cv2.recoverPose(E, pa, pb, np.eye(3), mask=mask.copy())
    if count < _MIN_INLIERS * len(pa):
        return None
    if _one_plane(pa, pb, good.ravel() > 0, threshold):
        return None
    b_from_a = np.eye(4)
    b_from_a[:3, :3], b_from_a[:3, 3] = R, t.ravel()
    return PairPose(a, b, b_from_a, int(count), int(both.sum()))


def _one_plane(
    pa: NDArray[np.float64], pb: NDArray[np.float64], good: NDArray[np.bool_], threshold: float
) -> bool:
    """Whether a plane, or a camera that only turned, explains the matches as well."""
    H, mask = cv2.findHomography(pa[good], pb[good], cv2.USAC_MAGSAC, threshold, maxIters=1000)
    return H is not None and mask is not None and bool(mask.mean() > _PLANAR_SHARE)


def _expect_connected(cameras: tuple[Camera, ...], views: JointViews, pairs: list[PairPose]) -> None:
    reached = {pairs[0].a} if pairs else {0}
    while True:
        more = {v for pair in pairs for v in (pair.a, pair.b) if {pair.a, pair.b} & reached} - reached
        if not more:
            break
        reached |= more
    left = [index for index in range(len(cameras)) if index not in reached]
    if not left:
        return
    seen = views.seen
    other = [index for index in range(len(cameras)) if index != left[0]]
    shared = max(int((seen[left[0]] & seen[index]).sum()) for index in other)
    reason = (
        f"shares {shared} joints with the camera it shares most with, expected {MIN_SHARED}: let somebody walk where "
        "two cameras see them at a time"
        if shared < MIN_SHARED
        else "sees the same people as the others, but no pose explains both: check that it is the same person and the "
        "same time, and that somebody walks through the room and does not stand in one plane"
    )
    raise CalibrationError(f"camera {cameras[left[0]].name!r} {reason}")


def _chained(
    cameras: tuple[Camera, ...],
    views: JointViews,
    rays: NDArray[np.float64],
    pairs: list[PairPose],
    settings: BundleSettings,
) -> PeopleBundle:
    """The best pair, then one view after another, adjusted after each."""
    first = max(pairs, key=lambda pair: pair.inliers * _parallax(pair))
    placed = {first.a: np.eye(4), first.b: first.b_from_a}
    bundle = _adjusted(cameras, views, rays, placed, msgspec.structs.replace(settings, steps=15))
    while len(placed) < len(cameras):
        placed = {view: bundle.cameras[k].cam_from_world for k, view in enumerate(sorted(placed))}
        left = [view for view in range(len(cameras)) if view not in placed]
        known = np.isfinite(bundle.xyz[..., 0])
        shared = {view: int((known & np.isfinite(rays[view, ..., 0])).sum()) for view in left}
        view = max(left, key=lambda index: shared[index])
        if shared[view] < MIN_SHARED:
            raise CalibrationError(
                f"camera {cameras[view].name!r} sees {shared[view]} of the joints that two others see too, expected "
                f"{MIN_SHARED}: let somebody walk where three cameras see them"
            )
        placed[view] = _resected(cameras[view], views.sigma_px[view], rays[view], bundle.xyz)
        last = len(placed) == len(cameras)
        bundle = _adjusted(
            cameras, views, rays, placed, settings if last else msgspec.structs.replace(settings, steps=10)
        )
    return bundle


def _parallax(pair: PairPose) -> float:
    """Sine of the angle between the optical axes, at least a little: wide pairs are stiffer."""
    return float(max(np.linalg.norm(np.cross(pair.b_from_a[2, :3], [0.0, 0.0, 1.0])), 0.1))


def _adjusted(
    cameras: tuple[Camera, ...],
    views: JointViews,
    rays: NDArray[np.float64],
    placed: dict[int, NDArray[np.float64]],
    settings: BundleSettings,
) -> PeopleBundle:
    order = sorted(placed)
    chosen = tuple(replace(cameras[view], cam_from_world=placed[view]) for view in order)
    seen = views.of_views(order)
    xyz = triangulated(chosen, seen, rays[order])
    return adjust_people(chosen, xyz, seen, settings)


def triangulated(
    cameras: tuple[Camera, ...], views: JointViews, rays: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """(instants, joints, 3) where the rays meet; NaN where fewer than two views see the joint."""
    rays = undistorted(cameras, views) if rays is None else rays
    count, instants, joints = rays.shape[:3]
    focal = np.array([camera.focal_px for camera in cameras])[:, None, None]
    variance = (views.sigma_px / focal) ** 2
    extrinsics = np.stack([camera.cam_from_world[:3] for camera in cameras])
    found = triangulate(rays.reshape(count, -1, 2), variance.reshape(count, -1), extrinsics)
    return found.xyz.reshape(instants, joints, 3)


def _resected(
    camera: Camera, sigma_px: NDArray[np.float64], rays: NDArray[np.float64], xyz: NDArray[np.float64]
) -> NDArray[np.float64]:
    """cam_from_world of a view from points (perspective n points, SQPnP of Terzakis and Lourakis 2020, in RANSAC)."""
    both = np.isfinite(xyz[..., 0]) & np.isfinite(rays[..., 0])
    points, seen = xyz[both], rays[both]
    if len(points) > _MAX_MATCHES:
        step = len(points) // _MAX_MATCHES + 1
        points, seen = points[::step], seen[::step]
    threshold = 2 * _INLIER_SIGMAS * float(np.median(sigma_px[both])) / camera.focal_px
    cv2.setRNGSeed(0)
    found, turn, shift, inliers = cv2.solvePnPRansac(
        points,
        seen,
        np.eye(3),
        None,
        iterationsCount=500,
        reprojectionError=threshold,
        flags=cv2.SOLVEPNP_SQPNP,
    )
    if not found or inliers is None or len(inliers) < _MIN_INLIERS * len(points):
        raise CalibrationError(
            f"camera {camera.name!r} does not fit to the people that the other cameras see: check that it shows the "
            "same person at the same time and that its lens is known"
        )
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = cv2.Rodrigues(turn)[0], shift.ravel()
    return pose
