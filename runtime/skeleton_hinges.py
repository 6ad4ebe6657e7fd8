"""Which way an upper limb is twisted: told by the plane of its bent elbow or knee, remembered while it is straight."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

LIMBS = ("LeftArm", "RightArm", "LeftUpLeg", "RightUpLeg")
REST_ALONG: Final = np.array([[1.0, 0, 0], [-1.0, 0, 0], [0, -1.0, 0], [0, -1.0, 0]])
"""Each limb of `LIMBS` at rest, axes of the body."""
REST_HINGE: Final = np.array([[0, 1.0, 0], [0, 1.0, 0], [1.0, 0, 0], [1.0, 0, 0]])
"""Axis of each hinge at rest: y in both elbows, x in both knees."""

_BEND_SIGN = np.array([-1.0, 1.0, 1.0, 1.0])[:, None]  # of upper x lower along the axis: elbows close forward
_ONE_WAY = np.array([False, False, True, True])  # a knee does not bend forward; an elbow faces anywhere
_SETTLE_S = 1.0  # a limb that stays straight turns to the twist of a plain swing from rest
_FIRM, _FULL = (
    2.0,
    4.0,
)  # noise levels of the bend: below the first it says nothing, above the second everything


class Hinges:
    """Hinge axes of the four limbs, frame after frame.

    Args:
        noise_m: of a joint; what a bend has to exceed before its plane is believed.
    """

    def __init__(self, noise_m: float) -> None:
        self.noise_m = noise_m
        self._along = REST_ALONG
        self._hinge = REST_HINGE
        self._t_ns: int | None = None

    def step(self, t_ns: int, upper: NDArray[np.float64], lower: NDArray[np.float64]) -> NDArray[np.float64]:
        """(4, 3) unit hinge axes at `t_ns`, from bone vectors (4, 3) metres; all in axes of the limb's parent.

        NaN where the upper bone is; a NaN lower bone counts as straight.
        """
        length = np.linalg.norm(upper, axis=1)
        known = np.isfinite(length) & (length > 0)
        along = np.where(known[:, None], upper / np.where(known, length, 1.0)[:, None], self._along)
        swung = _least_turned(REST_HINGE, REST_ALONG, along)
        prior = _least_turned(self._hinge, self._along, along)
        dt_s = 0.0 if self._t_ns is None else min(max(t_ns - self._t_ns, 0) / 1e9, _SETTLE_S)
        # Opposite to rest the plain swing is ambiguous: there memory is all.
        pull = (1.0 - np.exp(-dt_s / _SETTLE_S)) * (1.0 + (along * REST_ALONG).sum(axis=1)) / 2.0
        prior = _unit_across(prior + pull[:, None] * (swung - prior), along, swung)
        hinge = self._seen(along, lower, prior, swung)
        self._along, self._hinge, self._t_ns = along, hinge, t_ns
        return np.where(known[:, None], hinge, np.nan)

    def _seen(
        self,
        along: NDArray[np.float64],
        lower: NDArray[np.float64],
        prior: NDArray[np.float64],
        swung: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """The plane of the bend where the bend is clear, `prior` where it is not, between in between."""
        length = np.linalg.norm(lower, axis=1)
        usable = np.isfinite(length) & (length > 0)
        size = np.where(usable, length, 1.0)
        bend = np.cross(along, np.where(usable[:, None], lower, 0.0) / size[:, None]) * _BEND_SIGN
        sine = np.linalg.norm(bend, axis=1)
        level = 2.0 * self.noise_m / size
        share = np.clip((sine / level - _FIRM) / (_FULL - _FIRM), 0.0, 1.0)
        share[_ONE_WAY & ((bend * swung).sum(axis=1) < 0)] = 0.0
        seen = bend / np.maximum(sine, 1e-12)[:, None]
        # Opposite directions would cancel on the way from one to the other.
        share = np.where((share < 1.0) & ((seen * prior).sum(axis=1) < -0.9), np.round(share), share)
        return _unit_across(prior + share[:, None] * (seen - prior), along, prior)


def _least_turned(
    vector: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`vector` (n, 3) after the smallest rotations that take the unit vectors `start` to `end`.

    Where they are opposite any half turn is smallest: the one about `vector`, which is across both, is taken.
    """
    axis = np.cross(start, end)
    cosine = (start * end).sum(axis=1, keepdims=True)
    turned = (
        vector
        + np.cross(axis, vector)
        + np.cross(axis, np.cross(axis, vector)) / np.maximum(1.0 + cosine, 1e-9)
    )
    return np.where(cosine < -1.0 + 1e-9, vector, turned)


def _unit_across(
    vector: NDArray[np.float64], along: NDArray[np.float64], otherwise: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Unit vectors of the part of `vector` across `along`; of `otherwise` where nothing is across."""
    across = vector - (vector * along).sum(axis=1, keepdims=True) * along
    size = np.linalg.norm(across, axis=1, keepdims=True)
    return np.where(size > 1e-6, across / np.maximum(size, 1e-6), otherwise)
