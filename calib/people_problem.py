"""What an adjustment to people costs: residuals of cameras, lengths of bones, and what was known before.

The joints of one person at one instant are tied to each other by their bones. A camera that looks `d` seconds late saw
a joint where it is now less d times the joint's speed in the picture, as in Elhayek et al. 2012 and Takahashi et al.
2018.
"""

from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.joint_views import JointViews
from posecap.calib.rotation import rotation_of

_LOST = 50.0  # sigmas that an observation is off by whose point left the lens


class BundleSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is solved for, and how strongly it is held.

    Attributes:
        focal: one factor on the focal length of each camera.
        distortion: radial coefficients k1 and k2 (the first two of a fisheye) of each camera.
        offsets: time offset of each camera but the first.
        robust_sigmas: residuals beyond this many sigmas lose weight (Cauchy).
        bone_share: standard deviation of a bone's length over the length; 0 = bones are not used.
        pose_rad, pose_m: standard deviations of the given poses; 0 = nothing is held, the world is free.
        focal_share: standard deviation of the factor on the focal length.
        radial: standard deviation of k1 and k2.
        offset_s: standard deviation of the offsets.
        steps: at most.
    """

    poses: bool = True
    focal: bool = False
    distortion: bool = False
    offsets: bool = False
    robust_sigmas: float = 0.6
    bone_share: float = 0.03
    pose_rad: float = 0.0
    pose_m: float = 0.0
    focal_share: float = 0.02
    radial: float = 0.05
    offset_s: float = 1.0
    steps: int = 40


@dataclass(frozen=True, slots=True, eq=False)
class PeopleState:
    """Cameras, (views,) offsets in seconds and (instants, joints, 3) joints: what is solved for."""

    cameras: tuple[Camera, ...]
    offsets: NDArray[np.float64]
    xyz: NDArray[np.float64]


class PeopleProblem:
    """Observations of people, and what any state of cameras and joints costs.

    Args and units are those of `posecap.calib.people_bundle.adjust_people`.
    """

    def __init__(
        self,
        cameras: tuple[Camera, ...],
        xyz: NDArray[np.float64],
        views: JointViews,
        settings: BundleSettings,
        offsets_s: NDArray[np.float64] | None,
    ) -> None:
        self.given = cameras
        self.views, self.settings = views, settings
        self.known = np.isfinite(xyz[..., 0])
        seen = np.isfinite(views.xy[..., 0]) & np.isfinite(views.sigma_px) & self.known
        self.weight = np.where(seen, 1.0 / views.sigma_px, 0.0)
        self.xy = np.where(seen[..., None], views.xy, 0.0)
        self.velocity = np.where(seen[..., None], views.velocity, 0.0)
        offsets = np.zeros(len(cameras)) if offsets_s is None else np.array(offsets_s, dtype=np.float64)
        self.start = PeopleState(cameras, offsets, np.where(self.known[..., None], xyz, 0.0))
        self.offsets_given = offsets.copy()
        self.what = [self._names(view) for view in range(len(cameras))]
        ends = np.cumsum([len(names) for names in self.what])
        self.columns = [
            slice(int(end) - len(names), int(end)) for end, names in zip(ends, self.what, strict=True)
        ]
        self.size = int(ends[-1])
        self.bones = views.bones if settings.bone_share > 0 else np.empty((0, 2), dtype=np.int64)

    def _names(self, view: int) -> tuple[str, ...]:
        chosen = self.settings
        poses = ("rx", "ry", "rz", "tx", "ty", "tz") if chosen.poses else ()
        lens = (("focal",) if chosen.focal else ()) + (("k1", "k2") if chosen.distortion else ())
        return poses + lens + (("offset",) if chosen.offsets and view > 0 else ())

    def residual(self, state: PeopleState) -> NDArray[np.float64]:
        """(views, instants, joints, 2) px, seen less projected; NaN where not both are known."""
        found = np.full_like(self.xy, np.nan)
        for view, camera in enumerate(state.cameras):
            seen = self.weight[view] > 0
            target = self.xy[view][seen] - self.velocity[view][seen] * state.offsets[view]
            found[view][seen] = target - camera.project(state.xyz[seen])
        return found

    def robust(self, square: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Cauchy's cost and weight of squared residuals in sigmas."""
        c2 = self.settings.robust_sigmas**2
        return c2 * np.log1p(square / c2), 1.0 / (1.0 + square / c2)

    def cost(self, state: PeopleState, lengths: NDArray[np.float64]) -> float:
        """Half the robust sum of squares of everything, in sigmas."""
        square = ((self.residual(state) * self.weight[..., None]) ** 2).sum(axis=-1)
        square = np.where(np.isfinite(square), square, _LOST**2)[self.weight > 0]
        total = self.robust(square)[0].sum() + (self.prior(state)[0] ** 2).sum()
        if len(self.bones):
            total += (self.bone_terms(state, lengths)[0] ** 2).sum()
        return float(total) / 2

    def lengths(self, state: PeopleState) -> NDArray[np.float64]:
        """(instants, bones): the median length of each bone of that person."""
        a, b = self.bones.T
        length = np.linalg.norm(state.xyz[:, a] - state.xyz[:, b], axis=-1)
        length = np.where(self.known[:, a] & self.known[:, b], length, np.nan)
        result = np.ones_like(length)
        for person in np.unique(self.views.person):
            mine = self.views.person == person
            for bone in range(length.shape[1]):
                known = np.isfinite(length[mine, bone])
                if known.any():
                    result[mine, bone] = np.median(length[mine, bone][known])
        return result

    def bone_terms(
        self, state: PeopleState, lengths: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(instants, bones) length over its median less 1, in sigmas, and its slope along the first joint (..., 3)."""
        a, b = self.bones.T
        along = state.xyz[:, a] - state.xyz[:, b]
        length = np.linalg.norm(along, axis=-1)
        usable = self.known[:, a] & self.known[:, b] & (length > 1e-9)
        scale = np.where(usable, 1.0 / (lengths * self.settings.bone_share), 0.0)
        error = (length - lengths) * scale
        soft = 1.0 / np.sqrt(1.0 + (error / 3) ** 2)
        return error * soft, along / np.maximum(length, 1e-9)[..., None] * (scale * soft)[..., None]

    def prior(self, state: PeopleState) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Deviation of every parameter from what was given, in sigmas, and its slope (parameters, parameters)."""
        chosen = self.settings
        sigma = {
            "r": chosen.pose_rad, "t": chosen.pose_m, "f": chosen.focal_share, "k": chosen.radial, "o": chosen.offset_s,
        }  # fmt: skip
        value, slope = np.zeros(self.size), np.zeros((self.size, self.size))
        for view, (now, given) in enumerate(zip(state.cameras, self.given, strict=True)):
            gone = now.R @ (given.centre - now.centre)
            turned = _rotation_vector(now.R @ given.R.T)
            gap = {
                **dict(zip(("rx", "ry", "rz", "tx", "ty", "tz"), (*turned, *gone), strict=True)),
                "focal": now.K[0, 0] / given.K[0, 0] - 1,
                "k1": now.distortion[0] - given.distortion[0],
                "k2": now.distortion[1] - given.distortion[1],
                "offset": state.offsets[view] - self.offsets_given[view],
            }
            names, columns = self.what[view], self.columns[view]
            scale = np.array([1 / sigma[name[0]] if sigma[name[0]] > 0 else 0.0 for name in names])
            value[columns] = np.array([gap[name] for name in names]) * scale
            own = np.eye(len(names))
            if self.settings.poses:  # the optical centre moves as the camera turns about the world's origin
                x, y, z = now.t
                own[3:6, :3] = [[0, -z, y], [z, 0, -x], [-y, x, 0]]
            slope[columns, columns] = own * scale[:, None]
        return value, slope

    def moved(
        self, state: PeopleState, of_globals: NDArray[np.float64], of_points: NDArray[np.float64]
    ) -> PeopleState:
        """The state after a step of the parameters (parameters,) and of the joints (instants, 3 joints)."""
        cameras, offsets = [], state.offsets.copy()
        for view, before in enumerate(state.cameras):
            step = dict(zip(self.what[view], of_globals[self.columns[view]], strict=True))
            offsets[view] += step.get("offset", 0.0)
            camera = _with_lens(before, step)
            if self.settings.poses:
                pose = np.eye(4)
                turn = rotation_of([step[name] for name in ("rx", "ry", "rz")])
                pose[:3, :3] = rotation_of(turn @ camera.R)
                pose[:3, 3] = camera.t + [step[name] for name in ("tx", "ty", "tz")]
                camera = replace(camera, cam_from_world=pose)
            cameras.append(camera)
        return PeopleState(tuple(cameras), offsets, state.xyz + of_points.reshape(state.xyz.shape))


def _with_lens(camera: Camera, step: dict[str, float]) -> Camera:
    """The camera with a focal length that is 1 + step["focal"] times as long, and k1 and k2 changed by theirs."""
    if not {"focal", "k1", "k2"} & set(step):
        return camera
    K, distortion = camera.K.copy(), camera.distortion.copy()
    K[:2, :2] *= 1 + step.get("focal", 0.0)
    distortion[:2] += (step.get("k1", 0.0), step.get("k2", 0.0))
    return replace(camera, K=K, distortion=distortion)


def _rotation_vector(R: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation vector of a small rotation."""
    skew = np.array([R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]]) / 2
    sine = float(np.linalg.norm(skew))
    return skew if sine < 1e-9 else skew / sine * np.arctan2(sine, (np.trace(R) - 1) / 2)
