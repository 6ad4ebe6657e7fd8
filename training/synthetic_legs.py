"""Legs that reach their feet, and feet that roll over heel and ball without sliding."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

_STRETCHED = 0.9995  # of the leg: further away than this the foot is not reached


@dataclass(frozen=True, slots=True, eq=False)
class FootStep:
    """Where one foot is.

    Attributes:
        place: (3,) the floor point below the ankle if the foot stood flat, metres; above the floor when lifted.
        heading_deg: where it points: 0 = -y, positive to the left.
        pitch_deg: above 0 the heel is up and the foot turns about its ball, below 0 the toes are up.
        toe_bend: share of a positive pitch that the toes do not follow: 1 while they press on the floor.
    """

    place: NDArray[np.float64]
    heading_deg: float
    pitch_deg: float = 0.0
    toe_bend: float = 1.0

    @property
    def flat(self) -> NDArray[np.float64]:
        """(3, 3) rotation of the foot if it stood flat."""
        return Rotation.from_euler("z", self.heading_deg, degrees=True).as_matrix()

    @property
    def rotation(self) -> NDArray[np.float64]:
        """(3, 3) rotation of the foot."""
        return self._pitched(self.pitch_deg)

    @property
    def toes(self) -> NDArray[np.float64]:
        """(3, 3) rotation of the toes."""
        return self._pitched(self.pitch_deg - max(self.pitch_deg, 0.0) * self.toe_bend)

    def ankle(
        self, ankle_from_ball: NDArray[np.float64], ankle_from_heel: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(3,) world position of the ankle joint, metres; arguments (3,) for a flat foot that faces -y."""
        spoke = ankle_from_ball if self.pitch_deg > 0 else ankle_from_heel
        pivot = np.array([0.0, -spoke[1], 0.0])  # from below the ankle to the point that stays
        return self.place + self.flat @ pivot + self.rotation @ spoke

    def _pitched(self, degrees: float) -> NDArray[np.float64]:
        return Rotation.from_euler("ZX", (self.heading_deg, degrees), degrees=True).as_matrix()


def straightened(bone: NDArray[np.float64], direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3) smallest rotation that turns the vector `bone` (3,) into the unit vector `direction` (3,)."""
    unit = bone / np.linalg.norm(bone)
    x, y, z = np.cross(unit, direction)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + cross + cross @ cross / (1 + unit @ direction)


def two_bones(
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    hinge: NDArray[np.float64],
    first_m: float,
    second_m: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """World rotations (3, 3) of thigh and shank against hanging ones, by the law of cosines.

    Args:
        start: (3,) hip joint, metres.
        end: (3,) ankle joint; where it is out of reach the leg is straight towards it.
        hinge: (3,) about the axis of the knee, pointing to the body's left; the knee bends forwards of it.
        first_m: length of the thigh.
        second_m: length of the shank.
    """
    span = end - start
    distance = float(np.linalg.norm(span))
    along = span / distance
    distance = min(distance, _STRETCHED * (first_m + second_m))
    axis = hinge - along * (along @ hinge)
    axis /= np.linalg.norm(axis)
    cosine = (first_m**2 + distance**2 - second_m**2) / (2 * first_m * distance)
    sine = np.sqrt(max(1 - cosine**2, 0.0))
    knee = first_m * (cosine * along + sine * np.cross(along, axis))
    return _link(knee, axis), _link(distance * along - knee, axis)


def _link(bone: NDArray[np.float64], axis: NDArray[np.float64]) -> NDArray[np.float64]:
    up = -bone / np.linalg.norm(bone)
    return np.stack([axis, np.cross(up, axis), up], axis=1)
