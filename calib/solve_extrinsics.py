"""Where the cameras of a rig stand, from a board that is carried around between them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from posecap.calib.board import Board, Sighting
from posecap.calib.board_errors import board_errors
from posecap.calib.board_pose import board_poses
from posecap.calib.bundle import Bundle
from posecap.calib.bundle_options import ALL_INTRINSICS, BundleOptions
from posecap.calib.camera import Camera
from posecap.calib.camera_links import Candidates, linked_poses
from posecap.calib.errors import CalibrationError
from posecap.calib.inliers import adjust_inliers, fit_of, observations_of, thinned
from posecap.calib.lens_derivatives import cross_matrices
from posecap.calib.rig import Rig
from posecap.calib.rigid import inverse_of
from posecap.calib.solution import RigSolution
from posecap.calib.world_frame import from_board_on_floor, from_upright_pictures, resting_pose, solution_in

_MOST_INSTANTS = 400
_MOST_ALONE = 60  # instants of one camera: they say nothing but about its lens
_FAR_OFF_PX = 50.0
_FLOOR_NS = 100_000_000
_REFINED = BundleOptions(  # cameras that are not quite at the same time must not bend the lenses
    free=ALL_INTRINSICS, focal_share=0.005, centre_share=0.005, radial=0.05, tangential=0.001
)


def solve_extrinsics(
    board: Board,
    sightings: Sequence[Sighting],
    cameras: Sequence[Camera],
    *,
    refine_intrinsics: bool = False,
    floor_t_ns: int | None = None,
) -> RigSolution:
    """The poses of all cameras in one frame, by bundle adjustment over all instants.

    Sightings with equal `t_ns` belong together. Of more than 400 instants an evenly spread choice is used. Without
    `floor_t_ns` the frame is provisional: the origin is the first camera, up is where the pictures of all cameras are
    upright, and the first camera looks along +y; `calib.world_frame` turns it.

    Args:
        board: what was carried.
        sightings: of all cameras.
        cameras: with intrinsics; their order is the rig's, their poses are not looked at.
        refine_intrinsics: adjust focal lengths (by half a percent or so), principal points and distortion, too. Give
            all sightings that there are, also those that told the lenses: instants of one camera help.
        floor_t_ns: instant (within 0.1 s) at which the board lay on the floor, print up: the print is then z = 0, the
            origin the board's top-left corner, x along its rows. Instants at which it lay in the same place add to it.

    Raises:
        CalibrationError: what was seen does not tell the poses: cameras that no chain of common instants links (names
            the groups), too few corners, no such floor instant; says what to do.
    """
    rig = Rig(tuple(replace(camera, cam_from_world=np.eye(4)) for camera in cameras))
    _check_asked(board, sightings, rig)
    instants = _instants(board, sightings, rig)
    poses = linked_poses(rig.names, [instant.poses for instant in instants])
    placed = tuple(replace(c, cam_from_world=pose) for c, pose in zip(rig.cameras, poses, strict=True))
    chosen = _chosen(instants, refine_intrinsics, floor_t_ns)
    start = np.stack([_placed_board(board, instant, placed) for instant in chosen])
    target = [k for k, instant in enumerate(chosen) for _ in instant.sightings]
    seen = observations_of(board, [s for instant in chosen for s in instant.sightings], rig.names, target)
    options = _REFINED if refine_intrinsics else BundleOptions()
    bundle, kept = adjust_inliers(placed, start, seen, options)
    errors, printed = board_errors(bundle.cameras, seen.only(kept))
    solution = RigSolution(
        Rig(bundle.cameras, bundle.rms_px, datetime.now(UTC).isoformat(timespec="seconds")),
        {name: fit_of(index, name, bundle, seen, kept) for index, name in enumerate(rig.names)},
        bundle.rms_px,
        np.array([instant.t_ns for instant in chosen]),
        bundle.world_from_target,
        errors,
        float(errors.mean() / printed.mean()) if len(errors) else float("nan"),
        _overlap(instants, len(rig)),
        {camera.name: _deviation(bundle, k) for k, camera in enumerate(bundle.cameras)},
    )
    if floor_t_ns is None:
        return solution_in(solution, from_upright_pictures(solution.rig))
    floor = int(np.abs(solution.t_ns - floor_t_ns).argmin())
    resting = resting_pose(solution.world_from_board, floor)
    return solution_in(solution, from_board_on_floor(resting, solution.rig))


class _Instant:
    """What all cameras saw at one time, and the poses that the board may have before each of them."""

    def __init__(self, t_ns: int) -> None:
        self.t_ns = t_ns
        self.sightings: list[Sighting] = []
        self.poses: dict[int, Candidates] = {}


def _check_asked(board: Board, sightings: Sequence[Sighting], rig: Rig) -> None:
    if len(rig) < 2:
        raise CalibrationError(
            f"one camera ({rig.names[0]}) has no rig to be placed in: name two cameras or more"
        )
    if board.looks_alike_turned:
        raise CalibrationError(
            f"a chessboard of {board.columns} x {board.rows} squares looks the same turned round, so cameras that face "
            "each other number its corners differently: use a ChArUco board, or one even and one odd number of squares"
        )
    seen = {sighting.camera for sighting in sightings}
    blind = [name for name in rig.names if name not in seen]
    if blind:
        raise CalibrationError(
            f"camera {blind[0]!r} never saw the board: carry it into its picture, or leave the camera out"
        )


def _instants(board: Board, sightings: Sequence[Sighting], rig: Rig) -> list[_Instant]:
    instants: dict[int, _Instant] = {}
    for sighting in sightings:
        if sighting.camera not in rig.names:
            continue
        index = rig.index(sighting.camera)
        instant = instants.setdefault(sighting.t_ns, _Instant(sighting.t_ns))
        if index in instant.poses:
            raise CalibrationError(
                f"camera {sighting.camera!r} has two sightings at {sighting.t_ns} ns: one picture shows one board once"
            )
        poses = board_poses(board, sighting, rig.cameras[index])
        if poses:
            instant.sightings.append(sighting)
            instant.poses[index] = poses
    return [instants[t_ns] for t_ns in sorted(instants) if instants[t_ns].poses]


def _chosen(instants: list[_Instant], alone: bool, floor_t_ns: int | None) -> list[_Instant]:
    """Instants to adjust: those that several cameras saw, some of single cameras, the one on the floor."""
    several = thinned([instant for instant in instants if len(instant.poses) > 1], _MOST_INSTANTS)
    chosen = {instant.t_ns: instant for instant in several}
    if alone:
        rest = [instant for instant in instants if len(instant.poses) == 1]
        for index in {camera for instant in rest for camera in instant.poses}:
            mine = [instant for instant in rest if index in instant.poses]
            chosen |= {instant.t_ns: instant for instant in thinned(mine, _MOST_ALONE)}
    if floor_t_ns is not None:
        nearest = min(instants, key=lambda instant: abs(instant.t_ns - floor_t_ns))
        if abs(nearest.t_ns - floor_t_ns) > _FLOOR_NS:
            raise CalibrationError(
                f"no camera saw the board on the floor at {floor_t_ns / 1e9:.3f} s; the nearest sighting is at "
                f"{nearest.t_ns / 1e9:.3f} s: give a time at which it lay in full view"
            )
        chosen[nearest.t_ns] = nearest
    return [chosen[t_ns] for t_ns in sorted(chosen)]


def _placed_board(board: Board, instant: _Instant, cameras: tuple[Camera, ...]) -> NDArray[np.float64]:
    """(4, 4) world_from_board, of the poses that the cameras allow the one that all of them like best."""
    index = {camera.name: camera for camera in cameras}
    best, least = np.eye(4), np.inf
    for k, candidates in instant.poses.items():
        for cam_from_board, _ in candidates:
            pose = inverse_of(cameras[k].cam_from_world) @ cam_from_board
            cost = 0.0
            for sighting in instant.sightings:
                corners = board.points_m[sighting.ids] @ pose[:3, :3].T + pose[:3, 3]
                gap = np.linalg.norm(index[sighting.camera].project(corners) - sighting.xy, axis=1)
                cost += float(np.minimum(np.nan_to_num(gap, nan=_FAR_OFF_PX), _FAR_OFF_PX).sum())
            if cost < least:
                best, least = pose, cost
    return best


def _overlap(instants: list[_Instant], cameras: int) -> NDArray[np.int64]:
    sees = np.zeros((len(instants), cameras), dtype=np.int64)
    for row, instant in zip(sees, instants, strict=True):
        row[list(instant.poses)] = 1
    return sees.T @ sees


def _deviation(bundle: Bundle, index: int) -> tuple[float, float]:
    """Standard deviations of a camera's rotation (degrees) and place (metres)."""
    covariance, camera = bundle.covariance[index][:6, :6], bundle.cameras[index]
    centre = np.hstack([cross_matrices(camera.t[None])[0], np.eye(3)])  # by turn and shift, up to a rotation
    turn = float(np.trace(covariance[:3, :3]))
    place = float(np.trace(centre @ covariance @ centre.T))
    return float(np.degrees(np.sqrt(max(turn, 0.0)))), float(np.sqrt(max(place, 0.0)))
