"""A take with its gaps filled, and at a uniform rate."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from posecap.runtime.errors import ExportError
from posecap.runtime.pose_take import PoseTake

_ON_A_FRAME_S = 1e-6  # nearer than this a frame is taken as it is
_BRIDGED = 1.5  # median periods; frames further apart are not interpolated between
_WHOLE_HZ = 5e-3  # a median rate within this share of a whole number is that number
_STRETCH = 30  # frames: single steps carry the whole jitter of two frames
_MAX_HZ = 1000.0
_MAX_FRAMES = 10_000_000
_EVEN_S = 1e-4
_LINEAR_BELOW = 3  # known frames


@dataclass(frozen=True, slots=True, eq=False)
class Uniform:
    """A take whose frame k is at k / rate_hz seconds.

    Attributes:
        take: people without positions where the recording has none within one and a half periods.
        rate_hz: frames for each second.
        moved_median_s: between a frame's time and that of the nearest recorded frame.
        moved_max_s: likewise.
    """

    take: PoseTake
    rate_hz: float
    moved_median_s: float
    moved_max_s: float


def median_rate_hz(take: PoseTake) -> float:
    """Median rate of the frame sets, over stretches of up to 30; the whole number within half a percent of it, if any.

    Raises:
        ExportError: fewer than two frames.
    """
    if len(take.t_ns) < 2:
        raise ExportError("one frame has no rate: record longer, or export --csv, --parquet or --npz")
    stretch = min(len(take.t_ns) // 2, _STRETCH)
    rate = 1e9 * stretch / float(np.median(take.t_ns[stretch:] - take.t_ns[:-stretch]))
    return float(round(rate)) if abs(rate - round(rate)) <= _WHOLE_HZ * rate else round(rate, 2)


def at_rate(take: PoseTake, rate_hz: float | None = None) -> Uniform:
    """The take at k / rate_hz seconds after its first frame, by cubic Hermite curves with Catmull-Rom slopes.

    A frame within a microsecond of a recorded one is copied. Nothing is interpolated across unknown frames, and frames
    are thinned without a filter where the rate is lower than the recording's. Covariance and residual are
    interpolated linearly, views are the smaller number of both neighbours.

    Args:
        take: times may be uneven.
        rate_hz: None = the median rate.

    Raises:
        ExportError: a rate out of range, or fewer than two frames.
    """
    own_hz = median_rate_hz(take)
    rate_hz = own_hz if rate_hz is None else rate_hz
    if not 0 < rate_hz <= _MAX_HZ:
        raise ExportError(f"rate of {rate_hz:g} Hz, expected above 0 and up to {_MAX_HZ:g}: correct --rate")
    t_s = take.t_s
    frames = int(np.floor(t_s[-1] * rate_hz + 1e-6)) + 1
    if frames > _MAX_FRAMES:
        raise ExportError(f"{frames} frames at {rate_hz:g} Hz, at most {_MAX_FRAMES}: choose a lower --rate")
    grid_s = np.arange(frames) / rate_hz
    before = np.clip(np.searchsorted(t_s, grid_s, side="right") - 1, 0, len(t_s) - 2)
    step_s = t_s[before + 1] - t_s[before]
    share = np.clip((grid_s - t_s[before]) / step_s, 0.0, 1.0)
    nearest = np.where(share < 0.5, before, before + 1)
    moved_s = np.abs(grid_s - t_s[nearest])
    same = moved_s <= _ON_A_FRAME_S
    bridged = step_s <= _BRIDGED / own_hz
    use = (same | bridged)[:, None]

    people = take.xyz.shape[1]
    arrays = {
        name: np.full((frames, *getattr(take, name).shape[1:]), np.nan, dtype=np.float32)
        for name in ("xyz", "covariance", "residual_px")
    }
    views = np.zeros((frames, *take.views.shape[1:]), dtype=np.uint8)
    for person in range(people):  # one at a time: the curves need several arrays of this size
        xyz = _curve(t_s, take.xyz[:, person].astype(np.float64), before, share, _BRIDGED / own_hz)
        arrays["xyz"][:, person] = np.where(same[:, None, None], take.xyz[nearest, person], xyz)
        for name in ("covariance", "residual_px"):
            values = getattr(take, name)[:, person]
            part = share.reshape(-1, *[1] * (values.ndim - 1))
            mixed = (1 - part) * values[before] + part * values[before + 1]
            chosen = same.reshape(part.shape)
            arrays[name][:, person] = np.where(chosen, values[nearest], mixed)
        both = np.minimum(take.views[before, person], take.views[before + 1, person])
        views[:, person] = np.where(same[:, None], take.views[nearest, person], both)
        unknown = ~use | np.isnan(arrays["xyz"][:, person]).any(axis=-1)
        views[:, person][unknown] = 0
        for array in arrays.values():
            array[:, person][unknown] = np.nan
    even = replace(
        take, **arrays, views=views, index=take.index[nearest], recorded=take.recorded[nearest] & use[:, 0],
        t_ns=take.t_ns[0] + np.rint(grid_s * 1e9).astype(np.int64),
    )  # fmt: skip
    counted = moved_s[even.recorded]
    return Uniform(even, rate_hz, float(np.median(counted)), float(counted.max()))


def _curve(
    t_s: NDArray, values: NDArray, before: NDArray, share: NDArray, longest_s: float
) -> NDArray[np.float64]:
    """Hermite curve through (frames, joints, 3) at `share` of the way from frame `before` to the next."""
    slopes = _slopes(t_s, values, longest_s)
    u = share[:, None, None]
    step = (t_s[before + 1] - t_s[before])[:, None, None]
    start, end = values[before], values[before + 1]
    secant = (end - start) / step
    out, into = (np.where(np.isnan(slopes[k]), secant, slopes[k]) for k in (before, before + 1))
    return (
        start * (1 + 2 * u) * (1 - u) ** 2
        + end * (3 - 2 * u) * u**2
        + step * (out * u * (1 - u) ** 2 - into * u**2 * (1 - u))
    )


def _slopes(t_s: NDArray, values: NDArray, longest_s: float) -> NDArray[np.float64]:
    """Slope at each frame of the parabola through it and its neighbours; NaN where one of them is unknown or far."""
    slopes = np.full(values.shape, np.nan)
    if len(t_s) < _LINEAR_BELOW:
        return slopes
    steps = np.diff(t_s)[:, None, None]
    secants = np.diff(values, axis=0) / steps
    secants[steps[:, 0, 0] > longest_s] = np.nan
    left, right = steps[:-1], steps[1:]
    slopes[1:-1] = (secants[:-1] * right + secants[1:] * left) / (left + right)
    return slopes


def fill_gaps(take: PoseTake, longest_s: float) -> tuple[PoseTake, int]:
    """The take with gaps of each joint bridged, and how many joint positions that were.

    A gap is bridged when its two known ends are at most `longest_s` apart, by a monotone piecewise cubic (PCHIP,
    Fritsch and Butland 1984): it never overshoots, so it cuts the top of a movement off rather than making one up.
    What is filled has no covariance, no residual and no views.

    Raises:
        ExportError: `longest_s` is negative.
    """
    from scipy.interpolate import PchipInterpolator

    if not longest_s >= 0:
        raise ExportError(f"gaps of {longest_s:g} s cannot be filled: give 0 or more seconds to --fill-gaps")
    t_s, known = take.t_s, take.known
    xyz, filled = take.xyz.copy(), 0
    for person, joint in np.ndindex(*known.shape[1:]):
        there = np.flatnonzero(known[:, person, joint])
        if len(there) < 2:
            continue
        absent = np.flatnonzero(~known[:, person, joint])
        absent = absent[(absent > there[0]) & (absent < there[-1])]
        after = np.searchsorted(there, absent)
        short = absent[t_s[there[after]] - t_s[there[after - 1]] <= longest_s + _ON_A_FRAME_S]
        if len(short):
            curve = PchipInterpolator(t_s[there], take.xyz[there, person, joint].astype(np.float64))
            xyz[short, person, joint] = curve(t_s[short])
            filled += len(short)
    return replace(take, xyz=xyz), filled


def uniform_rate_hz(take: PoseTake) -> float:
    """Rate of a take whose frames are evenly spaced within a tenth of a millisecond.

    Raises:
        ExportError: they are not, or are fewer than two.
    """
    median_rate_hz(take)
    frames = len(take.t_ns)
    period_s = take.t_s[-1] / (frames - 1)
    uneven_s = np.abs(take.t_s - np.arange(frames) * period_s).max()
    if uneven_s > _EVEN_S:
        raise ExportError(
            f"frames are up to {uneven_s * 1e3:.1f} ms off a uniform rate, which this format needs: give --rate"
        )
    return round(1 / period_s, 4)
