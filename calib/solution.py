"""What a calibration found, and how well: one value for the lens of one camera, one for a whole rig."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.rig import Rig


@dataclass(frozen=True, slots=True, eq=False)
class CameraFit:
    """How well one camera explains what it saw.

    Attributes:
        name: of the camera.
        rms_px: root mean square length of the residuals, without those that were left out as outliers.
        corners: that were used.
        views: pictures that were used.
        left_out: corners that were outliers.
        residuals_px: (corners, 2) seen less projected.
        seen_xy: (corners, 2) where they were seen, pixels; shows which parts of the picture were covered.
    """

    name: str
    rms_px: float
    corners: int
    views: int
    left_out: int
    residuals_px: NDArray[np.float64]
    seen_xy: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class IntrinsicsSolution:
    """The lens of one camera.

    Attributes:
        camera: `cam_from_world` is the identity.
        fit: residuals.
        focal_std_px: standard deviation of the focal length, pixels.
        centre_std_px: of the principal point, the larger of both axes, pixels.
    """

    camera: Camera
    fit: CameraFit
    focal_std_px: float
    centre_std_px: float


@dataclass(frozen=True, slots=True, eq=False)
class RigSolution:
    """Cameras in one frame, and what speaks for them.

    Attributes:
        rig: cameras in the order given, `rms_px` set.
        fits: of each camera, by name.
        rms_px: over all cameras.
        t_ns: (instants,) those that were used.
        world_from_board: (instants, 4, 4) where the board was, metres.
        board_errors_m: (k,) distances between triangulated corners of one instant less the true ones, metres, signed.
            Each corner is triangulated on its own, from at least two cameras: nothing forces the distances.
        scale_bias: mean of these errors over the mean true distance; 0.001 = one millimetre too long a metre.
        overlap: (cameras, cameras) instants that both saw; the diagonal is what each saw.
        camera_std: standard deviations of each camera's place against the first one: (rotation degrees, position
            metres), by name.
    """

    rig: Rig
    fits: dict[str, CameraFit]
    rms_px: float
    t_ns: NDArray[np.int64]
    world_from_board: NDArray[np.float64]
    board_errors_m: NDArray[np.float64]
    scale_bias: float
    overlap: NDArray[np.int64]
    camera_std: dict[str, tuple[float, float]]

    @property
    def board_rms_m(self) -> float:
        """Root mean square of `board_errors_m`; NaN where no instant has two triangulated corners."""
        errors = self.board_errors_m
        return float(np.sqrt(np.mean(errors**2))) if len(errors) else float("nan")
