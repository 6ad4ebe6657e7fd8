"""Bundle adjustment: cameras, rigid targets that move, and free points, to the least robust reprojection error.

Triggs, McLauchlan, Hartley and Fitzgibbon 2000, "Bundle adjustment, a modern synthesis": Levenberg-Marquardt steps, a
free point is a target with one corner that only moves. Outliers lose weight by Huber's function; its scale follows the
median residual unless it is given.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posecap.calib.bundle_checks import check_determined, check_problem
from posecap.calib.bundle_equations import Problem, State, System
from posecap.calib.bundle_options import BundleOptions
from posecap.calib.camera import Camera
from posecap.calib.lens_derivatives import CAMERA_PARAMETERS, parameter_names
from posecap.calib.observations import Observations

_SCALE_OF_MEDIAN = 3 / 0.6745  # three standard deviations of what is no outlier
_LEAST_SCALE_PX = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A solved bundle.

    Attributes:
        cameras: adjusted.
        world_from_target: (targets, 4, 4) metres.
        residual_px: (n, 2) seen less projected.
        weight: (n,) 1, or less for outliers.
        rms_px: of the length of all residuals, outliers included.
        sigma_px: standard deviation of a coordinate, outliers weighted.
        covariance: (views, 15, 15) of each camera's parameters (`lens_derivatives.parameter_names`), in the held
            camera's frame; 0 for what was held.
        steps: that were taken.
    """

    cameras: tuple[Camera, ...]
    world_from_target: NDArray[np.float64]
    residual_px: NDArray[np.float64]
    weight: NDArray[np.float64]
    rms_px: float
    sigma_px: float
    covariance: NDArray[np.float64]
    steps: int

    @property
    def deviation(self) -> NDArray[np.float64]:
        """(views, 15) standard deviations of the cameras' parameters."""
        return np.sqrt(np.clip(np.diagonal(self.covariance, axis1=1, axis2=2), 0, None))


def adjust(
    cameras: tuple[Camera, ...],
    world_from_target: NDArray[np.float64],
    seen: Observations,
    options: BundleOptions | None = None,
    is_point: NDArray[np.bool_] | None = None,
    given: tuple[Camera, ...] | None = None,
) -> Bundle:
    """Cameras and targets that explain the observations best.

    Args:
        cameras: start.
        world_from_target: (targets, 4, 4) start, metres.
        seen: each target and camera at least once.
        options: what may change; default: poses alone.
        is_point: (targets,) those that are free points.
        given: cameras whose intrinsics hold what the pictures cannot say; default: the start.

    Raises:
        CalibrationError: what is asked for cannot be told from what was seen; names the camera and the remedy.
    """
    options = options or BundleOptions()
    points = np.zeros(len(world_from_target), dtype=bool) if is_point is None else is_point
    check_problem(cameras, points, seen.camera, seen.target, options.held)
    problem = Problem(given or cameras, seen, options, points)
    state = State(cameras, np.array(world_from_target, dtype=np.float64))
    scale = options.robust_px or np.inf
    damping, taken = 1e-4, 0
    system = problem.system(state, scale)
    for round_ in range(options.steps):
        if options.robust_px is None and round_ in (0, 4, 10):
            scale = max(_SCALE_OF_MEDIAN * problem.median_px(state), _LEAST_SCALE_PX)
            system = problem.system(state, scale)
        step = system.step(damping)
        moved = problem.moved(state, *step)
        cost = problem.cost(moved, scale)
        if not cost < system.cost:
            damping *= 8
            settled = round_ > 10 and cost < system.cost * (1 + 1e-9)
            if settled or damping > 1e8:
                break
            continue
        gain = (system.cost - cost) / max(system.cost, 1e-12)
        state, damping, taken = moved, max(damping / 5, 1e-9), taken + 1
        system = problem.system(state, scale)
        if gain < 1e-9 and round_ > 10:
            break
    return _result(problem, state, system, scale, taken)


def _result(problem: Problem, state: State, system: System, scale: float, taken: int) -> Bundle:
    gap = problem.residual(state)
    weight = problem.weights(gap, scale)
    unknowns = int(problem.free.sum()) + 6 * int((~problem.is_point).sum()) + 3 * int(problem.is_point.sum())
    spare = max(2 * float(weight.sum()) - unknowns, 1.0)
    sigma = float(np.sqrt((weight[:, None] * gap**2).sum() / spare))
    S, _, _ = system.reduced(0.0)
    names = [
        (camera.name, name)
        for camera in state.cameras
        for name in (*parameter_names(camera), "")[:CAMERA_PARAMETERS]
    ]
    inverse = check_determined(S, [name for name, free in zip(names, problem.free, strict=True) if free])
    whole = np.zeros((len(problem.free), len(problem.free)))
    whole[np.ix_(problem.free, problem.free)] = inverse * sigma**2
    size = CAMERA_PARAMETERS
    covariance = np.stack(
        [whole[size * c : size * (c + 1), size * c : size * (c + 1)] for c in range(len(state.cameras))]
    )
    rms = float(np.sqrt((gap**2).sum(axis=1).mean()))
    return Bundle(
        state.cameras, state.targets, gap[problem.back], weight[problem.back], rms, sigma, covariance, taken
    )
