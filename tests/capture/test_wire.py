"""Messages of cameras: they come back as they were, and anything else is refused in one sentence."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posecap.capture.errors import FrameWireError
from posecap.capture.wire import (
    WIRE_VERSION,
    CameraStatus,
    FrameDescriptor,
    Ping,
    Pong,
    pack,
    unpack_descriptor,
    unpack_ping,
    unpack_pong,
    unpack_status,
)

DESCRIPTOR = FrameDescriptor(WIRE_VERSION, "cam01", 7, 123_456_789_012, (1920, 1080))


@given(
    st.text(max_size=20),
    st.integers(0, 2**60),
    st.integers(-(2**62), 2**62),
    st.integers(1, 8192),
    st.integers(1, 8192),
)
def test_a_descriptor_comes_back(camera: str, seq: int, t_ns: int, width: int, height: int) -> None:
    descriptor = FrameDescriptor(WIRE_VERSION, camera, seq, t_ns, (width, height), "jpeg", 99)
    assert unpack_descriptor(pack(descriptor), 99) == descriptor


def test_a_descriptor_is_small() -> None:
    assert len(pack(DESCRIPTOR)) < 64


def test_the_other_messages_come_back() -> None:
    status = CameraStatus(WIRE_VERSION, "cam01", 5, "frozen", fps=29.5, note="a sentence")
    assert unpack_status(pack(status)) == status
    ping, pong = Ping(WIRE_VERSION, "cam01", 5, 3), Pong(WIRE_VERSION, "cam01", 5, 6, 7)
    assert unpack_ping(pack(ping)) == ping
    assert unpack_pong(pack(pong)) == pong


@pytest.mark.parametrize(
    ("message", "payload_bytes", "said"),
    [
        (msgspec.structs.replace(DESCRIPTOR, version=2), 0, "'cam01' has wire version 2, expected 1"),
        (msgspec.structs.replace(DESCRIPTOR, size_px=(0, 1080)), 0, "0 x 1080 px is out of range"),
        (msgspec.structs.replace(DESCRIPTOR, size_px=(1 << 20, 1 << 20)), 0, "is out of range"),
        (msgspec.structs.replace(DESCRIPTOR, seq=-1), 0, "is out of range"),
        (DESCRIPTOR, 5, "payload of 5 bytes, announced 0"),
    ],
)
def test_what_cannot_be_is_refused(message: FrameDescriptor, payload_bytes: int, said: str) -> None:
    with pytest.raises(FrameWireError, match=said):
        unpack_descriptor(pack(message), payload_bytes)


def test_a_huge_header_is_refused_before_it_is_read() -> None:
    with pytest.raises(FrameWireError, match="at most 65536"):
        unpack_status(b"\x00" * 100_000)


@given(st.binary(max_size=200))
def test_noise_is_refused_in_one_way(noise: bytes) -> None:
    for unpack in (unpack_descriptor, unpack_status, unpack_ping, unpack_pong):
        with pytest.raises(FrameWireError):
            unpack(noise)
