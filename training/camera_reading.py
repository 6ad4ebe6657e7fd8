"""Four ways to read the rotation and the vector of a camera file, and which of them the truth agrees with.

Every published reader of Human3.6M has its own way, and files copied between them keep the numbers and lose the
convention. A wrong reading is a valid rig too; only joints that are known can tell.
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


def check_reading(rig: Rig, said: Reading, xyz: NDArray[np.float64], file: str) -> NDArray[np.float64]:
    """(views,) share of the true joints in each picture, where the rig was read rightly.

    Args:
        rig: read as documented, in the world of `xyz`.
        said: the documented reading.
        xyz: (frames, people, joints, 3) metres.
        file: that the rig was read from, for messages.

    Raises:
        DatasetError: the joints are not in the pictures, or another reading has clearly more of them there.
    """
    some = xyz[:: max(1, len(xyz) // _MOST_ROWS)]
    seen = {reading: _seen(_read_again(rig, said, reading), some) for reading in READINGS}
    best = max(READINGS, key=lambda reading: float(seen[reading].mean()))
    found, most = float(seen[said].mean()), float(seen[best].mean())
    if found >= max(_ENOUGH, most - _BETTER):
        return seen[said]
    if most < _ENOUGH:
        raise DatasetError(
            f"{file}: {found:.0%} of the true joints fall into the pictures, expected more than {_ENOUGH:.0%}, and no "
            f"other reading does better than {most:.0%}: take cameras, truth and videos of one subject, unscaled"
        )
    raise DatasetError(
        f"{file}: read as documented, {said}, {found:.0%} of the true joints fall into the pictures, read as {best} "
        f"{most:.0%} do: its numbers follow that other convention, convert them or get the original file"
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
