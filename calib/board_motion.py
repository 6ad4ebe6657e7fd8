"""Sightings of cameras that do not take their pictures at the same moment, moved to common moments.

A corner moves on by its speed in the picture, from the sightings before and after; where there are none, only a
sighting at the very moment counts.
"""

from collections.abc import Sequence

import numpy as np

from posecap.calib.board import Sighting

_NEIGHBOUR_NS = 400_000_000  # sightings farther apart say nothing about speed
_SAME_NS = 100_000


def at_common_times(
    sightings: Sequence[Sighting], common_t_ns: Sequence[int], most_px: float = 5.0
) -> list[Sighting]:
    """The sightings of one camera at the given times, each with its entry of `common_t_ns` as its time.

    Left out are corners whose speed is not known or that move by more than `most_px` from one time to the other, and
    sightings of which fewer than four corners are left.

    Args:
        sightings: of one camera, ascending in time, with their capture times.
        common_t_ns: time of each that it is wanted at.
        most_px: that a corner may be moved.
    """
    moved = []
    for k, (sighting, t_ns) in enumerate(zip(sightings, common_t_ns, strict=True)):
        gap_s = (t_ns - sighting.t_ns) / 1e9
        if abs(t_ns - sighting.t_ns) <= _SAME_NS:
            moved.append(Sighting(sighting.camera, t_ns, sighting.ids, sighting.xy))
            continue
        around = [
            other
            for other in (*sightings[max(k - 1, 0) : k], *sightings[k + 1 : k + 2])
            if abs(other.t_ns - sighting.t_ns) <= _NEIGHBOUR_NS and other.t_ns != sighting.t_ns
        ]
        if not around:
            continue
        first, last = (
            (around[0], around[-1]) if len(around) == 2 else sorted((around[0], sighting), key=_time)
        )
        common, a, b = np.intersect1d(first.ids, last.ids, return_indices=True)
        speed = (last.xy[b] - first.xy[a]) / ((last.t_ns - first.t_ns) / 1e9)
        ids, mine, of = np.intersect1d(sighting.ids, common, return_indices=True)
        shift = speed[of] * gap_s
        near = np.linalg.norm(shift, axis=1) <= most_px
        if near.sum() >= 4:
            moved.append(Sighting(sighting.camera, t_ns, ids[near], (sighting.xy[mine] + shift)[near]))
    return moved


def _time(sighting: Sighting) -> int:
    return sighting.t_ns
