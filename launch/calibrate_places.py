"""`calibrate.py extrinsics` and `check`: where the cameras stand, from a board that is carried between them."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from rich.console import Console

from posecap.calib.board import Board
from posecap.calib.check_rig import check_rig
from posecap.calib.errors import CalibrationError
from posecap.calib.report import Report
from posecap.calib.rig import Rig
from posecap.calib.shared_views import missing_links
from posecap.calib.solution import RigSolution
from posecap.calib.solve_extrinsics import solve_extrinsics
from posecap.calib.verdict import judge
from posecap.calib.world_frame import from_gravity, solution_in
from posecap.launch.board_option import written
from posecap.launch.board_sightings import BoardSightings
from posecap.launch.calibration_cameras import CalibrationCameras
from posecap.launch.calibration_output import OutputOptions, finish, rig_content
from posecap.launch.errors import UsageError

_FEW_VIEWS = 15


@dataclass(frozen=True, slots=True)
class WorldOptions:
    """Where the world frame comes from; nothing given: the first camera and the upright pictures.

    Attributes:
        floor_s: seconds after the first picture at which the board lay on the floor, print up.
        thickness_m: of the board.
        gravity: direction of gravity in a camera's frame (x right, y down, z forward), by name.
    """

    floor_s: float | None = None
    thickness_m: float = 0.0
    gravity: dict[str, np.ndarray] | None = None


def calibrate_places(
    board: Board,
    cameras: CalibrationCameras,
    seen: BoardSightings,
    world: WorldOptions,
    output: OutputOptions,
    console: Console,
    *,
    refine_lenses: bool = False,
) -> None:
    """Solve, report and write the places of all cameras.

    Raises:
        UsageError: cameras without lenses.
        CalibrationError: what was seen does not tell the places.
        LaunchError: the result is not usable.
    """
    sightings = seen.for_rig()
    first_ns = min((sighting.t_ns for sighting in sightings), default=0)
    floor_t_ns = None if world.floor_s is None else round(world.floor_s * 1e9) + _origin_ns(cameras, first_ns)
    console.print(f"solving from {len(sightings)} pictures", markup=False)
    try:
        solution = solve_extrinsics(
            board,
            sightings,
            lenses_of(cameras).cameras,
            refine_intrinsics=refine_lenses,
            floor_t_ns=floor_t_ns,
        )
    except CalibrationError as error:
        advice = "; ".join(missing_links(seen.shared(), cameras.names))
        raise CalibrationError(f"{error}{'; ' if advice else ''}{advice}") from error
    solution, frame = _in_world(solution, world)
    report = places_report("Places of the cameras", board, solution, seen, (("world", frame),))
    content = rig_content(
        cameras,
        {camera.name: camera for camera in solution.rig.cameras},
        output.out,
        rms_px=solution.rms_px,
        solved_at=solution.rig.solved_at or datetime.now(UTC).isoformat(timespec="seconds"),
        notes=None,
        moved=True,
    )
    finish(output, content, report, console)


def check_places(board: Board, cameras: CalibrationCameras, seen: BoardSightings) -> Report:
    """What the boards say about the calibration in the rig file.

    Raises:
        CalibrationError: no two cameras saw the board at once, or no calibration.
    """
    if cameras.content is None:
        raise UsageError("check looks at a rig file: give --cams RIG.YAML")
    solution = check_rig(board, seen.for_rig(), lenses_of(cameras))
    return places_report("Check of a calibration", board, solution, seen, ())


def lenses_of(cameras: CalibrationCameras) -> Rig:
    """The cameras with their lenses, and the places that the file has.

    Raises:
        UsageError: no lenses are known.
    """
    if cameras.content is None:
        raise UsageError(
            "the lenses of these cameras are not known: run calibrate.py intrinsics first, then give its rig file with "
            "--cams (and the recordings with --videos)"
        )
    return cameras.rig()


def places_report(
    title: str, board: Board, solution: RigSolution, seen: BoardSightings, facts: tuple[tuple[str, str], ...]
) -> Report:
    """The report on places, solved or checked."""
    names = solution.rig.names
    coverage = {name: seen.coverage(name) for name in names}
    advice = list(missing_links(seen.shared(), names))
    for name, one in coverage.items():
        if one.share < one.options.share / 2:
            advice += one.missing[:1]
        if solution.fits[name].views < _FEW_VIEWS:
            advice.append(f"show the board longer to {name} and another camera at once")
    known = dict(list(solution.camera_std.items())[1:])  # the first camera is the reference
    verdict = judge(
        solution.fits,
        board_rms_m=solution.board_rms_m,
        scale_bias=solution.scale_bias,
        camera_std=known,
    )
    return Report(
        title=title,
        verdict=verdict,
        facts=(
            ("solved", solution.rig.solved_at or "unknown"),
            ("board", written(board)),
            ("instants used", str(len(solution.t_ns))),
            ("reprojection error of all", f"{solution.rms_px:.3f} px rms"),
            *facts,
        ),
        cameras=solution.rig.cameras,
        fits=solution.fits,
        coverage=coverage,
        camera_std=known,
        errors_m=solution.board_errors_m,
        scale_bias=solution.scale_bias,
        overlap=solution.overlap,
        places_m=solution.world_from_board[:, :3, 3],
        advice=tuple(advice),
    )


def _in_world(solution: RigSolution, world: WorldOptions) -> tuple[RigSolution, str]:
    """The solution in the frame asked for, and that frame in words."""
    if world.floor_s is not None:
        lowered = np.eye(4)
        lowered[2, 3] = world.thickness_m
        words = (
            f"floor and origin from the board, {1000 * world.thickness_m:g} mm thick, at {world.floor_s:g} s"
        )
        return solution_in(solution, lowered), words
    if world.gravity:
        turned = solution_in(solution, from_gravity(solution.rig, world.gravity))
        return turned, f"up from gravity in {', '.join(world.gravity)}; the origin is the first camera"
    return solution, "up from the pictures, roughly; the origin is the first camera: the floor is not known"


def _origin_ns(cameras: CalibrationCameras, first_ns: int) -> int:
    """Time of the first picture: 0 in recordings, the first sighting where cameras are live."""
    return first_ns if cameras.live else 0


def gravity_of(text: str) -> tuple[str, np.ndarray]:
    """CAMERA=x,y,z; raises UsageError."""
    name, _, numbers = text.partition("=")
    try:
        vector = np.array([float(value) for value in numbers.split(",")])
    except ValueError:
        vector = np.zeros(0)
    if not name or vector.shape != (3,):
        raise UsageError(
            f"--gravity {text!r} is not CAMERA=x,y,z: write cam1=0,1,0 for a camera held upright"
        )
    return name, vector
