"""Tracks of people turned into observations of instants: what every camera saw of every joint at the same time.

Cameras are not simultaneous. An observation lies on the curve through the pictures around the instant (a cubic with
the slopes of central differences, Catmull and Rom 1974); where one of them does not show the joint, it is the nearest
picture, moved by the joint's speed over the rest of the time. The speed is the slope of a line through the five
pictures around, interpolated between the two pictures next to the instant: its noise then has nothing to do with that
of the position, which would pass for an offset in time.
"""

from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.calib.joint_tracks import PeopleTracks

BODY_JOINTS = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle", "left_heel", "right_heel", "left_foot_index", "right_foot_index", "left_big_toe", "right_big_toe",
)  # fmt: skip
"""What is seen about equally from all sides; fingers and the corners of eyes and mouth are not."""

_BONES = (
    ("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"),
)  # fmt: skip
_SIDES = ("left", "right")
_SPEED_WINDOW = 2  # pictures on each side
_FAR_PERIODS = 0.75  # from the instant to the nearest picture
_NEAR_PERIODS = 0.02  # nearer than this no speed is needed


@dataclass(frozen=True, slots=True, eq=False)
class JointViews:
    """What the cameras saw of one or more people, instant by instant.

    Attributes:
        t_ns: (instants,) on the first camera's clock; those of one person after those of the other.
        xy: (views, instants, joints, 2) px, distorted; NaN = not seen.
        sigma_px: (views, instants, joints) of each axis; inf where not seen.
        velocity: (views, instants, joints, 2) px/s; 0 where not known.
        joints: names.
        person: (instants,) whose joints they are.
    """

    t_ns: NDArray[np.int64]
    xy: NDArray[np.float64]
    sigma_px: NDArray[np.float64]
    velocity: NDArray[np.float64]
    joints: tuple[str, ...]
    person: NDArray[np.int64]

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(views, instants, joints)."""
        return np.isfinite(self.xy[..., 0]) & np.isfinite(self.sigma_px)

    @property
    def bones(self) -> NDArray[np.int64]:
        """(bones, 2) pairs of joints whose distance is about constant."""
        pairs = [(f"{side}_{a}", f"{side}_{b}") for side in _SIDES for a, b in _BONES]
        known = [(a, b) for a, b in pairs if a in self.joints and b in self.joints]
        return np.array(
            [[self.joints.index(a), self.joints.index(b)] for a, b in known], dtype=np.int64
        ).reshape(-1, 2)

    def at(self, instants: NDArray) -> "JointViews":
        """Some of the instants: indices or a mask."""
        return replace(
            self,
            t_ns=self.t_ns[instants],
            xy=self.xy[:, instants],
            sigma_px=self.sigma_px[:, instants],
            velocity=self.velocity[:, instants],
            person=self.person[instants],
        )

    def of_views(self, views: list[int]) -> "JointViews":
        """Some of the views."""
        return replace(self, xy=self.xy[views], sigma_px=self.sigma_px[views], velocity=self.velocity[views])


class ViewSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is believed of 2D joints.

    Attributes:
        least_score: joints the network is less sure of are not seen.
        floor_share: error that a network makes wherever it looks from, over the person's height in the picture.
        floor_px: the same, at least.
        instants: at most, spread over the recording; 0 = all.
    """

    least_score: float = 0.5
    floor_share: float = 0.003
    floor_px: float = 0.5
    instants: int = 400


def joint_views(
    tracks: PeopleTracks, settings: ViewSettings | None = None, offsets_s: NDArray[np.float64] | None = None
) -> JointViews:
    """Observations at the instants of the first camera, row p of `tracks` being the same person in every view.

    `offsets_s` (views,) are added to capture times: true time = time stamped + offset.
    """
    settings = settings or ViewSettings()
    offsets = np.zeros(len(tracks.cameras)) if offsets_s is None else np.asarray(offsets_s)
    columns = [tracks.joints.index(name) for name in BODY_JOINTS if name in tracks.joints]
    when = tracks.t_ns[0] + round(offsets[0] * 1e9)
    if settings.instants and len(when) > settings.instants:
        when = when[np.unique(np.linspace(0, len(when) - 1, settings.instants).round().astype(int))]
    parts = [
        [
            _of_view(tracks, view, person, columns, when, offsets[view], settings)
            for view in range(len(offsets))
        ]
        for person in range(tracks.people)
    ]
    xy, sigma, velocity = (
        np.concatenate([np.stack([view[k] for view in views]) for views in parts], axis=1) for k in range(3)
    )
    return JointViews(
        t_ns=np.tile(when, tracks.people),
        xy=xy,
        sigma_px=sigma,
        velocity=velocity,
        joints=tuple(tracks.joints[column] for column in columns),
        person=np.repeat(np.arange(tracks.people), len(when)),
    )


def _of_view(
    tracks: PeopleTracks,
    view: int,
    person: int,
    columns: list[int],
    when: NDArray[np.int64],
    offset_s: float,
    settings: ViewSettings,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """xy (instants, joints, 2), sigma (instants, joints) and velocity (instants, joints, 2) of one view."""
    xy = tracks.xy[view, person][:, columns]
    sure = tracks.score[view, person][:, columns] >= settings.least_score
    xy = np.where(sure[..., None], xy, np.nan)
    time = (tracks.t_ns[view] - tracks.t_ns[0, 0]) / 1e9 + offset_s
    wanted = (when - tracks.t_ns[0, 0]) / 1e9
    speed = velocities(xy, time)
    nearest = (
        np.clip(np.searchsorted(time, wanted), 1, len(time) - 1)
        if len(time) > 1
        else np.zeros(len(wanted), int)
    )
    if len(time) > 1:
        nearest = np.where(wanted - time[nearest - 1] < time[nearest] - wanted, nearest - 1, nearest)
    rest = wanted - time[nearest]
    period = tracks.period_s or 1.0
    near = np.abs(rest) <= _NEAR_PERIODS * period
    usable = (np.abs(rest) <= _FAR_PERIODS * period)[:, None] & (
        near[:, None] | np.isfinite(speed[nearest, :, 0])
    )
    velocity = np.nan_to_num(_speed_at(speed, time, wanted, nearest))
    moved = np.where(
        usable[..., None], xy[nearest] + velocity * np.where(near, 0.0, rest)[:, None, None], np.nan
    )
    between = _between(xy, time, wanted)
    moved = np.where(np.isfinite(between) & usable[..., None] & ~near[:, None, None], between, moved)
    height = _height_px(xy)[nearest]
    floor = np.maximum(settings.floor_share * height, settings.floor_px)[:, None]
    sigma = np.sqrt(tracks.variance[view, person][:, columns][nearest] + floor**2)
    return moved, np.where(np.isfinite(moved[..., 0]), sigma, np.inf), velocity


def _speed_at(
    speed: NDArray[np.float64], time_s: NDArray[np.float64], wanted_s: NDArray[np.float64], nearest: NDArray
) -> NDArray[np.float64]:
    """(instants, joints, 2) between those of the two pictures around; that of the nearest where one is not known."""
    if len(time_s) < 2:
        return speed[nearest]
    first = np.clip(np.searchsorted(time_s, wanted_s) - 1, 0, len(time_s) - 2)
    u = ((wanted_s - time_s[first]) / (time_s[first + 1] - time_s[first]))[:, None, None]
    between = (1 - u) * speed[first] + u * speed[first + 1]
    return np.where(np.isfinite(between) & (u >= 0) & (u <= 1), between, speed[nearest])


def _between(
    xy: NDArray[np.float64], time_s: NDArray[np.float64], wanted_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(instants, joints, 2) on the cubic through the pictures around; NaN where one of four does not show the joint."""
    if len(time_s) < 4:
        return np.full((len(wanted_s), *xy.shape[1:]), np.nan)
    first = np.clip(np.searchsorted(time_s, wanted_s) - 1, 1, len(time_s) - 3)
    t = [time_s[first + k][:, None, None] for k in (-1, 0, 1, 2)]
    p = [xy[first + k] for k in (-1, 0, 1, 2)]
    step = t[2] - t[1]
    u = (wanted_s[:, None, None] - t[1]) / step
    before, after = (p[2] - p[0]) / (t[2] - t[0]) * step, (p[3] - p[1]) / (t[3] - t[1]) * step
    curve = (
        (1 + 2 * u) * (1 - u) ** 2 * p[1]
        + u * (1 - u) ** 2 * before
        + u**2 * (3 - 2 * u) * p[2]
        + u**2 * (u - 1) * after
    )
    return np.where((u >= 0) & (u <= 1), curve, np.nan)


def velocities(xy: NDArray[np.float64], time_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """(frames, joints, 2) px/s: slope of the line through the pictures around; NaN where fewer than three show it."""
    frames = len(time_s)
    total = np.zeros((5, *xy.shape))
    for shift in range(-_SPEED_WINDOW, _SPEED_WINDOW + 1):
        to = slice(max(-shift, 0), frames - max(shift, 0))
        of = slice(max(shift, 0), frames - max(-shift, 0))
        if to.stop <= to.start:
            continue
        dt = (time_s[of] - time_s[to])[:, None, None]
        seen = np.isfinite(xy[of])
        value = np.where(seen, xy[of], 0.0)
        for k, term in enumerate((1.0, dt, dt * dt, value, dt * value)):
            total[k][to] += np.where(seen, term, 0.0)
    n, t, tt, x, tx = total
    determinant = n * tt - t * t
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((n >= 3) & (determinant > 0), (n * tx - t * x) / determinant, np.nan)


def _height_px(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """(frames,) diagonal of the box around the joints, its median where a frame shows too few."""
    seen = np.isfinite(xy[..., 0])
    low = np.where(seen[..., None], xy, np.inf).min(axis=1)
    high = np.where(seen[..., None], xy, -np.inf).max(axis=1)
    with np.errstate(invalid="ignore"):
        diagonal = np.linalg.norm(high - low, axis=1)
    diagonal = np.where(seen.sum(axis=1) >= 6, diagonal, np.nan)
    middle = float(np.nanmedian(diagonal)) if np.isfinite(diagonal).any() else 0.0
    return np.where(np.isfinite(diagonal), diagonal, middle)
