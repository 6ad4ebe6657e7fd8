"""What the numbers of a calibration mean, in plain words: good, usable or not usable, and why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np

from posecap.calib.solution import CameraFit

Grade = Literal["good", "usable", "not usable"]
_GRADES: tuple[Grade, ...] = ("good", "usable", "not usable")


class VerdictLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Up to where a calibration is good, and up to where it is usable.

    Attributes:
        rms_px: reprojection error of a camera, pixels.
        board_rms_m: error of distances on the board, metres.
        bias_share: of the scale: mean error over mean distance.
        position_std_m: standard deviation of a camera's place.
        focal_std_share: standard deviation of a focal length over it.
        left_out_share: of corners that were outliers.
    """

    rms_px: tuple[float, float] = (0.6, 1.5)
    board_rms_m: tuple[float, float] = (0.002, 0.005)
    bias_share: tuple[float, float] = (0.003, 0.01)
    position_std_m: tuple[float, float] = (0.004, 0.02)
    focal_std_share: tuple[float, float] = (0.003, 0.02)
    left_out_share: tuple[float, float] = (0.05, 0.25)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a calibration can be used.

    Attributes:
        grade: the worst of all reasons.
        reasons: sentences, the worst first; what is good is not mentioned.
    """

    grade: Grade
    reasons: tuple[str, ...]

    @property
    def usable(self) -> bool:
        """Whether anything should be computed with it."""
        return self.grade != "not usable"

    @property
    def sentence(self) -> str:
        """The grade with the reasons."""
        if not self.reasons:
            return f"This calibration is {self.grade}."
        return f"This calibration is {self.grade}: {'; '.join(self.reasons)}."


def judge(
    fits: Mapping[str, CameraFit],
    limits: VerdictLimits | None = None,
    *,
    board_rms_m: float | None = None,
    scale_bias: float | None = None,
    camera_std: Mapping[str, tuple[float, float]] | None = None,
    focal_std_share: Mapping[str, float] | None = None,
    missing: Iterable[str] = (),
    what: str = "corners",
) -> Verdict:
    """The verdict on a calibration or on a check of one.

    Args:
        fits: of each camera, by name.
        limits: where good and usable end.
        board_rms_m: error of distances on the board, metres; None where no 3D was asked for, NaN where none could be
            measured.
        scale_bias: mean error over mean distance; likewise.
        camera_std: of each camera's place: (rotation degrees, position metres).
        focal_std_share: of each focal length, over it.
        missing: what coverage still lacks; makes a good calibration a usable one.
        what: plural name of what was seen.
    """
    limits = limits or VerdictLimits()
    found: list[tuple[Grade, str]] = []
    for name, fit in fits.items():
        grade = _grade(fit.rms_px, limits.rms_px)
        found.append((grade, f"{what} lie {fit.rms_px:.2f} px off in {name}"))
        share = fit.left_out / max(fit.corners + fit.left_out, 1)
        why = f"{100 * share:.0f} % of the {what} in {name} contradict the rest"
        found.append((_grade(share, limits.left_out_share), why))
    if board_rms_m is not None:
        found += _of_distances(board_rms_m, 0.0 if scale_bias is None else scale_bias, limits)
    for name, (_, position_m) in (camera_std or {}).items():
        why = f"the place of {name} is known to {1000 * position_m:.1f} mm only"
        found.append((_grade(position_m, limits.position_std_m), why))
    for name, share in (focal_std_share or {}).items():
        why = f"the focal length of {name} is known to {100 * share:.2g} % only"
        found.append((_grade(share, limits.focal_std_share), why))
    for line in missing:
        found.append(("usable", line))
    worst = max((_GRADES.index(grade) for grade, _ in found), default=0)
    bad = sorted((one for one in found if one[0] != "good"), key=lambda one: -_GRADES.index(one[0]))
    return Verdict(_GRADES[worst], tuple(why for _, why in bad))


def _of_distances(rms_m: float, bias: float, limits: VerdictLimits) -> list[tuple[Grade, str]]:
    if not np.isfinite(rms_m):
        return [("usable", "no distance on the board was seen by two cameras, so nothing was measured in mm")]
    bias = bias if np.isfinite(bias) else 0.0
    way = "long" if bias > 0 else "short"
    return [
        (_grade(rms_m, limits.board_rms_m), f"distances on the board are {1000 * rms_m:.1f} mm off"),
        (
            _grade(abs(bias), limits.bias_share),
            f"distances come out {1000 * abs(bias):.1f} mm a metre too {way}",
        ),
    ]


def _grade(value: float, limits: tuple[float, float]) -> Grade:
    """NaN is not usable."""
    if value <= limits[0]:
        return "good"
    return "usable" if value <= limits[1] else "not usable"
