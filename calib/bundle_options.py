"""What a bundle adjustment may change, and what holds what the pictures cannot say."""

from typing import Literal

import msgspec

Intrinsic = Literal["focal", "centre", "k1", "k2", "tangential", "k3", "k4"]

ALL_INTRINSICS: tuple[Intrinsic, ...] = ("focal", "centre", "k1", "k2", "tangential", "k3", "k4")


class BundleOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What may change, and what holds what the data cannot say.

    Attributes:
        free: intrinsics that may change, of every camera.
        held: how many of the first cameras keep their pose; 1 makes the first one the frame of reference.
        robust_px: residual from which on an observation loses weight; None = three standard deviations, estimated.
        focal_share, aspect_share, centre_share, radial, tangential: standard deviations that hold at their given values
            the focal lengths (over themselves), fx / fy, the principal point (over the width), k1 k2 k3 k4, p1 p2.
        noise_px: of a corner, to weigh these against the pictures.
        steps: at most.
    """

    free: tuple[Intrinsic, ...] = ()
    held: int = 1
    robust_px: float | None = None
    focal_share: float = float("inf")
    aspect_share: float = 0.005
    centre_share: float = 0.05
    radial: float = 0.3
    tangential: float = 0.005
    noise_px: float = 0.3
    steps: int = 60
