"""How cameras stand to each other, from the poses of one board that several of them saw at the same instants."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from posecap.calib.errors import CalibrationError
from posecap.calib.rigid import inverse_of, mean_pose

Candidates = list[tuple[NDArray[np.float64], float]]  # cam_from_board, rms px; see board_pose

_LEAST_COMMON = 3  # instants
_MOST_GUESSES = 200
_FAR_OFF = 0.3  # a disagreement beyond this is as bad as any
_AGREES = 0.12


def linked_poses(names: Sequence[str], instants: Sequence[dict[int, Candidates]]) -> NDArray[np.float64]:
    """(cameras, 4, 4) cam_from_world; the world is the first camera.

    Each pair's relative pose is the one that most of its common instants agree on, of all that their boards allow (a
    board seen from far has two poses); pairs with the most agreement are linked first.

    Args:
        names: of the cameras.
        instants: for each one, by index of the camera, the poses that the board may have.

    Raises:
        CalibrationError: cameras that no chain of at least three common instants links; names the groups.
    """
    count = len(names)
    b_from_a: dict[tuple[int, int], NDArray[np.float64]] = {}
    strength = np.zeros((count, count))
    for a in range(count):
        for b in range(a + 1, count):
            common = [seen for seen in instants if a in seen and b in seen]
            if len(common) < _LEAST_COMMON:
                continue
            pose, agreeing = _agreed([(seen[a], seen[b]) for seen in common])
            if agreeing >= _LEAST_COMMON:
                b_from_a[a, b], b_from_a[b, a] = pose, inverse_of(pose)
                strength[a, b] = strength[b, a] = agreeing
    _check_linked(names, strength)
    poses = np.tile(np.eye(4), (count, 1, 1))
    reached = [0]
    while len(reached) < count:
        open_ = [k for k in range(count) if k not in reached]
        links = strength[np.ix_(reached, open_)]
        row, column = np.unravel_index(int(links.argmax()), links.shape)
        a, b = reached[row], open_[column]
        poses[b] = b_from_a[a, b] @ poses[a]
        reached.append(b)
    return poses


def _check_linked(names: Sequence[str], strength: NDArray[np.float64]) -> None:
    groups: list[list[int]] = []
    left = set(range(len(names)))
    while left:
        group: set[int] = set()
        grown = {min(left)}
        while grown != group:
            group = grown
            grown = group | {int(b) for a in group for b in np.flatnonzero(strength[a] > 0)}
        groups.append(sorted(group))
        left -= group
    if len(groups) > 1:
        said = " | ".join(", ".join(names[k] for k in group) for group in groups)
        raise CalibrationError(
            f"the cameras fall into {len(groups)} groups that never see the board at the same time ({said}), expected "
            f"{_LEAST_COMMON} common instants at the least: carry the board slowly where two groups see it"
        )


def _agreed(pairs: list[tuple[Candidates, Candidates]]) -> tuple[NDArray[np.float64], int]:
    """The pose b_from_a that most pairs allow, and how many do."""
    allowed, owner, distance = [], [], []
    for k, (from_a, from_b) in enumerate(pairs):
        for a_from_board, _ in from_a:
            for b_from_board, _ in from_b:
                allowed.append(b_from_board @ inverse_of(a_from_board))
                owner.append(k)
                distance.append((a_from_board[2, 3] + b_from_board[2, 3]) / 2)
    poses, owners = np.stack(allowed), np.array(owner)
    scale = max(float(np.median(distance)), 1e-6)
    guesses = np.linspace(0, len(poses) - 1, min(len(poses), _MOST_GUESSES)).astype(int)
    best, best_cost = poses[0], np.inf
    for guess in poses[guesses]:
        cost = float(np.minimum(_of_each(owners, len(pairs), _apart(poses, guess, scale)), _FAR_OFF).sum())
        if cost < best_cost:
            best, best_cost = guess, cost
    close = _apart(poses, best, scale) < _AGREES
    return mean_pose(poses[close]), len(np.unique(owners[close]))


def _apart(poses: NDArray[np.float64], pose: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """(n,) angle in radians and shift over the scale, together."""
    trace = np.einsum("nij,ij->n", poses[:, :3, :3], pose[:3, :3])
    angle = np.arccos(np.clip((trace - 1) / 2, -1, 1))
    return angle + np.linalg.norm(poses[:, :3, 3] - pose[:3, 3], axis=1) / scale


def _of_each(owners: NDArray[np.int64], count: int, apart: NDArray[np.float64]) -> NDArray[np.float64]:
    least = np.full(count, np.inf)
    np.minimum.at(least, owners, apart)
    return least
