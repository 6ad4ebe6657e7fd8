"""The pictures of a calibration report, as SVG text that stands inside a page."""

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.coverage import Coverage
from posecap.calib.solution import CameraFit

_WIDTH = 360
_SIDE = 420
_MOST_POINTS = 1500
_ARROW_PX = 26  # length of the longest arrow in a picture
_BINS = 41
_PICTURE_CORNERS = ((0, 0), (1, 0), (1, 1), (0, 1))


def coverage_picture(coverage: Coverage, fit: CameraFit | None = None) -> str:
    """What a camera saw: green cells have enough corners, dots are corners, arrows mean residuals of cells.

    Arrows are drawn to the longest, its length in pixels is written below.
    """
    width, height = coverage.size_px
    scale = _WIDTH / width
    high = round(height * scale)
    rows, columns = coverage.cells.shape
    parts = [
        f'<rect class="{"full" if coverage.covered[r, c] else "empty"}" x="{c * _WIDTH / columns:.1f}" '
        f'y="{r * high / rows:.1f}" width="{_WIDTH / columns:.1f}" height="{high / rows:.1f}"/>'
        for r, c in np.ndindex(rows, columns)
    ]
    note = ""
    if fit is not None and len(fit.seen_xy):
        step = len(fit.seen_xy) // _MOST_POINTS + 1
        dots = "".join(f"M{x * scale:.1f} {y * scale:.1f}h0" for x, y in fit.seen_xy[::step])
        parts.append(f'<path class="dot" d="{dots}"/>')
        arrows, longest = _arrows(coverage, fit, scale)
        parts += arrows
        note = f'<text x="6" y="{high - 6}">longest arrow {longest:.2f} px</text>'
    label = escape(f"coverage of {coverage.camera}", quote=True)
    return _svg(_WIDTH, high, "".join(parts) + note, label)


def _arrows(coverage: Coverage, fit: CameraFit, scale: float) -> tuple[list[str], float]:
    """One arrow for each cell with enough corners, and the length of the longest mean residual, px."""
    rows, columns = coverage.cells.shape
    place = np.floor((fit.seen_xy + 0.5) / coverage.size_px * (columns, rows)).astype(int)
    place = np.clip(place, 0, (columns - 1, rows - 1))
    means = []
    for r, c in np.ndindex(rows, columns):
        mine = (place == (c, r)).all(axis=1)
        if mine.sum() >= coverage.options.cell_corners:
            means.append((fit.seen_xy[mine].mean(axis=0) * scale, fit.residuals_px[mine].mean(axis=0)))
    longest = max((float(np.linalg.norm(mean)) for _, mean in means), default=0.0)
    if not longest > 0:
        return [], 0.0
    lines = []
    for (x, y), mean in means:
        dx, dy = mean / longest * _ARROW_PX
        lines.append(
            f'<path class="arrow" d="M{x:.1f} {y:.1f}l{dx:.1f} {dy:.1f}"/>'
            f'<circle class="tip" cx="{x + dx:.1f}" cy="{y + dy:.1f}" r="2"/>'
        )
    return lines, longest


def histogram(values: NDArray[np.float64], unit: str, label: str) -> str:
    """How often values (n,) occur, between the first and the last percentile around 0; "" where there are none."""
    values = values[np.isfinite(values)]
    if not len(values):
        return ""
    reach = max(float(np.quantile(np.abs(values), 0.99)), 1e-9)
    counts, edges = np.histogram(values, bins=_BINS, range=(-reach, reach))
    high, bar = 120, _WIDTH / _BINS
    parts = [
        f'<rect class="bar" x="{k * bar:.1f}" y="{high - count / counts.max() * high:.1f}" '
        f'width="{bar - 1:.1f}" height="{count / counts.max() * high:.1f}"/>'
        for k, count in enumerate(counts)
        if count
    ]
    mean = float(values.mean())
    at = (mean + reach) / (2 * reach) * _WIDTH
    parts.append(
        f'<path class="axis" d="M{_WIDTH / 2} 0V{high}"/><path class="mean" d="M{at:.1f} 0V{high}"/>'
    )
    for x, anchor, value in ((0, "start", edges[0]), (_WIDTH, "end", edges[-1])):
        parts.append(
            f'<text x="{x}" y="{high + 14}" text-anchor="{anchor}">{value:.3g} {escape(unit)}</text>'
        )
    parts.append(f'<text x="{_WIDTH / 2}" y="{high + 14}" text-anchor="middle">mean {mean:+.3g}</text>')
    return _svg(_WIDTH, high + 18, "".join(parts), escape(label, quote=True))


def top_view(cameras: Sequence[Camera], places_m: NDArray[np.float64] | None = None) -> str:
    """The cameras from above, +x to the right, +y up, with where they look, and where the board was (n, 3), metres."""
    centres = np.array([camera.centre[:2] for camera in cameras])
    places = np.zeros((0, 2)) if places_m is None else np.asarray(places_m)[:, :2]
    points = np.concatenate([centres, places[np.isfinite(places).all(axis=1)], np.zeros((1, 2))])
    low, high = points.min(axis=0), points.max(axis=0)
    room = max(float((high - low).max()), 0.5)
    middle = (low + high) / 2
    side = _SIDE
    scale = side / (1.35 * room)

    def at(xy: NDArray[np.float64]) -> tuple[float, float]:
        x, y = (xy - middle) * scale
        return side / 2 + float(x), side / 2 - float(y)

    parts = []
    step = _round_length(room / 4)
    for k in range(-20, 21):
        x, y = at(np.array([k * step, k * step]))
        parts += [f'<path class="grid" d="M{x:.1f} 0V{side}"/>'] * (0 <= x <= side)
        parts += [f'<path class="grid" d="M0 {y:.1f}H{side}"/>'] * (0 <= y <= side)
    dots = "".join("M{:.1f} {:.1f}h0".format(*at(place)) for place in places[:_MOST_POINTS])
    parts.append(f'<path class="place" d="{dots or "M0 0"}"/>')
    x, y = at(np.zeros(2))
    parts.append(f'<path class="axis" d="M{x:.1f} {y:.1f}h{scale * step / 2:.1f}"/>')
    parts.append(f'<path class="axis" d="M{x:.1f} {y:.1f}v{-scale * step / 2:.1f}"/>')
    for camera in cameras:
        parts.append(_frustum(camera, at, 0.13 * room))
    parts.append(
        f'<text x="6" y="{side - 6}">a square is {step:g} m, lines from the origin are +x and +y</text>'
    )
    return _svg(side, side, "".join(parts), "the cameras from above")


def _frustum(camera: Camera, at, length_m: float) -> str:
    width, height = camera.size_px
    corners = np.array([[x * width - 0.5, y * height - 0.5] for x, y in _PICTURE_CORNERS])
    local = (corners - camera.K[:2, 2]) / np.diag(camera.K)[:2]
    ends = camera.centre + length_m * np.column_stack([local, np.ones(4)]) @ camera.R
    hull = sorted((at(end[:2]) for end in ends), key=lambda point: point)
    x, y = at(camera.centre[:2])
    outline = "".join(f"M{x:.1f} {y:.1f}L{u:.1f} {v:.1f}" for u, v in hull)
    name = escape(camera.name)
    anchor, beside = ("start", 7) if x < _SIDE * 0.6 else ("end", -7)
    words = f"{name} ({camera.centre[2]:.2f} m high)"
    return (
        f'<path class="camera" d="{outline}"/><circle class="tip" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
        f'<text x="{x + beside:.1f}" y="{y + 14:.1f}" text-anchor="{anchor}">{words}</text>'
    )


def _round_length(length_m: float) -> float:
    """1, 2 or 5 times a power of ten, not above `length_m` by much."""
    power = 10.0 ** np.floor(np.log10(length_m))
    return float(next(power * k for k in (5, 2, 1) if power * k <= length_m * 1.001))


def _svg(width: int, height: int, inside: str, label: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{label}">{inside}</svg>'
    )
