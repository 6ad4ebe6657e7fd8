"""Poses from the JSON lines that `launch/subscribe.py` prints."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from posecap.runtime.errors import TakeError
from posecap.runtime.messages import CameraState, Count, Person, PoseHeader, PoseMessage
from posecap.runtime.wire import MAX_JOINTS, MAX_PEOPLE, MAX_VIEWS, WIRE_VERSION, Stage

Xyz = tuple[float | None, float | None, float | None]


class _Joint(msgspec.Struct):
    xyz: Xyz
    covariance: Annotated[list[float | None], msgspec.Meta(min_length=6, max_length=6)]
    residual_px: float | None
    views: Annotated[int, msgspec.Meta(ge=0, le=255)]


class _Person(msgspec.Struct):
    id: Count
    residual_px: float | None
    joints: Annotated[dict[str, _Joint], msgspec.Meta(min_length=1, max_length=MAX_JOINTS)]


class _Line(msgspec.Struct):
    version: int
    session: str
    seq: Count
    index: Count
    stage: Stage
    t_ns: int
    t_capture_ns: int
    t_publish_ns: int
    unix_offset_ns: int
    rig: str
    joint_set: str
    people: Annotated[tuple[_Person, ...], msgspec.Meta(max_length=MAX_PEOPLE)]
    cameras: Annotated[tuple[CameraState, ...], msgspec.Meta(max_length=MAX_VIEWS)]


def read_pose_lines(path: Path) -> Iterator[PoseMessage]:
    """The messages in the file, unknown numbers as NaN. Lines before the first person tell no joints: left out.

    Raises:
        TakeError: a line that is not a pose, or of another version.
    """
    decoder = msgspec.json.Decoder(_Line)
    joints: tuple[str, ...] = ()
    with path.open("rb") as stream:
        for number, text in enumerate(stream, 1):
            try:
                line = decoder.decode(text)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise TakeError(
                    f"{path} line {number} is not a pose ({error}): give a session folder, or what "
                    "`python launch/subscribe.py` printed"
                ) from error
            if line.version != WIRE_VERSION:
                raise TakeError(
                    f"{path} line {number} is of version {line.version}, this program reads {WIRE_VERSION}: "
                    "use the posecap that wrote it"
                )
            joints = tuple(line.people[0].joints) if line.people else joints
            if joints:
                yield _message(line, joints, f"{path} line {number}")


def _message(line: _Line, joints: tuple[str, ...], where: str) -> PoseMessage:
    if any(tuple(person.joints) != joints for person in line.people):
        raise TakeError(f"{where}: people of different joints: record the topic again")
    rows = [list(person.joints.values()) for person in line.people]
    shape = (len(rows), len(joints))
    fields = {name: getattr(line, name) for name in line.__struct_fields__ if name != "people"}
    people = tuple(
        Person(one.id, np.nan if one.residual_px is None else one.residual_px) for one in line.people
    )
    return PoseMessage(
        header=PoseHeader(**fields, joints=joints, people=people),
        xyz=_array([[joint.xyz for joint in row] for row in rows], (*shape, 3)),
        covariance=_array([[joint.covariance for joint in row] for row in rows], (*shape, 6)),
        residual_px=_array([[joint.residual_px for joint in row] for row in rows], shape),
        views=np.array([[joint.views for joint in row] for row in rows], dtype=np.uint8).reshape(shape),
    )


def _array(values: list, shape: tuple[int, ...]) -> np.ndarray:
    return np.array(values, dtype=np.float32).reshape(shape)
