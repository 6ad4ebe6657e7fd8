"""Virtual Motion Capture protocol: bones of one person for avatars, over OSC.

Follows https://protocol.vmc.info/marionette-spec: names of Unity's HumanBodyBones, metres, Unity's axes (x right, y up,
z forward, left-handed), rotations local to the parent bone and zero in the T-pose.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from posecap.launch.bridge_osc import UdpSender, osc_message
from posecap.runtime.messages import PoseMessage
from posecap.runtime.skeleton import WORLD_FROM_BODY, Layout
from posecap.runtime.skeleton_stream import SkeletonStream, StreamedPose

if TYPE_CHECKING:
    from pythonosc.osc_message import OscMessage

DEFAULT_PORT: Final = 39539
_KEEP_NS = 1_000_000_000  # so long an absent person is waited for before the next one takes over
_AT_REST = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)


class VmcBridge:
    """For each pose: `/VMC/Ext/OK`, `/VMC/Ext/T`, `/VMC/Ext/Root/Pos` (at the world's origin), `/VMC/Ext/Bone/Pos`.

    Args:
        host: that the avatar's program runs on.
        port: that it listens at.
        person: id; None = the lowest in view, until absent for a second.

    `/VMC/Ext/OK` is 1 with bones, 0 without. A bone that the joints never told is not sent; one that is not seen now
    keeps its rotation. The place of Hips is the person's in the room; the other bones' are the person's own measures,
    which most receivers ignore for the avatar's.

    Raises:
        UsageError: python-osc is missing, or no such host or port.
    """

    def __init__(self, host: str, port: int = DEFAULT_PORT, person: int | None = None) -> None:
        self._sender = UdpSender(host, port)
        self.target: str = f"VMC at {self._sender.target}"
        self._wanted = person
        self._current: int | None = None
        self._seen_ns = 0
        self._first_ns: int | None = None
        self._session = ""
        self._stream: SkeletonStream | None = None
        self._told: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)

    def send(self, message: PoseMessage) -> None:
        """Pass a message on; raises SkeletonError where the joint set has no hips or shoulders."""
        self._sender.send(self.messages(message))

    def messages(self, message: PoseMessage) -> Iterator["OscMessage"]:
        """All that is sent for one pose."""
        header = message.header
        if header.session != self._session:
            self._session, self._current, self._first_ns = header.session, None, header.t_ns
        row = self._choose(message)
        pose = None
        if row is not None:
            if self._stream is None:
                self._stream = SkeletonStream(header.joints)
                self._told = np.zeros(len(self._stream.layout.segments), dtype=np.bool_)
            pose = self._stream.push(header.t_ns, message.xyz[row])
        yield osc_message("/VMC/Ext/OK", ("i", int(pose is not None)))
        yield osc_message("/VMC/Ext/T", ("f", (header.t_ns - (self._first_ns or 0)) / 1e9))
        if pose is not None and self._stream is not None:
            self._told = self._told | pose.seen
            yield osc_message("/VMC/Ext/Root/Pos", ("s", "root"), *(("f", value) for value in _AT_REST))
            yield from _bones(self._stream.layout, pose, self._told)

    def _choose(self, message: PoseMessage) -> int | None:
        """Row of the person shown; None where absent."""
        there = message.ids
        now_ns = message.t_ns
        if self._current not in there:
            wait = self._current is not None and now_ns - self._seen_ns < _KEEP_NS
            pick = self._wanted if self._wanted is not None else min(there, default=None)
            if wait or pick not in there:
                return None
            self._current, self._stream = pick, None
        self._seen_ns = now_ns
        return there.index(self._current)  # pyright: ignore[reportArgumentType]

    def news(self) -> str:
        """How many packets this host could not send."""
        return self._sender.news()

    def close(self) -> None:
        """Free the socket."""
        self._sender.close()


def bone_names(layout: Layout) -> tuple[str, ...]:
    """The HumanBodyBones of the segments."""
    chest = ("Chest", "UpperChest") if "Spine1" in layout else ("Spine1", "Chest")
    names = {"Spine1": chest[0], "Chest": chest[1]}
    for side in ("Left", "Right"):
        names |= {f"{side}Arm": f"{side}UpperArm", f"{side}ForeArm": f"{side}LowerArm"}
        names |= {f"{side}UpLeg": f"{side}UpperLeg", f"{side}Leg": f"{side}LowerLeg"}
    return tuple(names.get(segment, segment) for segment in layout.segments)


def unity_place(place_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 3) from left, up, forward (right-handed) to right, up, forward."""
    return place_m * (-1.0, 1.0, 1.0)


def unity_quaternion(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 4) x y z w in Unity's axes, from (n, 3, 3) in left, up, forward: mirrored in x."""
    return Rotation.from_matrix(rotation).as_quat() * (1.0, -1.0, -1.0, 1.0)


def _bones(layout: Layout, pose: StreamedPose, told: NDArray[np.bool_]) -> Iterator["OscMessage"]:
    local = pose.local.copy()
    local[0] = WORLD_FROM_BODY.T @ local[0]
    place_m = pose.offset_m.copy()
    place_m[0] = WORLD_FROM_BODY.T @ pose.root_m
    values = np.concatenate([unity_place(place_m), unity_quaternion(local)], axis=1)
    for name, row, known in zip(bone_names(layout), values, told, strict=True):
        if known:
            yield osc_message("/VMC/Ext/Bone/Pos", ("s", name), *(("f", float(value)) for value in row))
