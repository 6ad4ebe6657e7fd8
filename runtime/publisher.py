"""The publishing end of the pose endpoint: one bound socket, everything that posecap says to the world."""

import time
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import zmq

from posecap.capture.frame import FrameSet
from posecap.models.joints import JointSet
from posecap.runtime.errors import EndpointError
from posecap.runtime.messages import (
    CameraState,
    FrameSetHeader,
    FrameSetMessage,
    Stage,
    StatsMessage,
    View2DHeader,
    View2DMessage,
    ViewPicture,
)
from posecap.runtime.pose import Keypoints2D, PoseSet
from posecap.runtime.pose_messages import PoseMessages

_QUEUED_MESSAGES = 100  # for each subscriber: beyond, a slow one loses messages and the others do not
_LINGER_MS = 200


class PosePublisher:
    """Binds `endpoint` and publishes the poses of one session.

    Args:
        endpoint: to bind, for example tcp://127.0.0.1:5570.
        session: changes when the runtime restarts.
        rig: id of the calibration.
        joint_set: of every skeleton that will be published.
        curve_key: secret key file (.key_secret) where the endpoint is to be encrypted.

    Raises:
        EndpointError: the address is taken or malformed, or the key file is unusable.
    """

    def __init__(
        self, endpoint: str, session: str, rig: str, joint_set: JointSet, curve_key: Path | None = None
    ) -> None:
        self.endpoint, self.session, self.joint_set = endpoint, session, joint_set
        self._poses = PoseMessages(session, rig, joint_set)
        self._seq: Counter[str] = Counter()
        self._socket = zmq.Context.instance().socket(zmq.PUB)
        self._socket.linger = _LINGER_MS
        self._socket.sndhwm = _QUEUED_MESSAGES
        try:
            if curve_key is not None:
                _encrypt(self._socket, curve_key)
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise EndpointError(
                f"cannot publish poses at {endpoint} ({error}): stop the program that uses the port, "
                "or choose another with --bind tcp://127.0.0.1:PORT"
            ) from error
        except EndpointError:
            self.close()
            raise

    @property
    def rig(self) -> str:
        """Id of the calibration; another one once a camera was solved again."""
        return self._poses.rig

    @rig.setter
    def rig(self, rig: str) -> None:
        self._poses.rig = rig

    def publish(self, poses: PoseSet, stage: Stage, cameras: tuple[CameraState, ...]) -> int:
        """Publish `poses`; returns the publication time, monotonic nanoseconds."""
        message = self._poses.message(poses, stage, cameras)
        self.send(message.pack())
        return message.header.t_publish_ns

    def publish_overlay(
        self, frame_set: FrameSet, keypoints: Keypoints2D, cameras: tuple[tuple[str, tuple[int, int]], ...]
    ) -> None:
        """Publish the associated 2D joints of `frame_set`; `cameras` are (name, size_px) in rig order."""
        now_ns = time.monotonic_ns()
        header = View2DHeader(
            session=self.session,
            seq=self._next_seq("view2d"),
            index=frame_set.index,
            t_ns=frame_set.t_ns,
            unix_offset_ns=time.time_ns() - now_ns,
            rig=self.rig,
            joint_set=self.joint_set.name,
            joints=self.joint_set.names,
            ids=tuple(int(track) for track in keypoints.track.max(axis=0, initial=-1)),
            views=tuple(
                ViewPicture(name, size_px, frame.seq if frame else -1, frame.t_ns if frame else 0)
                for (name, size_px), frame in zip(cameras, frame_set.frames, strict=True)
            ),
        )
        self.send(
            View2DMessage(header, keypoints.xy.astype(np.float32), keypoints.score.astype(np.float32)).pack()
        )

    def publish_frame_set(self, frame_set: FrameSet, left_out: int, *, ahead: bool, torn: bool) -> None:
        """Publish which pictures `frame_set` is made of, and how the pipeline took it (`FrameSetHeader`)."""
        header = FrameSetHeader(
            session=self.session,
            seq=self._next_seq("frame_set"),
            index=frame_set.index,
            t_ns=frame_set.t_ns,
            unix_offset_ns=time.time_ns() - time.monotonic_ns(),
            seqs=tuple(None if frame is None else frame.seq for frame in frame_set.frames),
            left_out=left_out,
            ahead=ahead,
            torn=torn,
        )
        self.send(FrameSetMessage(header).pack())

    def publish_stats(self, stats: StatsMessage) -> None:
        """Publish `stats` as they are."""
        self.send(stats.pack())

    def _next_seq(self, topic: str) -> int:
        self._seq[topic] += 1
        return self._seq[topic] - 1

    def send(self, parts: list[bytes]) -> None:
        """Publish the parts of a message; never waits: who is slow loses it."""
        self._socket.send_multipart(parts)

    def close(self) -> None:
        """Send what is queued, within a fifth of a second, and free the address."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _encrypt(socket: "zmq.Socket[bytes]", curve_key: Path) -> None:
    from zmq.auth import load_certificate

    try:
        public, secret = load_certificate(curve_key)
    except (OSError, ValueError) as error:
        raise EndpointError(
            f"{curve_key} is not a CURVE key file ({error}): "
            "make a pair with `python launch/camera.py --new-key NAME`"
        ) from error
    if secret is None:
        raise EndpointError(
            f"{curve_key} holds only the public key, expected the secret one: give the .key_secret file"
        )
    socket.curve_publickey, socket.curve_secretkey = public, secret
    socket.curve_server = True
