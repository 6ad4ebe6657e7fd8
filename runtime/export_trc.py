"""TRC files, for OpenSim and Pose2Sim."""

from pathlib import Path

import numpy as np

from posecap.runtime.errors import ExportError
from posecap.runtime.pose_take import PoseTake
from posecap.runtime.uniform_take import uniform_rate_hz

_SIDES = {"left": "L", "right": "R"}
Y_UP_FROM_Z_UP = (1, 2, 0)  # (x, y, z) with Y up = (y, z, x) with Z up, as Pose2Sim turns


def write_trc(take: PoseTake, path: Path, person: int) -> None:
    """One person from first to last sight, as markers in metres with Y up; an unknown joint has empty cells.

    Frame# counts from 1 and Time from 0 at the first frame of the take, so the files of several people line up.
    Lines end in CR LF: OpenSim drops an empty cell before a bare line feed, and then refuses the row.

    Args:
        take: of a uniform rate, see `at_rate`.
        path: of the file.
        person: an id of the take.

    Raises:
        TakeError: no such person.
        ExportError: times are uneven, or nothing is known of the person.
    """
    rate_hz = uniform_rate_hz(take)
    span = seen(take, person)
    xyz = take.xyz[span, take.row(person)].astype(np.float64)[..., Y_UP_FROM_Z_UP]
    markers = [marker_name(joint) for joint in take.joints]
    first, frames = span.start + 1, len(xyz)
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{rate_hz:.10g}\t{rate_hz:.10g}\t{frames}\t{len(markers)}\tm\t{rate_hz:.10g}\t{first}\t{frames}",
        "Frame#\tTime\t" + "\t\t\t".join(markers) + "\t\t",
        "\t\t" + "\t".join(f"{axis}{number + 1}" for number in range(len(markers)) for axis in "XYZ"),
    ]
    form = "%d\t%.9f" + 3 * len(markers) * "\t%.7f"
    for number, (at_s, row) in enumerate(zip(take.t_s[span], xyz.reshape(frames, -1), strict=True), first):
        lines.append((form % (number, at_s, *row.tolist())).replace("nan", ""))
    path.write_text("\r\n".join(lines) + "\r\n", encoding="ascii", newline="")


def seen(take: PoseTake, person: int) -> slice:
    """Frames from first to last sight of `person`; ExportError where there are none."""
    span = take.span(person)
    if span.start == span.stop:
        raise ExportError(f"person {person}: not one joint is known: leave them out with --person")
    return span


def marker_name(joint: str) -> str:
    """right_big_toe -> RBigToe, neck -> Neck: the markers of Pose2Sim's OpenSim models."""
    side, _, rest = joint.partition("_")
    words = rest if side in _SIDES and rest else joint
    return (_SIDES[side] if words is rest else "") + "".join(word.title() for word in words.split("_"))
