"""`calibrate.py people`, and `check` without a board: cameras from somebody who walks through the room."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from posecap.calib.joint_tracks import PeopleTracks, read_tracks, write_tracks
from posecap.calib.joint_views import JointViews, joint_views
from posecap.calib.people_calibration import KnownDistance, calibrate_from_people
from posecap.calib.people_checks import expect_shared, one_person
from posecap.calib.people_extrinsics import triangulated
from posecap.calib.people_refinement import RefinementSettings, refine_from_people
from posecap.calib.report import Report
from posecap.calib.reprojection import robust_rms_px
from posecap.calib.rig import Rig
from posecap.calib.solution import CameraFit
from posecap.calib.verdict import VerdictLimits, judge
from posecap.launch.calibrate_places import lenses_of
from posecap.launch.calibration_cameras import CalibrationCameras
from posecap.launch.calibration_output import OutputOptions, finish, rig_content
from posecap.launch.errors import UsageError

_RMS_SHARE = (0.006, 0.015)  # of the picture's longer side: what networks see is good, is usable
_GROSS_SHARE = 1 / 32
_NETWORK = "blazepose-heavy"  # nobody waits for these poses, and cameras agree a fifth better with it


@dataclass(frozen=True, slots=True)
class PeopleOptions:
    """How people are used.

    Attributes:
        height_m: of the person; the scale.
        distance: CAMERA:CAMERA=METRES; a better scale.
        refine: keep world and scale, and move the cameras a little.
        tracks: file that the 2D joints are kept in and read from.
        frames: pictures of each camera that are read; 0 = all.
        network: preset that finds joints; "" = the most accurate one that can be had here.
    """

    height_m: float | None = None
    distance: str | None = None
    refine: bool = False
    tracks: Path | None = None
    frames: int = 0
    network: str = ""


def calibrate_people(
    cameras: CalibrationCameras, options: PeopleOptions, output: OutputOptions, console: Console
) -> None:
    """Solve, report and write the places of all cameras.

    Raises:
        UsageError: cameras without lenses, no scale, both a scale and a refinement.
        CalibrationError, CaptureError, WeightsError, EngineError: as the solver and the tracker say.
        LaunchError: the result is not usable.
    """
    lenses = lenses_of(cameras)
    if options.refine and (options.height_m is not None or options.distance):
        raise UsageError("--refine keeps the scale that the rig has: leave out --height and --distance")
    if not options.refine and options.height_m is None and not options.distance:
        raise UsageError(
            "people alone do not say how large the room is: give --height 1.78 (metres, in shoes) or "
            "--distance left:right=2.31"
        )
    distance = None if options.distance is None else _distance(options.distance)
    tracks = tracked(cameras, options, console)
    facts: tuple[tuple[str, str], ...]
    if options.refine:
        refined = refine_from_people(lenses, tracks, RefinementSettings())
        rig, views = refined.rig, refined.views
        facts = tuple(
            (f"{name} moved by", f"{1000 * metres:.1f} mm, {np.degrees(turned):.2f} degrees")
            for name, metres, turned in zip(rig.names, refined.moved_m, refined.turned_rad, strict=True)
        )
    else:
        solved = calibrate_from_people(
            lenses.cameras, tracks, height_m=None if distance else options.height_m, distance=distance
        )
        rig, views = solved.rig, solved.views
        facts = (
            ("world", "floor from the feet, upright as people stand, good to about a degree"),
            ("height of the person as measured", f"{solved.height_m:.2f} m (good to 3 %)"),
            ("scale from", options.distance or f"a height of {options.height_m:g} m"),
        )
    xyz = triangulated(rig.cameras, views)  # the solver's joints are held by bones, which would hide errors
    report = people_report("Places of the cameras, from people", rig, views, xyz, facts)
    content = rig_content(
        cameras,
        {camera.name: camera for camera in rig.cameras},
        output.out,
        rms_px=rig.rms_px,
        solved_at=rig.solved_at or "",
        notes=None,
        moved=not options.refine,
    )
    finish(output, content, report, console)


def check_people(cameras: CalibrationCameras, options: PeopleOptions, console: Console) -> Report:
    """What people say about the calibration in the rig file; raises as `calibrate_people`."""
    rig = lenses_of(cameras)
    tracks = one_person(tracked(cameras, options, console).of(rig.names))
    views = joint_views(tracks)
    expect_shared(rig.cameras, views)
    return people_report(
        "Check of a calibration, with people", rig, views, triangulated(rig.cameras, views), ()
    )


def tracked(cameras: CalibrationCameras, options: PeopleOptions, console: Console) -> PeopleTracks:
    """2D joints of the recordings, read from `options.tracks` where that exists."""
    if options.tracks is not None and options.tracks.exists():
        console.print(f"joints of {options.tracks}", markup=False, soft_wrap=True)
        return read_tracks(options.tracks)
    if cameras.live:
        raise UsageError(
            "people are found in recordings: record them with `python launch/record.py --cams RIG.YAML --out take`, "
            "then give --videos take/video"
        )
    from posecap.launch.model_files import with_weights
    from posecap.models.weights import fetchable, present
    from posecap.runtime.people_tracks import TrackingSettings, track_people
    from posecap.runtime.settings import PipelineSettings

    fitted = present(_NETWORK) or fetchable(_NETWORK)
    chosen = options.network or (_NETWORK if fitted else PipelineSettings().model)
    settings = with_weights(
        PipelineSettings(model=chosen), lambda line: console.print(line, markup=False, soft_wrap=True)
    )
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("following people", total=None)
        tracks = track_people(
            cameras.sources,
            settings,
            TrackingSettings(frames=options.frames),
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    if options.tracks is not None:
        write_tracks(options.tracks, tracks)
    return tracks


def people_report(
    title: str,
    rig: Rig,
    views: JointViews,
    xyz: NDArray[np.float64],
    facts: tuple[tuple[str, str], ...],
) -> Report:
    """The report on places that people told, or were checked with; `xyz` (instants, joints, 3) metres."""
    fits = {
        camera.name: _fit(camera.name, views.xy[k], camera.project(xyz), views.seen[k], max(camera.size_px))
        for k, camera in enumerate(rig.cameras)
    }
    side = max(max(camera.size_px) for camera in rig.cameras)
    limits = VerdictLimits(rms_px=(_RMS_SHARE[0] * side, _RMS_SHARE[1] * side), left_out_share=(0.1, 0.4))
    instants = np.asarray(views.seen.any(axis=2), dtype=np.int64)
    known = xyz[np.isfinite(xyz).all(axis=2)]
    return Report(
        title=title,
        verdict=judge(fits, limits, what="joints"),
        facts=(
            ("solved", rig.solved_at or "unknown"),
            ("instants used", str(len(views.t_ns))),
            ("limits of the verdict", "{:.1f} px is good, {:.1f} px is usable".format(*limits.rms_px)),
            *facts,
        ),
        cameras=rig.cameras,
        fits=fits,
        what="joints",
        errors_m=_bone_errors(xyz, views),
        errors_of="lengths of bones about their medians (noise of the joints, not of the scale)",
        overlap=instants @ instants.T,
        places_m=known[:: max(len(known) // 800, 1)],
    )


def _fit(
    name: str, seen: NDArray[np.float64], drawn: NDArray[np.float64], known: NDArray[np.bool_], side_px: int
) -> CameraFit:
    residual = np.where(known[..., None], seen - drawn, np.nan)
    length = np.linalg.norm(residual, axis=-1)
    used = length <= _GROSS_SHARE * side_px
    return CameraFit(
        name=name,
        rms_px=robust_rms_px(residual),
        corners=int(used.sum()),
        views=int(used.any(axis=1).sum()),
        left_out=int((np.isfinite(length) & ~used).sum()),
        residuals_px=residual[used],
        seen_xy=seen[used],
    )


def _bone_errors(xyz: NDArray[np.float64], views: JointViews) -> NDArray[np.float64]:
    bones = views.bones
    if not len(bones):
        return np.zeros(0)
    length = np.linalg.norm(xyz[:, bones[:, 0]] - xyz[:, bones[:, 1]], axis=-1)
    seen = np.isfinite(length).any(axis=0)
    errors = length[:, seen] - np.nanmedian(length[:, seen], axis=0)
    return errors[np.isfinite(errors)]


def _distance(text: str) -> KnownDistance:
    names, _, metres = text.partition("=")
    a, _, b = names.partition(":")
    try:
        return KnownDistance(a, b, float(metres))
    except ValueError:
        raise UsageError(f"--distance {text!r} is not CAMERA:CAMERA=METRES: write left:right=2.31") from None
