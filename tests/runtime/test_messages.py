"""Messages survive the wire field by field, and nothing but a WireError comes of a broken one."""

import random

import msgspec
import numpy as np
import pytest
from example_messages import pose_message, stats_message, view2d_message
from hypothesis import given, settings
from hypothesis import strategies as st

from posecap.runtime.errors import WireError
from posecap.runtime.messages import (
    TOPIC_INSTANT,
    TOPIC_REFINED,
    TOPIC_STATS,
    WIRE_VERSION,
    PoseMessage,
    View2DMessage,
    unpack,
)


@pytest.mark.parametrize("stage", ["instant", "refined"])
def test_a_pose_comes_back_field_by_field(stage):
    sent = pose_message(stage=stage)
    parts = sent.pack()
    assert parts[0] == {"instant": b"pose3d/instant", "refined": b"pose3d"}[stage]
    got = unpack(parts)
    assert isinstance(got, PoseMessage)
    assert got.header == sent.header
    assert got.ids == (5, 6)
    assert (got.t_ns, got.t_capture_ns) == (1_000_000_000_123, 999_999_999_000)
    assert (got.header.version, got.header.length_unit, got.header.up_axis) == (WIRE_VERSION, "m", "+z")
    for name in ("xyz", "covariance", "residual_px", "views"):
        np.testing.assert_array_equal(getattr(got, name), getattr(sent, name))
        assert getattr(got, name).dtype == getattr(sent, name).dtype
        assert not getattr(got, name).flags.writeable


def test_statistics_and_overlays_come_back():
    assert unpack(stats_message().pack()) == stats_message()
    sent = view2d_message()
    got = unpack(sent.pack())
    assert isinstance(got, View2DMessage)
    assert got.header == sent.header
    np.testing.assert_array_equal(got.xy, sent.xy)
    np.testing.assert_array_equal(got.score, sent.score)


@given(people=st.integers(0, 12), joints=st.integers(1, 40), seed=st.integers(0, 9))
@settings(deadline=None, max_examples=40)
def test_any_size_comes_back_and_costs_41_bytes_a_joint(people, joints, seed):
    sent = pose_message(people, tuple(f"joint{index}" for index in range(joints)), seed=seed)
    parts = sent.pack()
    assert len(parts[2]) == 41 * people * joints
    np.testing.assert_array_equal(unpack(parts).xyz, sent.xyz)


def test_the_header_is_a_plain_map_that_other_programs_read():
    """As in WIRE.md, without posecap's types."""
    _, header, payload = pose_message().pack()
    plain = msgspec.msgpack.decode(header)
    assert plain["kind"] == "pose3d"
    assert plain["version"] == 1
    assert plain["people"] == [{"id": 5, "residual_px": 0.0}, {"id": 6, "residual_px": 1.5}]
    xyz = np.frombuffer(payload, "<f4", count=18).reshape(2, 3, 3)
    np.testing.assert_array_equal(xyz, pose_message().xyz)


def test_unknown_header_keys_are_ignored():
    parts = pose_message().pack()
    plain = msgspec.msgpack.decode(parts[1]) | {"mood": "fine"}
    assert unpack([parts[0], msgspec.msgpack.encode(plain), parts[2]]).header == pose_message().header


@pytest.mark.parametrize(("version", "where"), [(2, "this machine"), (0, "the publishing machine")])
def test_another_version_is_refused_with_the_side_to_update(version, where):
    """Even where the rest of that version's header looks quite different."""
    for topic in (TOPIC_REFINED, TOPIC_INSTANT, TOPIC_STATS, b"view2d"):
        header = msgspec.msgpack.encode({"version": version, "skeletons": 3})
        with pytest.raises(WireError, match=rf"version {version}, this program reads 1: .* on {where}"):
            unpack([topic, header, b""])


@pytest.mark.parametrize(
    "change", [lambda payload: payload[:-1], lambda payload: payload + b"\0", lambda _: b""]
)
@pytest.mark.parametrize("make", [pose_message, view2d_message])
def test_a_payload_of_another_size_is_refused(make, change):
    topic, header, payload = make().pack()
    with pytest.raises(WireError, match=r"payload of \d+ bytes, the header announces \d+"):
        unpack([topic, header, change(payload)])


def test_statistics_have_no_payload():
    topic, header, _ = stats_message().pack()
    with pytest.raises(WireError, match="payload of 1 bytes"):
        unpack([topic, header, b"x"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stage", "raw"), ("length_unit", "mm"), ("up_axis", "+y"), ("seq", -1), ("joints", []),
        ("people", 3), ("people", [{"id": 1, "residual_px": 0.0}] * 300), ("kind", "stats"), ("t_ns", 0.5),
    ],
)  # fmt: skip
def test_a_header_field_out_of_range_is_refused(field, value):
    topic, header, payload = pose_message().pack()
    plain = msgspec.msgpack.decode(header) | {field: value}
    with pytest.raises(WireError, match="unreadable header"):
        unpack([topic, msgspec.msgpack.encode(plain), payload])


def test_a_stage_under_the_other_topic_is_refused():
    _, header, payload = pose_message(stage="instant").pack()
    with pytest.raises(WireError, match="under topic"):
        unpack([TOPIC_REFINED, header, payload])


@pytest.mark.parametrize("parts", [[], [b"pose3d"], [b"pose3d", b"", b"", b""], [b"other", b"", b""]])
def test_other_parts_are_refused(parts):
    with pytest.raises(WireError, match="connect to the pose endpoint"):
        unpack(parts)


def test_a_huge_header_is_refused_before_it_is_read():
    with pytest.raises(WireError, match="at most"):
        unpack([b"pose3d", b"\xc0" * 1_000_000, b""])


@given(
    data=st.binary(max_size=200), topic=st.sampled_from([b"pose3d", b"pose3d/instant", b"stats", b"view2d"])
)
@settings(deadline=None, max_examples=200)
def test_garbage_is_a_wire_error_and_nothing_else(data, topic):
    with pytest.raises(WireError):
        unpack([topic, data, data])


@pytest.mark.parametrize("make", [pose_message, stats_message, view2d_message])
def test_flipped_and_cut_bytes_never_escape_as_anything_else(make):
    """A changed byte may still be a valid message (a number); what may not happen is another exception."""
    dice = random.Random(1)
    topic, header, payload = make().pack()
    for _ in range(2000):
        broken = bytearray(header)
        for _ in range(dice.randint(1, 3)):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        if dice.random() < 0.3:
            broken = broken[: dice.randrange(len(broken))]
        sentences = []
        try:
            unpack([topic, bytes(broken), payload])
        except WireError as error:
            sentences.append(str(error))
        assert all(sentence.isprintable() for sentence in sentences)
