"""Session folders written from exact motion, for the readers and the exports."""

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from scene import STANDING

from posecap.capture.session_folder import MCAP_FILE
from posecap.capture.session_writer import SessionWriter
from posecap.models.joints import COCO_17, JointSet
from posecap.runtime.messages import CameraState, Person, PoseHeader, PoseMessage

START_NS = 1_000_000_000_000
UNIX_OFFSET_NS = 1_700_000_000_000_000_000


def swinging(t_s: NDArray, people: int = 1) -> NDArray[np.float64]:
    """(frames, people, 17, 3) metres: people who stand 1.2 m apart and sway on exact sines, 0.3 m wide."""
    phases = np.arange(17)[:, None] * 0.4 + np.array([0.0, 0.9, 1.7])
    sway = 0.15 * np.sin(2 * np.pi * 0.8 * t_s[:, None, None, None] + phases)
    places = np.stack([1.2 * np.arange(people), np.zeros(people), np.zeros(people)], axis=1)
    return STANDING + places[:, None] + sway


def pose_of(
    xyz: NDArray,
    ids: tuple[int, ...],
    index: int,
    t_ns: int,
    *,
    stage: str = "refined",
    session: str = "a1b2c3d4",
    joint_set: JointSet = COCO_17,
    rig: str = "0123456789ab",
) -> PoseMessage:
    """The wire message of people (people, joints, 3) at one instant."""
    unknown = np.isnan(xyz).any(axis=-1)
    covariance = np.tile(np.float32([1e-4, 0, 0, 1e-4, 0, 4e-4]), (*unknown.shape, 1))
    covariance[unknown] = np.nan
    header = PoseHeader(
        session=session, seq=index, index=index, stage=stage, t_ns=t_ns, t_capture_ns=t_ns - 1_000_000,
        t_publish_ns=t_ns + 50_000_000, unix_offset_ns=UNIX_OFFSET_NS, rig=rig, joint_set=joint_set.name,
        joints=joint_set.names, people=tuple(Person(one, 1.5) for one in ids),
        cameras=(CameraState("cam00", "live"), CameraState("cam01", "live")),
    )  # fmt: skip
    return PoseMessage(
        header,
        xyz.astype(np.float32),
        covariance,
        np.where(unknown, np.nan, 1.5).astype(np.float32),
        np.where(unknown, 0, 3).astype(np.uint8),
    )


def poses_of(xyz: NDArray, t_s: NDArray, ids: tuple[int, ...], **fields) -> list[PoseMessage]:
    """One message for each frame; people of whom nothing is known are left out, as the runtime does."""
    messages = []
    for index, (people, at_s) in enumerate(zip(xyz, t_s, strict=True)):
        seen = [row for row in range(len(ids)) if np.isfinite(people[row]).any()]
        t_ns = START_NS + round(at_s * 1e9)
        messages.append(pose_of(people[seen], tuple(ids[row] for row in seen), index, t_ns, **fields))
    return messages


def write_session(folder: Path, messages: list[PoseMessage]) -> Path:
    """A session folder with these poses."""
    folder.mkdir(parents=True, exist_ok=True)
    with SessionWriter(folder / MCAP_FILE, chunk_bytes=1 << 14) as writer:
        for message in messages:
            topic, header, payload = message.pack()
            writer.write(
                topic.decode(), msgspec.msgpack.encode([header, payload]), message.header.t_publish_ns
            )
        writer.finish()
    return folder
