"""Replayed poses as a session folder of their own, which `export.py` reads and `replay.py --against` compares with."""

from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from posecap.calib.rig import Rig
from posecap.calib.rig_file import read_rig_file, write_rig_file
from posecap.capture.session_folder import (
    MCAP_FILE,
    RIG_FILE,
    SESSION_METADATA,
    SETTINGS_METADATA,
    RecordedSession,
    to_metadata,
)
from posecap.capture.session_writer import SessionWriter
from posecap.launch.errors import LaunchError, UsageError
from posecap.models.joints import JointSet
from posecap.runtime.messages import TOPIC_OF_STAGE, CameraState, Stage
from posecap.runtime.pose import PoseSet
from posecap.runtime.pose_messages import PoseMessages
from posecap.runtime.settings import PipelineSettings

_FLUSH_EVERY = 256  # messages


class SavedPoses:
    """Writes poses into the new folder `path`; does nothing where it is None.

    Args:
        path: of the folder; must not hold a recording.
        session: that is replayed; times and runtime sessions stay those of the recording.
        rig: its cameras.
        settings: of the replay.
        joint_set: of the poses.

    Raises:
        UsageError: the folder holds a recording or cannot be made.
        LaunchError: the disk is full; what was written before is whole.
    """

    def __init__(
        self,
        path: Path | None,
        session: RecordedSession,
        rig: Rig,
        settings: PipelineSettings,
        joint_set: JointSet,
    ) -> None:
        self._rig, self._joint_set = rig, joint_set
        self._messages: dict[str, PoseMessages] = {}
        self._writer: SessionWriter | None = None
        if path is None:
            return
        if (path / MCAP_FILE).exists():
            raise UsageError(f"{path} holds a recording already: give another folder to --save")
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"{path} cannot be made ({error.strerror}): give another folder to --save"
            ) from error
        write_rig_file(path / RIG_FILE, read_rig_file(session.rig_file))
        self._writer = SessionWriter(path / MCAP_FILE)
        self._writer.add_metadata(SESSION_METADATA, to_metadata(session.info))
        self._writer.add_metadata(SETTINGS_METADATA, to_metadata(settings))

    def add(self, poses: PoseSet, stage: Stage, session: str, cameras: tuple[CameraState, ...]) -> None:
        """Append the poses of one frame set."""
        if self._writer is None:
            return
        messages = self._messages.setdefault(session, PoseMessages(session, self._rig.id, self._joint_set))
        message = messages.message(poses, stage, cameras)
        _, header, payload = message.pack()
        self._writer.write(
            TOPIC_OF_STAGE[stage].decode(), msgspec.msgpack.encode((header, payload)), poses.t_ns
        )
        if self._writer.messages % _FLUSH_EVERY == 0:
            self._writer.flush()
        self._expect_room()

    def _expect_room(self) -> None:
        if self._writer is not None and self._writer.failed is not None:
            raise LaunchError(
                f"{self._writer.path} cannot be written further ({self._writer.failed.strerror}): free the disk"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.finish()
            if error is None:
                self._expect_room()
