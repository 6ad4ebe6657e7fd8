"""Four ways to read the rotation and the vector of a camera file, and which of them the truth agrees with.

Every published reader of Human3.6M has its own way, and files copied between them keep the numbers and lose the
convention. A wrong reading is a valid rig too; only joints that are known can tell. That they fall into the pictures is
not enough: where cameras look at the origin, a transposed rotation keeps it in the middle. Bodies must stand upright in
them, too. In a world with y up, rotations of level cameras are almost their
own transpose, and all of that holds for both: there, the reading in which cameras hang level is the right one.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.rig import Rig
from posecap.training.errors import DatasetError

_ENOUGH = (
    0.5  # of the true joints, mean of all cameras: people leave pictures, a wrong reading sees next to nobody
)
_BETTER = 0.05
_STANDING = 0.8  # cosine to the vertical
_ROLLED_DEG, _LEVELLER = 5.0, 0.3
_MOST_ROWS = 400  # of the truth are looked at


@dataclass(frozen=True, slots=True)
class Reading:
    """How the rotation R and the vector of a file are meant; as text, the equation."""

    transposed: bool = False
    vector: Literal["translation", "centre"] = "translation"

    def __str__(self) -> str:
        R = "R^T" if self.transposed else "R"
        return f"X_cam = {R} X + t" if self.vector == "translation" else f"X_cam = {R} (X - T)"

    def read(self, R: NDArray[np.float64], vector: NDArray[np.float64]) -> NDArray[np.float64]:
        """(4, 4) cam_from_world of a stored rotation (3, 3) and vector (3,)."""
        cam_from_world = np.eye(4)
        cam_from_world[:3, :3] = R = R.T if self.transposed else R
        cam_from_world[:3, 3] = vector if self.vector == "translation" else -R @ vector
        return cam_from_world

    def stored(self, camera: Camera) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The rotation (3, 3) and the vector (3,) that a file of this reading has for `camera`."""
        R = camera.R.T if self.transposed else camera.R
        return R, camera.t if self.vector == "translation" else camera.centre


READINGS = (Reading(), Reading(vector="centre"), Reading(True), Reading(True, "centre"))


def check_reading(
    rig: Rig, said: Reading, xyz: NDArray[np.float64], joints: tuple[str, ...], up: str, file: str
) -> NDArray[np.float64]:
    """(views,) share of the true joints in each picture, where the rig was read rightly.

    Args:
        rig: read as documented, in the world of `xyz`.
        said: the documented reading.
        xyz: (frames, people, joints, 3) metres.
        joints: names of the joints axis; with shoulders and ankles.
        up: axis of that world, such as "+z".
        file: that the rig was read from, for messages.

    Raises:
        DatasetError: the joints are not in the pictures, or another reading has clearly more of them there.
    """
    some = xyz[:: max(1, len(xyz) // _MOST_ROWS)]
    axis = (1 if up[0] == "+" else -1) * np.eye(3)["xyz".index(up[1])]
    bodies = _standing(some, joints, axis)
    rigs = {reading: _read_again(rig, said, reading) for reading in READINGS}
    right = {reading: _right(one, some, bodies) for reading, one in rigs.items()}
    best = max(READINGS, key=lambda reading: right[reading])
    found, most = right[said], right[best]
    if found >= max(_ENOUGH, most - _BETTER):
        _check_roll(said, rigs, [one for one in READINGS if right[one] >= most - _BETTER], axis, file)
        for camera, share in zip(rig.cameras, _upright(rig, bodies), strict=True):
            if share < _ENOUGH:
                raise DatasetError(
                    f"{file}: camera {camera.name!r} shows {share:.0%} of the standing people upright, expected more "
                    f"than {_ENOUGH:.0%}: its rotation or its picture is turned, get the original file"
                )
        return _seen(rig, some)
    where = "into pictures that show people upright"
    if most < _ENOUGH:
        raise DatasetError(
            f"{file}: {found:.0%} of the true joints fall {where}, expected more than {_ENOUGH:.0%}, and no other "
            f"reading does better than {most:.0%}: take cameras, truth and videos of one subject, unscaled"
        )
    raise DatasetError(
        f"{file}: read as documented, {said}, {found:.0%} of the true joints fall {where}, read as {best} {most:.0%} "
        "do: its numbers follow that other convention, convert them or get the original file"
    )


def _read_again(rig: Rig, said: Reading, other: Reading) -> Rig:
    return replace(
        rig,
        cameras=tuple(replace(one, cam_from_world=other.read(*said.stored(one))) for one in rig.cameras),
    )


def _seen(rig: Rig, xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    known = xyz[np.isfinite(xyz).all(axis=-1)]
    if not len(known):
        return np.zeros(len(rig))
    shares = []
    for camera in rig.cameras:
        pixels = camera.project(known)
        with np.errstate(invalid="ignore"):
            inside = ((pixels >= -0.5) & (pixels < np.array(camera.size_px) - 0.5)).all(axis=-1)
        shares.append(inside.mean())
    return np.array(shares)


def _check_roll(
    said: Reading, rigs: dict[Reading, Rig], fitting: list[Reading], axis: NDArray[np.float64], file: str
) -> None:
    """Refuse rolled cameras where another fitting reading has level ones; raises DatasetError."""
    roll_deg = {
        one: float(np.mean([np.degrees(np.arcsin(abs(camera.R[0] @ axis))) for camera in rigs[one].cameras]))
        for one in fitting
    }
    best = min(fitting, key=lambda one: roll_deg[one])
    if roll_deg[said] > _ROLLED_DEG and roll_deg[best] < _LEVELLER * roll_deg[said]:
        raise DatasetError(
            f"{file}: read as documented, {said}, cameras are rolled by {roll_deg[said]:.0f} degrees on average, read "
            f"as {best} by {roll_deg[best]:.0f}: its numbers follow that other convention, convert them or get the "
            "original file"
        )


def _right(rig: Rig, xyz: NDArray[np.float64], bodies: NDArray[np.float64]) -> float:
    """Mean over cameras of the share of joints in the picture, times that of upright bodies."""
    return float((_seen(rig, xyz) * _upright(rig, bodies)).mean())


def _standing(
    xyz: NDArray[np.float64], joints: tuple[str, ...], axis: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n, 2, 3) middle of the ankles and of the shoulders of bodies that stand or sit straight in the world."""
    ends = np.stack(
        [
            (xyz[:, :, joints.index(f"left_{part}")] + xyz[:, :, joints.index(f"right_{part}")]) / 2
            for part in ("ankle", "shoulder")
        ],
        axis=-2,
    ).reshape(-1, 2, 3)
    body = ends[:, 1] - ends[:, 0]
    with np.errstate(invalid="ignore"):
        return ends[body @ axis > _STANDING * np.linalg.norm(body, axis=-1)]


def _upright(rig: Rig, bodies: NDArray[np.float64]) -> NDArray[np.float64]:
    """(views,) share of the bodies with their shoulders above their ankles in the picture; 1 where there are none."""
    shares = []
    for camera in rig.cameras:
        ends = camera.project(bodies)
        x, y = (ends[:, 1] - ends[:, 0]).T
        known = np.isfinite(x) & np.isfinite(y)
        shares.append(float((-y[known] > np.abs(x[known])).mean()) if known.any() else 1.0)
    return np.array(shares)
