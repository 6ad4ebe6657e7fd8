"""Lab Streaming Layer: a stream for each person's place, samples stamped with the time of capture."""

import time
from typing import TYPE_CHECKING, Final

import numpy as np

from posecap.launch.bridge_forward import require, sigma_m
from posecap.launch.errors import LaunchError, UsageError
from posecap.runtime.messages import PoseHeader, PoseMessage

if TYPE_CHECKING:
    from pylsl import StreamInfo, StreamOutlet

_KEEP_NS = 2_000_000_000  # so long the stream of an absent person is kept free for it
_MAX_STREAMS = 32
_ON_THIS_HOST = "[multicast]\nResolveScope = machine\n[log]\nlevel = -2\n"
_VALUES: Final = (("x", "PositionX"), ("y", "PositionY"), ("z", "PositionZ"), ("sigma", "Sigma"))


class LslBridge:
    """Streams NAME-1, NAME-2, ... of type MoCap, one for each of `people` places.

    Channels (float32): `id`, then for each joint `JOINT_x`, `JOINT_y`, `JOINT_z`, `JOINT_sigma`, metres, world axes
    (+z up, right-handed), sigma the standard deviation for each axis. NaN = unknown; a place without a person is all
    NaN. Each pose is one sample in every stream, stamped with the instant described on LSL's clock of this host:
    the Unix time in the message less the age by this host's Unix clock, so as exact as both hosts' Unix clocks agree.

    Args:
        name: of the streams, before the number.
        people: how many streams; who finds none free is left out.
        network: streams are announced as LSL's own configuration (lsl_api.cfg, LSLAPICFG) says, by default in the
            local network; otherwise they are found on this host only.

    Raises:
        UsageError: pylsl or its library is missing, or an impossible number of streams.
    """

    def __init__(self, name: str = "posecap", people: int = 1, *, network: bool = False) -> None:
        require("pylsl", "pylsl")
        if not 1 <= people <= _MAX_STREAMS:
            raise UsageError(f"{people} streams, expected 1 to {_MAX_STREAMS}: correct --people")
        try:
            import pylsl
        except RuntimeError as error:
            raise UsageError(f"pylsl finds no liblsl ({error}): install liblsl, see its README") from error
        if not network:
            pylsl.set_config_content(_ON_THIS_HOST)
        self._pylsl = pylsl
        self._name = name
        self._slots = _Places(people)
        self._joints: tuple[str, ...] = ()
        self._outlets: list[StreamOutlet] = []
        self.target: str = (
            f"LSL streams {name}-1 to {name}-{people} ({'network' if network else 'this host'})"
        )

    def send(self, message: PoseMessage) -> None:
        """Pass a message on; the first one opens the streams.

        Raises:
            LaunchError: the joint set is another one than before.
        """
        header = message.header
        if not self._outlets:
            self._joints = header.joints
            self._outlets = [
                self._pylsl.StreamOutlet(self._info(header, place), 0, 360)
                for place in range(len(self._slots.ids))
            ]
        if header.joints != self._joints:
            raise LaunchError(f"the joint set became {header.joint_set}: start this bridge again")
        stamp_s = self.stamp_s(header)
        samples = np.full(
            (len(self._outlets), 1 + len(_VALUES) * len(self._joints)), np.nan, dtype=np.float32
        )
        sigma = sigma_m(message)
        for row, place in enumerate(self._slots.assign(header.session, message.ids, message.t_ns)):
            if place is not None:
                samples[place, 0] = message.ids[row]
                joints = np.concatenate([message.xyz[row], sigma[row][:, None]], axis=1)
                samples[place, 1:] = joints.reshape(-1)
        for outlet, sample in zip(self._outlets, samples, strict=True):
            outlet.push_sample(sample, stamp_s)

    def stamp_s(self, header: PoseHeader) -> float:
        """The instant described, seconds on LSL's clock of this host."""
        age_ns = time.time_ns() - header.unix_offset_ns - header.t_ns
        return self._pylsl.local_clock() - age_ns / 1e9

    def _info(self, header: PoseHeader, place: int) -> "StreamInfo":
        """The description that receivers see, with channels as XDF files name them."""
        info = self._pylsl.StreamInfo(
            f"{self._name}-{place + 1}", "MoCap", 1 + len(_VALUES) * len(header.joints), 0.0, self._pylsl.cf_float32,
            f"{self._name}-{header.stage}-{place + 1}",
        )  # fmt: skip
        channels = info.desc().append_child("channels")
        _append(channels, "channel", label="id", type="Id", unit="none")
        for joint in header.joints:
            for value, kind in _VALUES:
                _append(channels, "channel", label=f"{joint}_{value}", marker=joint, type=kind, unit="meters")
        _append(
            info.desc(), "setup", rig=header.rig, joint_set=header.joint_set, stage=header.stage,
            up_axis=header.up_axis, handedness="right", length_unit="meters",
            time="instant described, mapped with the Unix offset of the message",
        )  # fmt: skip
        _append(info.desc(), "acquisition", manufacturer="posecap")
        return info

    def news(self) -> str:
        """How many times a person found no free stream."""
        left_out = self._slots.left_out
        return f"{left_out} times a person found no free stream (--people)" if left_out else ""

    def close(self) -> None:
        """End the streams."""
        self._outlets.clear()


class _Places:
    """Which stream is whose."""

    def __init__(self, count: int) -> None:
        self.ids: list[int | None] = [None] * count
        self._seen_ns = [0] * count
        self._session = ""
        self.left_out = 0

    def assign(self, session: str, ids: tuple[int, ...], t_ns: int) -> list[int | None]:
        """For each of `ids` the place it has; None = no place is free."""
        if session != self._session:
            self._session = session
            self.ids[:] = [None] * len(self.ids)
        for place, one in enumerate(self.ids):
            if one in ids:
                self._seen_ns[place] = t_ns
            elif one is not None and t_ns - self._seen_ns[place] > _KEEP_NS:
                self.ids[place] = None
        for one in ids:
            if one not in self.ids and None in self.ids:
                place = self.ids.index(None)
                self.ids[place], self._seen_ns[place] = one, t_ns
        places = [self.ids.index(one) if one in self.ids else None for one in ids]
        self.left_out += places.count(None)
        return places


def _append(parent, child: str, **values: str) -> None:
    element = parent.append_child(child)
    for name, value in values.items():
        element.append_child_value(name, value)
