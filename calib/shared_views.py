"""Which cameras saw the board at the same instants, and whether a chain of them links all cameras."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from posecap.calib.board import Sighting

ENOUGH_SHARED = 10  # instants that link two cameras


def shared_views(sightings: Iterable[Sighting], cameras: Sequence[str]) -> NDArray[np.int64]:
    """(cameras, cameras) instants that both saw; the diagonal is what each saw. Equal `t_ns` is one instant."""
    index = {name: k for k, name in enumerate(cameras)}
    instants: dict[int, set[int]] = {}
    for sighting in sightings:
        if sighting.camera in index:
            instants.setdefault(sighting.t_ns, set()).add(index[sighting.camera])
    shared = np.zeros((len(cameras), len(cameras)), dtype=np.int64)
    for seen in instants.values():
        rows = sorted(seen)
        shared[np.ix_(rows, rows)] += 1
    return shared


def linked_groups(shared: NDArray[np.int64], enough: int = ENOUGH_SHARED) -> list[list[int]]:
    """Cameras that chains of pairs with `enough` common instants link, as sorted indices; one group = all linked."""
    left = set(range(len(shared)))
    groups = []
    while left:
        group, edge = set(), {min(left)}
        while edge:
            group |= edge
            edge = {k for k in left - group if any(shared[k, j] >= enough for j in edge)}
        groups.append(sorted(group))
        left -= group
    return groups


def missing_links(
    shared: NDArray[np.int64], cameras: Sequence[str], enough: int = ENOUGH_SHARED
) -> tuple[str, ...]:
    """What to do until all cameras are linked, one sentence for each link; empty = they are.

    Of two groups the pair is named that shares most already.
    """
    groups = linked_groups(shared, enough)
    said = []
    linked = set(groups[0]) if groups else set()
    left = [set(group) for group in groups[1:]]
    while left:
        pairs = [(a, b) for a in linked for group in left for b in group]
        a, b = max(pairs, key=lambda pair: (shared[pair], -pair[0], -pair[1]))
        said.append(
            f"hold the board where {cameras[a]} and {cameras[b]} both see it, and keep it still for a moment "
            f"(so far {shared[a, b]} of {enough} common pictures)"
        )
        group = next(group for group in left if b in group)
        linked |= group
        left.remove(group)
    return tuple(said)
