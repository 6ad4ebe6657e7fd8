"""`calibrate.py intrinsics`: the lens of each camera from a board that is shown to it."""

from datetime import UTC, datetime

import numpy as np
from rich.console import Console

from posecap.calib.board import Board
from posecap.calib.camera import Camera
from posecap.calib.errors import CalibrationError
from posecap.calib.report import Report
from posecap.calib.solution import IntrinsicsSolution
from posecap.calib.solve_intrinsics import LensModel, solve_intrinsics
from posecap.calib.verdict import judge
from posecap.launch.board_option import written
from posecap.launch.board_sightings import BoardSightings
from posecap.launch.calibration_cameras import CalibrationCameras
from posecap.launch.calibration_output import OutputOptions, finish, rig_content

_LENSES_ONLY = "lenses only: the cameras have no places yet, run calibrate.py extrinsics"


def calibrate_lenses(
    board: Board,
    cameras: CalibrationCameras,
    seen: BoardSightings,
    model: LensModel,
    output: OutputOptions,
    console: Console,
) -> None:
    """Solve, report and write the lenses of all cameras.

    Raises:
        CalibrationError: what was seen of a camera does not tell its lens.
        LaunchError: the result is not usable.
    """
    found: dict[str, IntrinsicsSolution] = {}
    for entry in cameras.entries:
        console.print(f"{entry.name}: solving", markup=False)
        try:
            found[entry.name] = solve_intrinsics(
                board, seen.for_lens(entry.name), entry.size_px, name=entry.name, model=model
            )
        except CalibrationError as error:
            advice = "; ".join(seen.coverage(entry.name).missing[:2])
            raise CalibrationError(f"{error}{'; ' if advice else ''}{advice}") from error
    coverage = {name: seen.coverage(name) for name in found}
    advice = tuple(line for one in coverage.values() for line in one.missing)
    fits = {name: one.fit for name, one in found.items()}
    shares = {name: one.focal_std_px / one.camera.focal_px for name, one in found.items()}
    lenses = tuple(one.camera for one in found.values())
    had_places = cameras.content is not None and cameras.content.notes != _LENSES_ONLY
    placed = {camera.name: _in_place(camera, cameras) for camera in lenses}
    if had_places:
        advice += ("places were solved with the old lenses: run calibrate.py extrinsics again",)
    squares = np.array([fit.rms_px**2 * fit.corners for fit in fits.values()])
    rms_px = float(np.sqrt(squares.sum() / sum(fit.corners for fit in fits.values())))
    solved_at = datetime.now(UTC).isoformat(timespec="seconds")
    report = Report(
        title="Lenses",
        verdict=judge(
            fits,
            focal_std_share=shares,
            missing=[line for one in coverage.values() for line in one.missing[:1]],
        ),
        facts=(
            ("solved", solved_at),
            ("board", written(board)),
            ("lens model", model),
            ("reprojection error of all", f"{rms_px:.3f} px rms"),
            *((f"principal point of {n}", _centre(one)) for n, one in found.items()),
        ),
        cameras=lenses,
        fits=fits,
        coverage=coverage,
        focal_std_px={name: one.focal_std_px for name, one in found.items()},
        advice=advice,
    )
    notes = (cameras.content.notes if cameras.content else None) if had_places else _LENSES_ONLY
    content = rig_content(
        cameras, placed, output.out, rms_px=rms_px, solved_at=solved_at, notes=notes, moved=False
    )
    finish(output, content, report, console)


def _in_place(camera: Camera, cameras: CalibrationCameras) -> Camera:
    """The lens at the place that the rig file has for it."""
    entry = next(entry for entry in cameras.entries if entry.name == camera.name)
    return Camera(
        camera.name, camera.size_px, camera.K, camera.distortion, np.array(entry.cam_from_world, dtype=float)
    )


def _centre(one: IntrinsicsSolution) -> str:
    x, y = one.camera.K[:2, 2]
    return f"({x:.1f}, {y:.1f}) px ± {one.centre_std_px:.1f}"
