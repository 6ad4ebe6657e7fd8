"""The pose of one camera from people that the others see: for a camera that was moved while the others stood still.

A closed start (SQPnP, Terzakis and Lourakis 2020, in RANSAC) beside the pose that the rig had, then the robust
least reprojection error (Cauchy) with the lens as it is. Joints of people are wrong in a common way more often than a
board's corners, so the covariance is widened to the spread of the residuals.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.camera_change import changed
from posecap.calib.errors import CalibrationError
from posecap.calib.lens_derivatives import CAMERA_PARAMETERS, seen_with_derivatives
from posecap.calib.rig import Rig

_LEAST_POINTS = 30
_LEAST_INLIERS = 0.4
_INLIER_SIGMAS = 4.0
_ROBUST_SIGMAS = 2.0
_LEAST_SPREAD = 0.02  # thinnest but one over widest spread: less is a line
_LEAST_PICTURE = 0.03  # spread of the points in the picture over its width
_MOST_TURN_RAD = 0.1
_MOST_SHIFT = 0.1  # standard deviation of the position over the distance to the people
_MOST_POINTS = 4000
_STEPS = 40


@dataclass(frozen=True, slots=True, eq=False)
class Resection:
    """A camera with another pose.

    Attributes:
        camera: the lens as it was; `cam_from_world` new.
        residual_px: (n, 2) seen less projected, NaN where a point or its picture is unknown.
        covariance: (6, 6) of rx ry rz (rad, a small turn in the camera's frame) and tx ty tz (m): the camera sees
            `exp(r) R X + t + d`.
        inliers: points within four standard deviations; points: those that were known.
        median_px: of the length of the residuals.
        given_px: the same with the pose that the rig has; large where the camera was moved.
    """

    camera: Camera
    residual_px: NDArray[np.float64]
    covariance: NDArray[np.float64]
    inliers: int
    points: int
    median_px: float
    given_px: float

    @property
    def turn_sigma_rad(self) -> float:
        """Standard deviation of the rotation, about its worst axis."""
        return float(np.sqrt(np.linalg.eigvalsh(self.covariance[:3, :3])[-1]))

    @property
    def position_sigma_m(self) -> float:
        """Standard deviation of the optical centre, along its worst direction."""
        return float(np.sqrt(np.linalg.eigvalsh(_centre_covariance(self.camera, self.covariance))[-1]))


def resolve_camera(
    rig: Rig,
    name: str,
    xyz: NDArray[np.float64],
    xy: NDArray[np.float64],
    variance: NDArray[np.float64],
) -> Resection:
    """The pose of camera `name` that explains best where it saw joints which the other views place.

    Args:
        rig: all cameras; only `name` is solved for, with its lens as given.
        name: of the camera.
        xyz: (n, 3) joints at instants, metres, world, from views other than `name`; NaN = not known.
        xy: (n, 2) where `name` saw them, px, distorted; NaN = not seen.
        variance: (n,) px^2 of each coordinate of `xy`; inf = not seen.

    Raises:
        CalibrationError: no such camera, arrays that do not belong together, too few points, points on a line or in a
            corner of the picture, no pose that most points agree on, a pose that hardly anything fixes.
    """
    camera = rig.cameras[rig.index(name)]
    if xyz.shape != (len(xyz), 3) or xy.shape != (len(xyz), 2) or variance.shape != (len(xyz),):
        raise CalibrationError(
            f"camera {name!r}: xyz {xyz.shape}, xy {xy.shape} and variance {variance.shape} do not belong together: "
            "expected (n, 3), (n, 2) and (n,)"
        )
    known = (
        np.isfinite(xyz).all(axis=1) & np.isfinite(xy).all(axis=1) & (variance > 0) & np.isfinite(variance)
    )
    rays = camera.undistorted(xy)
    known &= np.isfinite(rays).all(axis=1)
    _expect_spread(camera, xyz[known], xy[known])
    chosen = np.flatnonzero(known)
    if len(chosen) > _MOST_POINTS:
        chosen = chosen[np.linspace(0, len(chosen) - 1, _MOST_POINTS).round().astype(int)]
    sigma = np.sqrt(variance[chosen])
    starts = [camera]
    if (start := _closed(camera, xyz[chosen], rays[chosen], sigma)) is not None:
        starts.append(start)
    solved = min(
        (_refined(start, xyz[chosen], xy[chosen], sigma) for start in starts), key=lambda pair: pair[1]
    )[0]
    residual = np.where(known[:, None], xy - solved.project(xyz), np.nan)
    length = np.linalg.norm(residual[chosen], axis=1)
    inlier = length < _INLIER_SIGMAS * sigma * np.sqrt(2)
    if inlier.sum() < max(_LEAST_INLIERS * len(chosen), _LEAST_POINTS):
        raise CalibrationError(
            f"camera {name!r}: the best pose agrees with {int(inlier.sum())} of {len(chosen)} joints, expected "
            f"{100 * _LEAST_INLIERS:.0f} %: check that it sees the same people at the same time as the others"
        )
    covariance = _covariance(solved, xyz[chosen], residual[chosen], sigma)
    _expect_fixed(solved, covariance, xyz[chosen])
    whole = np.linalg.norm(residual, axis=1)
    given = np.linalg.norm(xy - camera.project(xyz), axis=1)[known]
    return Resection(
        camera=solved,
        residual_px=residual,
        covariance=covariance,
        inliers=int(inlier.sum()),
        points=len(chosen),
        median_px=float(np.nanmedian(whole)),
        given_px=float(np.nanmedian(given)) if np.isfinite(given).any() else float("inf"),
    )


def _expect_spread(camera: Camera, xyz: NDArray[np.float64], xy: NDArray[np.float64]) -> None:
    """CalibrationError where the points cannot fix a pose whatever the residuals."""
    if len(xyz) < _LEAST_POINTS:
        raise CalibrationError(
            f"camera {camera.name!r} and two others see {len(xyz)} joints together, expected {_LEAST_POINTS}: wait "
            "until somebody walks where they all look"
        )
    spread = np.linalg.svd(xyz - np.median(xyz, axis=0), compute_uv=False)
    if spread[1] < _LEAST_SPREAD * spread[0]:
        raise CalibrationError(
            f"camera {camera.name!r}: all joints that it shares lie on a line, which does not fix a pose: use more "
            "joints and instants"
        )
    wide = float(np.ptp(xy, axis=0).max()) / camera.size_px[0]
    if wide < _LEAST_PICTURE:
        raise CalibrationError(
            f"camera {camera.name!r}: the joints cover {100 * wide:.1f} % of its picture, expected "
            f"{100 * _LEAST_PICTURE:.0f} %: wait until somebody walks through the picture"
        )


def _closed(
    camera: Camera, xyz: NDArray[np.float64], rays: NDArray[np.float64], sigma: NDArray[np.float64]
) -> Camera | None:
    """A pose from nothing; None where RANSAC finds none."""
    threshold = 2 * _INLIER_SIGMAS * float(np.median(sigma)) / camera.focal_px
    cv2.setRNGSeed(0)
    try:
        found, turn, shift, _ = cv2.solvePnPRansac(
            xyz,
            rays,
            np.eye(3),
            None,
            iterationsCount=500,
            reprojectionError=threshold,
            flags=cv2.SOLVEPNP_SQPNP,
        )
    except cv2.error:
        return None
    if not found or not (np.isfinite(turn).all() and np.isfinite(shift).all()):
        return None
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = cv2.Rodrigues(turn)[0], shift.ravel()
    return replace(camera, cam_from_world=pose)


def _refined(
    camera: Camera, xyz: NDArray[np.float64], xy: NDArray[np.float64], sigma: NDArray[np.float64]
) -> tuple[Camera, float]:
    """The camera after Levenberg-Marquardt steps, and its robust cost."""
    cost, damping = _cost(camera, xyz, xy, sigma), 1e-3
    for _ in range(_STEPS):
        H, g = _normal_equations(camera, xyz, xy, sigma)
        while damping < 1e8:
            step = np.zeros(CAMERA_PARAMETERS)
            step[:6] = np.linalg.solve(H + np.diag(damping * np.diag(H) + 1e-12), g)
            trial = changed(camera, step)
            trial_cost = _cost(trial, xyz, xy, sigma)
            if trial_cost < cost:
                break
            damping *= 6
        else:
            break
        gain = (cost - trial_cost) / cost
        camera, cost, damping = trial, trial_cost, max(damping / 5, 1e-9)
        if gain < 1e-9:
            break
    return camera, cost


def _cost(
    camera: Camera, xyz: NDArray[np.float64], xy: NDArray[np.float64], sigma: NDArray[np.float64]
) -> float:
    """Half Cauchy's robust sum; points behind the camera count as far off."""
    square = (((xy - camera.project(xyz)) / sigma[:, None]) ** 2).sum(axis=1)
    square = np.where(np.isfinite(square), square, 1e4)
    return float(_ROBUST_SIGMAS**2 * np.log1p(square / _ROBUST_SIGMAS**2).sum()) / 2


def _normal_equations(
    camera: Camera, xyz: NDArray[np.float64], xy: NDArray[np.float64], sigma: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(6, 6) and (6,) of the step of the pose."""
    seen, slope, _ = seen_with_derivatives(camera, xyz)
    gap = (xy - seen) / sigma[:, None]
    slope = slope[:, :, :6] / sigma[:, None, None]
    usable = np.isfinite(gap).all(axis=1) & np.isfinite(slope).all(axis=(1, 2))
    gap, slope = gap[usable], slope[usable]
    weight = 1 / (1 + (gap**2).sum(axis=1) / _ROBUST_SIGMAS**2)
    weighted = slope * weight[:, None, None]
    return np.einsum("nki,nkj->ij", weighted, slope), np.einsum("nki,nk->i", weighted, gap)


def _covariance(
    camera: Camera, xyz: NDArray[np.float64], residual: NDArray[np.float64], sigma: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Inverse information; larger where residuals are larger than the variances say."""
    H, _ = _normal_equations(camera, xyz, camera.project(xyz) + residual, sigma)
    expected = 1.177 * sigma  # median length of two coordinates
    spread = max(float(np.nanmedian(np.linalg.norm(residual, axis=1) / expected)), 1.0)
    scale = np.sqrt(np.maximum(np.diag(H), 1e-300))
    return np.linalg.pinv(H / scale[:, None] / scale, hermitian=True) / scale[:, None] / scale * spread**2


def _centre_covariance(camera: Camera, covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3) of the optical centre -R^T t, m^2: it moves by -R^T (d + t x r)."""
    x, y, z = camera.t
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    slope = -camera.R.T @ np.hstack([cross, np.eye(3)])
    return slope @ covariance @ slope.T


def _expect_fixed(camera: Camera, covariance: NDArray[np.float64], xyz: NDArray[np.float64]) -> None:
    distance = float(np.median(np.linalg.norm(xyz - camera.centre, axis=1)))
    turn = float(np.sqrt(np.linalg.eigvalsh(covariance[:3, :3])[-1]))
    shift = float(np.sqrt(np.linalg.eigvalsh(_centre_covariance(camera, covariance))[-1]))
    if not (turn <= _MOST_TURN_RAD and shift <= _MOST_SHIFT * distance):
        raise CalibrationError(
            f"camera {camera.name!r}: the joints fix its pose to {np.degrees(turn):.1f} degrees and {shift:.2f} m "
            "only: wait until somebody walks nearer to it and through more of its picture"
        )
