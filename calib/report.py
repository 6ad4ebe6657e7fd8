"""A calibration on one HTML page that needs nothing else: errors, what was seen, where the cameras are, a verdict."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.coverage import Coverage
from posecap.calib.report_pictures import coverage_picture, histogram, top_view
from posecap.calib.solution import CameraFit
from posecap.calib.verdict import Verdict

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;max-width:1180px;margin:24px auto;padding:0 16px;color:#1b1f24;background:#fff}
h1{font-size:24px}h2{font-size:18px;margin-top:32px}table{border-collapse:collapse}
td,th{padding:4px 10px;text-align:right;border-bottom:1px solid #d5dae0}td:first-child,th:first-child{text-align:left}
.verdict{padding:12px 16px;border-left:6px solid;border-radius:4px;background:#f3f5f7}
.good{border-color:#2b8a3e}.usable{border-color:#d98b00}.not{border-color:#c92a2a}
figure{display:inline-block;margin:0 16px 16px 0;vertical-align:top}figcaption{font-size:13px;color:#57606a}
svg{background:#f6f8fa;border:1px solid #d5dae0}svg text{font:11px system-ui,sans-serif;fill:#1b1f24}
.full{fill:#2b8a3e;fill-opacity:.22;stroke:#fff}.empty{fill:#c92a2a;fill-opacity:.12;stroke:#fff}
.dot,.place{stroke:#1864ab;stroke-width:2;stroke-linecap:round;stroke-opacity:.45;fill:none}
.arrow{stroke:#c2255c;stroke-width:1.6}.tip{fill:#c2255c}.bar{fill:#1864ab}.axis{stroke:#1b1f24}
.mean{stroke:#c2255c;stroke-width:1.5}.grid{stroke:#d5dae0}.camera{stroke:#c2255c;fill:none}
""".strip()
_CLASSES = {"good": "good", "usable": "usable", "not usable": "not"}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Report:
    """What a report shows; what is left empty does not appear.

    Attributes:
        title: first line.
        verdict: what it all means.
        facts: (what, value) lines, in words.
        cameras: as they were found.
        fits: of each camera, by name.
        what: plural name of what was seen: corners, joints.
        coverage: of each camera, by name.
        focal_std_px: of each camera, by name.
        camera_std: (rotation degrees, position metres), by name.
        errors_m: (k,) signed errors of known distances, metres.
        errors_of: which distances these are.
        scale_bias: mean error over mean distance; NaN = not known.
        overlap: (cameras, cameras) instants that both saw; None = a report on lenses.
        places_m: (n, 3) where the board or people were, metres.
        advice: sentences on what to do better.
    """

    title: str
    verdict: Verdict
    facts: tuple[tuple[str, str], ...]
    cameras: tuple[Camera, ...]
    fits: Mapping[str, CameraFit]
    what: str = "corners"
    coverage: Mapping[str, Coverage] = field(default_factory=dict)
    focal_std_px: Mapping[str, float] = field(default_factory=dict)
    camera_std: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    errors_m: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    errors_of: str = "distances on the board"
    scale_bias: float = float("nan")
    overlap: NDArray[np.int64] | None = None
    places_m: NDArray[np.float64] | None = None
    advice: tuple[str, ...] = ()


def render_report(report: Report) -> str:
    """The page: UTF-8 HTML with its style and pictures inside, no scripts, nothing from elsewhere."""
    sections = [_summary(report), _cameras(report), _pictures(report)]
    if report.overlap is not None:
        sections += [_distances(report), _places(report)]
    if report.advice:
        sections.append("<h2>What would make it better</h2>" + _list(report.advice))
    title = escape(report.title)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{title}</h1>\n"
        + "\n".join(sections)
        + "\n</body></html>\n"
    )


def _summary(report: Report) -> str:
    verdict = report.verdict
    reasons = _list(verdict.reasons) if verdict.reasons else ""
    facts = _table((), report.facts)
    head = f"<strong>This calibration is {verdict.grade}.</strong>"
    return f'<div class="verdict {_CLASSES[verdict.grade]}">{head}{reasons}</div>{facts}'


def _cameras(report: Report) -> str:
    head = ["camera", "picture", "rms px", report.what, "views", "left out", "focal length px"]
    head += ["covered"] * bool(report.coverage)
    head += ["place known to mm", "direction known to degrees"] * bool(report.camera_std)
    rows = []
    for camera in report.cameras:
        fit, seen = report.fits.get(camera.name), report.coverage.get(camera.name)
        row = [camera.name, "{} x {}".format(*camera.size_px)]
        row += (
            [f"{fit.rms_px:.3f}", str(fit.corners), str(fit.views), str(fit.left_out)]
            if fit
            else ["not seen"] * 4
        )
        std = report.focal_std_px.get(camera.name)
        row.append(f"{camera.focal_px:.1f}" + (f" ± {std:.1f}" if std is not None else ""))
        if report.coverage:
            row.append(f"{100 * seen.share:.0f} %" if seen else "")
        if report.camera_std:
            turn, place = report.camera_std.get(camera.name, (np.nan, np.nan))
            row += (
                [f"{1000 * place:.2f}", f"{turn:.3f}"] if np.isfinite(place) else ["reference", "reference"]
            )
        rows.append(row)
    return "<h2>Cameras</h2>" + _table(head, rows)


def _pictures(report: Report) -> str:
    if not report.fits:
        return ""
    figures = []
    for camera in report.cameras:
        fit, seen = report.fits.get(camera.name), report.coverage.get(camera.name)
        if seen is not None:
            caption = f"{camera.name}: {100 * seen.share:.0f} % of the picture, {seen.views} views"
            figures.append(_figure(coverage_picture(seen, fit), caption))
        if fit is not None and len(fit.residuals_px):
            drawn = histogram(fit.residuals_px.ravel(), "px", f"residuals of {camera.name}")
            figures.append(_figure(drawn, f"{camera.name}: residuals, x and y"))
    words = (
        f"Green cells have seen enough {report.what}, red ones have not. Arrows show where {report.what} of a cell lie "
        "beside where the calibration expects them, on average: they should look random."
    )
    return f"<h2>What the cameras saw</h2><p>{words}</p>" + "".join(figures)


def _distances(report: Report) -> str:
    errors = 1000 * report.errors_m[np.isfinite(report.errors_m)]
    head = f"<h2>Error of {escape(report.errors_of)}</h2>"
    if not len(errors):
        return head + "<p>No known distance was seen by two cameras at once.</p>"
    rms, mean, worst = np.sqrt(np.mean(errors**2)), errors.mean(), np.quantile(np.abs(errors), 0.95)
    words = f"{len(errors)} distances: rms {rms:.2f} mm, bias {mean:+.2f} mm, 95 % within {worst:.2f} mm"
    if np.isfinite(report.scale_bias):
        words += f"; scale {1000 * report.scale_bias:+.2f} mm a metre"
    return f"{head}<p>{escape(words)}.</p>" + _figure(
        histogram(errors, "mm", "errors of distances"), "signed errors; the red line is the bias"
    )


def _places(report: Report) -> str:
    names = [camera.name for camera in report.cameras]
    centres = np.array([camera.centre for camera in report.cameras])
    apart = np.linalg.norm(centres[:, None] - centres[None], axis=-1)
    assert report.overlap is not None
    baselines = [
        [name, *(f"{value:.3f}" if value else "" for value in row)]
        for name, row in zip(names, apart, strict=True)
    ]
    shared = [[name, *map(str, row)] for name, row in zip(names, report.overlap.tolist(), strict=True)]
    return (
        "<h2>Where the cameras are</h2>"
        + _figure(
            top_view(report.cameras, report.places_m), "from above; blue: where the board or people were"
        )
        + "<h2>Baselines, m</h2>"
        + _table(["", *names], baselines)
        + "<h2>Common pictures</h2>"
        + _table(["", *names], shared)
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "<tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr>" if head else ""
    lines = ("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{top}{''.join(lines)}</table>"


def _figure(picture: str, caption: str) -> str:
    return f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"


def _list(lines: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"
