"""Bundle adjustment from joints of moving people: cameras, every joint at every instant, and when each camera looks.

Levenberg-Marquardt steps; what is paid for is in `people_problem`, the equations of a step are in `people_equations`.
Boards have their own adjustment (`bundle`): their points are rigid, and their cameras look at one time.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.joint_views import JointViews
from posecap.calib.people_equations import people_equations
from posecap.calib.people_problem import BundleSettings, PeopleProblem, PeopleState

_SETTLED = 1e-6  # share of the cost that a step gains
_STIFFEST = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class PeopleBundle:
    """A solved bundle.

    Attributes:
        cameras: as given, with what was solved for replaced.
        offsets_s: (views,) true time = time stamped + offset.
        xyz: (instants, joints, 3) in the cameras' world; NaN = not seen by two views.
        residual: (views, instants, joints, 2) px, seen less projected; NaN where not both are known.
        covariance: (parameters, parameters) of `parameters` with
            sigma_px taken as they are; in a world that is held by nothing it is that of the parts that are fixed.
        parameters: (camera, what) of each row: "rx ry rz tx ty tz focal k1 k2 offset".
        cost: half the robust sum.
        steps: that were taken.
    """

    cameras: tuple[Camera, ...]
    offsets_s: NDArray[np.float64]
    xyz: NDArray[np.float64]
    residual: NDArray[np.float64]
    covariance: NDArray[np.float64]
    parameters: tuple[tuple[str, str], ...]
    cost: float
    steps: int


def adjust_people(
    cameras: tuple[Camera, ...],
    xyz: NDArray[np.float64],
    views: JointViews,
    settings: BundleSettings | None = None,
    offsets_s: NDArray[np.float64] | None = None,
) -> PeopleBundle:
    """The cameras and joints that explain `views` best, from a start that is near.

    Args:
        cameras: where they are about; priors on poses are about these.
        xyz: (instants, joints, 3) where the joints are about; NaN = left out.
        views: what was seen.
        settings: what is solved for.
        offsets_s: (views,) where the offsets start; observations are moved by velocity times offset.
    """
    problem = PeopleProblem(cameras, xyz, views, settings or BundleSettings(), offsets_s)
    state, damping, steps = problem.start, 1e-3, 0
    lengths = problem.lengths(state)
    cost = problem.cost(state, lengths)
    while steps < problem.settings.steps:
        equations = people_equations(problem, state, lengths)
        while damping < _STIFFEST:
            trial = problem.moved(state, *equations.step(damping))
            trial_cost = problem.cost(trial, lengths)
            if trial_cost < cost:
                break
            damping *= 6
        else:
            break
        gain = (cost - trial_cost) / cost
        state, damping, steps = trial, max(damping / 5, 1e-9), steps + 1
        lengths = problem.lengths(state)
        cost = problem.cost(state, lengths)
        if gain < _SETTLED:
            break
    return _result(problem, state, lengths, cost, steps)


def _result(
    problem: PeopleProblem, state: PeopleState, lengths: NDArray[np.float64], cost: float, steps: int
) -> PeopleBundle:
    reduced, _ = people_equations(problem, state, lengths).reduced(1e-12)
    covariance = reduced
    if problem.size:
        covariance = np.asarray(np.linalg.pinv(reduced, rcond=1e-13, hermitian=True), dtype=np.float64)
    return PeopleBundle(
        cameras=state.cameras,
        offsets_s=state.offsets,
        xyz=np.where(problem.known[..., None], state.xyz, np.nan),
        residual=problem.residual(state),
        covariance=covariance,
        parameters=tuple(
            (camera.name, what)
            for camera, names in zip(problem.given, problem.what, strict=True)
            for what in names
        ),
        cost=cost,
        steps=steps,
    )
