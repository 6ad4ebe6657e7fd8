"""The poses of a recording, or of a live stream, as arrays for export and analysis."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from posecap.capture.session_folder import MCAP_FILE
from posecap.capture.session_records import RecordedMessage, SessionRecords
from posecap.runtime.errors import TakeError, WireError
from posecap.runtime.messages import TOPIC_OF_STAGE, PoseHeader, PoseMessage, Stage
from posecap.runtime.pose_lines import read_pose_lines
from posecap.runtime.pose_take import PoseTake, check_people

_BYTES_PER_JOINT = 4 * (3 + 6 + 1) + 1
_MAX_BYTES = 8 << 30


def read_poses(session: Path, stage: Stage = "refined", people: Sequence[int] | None = None) -> PoseTake:
    """All poses of one stage in a session folder, or in the lines that `launch/subscribe.py` printed.

    Args:
        session: folder of a recording, its `session.mcap`, or a file of JSON lines.
        stage: "refined" = smoothed; "instant" = each frame set for itself.
        people: ids to keep; None = everyone.

    Raises:
        TakeError: no such recording, no such person, none of these poses in it, or damaged ones.
        SessionError: not an MCAP file.
    """
    if stage not in get_args(Stage):
        raise TakeError(f"no stage {stage!r}, there are {', '.join(get_args(Stage))}: correct --stage")
    path = session / MCAP_FILE if session.is_dir() else session
    if not path.is_file():
        raise TakeError(f"no recording at {session}: give the folder that has {MCAP_FILE}")
    try:
        with_stage = pose_messages(path, stage) if path.suffix == ".mcap" else read_pose_lines(path)
        return take_of((message for message in with_stage if message.header.stage == stage), people)
    except NoPoses as error:
        raise TakeError(
            f"no {stage} poses in {path}: record while cameras run, or try the other --stage"
        ) from error
    except WireError as error:
        raise TakeError(f"{path}: {error}") from error
    except OSError as error:
        raise TakeError(f"cannot read {path} ({error.strerror}): check its permissions") from error


class NoPoses(TakeError):
    """Not one message to make a take of."""


def pose_messages(path: Path, stage: Stage) -> Iterator[PoseMessage]:
    """Pose messages of an MCAP file in the order of their recording; a file that was cut off ends where it ends.

    Raises:
        SessionError: not an MCAP file, or a message without the parts of the wire.
        WireError: a message of another version or size.
    """
    topic = TOPIC_OF_STAGE[stage]
    for record in SessionRecords(path):
        if isinstance(record, RecordedMessage) and record.channel == topic.decode():
            yield PoseMessage.unpack(*record.parts())


def take_of(messages: Iterable[PoseMessage], people: Sequence[int] | None = None) -> PoseTake:
    """The messages of one stage as one take, those of a live `PoseSubscriber` too.

    A restart of the runtime in between starts `index` and ids again; later ids are then raised by a constant where they
    would collide, and no frames are inserted.

    Raises:
        TakeError: no message, nobody of an id in `people`, two joint sets or calibrations, times that do not increase,
            or more than fits in memory.
    """
    runs: dict[str, dict[int, PoseMessage]] = {}
    for message in messages:
        runs.setdefault(message.header.session, {})[message.header.index] = message
    if not runs:
        raise NoPoses("no poses: record while cameras run")
    head = next(iter(next(iter(runs.values())).values())).header
    _check_constant(head, [message.header for run in runs.values() for message in run.values()])
    ids = _unique_ids(runs)
    if people is not None:
        check_people(people, sorted(ids.values()))
        ids = {key: one for key, one in ids.items() if one in people}
    for run in runs.values():
        _check_size(run, len(ids), len(head.joints))
    indexes = [np.arange(min(run), max(run) + 1) for run in runs.values()]
    order = np.array(sorted(ids.values()), dtype=np.int64)
    frames, shape = sum(map(len, indexes)), (len(order), len(head.joints))
    arrays: dict[str, Any] = {
        "xyz": np.full((frames, *shape, 3), np.nan, dtype=np.float32),
        "covariance": np.full((frames, *shape, 6), np.nan, dtype=np.float32),
        "residual_px": np.full((frames, *shape), np.nan, dtype=np.float32),
        "views": np.zeros((frames, *shape), dtype=np.uint8),
    }
    recorded = np.zeros(frames, dtype=bool)
    t_ns = np.empty(frames, dtype=np.int64)
    start = 0
    for (session, run), index in zip(runs.items(), indexes, strict=True):
        for number, message in run.items():
            frame = start + number - index[0]
            recorded[frame] = True
            kept = [k for k, one in enumerate(message.ids) if (session, one) in ids]
            rows = np.searchsorted(order, [ids[session, message.ids[k]] for k in kept])
            for name, array in arrays.items():
                array[frame, rows] = getattr(message, name)[kept]
        there = np.array(sorted(run))
        first_ns = run[there[0]].t_ns
        since_ns = np.array([run[number].t_ns - first_ns for number in there])
        t_ns[start : start + len(index)] = first_ns + np.rint(np.interp(index, there, since_ns)).astype(
            np.int64
        )
        start += len(index)
    if np.any(np.diff(t_ns) <= 0):
        raise TakeError(
            "times of the poses do not increase: several recordings are mixed, export one of them"
        )
    return PoseTake(
        t_ns, order, head.joint_set, head.joints, **arrays, rig_id=head.rig, stage=head.stage,
        unix_offset_ns=head.unix_offset_ns, index=np.concatenate(indexes), recorded=recorded,
    )  # fmt: skip


def _check_constant(head: PoseHeader, headers: list[PoseHeader]) -> None:
    for name in ("stage", "joint_set", "joints", "rig"):
        others = {getattr(header, name) for header in headers} - {getattr(head, name)}
        if others:
            raise TakeError(
                f"{name} changes in the recording from {getattr(head, name)} to {others.pop()}: "
                "record and export what belongs together"
            )


def _check_size(run: dict[int, PoseMessage], people: int, joints: int) -> None:
    size = (max(run) - min(run) + 1) * max(people, 1) * joints * _BYTES_PER_JOINT
    if size > _MAX_BYTES:
        raise TakeError(
            f"{people} people in frame sets {min(run)} to {max(run)} need {size / 2**30:.0f} GiB, at most "
            f"{_MAX_BYTES >> 30} are used: export fewer people with --person, or record shorter"
        )


def _unique_ids(runs: dict[str, dict[int, PoseMessage]]) -> dict[tuple[str, int], int]:
    """(session of the runtime, id) -> id of the take."""
    ids: dict[tuple[str, int], int] = {}
    for session, run in runs.items():
        own = {person.id for message in run.values() for person in message.header.people}
        taken = set(ids.values())
        shift = max(taken) + 1 if own & taken else 0
        ids.update({(session, one): one + shift for one in own})
    return ids


__all__ = ["NoPoses", "PoseTake", "pose_messages", "read_poses", "take_of"]
