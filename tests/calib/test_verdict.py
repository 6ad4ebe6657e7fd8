"""The verdict is that of the worst number, and says which; not a number is not usable."""

import numpy as np
import pytest

from posecap.calib.solution import CameraFit
from posecap.calib.verdict import VerdictLimits, judge


def fit(name: str = "left", rms_px: float = 0.3, corners: int = 100, left_out: int = 0) -> CameraFit:
    return CameraFit(name, rms_px, corners, 10, left_out, np.zeros((corners, 2)), np.zeros((corners, 2)))


def test_a_good_one_has_nothing_to_complain_of() -> None:
    verdict = judge({"left": fit()}, board_rms_m=0.001, scale_bias=-0.001, camera_std={"left": (0.01, 0.001)})
    assert verdict.sentence == "This calibration is good."
    assert verdict.usable


@pytest.mark.parametrize(
    ("numbers", "grade", "reason"),
    [
        ({"fits": fit(rms_px=1.2)}, "usable", "corners lie 1.20 px off in left"),
        ({"fits": fit(rms_px=1.51)}, "not usable", "corners lie 1.51 px off in left"),
        ({"fits": fit(rms_px=float("nan"))}, "not usable", "corners lie nan px off in left"),
        ({"fits": fit(left_out=50)}, "not usable", "33 % of the corners in left contradict the rest"),
        ({"board_rms_m": 0.004}, "usable", "distances on the board are 4.0 mm off"),
        ({"board_rms_m": 0.001, "scale_bias": -0.02}, "not usable", "come out 20.0 mm a metre too short"),
        ({"board_rms_m": 0.001, "scale_bias": 0.005}, "usable", "come out 5.0 mm a metre too long"),
        ({"board_rms_m": float("nan")}, "usable", "nothing was measured in mm"),
        ({"camera_std": {"b": (0.1, 0.03)}}, "not usable", "the place of b is known to 30.0 mm only"),
        ({"focal_std_share": {"b": 0.004}}, "usable", "the focal length of b is known to 0.4 % only"),
        ({"missing": ["hold it nearer"]}, "usable", "hold it nearer"),
    ],
)
def test_each_number_counts(numbers: dict, grade: str, reason: str) -> None:
    fits = {"left": numbers.pop("fits", fit())}
    verdict = judge(fits, **numbers)
    assert verdict.grade == grade
    assert reason in verdict.sentence
    assert verdict.usable == (grade != "not usable")


def test_the_worst_comes_first_and_limits_are_options() -> None:
    fits = {"a": fit("a", 1.0), "b": fit("b", 3.0)}
    verdict = judge(fits)
    assert verdict.grade == "not usable"
    assert [reason.split()[-1] for reason in verdict.reasons] == ["b", "a"]
    assert judge(fits, VerdictLimits(rms_px=(3.0, 5.0)), what="joints").grade == "good"
