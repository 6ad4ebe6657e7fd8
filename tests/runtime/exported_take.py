"""A take of two people with everything that an export must keep: gaps, absences, unknown joints, odd ids."""

import numpy as np
from numpy.typing import NDArray
from recorded_session import poses_of, swinging

from posecap.runtime.pose_take import PoseTake
from posecap.runtime.session_poses import take_of

FRAMES, HZ = 40, 30
T_S = np.arange(FRAMES) / HZ
IDS = (3, 12)


def true_xyz() -> NDArray[np.float64]:
    """(40, 2, 17, 3): person 3 lacks an elbow for a while and is away in between, person 12 comes late."""
    xyz = swinging(T_S, people=2)
    xyz[5:9, 0, 7] = np.nan
    xyz[20:24, 0] = np.nan
    xyz[30:33, 0, -1] = np.nan  # the last joint, so the last cells of a row
    xyz[:10, 1] = np.nan
    return xyz


def exported_take(rig: str = "0123456789ab") -> PoseTake:
    """The take of `true_xyz`, frame set 35 not recorded."""
    messages = poses_of(true_xyz(), T_S, IDS, rig=rig)
    return take_of([message for message in messages if message.header.index != 35])


def expected_xyz() -> NDArray[np.float64]:
    """`true_xyz` without the frame set that was not recorded."""
    xyz = true_xyz()
    xyz[35] = np.nan
    return xyz
