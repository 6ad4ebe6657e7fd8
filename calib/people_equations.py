"""Normal equations of an adjustment to people, with the joints eliminated.

Triggs, McLauchlan, Hartley and Fitzgibbon 2000, "Bundle adjustment, a modern synthesis", section 6.1. Bones tie the
joints of one person at one instant to each other, so a block that is eliminated is a person at an instant and not one
point.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posecap.calib.lens_derivatives import POSE_PARAMETERS, seen_with_derivatives
from posecap.calib.people_problem import PeopleProblem, PeopleState

_RADIAL = {"k1": 10, "k2": 11}  # columns of lens_derivatives


@dataclass(frozen=True, slots=True, eq=False)
class PeopleEquations:
    """H step = g in blocks: joints (instants, 3 joints, ...), parameters of cameras once.

    Attributes:
        Hpp: (instants, 3 joints, 3 joints).
        Hpg: (instants, 3 joints, parameters).
        gp: (instants, 3 joints).
        Hgg: (parameters, parameters).
        gg: (parameters,).
    """

    Hpp: NDArray[np.float64]
    Hpg: NDArray[np.float64]
    gp: NDArray[np.float64]
    Hgg: NDArray[np.float64]
    gg: NDArray[np.float64]

    def step(self, damping: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Steps of the parameters (parameters,) and of the joints (instants, 3 joints)."""
        reduced, both = self.reduced(damping)
        right = self.gg - np.einsum("nia,ni->a", self.Hpg, both[..., -1])
        diagonal = damping * np.diag(self.Hgg) + 1e-12
        step = np.asarray(
            np.linalg.lstsq(reduced + np.diag(diagonal), right, rcond=None)[0], dtype=np.float64
        )
        return step, both[..., -1] - both[..., :-1] @ step

    def reduced(self, damping: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Schur complement of the joints (parameters, parameters), and Hpp^-1 [Hpg | gp]."""
        diagonal = np.einsum("nii->ni", self.Hpp)
        extra = np.where(diagonal > 0, damping * diagonal, 1.0)  # joints that nobody saw stay where they are
        Hpp = self.Hpp.copy()
        np.einsum("nii->ni", Hpp)[:] += extra
        right = np.concatenate([self.Hpg, self.gp[..., None]], axis=-1)
        both = np.asarray(np.linalg.solve(Hpp, right), dtype=np.float64)
        reduced = self.Hgg - np.einsum("nia,nib->ab", self.Hpg, both[..., :-1])
        return (reduced + reduced.T) / 2, both


def people_equations(
    problem: PeopleProblem, state: PeopleState, lengths: NDArray[np.float64]
) -> PeopleEquations:
    """Of a step from `state`, with bones as long as `lengths` (instants, bones)."""
    instants, joints = problem.known.shape
    Hpp = np.zeros((instants, joints, 3, joints, 3))
    Hpg = np.zeros((instants, joints, 3, problem.size))
    gp = np.zeros((instants, joints, 3))
    prior, slope = problem.prior(state)
    Hgg, gg = slope.T @ slope, -slope.T @ prior
    residual = problem.residual(state)
    square = ((residual * problem.weight[..., None]) ** 2).sum(axis=-1)
    lost = ~np.isfinite(square)
    w2 = np.where(lost, 0.0, problem.robust(np.where(lost, 0.0, square))[1] * problem.weight**2)
    for view in range(len(state.cameras)):
        i, j = np.nonzero(w2[view] > 0)
        w = w2[view][i, j][:, None, None]
        error = residual[view][i, j]
        of_point, of_camera = _slopes(problem, state, view, i, j)
        weighted = of_point * w
        Hpp[i, j, :, j] += np.einsum("nki,nkj->nij", weighted, of_point)
        gp[i, j] += np.einsum("nki,nk->ni", weighted, error)
        columns = problem.columns[view]
        if columns.stop > columns.start:
            Hpg[i, j, :, columns] += np.einsum("nki,nkj->nij", weighted, of_camera)
            Hgg[columns, columns] += np.einsum("nki,nkj->ij", of_camera * w, of_camera)
            gg[columns] += np.einsum("nki,nk->i", of_camera * w, error)
    if len(problem.bones):
        _add_bones(problem, state, lengths, Hpp, gp)
    shape = (instants, 3 * joints)
    return PeopleEquations(
        Hpp.reshape(*shape, shape[1]), Hpg.reshape(*shape, problem.size), gp.reshape(shape), Hgg, gg
    )


def _slopes(
    problem: PeopleProblem, state: PeopleState, view: int, i: NDArray[np.int64], j: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of the projection: (n, 2, 3) along the joint, (n, 2, parameters) along what is solved for of the view."""
    camera = state.cameras[view]
    _, of_lens, of_point = seen_with_derivatives(camera, state.xyz[i, j])
    columns = []
    for name in problem.what[view]:
        if name in POSE_PARAMETERS:
            columns.append(of_lens[..., POSE_PARAMETERS.index(name)])
        elif name == "offset":
            columns.append(problem.velocity[view][i, j])
        elif name == "focal":
            columns.append(of_lens[..., 6] * camera.K[0, 0] + of_lens[..., 7] * camera.K[1, 1])
        else:
            columns.append(of_lens[..., _RADIAL[name]])
    of_camera = np.stack(columns, axis=-1) if columns else np.empty((len(i), 2, 0))
    return of_point, of_camera


def _add_bones(
    problem: PeopleProblem,
    state: PeopleState,
    lengths: NDArray[np.float64],
    Hpp: NDArray[np.float64],
    gp: NDArray[np.float64],
) -> None:
    error, slope = problem.bone_terms(state, lengths)
    outer = np.einsum("nbi,nbj->nbij", slope, slope)
    for k, (a, b) in enumerate(problem.bones):
        Hpp[:, a, :, a] += outer[:, k]
        Hpp[:, b, :, b] += outer[:, k]
        Hpp[:, a, :, b] -= outer[:, k]
        Hpp[:, b, :, a] -= outer[:, k]
        gp[:, a] -= slope[:, k] * error[:, k, None]
        gp[:, b] += slope[:, k] * error[:, k, None]
