"""Walking along a path: footprints first, then hips over them, then the rest of the body.

A foot stands still from its landing until the other one has landed: it rolls over the heel, stands, rolls over the
ball. In between it swings. Nothing slides, because the hips are led by the footprints' clock. Shares of the cycle and
angles are round figures of normal gait as textbooks give them (Perry, Gait Analysis): stance about 62 %, heel strike
with the toes up, push-off with the heel high, pelvis and chest turned against each other.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d, minimum_filter1d

from posecap.training.synthetic_exercise import REST
from posecap.training.synthetic_legs import FootStep
from posecap.training.synthetic_path import Path
from posecap.training.synthetic_posture import SIDES, Attitude, Poser, Posture

_BOTH_FEET = 0.24  # of the time between two landings, after each of them
_STRIKE_DEG, _PUSH_DEG = 16.0, 40.0
_ROLL_DOWN_S, _ROLL_UP_S = 0.11, 0.26
_HALF_WIDTH_M, _STANDING_HALF_WIDTH_M = 0.055, 0.09
_TOES_OUT_DEG = 5.0
_CLEARANCE_M = 0.02
_TOE_M = 0.07  # from the ball to the tip, with the shoe
_SOFT_KNEE_M = 0.012  # the knee of the standing leg is not locked
_SMOOTH_S = 0.035
_RAMP_M = 0.5  # way over which arms and hips come into swing


REACH = 0.992
"""Share of the length of a leg that a walker uses."""


@dataclass(frozen=True, slots=True, eq=False)
class Footprint:
    """One stance of one foot; times in seconds, infinite where it stood before or goes on standing after."""

    lands_s: float
    lifts_s: float
    place: NDArray[np.float64]
    heading_deg: float
    strike_deg: float = _STRIKE_DEG

    def step(self, at_s: float) -> FootStep:
        """The foot at a time of the stance."""
        strike = 1 - _eased((at_s - self.lands_s) / _ROLL_DOWN_S)
        push = min(max(1 - (self.lifts_s - at_s) / _ROLL_UP_S, 0.0), 1.0)
        pitch = _PUSH_DEG * push**2 - self.strike_deg * strike
        return FootStep(self.place, self.heading_deg, pitch)


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """A walk that can be asked for any time between its start and its end.

    Attributes:
        path: where the hips go.
        along_m: second -> arc length of the hips.
        phase: second -> pi for every landing, even multiples for landings of the left foot.
        stances: side -> footprints in the order of time.
        swing: arc length -> 0 standing .. 1 walking.
        hips_m: second -> height of the hips; `with_hips_over_feet` finds it.
    """

    path: Path
    along_m: Callable[[float], float]
    phase: Callable[[float], float]
    stances: dict[str, list[Footprint]]
    swing: Callable[[float], float]
    hips_m: Callable[[float], float] = lambda at_s: 0.0

    def posture(self, at_s: float) -> Posture:
        """The walker at a time."""
        along = self.along_m(at_s)
        amount = self.swing(along)
        phase = self.phase(at_s)
        hips = self.path.at(along, 0.018 * amount * np.sin(phase))
        hips[2] = self.hips_m(at_s)
        attitude = _walking(phase, amount)
        feet = {side: self.foot(side, at_s) for side in SIDES}
        return Posture(hips, self.path.heading_deg(along), attitude, feet)

    def foot(self, side: str, at_s: float) -> FootStep:
        """Where a foot is: in a stance, or swinging from one to the next."""
        stances = self.stances[side]
        after = next(i for i, stance in enumerate(stances) if at_s <= stance.lifts_s)
        if at_s >= stances[after].lands_s:
            return stances[after].step(at_s)
        return _swung(stances[after - 1], stances[after], at_s)


def steady_walk(path: Path, steps: int, duration_s: float, start_m: float = 0.0) -> Walk:
    """Once round a closed path in an even number of steps, at even speed from `start_m`; begins as it ends."""
    stride = path.length_m / steps
    interval = duration_s / steps
    stances: dict[str, list[Footprint]] = {"left": [], "right": []}
    for k in range(-3, steps + 4):
        lands = k * interval
        side = "left" if k % 2 == 0 else "right"
        ahead = start_m + (k + 0.5) * stride
        stances[side].append(_footprint(path, side, ahead, lands, lands + (1 + _BOTH_FEET) * interval))
    return Walk(
        path,
        along_m=lambda at_s: start_m + at_s / duration_s * path.length_m,
        phase=lambda at_s: np.pi * at_s / interval,
        stances=stances,
        swing=lambda along_m: 1.0,
    )


def walk_between_stops(path: Path, steps: int, starts_s: float, ends_s: float) -> Walk:
    """From standing along the whole path to standing again, the right foot first.

    Args:
        path: its end is where the walker stops.
        steps: without the last one, which puts the feet side by side.
        starts_s: the hips set off.
        ends_s: the hips arrive.
    """
    times = np.linspace(starts_s, ends_s, 400)
    speed = np.clip((times - starts_s) / 0.7, 0, 1) * np.clip((ends_s - times) / 0.8, 0, 1)
    speed = speed * speed * (3 - 2 * speed)
    way = np.concatenate([[0.0], np.cumsum((speed[1:] + speed[:-1]) / 2)])
    way *= path.length_m / way[-1]
    places = np.linspace(0, path.length_m, steps + 1)
    middles = np.append((places[1:] + places[:-1]) / 2, path.length_m)
    landings = np.interp(middles, way, times)
    landings[-1] = ends_s
    intervals = np.diff(landings, prepend=landings[0] - (landings[1] - landings[0]))
    sides = ["right" if k % 2 == 0 else "left" for k in range(steps + 1)]
    lifts = [landings[0] - 0.76 * intervals[0]]
    lifts += [landings[k - 1] + _BOTH_FEET * intervals[k] for k in range(1, steps + 1)]
    stances: dict[str, list[Footprint]] = {}
    for side in SIDES:
        mine = [k for k in range(steps + 1) if sides[k] == side]
        until = [lifts[k] for k in mine] + [np.inf]
        prints = [_footprint(path, side, 0.0, -np.inf, until[0], standing=True)]
        for place, k in enumerate(mine):
            closing = k >= steps - 1
            along = path.length_m if closing else places[k + 1]
            prints.append(_footprint(path, side, along, landings[k], until[place + 1], standing=closing))
        stances[side] = prints
    beats = np.concatenate([[starts_s - 0.3], landings, [ends_s + 0.5]])
    phase = PchipInterpolator(beats, np.pi * (np.arange(len(beats))))
    return Walk(
        path,
        along_m=lambda at_s: float(np.interp(at_s, times, way)),
        phase=lambda at_s: float(phase(np.clip(at_s, beats[0], beats[-1]))),
        stances=stances,
        swing=lambda along_m: float(_eased(along_m / _RAMP_M) * _eased((path.length_m - along_m) / _RAMP_M)),
    )


def with_hips_over_feet(walk: Walk, poser: Poser, times_s: NDArray[np.float64]) -> Walk:
    """The walk with hips as high as both legs allow, smoothly: low with both feet down, high over a standing foot.

    Args:
        walk: how feet and hips go over the floor.
        poser: of the body that walks.
        times_s: even steps that cover the walk.
    """
    postures = [walk.posture(at_s) for at_s in times_s]
    amounts = np.array([walk.swing(walk.along_m(at_s)) for at_s in times_s])
    legs = np.array([poser.highest_hips_m(posture, REACH) for posture in postures])
    limit = np.minimum(legs, poser.hip_height_m * REACH - _SOFT_KNEE_M * amounts)
    width = round(_SMOOTH_S / (times_s[1] - times_s[0]))
    heights = gaussian_filter1d(minimum_filter1d(limit, 6 * width + 1), width)
    return replace(walk, hips_m=lambda at_s: float(np.interp(at_s, times_s, heights)))


def _footprint(
    path: Path, side: str, along_m: float, lands_s: float, lifts_s: float, standing: bool = False
) -> Footprint:
    sign = 1 if side == "left" else -1
    width = _STANDING_HALF_WIDTH_M if standing else _HALF_WIDTH_M
    heading = path.heading_deg(along_m) + sign * _TOES_OUT_DEG
    strike = 0.0 if standing else _STRIKE_DEG
    return Footprint(lands_s, lifts_s, path.at(along_m, sign * width), heading, strike)


def _walking(phase: float, amount: float) -> Attitude:
    """The body above the legs; the left foot lands at phase 0."""
    forward, stance = amount * np.cos(phase), amount * np.sin(phase)
    return replace(
        REST,
        swing_left=4 * amount - 22 * forward,
        swing_right=4 * amount + 22 * forward,
        elbow_left=REST.elbow_left + amount * 8 - 9 * forward,
        elbow_right=REST.elbow_right + amount * 8 + 9 * forward,
        turn=-5 * forward,
        twist=10 * forward,
        look=-5 * forward,
        list=-3 * stance,
        side=3 * stance,
        lean=2 * amount,
        bend=2 * amount,
    )


def _swung(left: Footprint, lands: Footprint, at_s: float) -> FootStep:
    """A foot in the air: from the pitch of its push-off to that of its landing, clear of the floor."""
    duration = lands.lands_s - left.lifts_s
    share = (at_s - left.lifts_s) / duration
    first, last = left.step(left.lifts_s).pitch_deg, lands.step(lands.lands_s).pitch_deg
    pitch = _curve(share, first, last, 2 * first * duration / _ROLL_UP_S, 0.0)
    toe_bend = 1 - _eased(share / 0.4)
    place = left.place + (lands.place - left.place) * _curve(share, 0.0, 1.0, 0.5, 0.0)
    toe_down = _TOE_M * np.sin(np.deg2rad(max(pitch, 0.0) * (1 - toe_bend)))
    place[2] = _CLEARANCE_M * np.sin(np.pi * share) ** 2 + toe_down
    heading = left.heading_deg + (lands.heading_deg - left.heading_deg) * _eased(share)
    return FootStep(place, heading, pitch, toe_bend)


def _curve(share: float, first: float, last: float, first_slope: float, last_slope: float) -> float:
    """Cubic from `first` at 0 to `last` at 1 with the given slopes (Hermite)."""
    s, rest = share, 1 - share
    bend = s * rest * (first_slope * rest - last_slope * s)
    return first * rest * rest * (1 + 2 * s) + last * s * s * (3 - 2 * s) + bend


def _eased(share: float) -> float:
    """0 before, 1 after, smooth between."""
    clipped = min(max(share, 0.0), 1.0)
    return clipped * clipped * (3 - 2 * clipped)
