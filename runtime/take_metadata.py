"""What files say about the poses in them."""

from importlib.metadata import PackageNotFoundError, version

from posecap.runtime.pose_take import PoseTake


def metadata_of(take: PoseTake) -> dict[str, str]:
    """Program, stage, joint set, calibration id, unit, up axis, and what turns times into Unix time; all text."""
    return {
        "posecap": posecap_version(),
        "stage": take.stage,
        "joint_set": take.joint_set,
        "joints": " ".join(take.joints),
        "rig": take.rig_id,
        "length_unit": "m",
        "up_axis": "+z",
        "first_t_ns": str(take.t_ns[0]),
        "unix_offset_ns": str(take.unix_offset_ns),
    }


def posecap_version() -> str:
    """Of the installed posecap; "unknown" where it runs without being installed."""
    try:
        return version("posecap")
    except PackageNotFoundError:
        return "unknown"
