"""How well a calibration that is given explains boards that its cameras see: nothing of it is changed."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from posecap.calib.board import Board, Sighting
from posecap.calib.board_errors import board_errors
from posecap.calib.board_pose import board_poses
from posecap.calib.bundle_options import BundleOptions
from posecap.calib.errors import CalibrationError
from posecap.calib.inliers import adjust_inliers, fit_of, observations_of, thinned
from posecap.calib.rig import Rig
from posecap.calib.rigid import inverse_of
from posecap.calib.solution import RigSolution

_MOST_INSTANTS = 300
_FAR_OFF_PX = 100.0


def check_rig(board: Board, sightings: Sequence[Sighting], rig: Rig) -> RigSolution:
    """What speaks for and against `rig`: the board is placed anew at each instant, the cameras stay as they are.

    Sightings with equal `t_ns` belong together; only instants that two cameras saw count, of more than 300 an even
    choice. `rig.rms_px` is that of these sightings, `camera_std` is empty.

    Raises:
        CalibrationError: no instant that two cameras saw, or a camera that shares none with the others.
    """
    instants: dict[int, list[Sighting]] = {}
    for sighting in sightings:
        if sighting.camera in rig.names:
            instants.setdefault(sighting.t_ns, []).append(sighting)
    starts = {t_ns: _placed(board, seen, rig) for t_ns, seen in sorted(instants.items()) if len(seen) > 1}
    usable = [t_ns for t_ns, pose in starts.items() if pose is not None]
    if not usable:
        raise CalibrationError(
            f"the board was never seen by two of {', '.join(rig.names)} at once: carry it where their pictures overlap"
        )
    chosen = thinned(usable, _MOST_INSTANTS)
    poses = np.stack([pose for t_ns in chosen if (pose := starts[t_ns]) is not None])
    shown = [sighting for t_ns in chosen for sighting in instants[t_ns]]
    target = [k for k, t_ns in enumerate(chosen) for _ in instants[t_ns]]
    seen = observations_of(board, shown, rig.names, target)
    bundle, kept = adjust_inliers(rig.cameras, poses, seen, BundleOptions(free=(), held=len(rig)))
    errors, printed = board_errors(rig.cameras, seen.only(kept))
    sees = np.zeros((len(usable), len(rig)), dtype=np.int64)
    for row, t_ns in zip(sees, usable, strict=True):
        row[[rig.index(sighting.camera) for sighting in instants[t_ns]]] = 1
    return RigSolution(
        rig=replace(rig, rms_px=bundle.rms_px),
        fits={name: fit_of(index, name, bundle, seen, kept) for index, name in enumerate(rig.names)},
        rms_px=bundle.rms_px,
        t_ns=np.array(chosen),
        world_from_board=bundle.world_from_target,
        board_errors_m=errors,
        scale_bias=float(errors.mean() / printed.mean()) if len(errors) else float("nan"),
        overlap=sees.T @ sees,
        camera_std={},
    )


def _placed(board: Board, seen: Sequence[Sighting], rig: Rig) -> NDArray[np.float64] | None:
    """(4, 4) world_from_board, of all that single cameras allow the one that suits all of them; None without any."""
    cameras = [rig.cameras[rig.index(sighting.camera)] for sighting in seen]
    poses = [
        inverse_of(camera.cam_from_world) @ pose
        for camera, sighting in zip(cameras, seen, strict=True)
        for pose, _ in board_poses(board, sighting, camera)
    ]

    def cost(pose: NDArray[np.float64]) -> float:
        gaps = [
            np.linalg.norm(
                camera.project(board.points_m[s.ids] @ pose[:3, :3].T + pose[:3, 3]) - s.xy, axis=1
            )
            for camera, s in zip(cameras, seen, strict=True)
        ]
        return float(np.minimum(np.nan_to_num(np.concatenate(gaps), nan=_FAR_OFF_PX), _FAR_OFF_PX).sum())

    return min(poses, key=cost, default=None)
