"""Messages survive the wire field by field, and nothing but a WireError comes of a broken one."""

import random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posecap.runtime.errors import WireError
from posecap.runtime.messages import (
    TOPIC_INSTANT,
    TOPIC_REFINED,
    TOPIC_STATS,
    WIRE_VERSION,
    CameraState,
    CameraStats,
    Percentiles,
    Person,
    PoseHeader,
    PoseMessage,
    StatsMessage,
    View2DHeader,
    View2DMessage,
    ViewPicture,
    unpack,
)

JOINTS = ("nose", "left_hip", "right_hip")


def pose_message(people=2, joints=JOINTS, stage="refined", seed=0) -> PoseMessage:
    random_numbers = np.random.default_rng(seed)
    shape = (people, len(joints))
    xyz = random_numbers.normal(size=(*shape, 3)).astype(np.float32)
    xyz[..., 0, :] = np.nan
    return PoseMessage(
        header=PoseHeader(
            session="a1b2c3d4",
            seq=7,
            index=9,
            stage=stage,
            t_ns=1_000_000_000_123,
            t_capture_ns=999_999_999_000,
            t_publish_ns=1_000_060_000_000,
            unix_offset_ns=1_700_000_000_000_000_000,
            rig="0123456789ab",
            joint_set="test-3/1",
            joints=tuple(joints),
            people=tuple(Person(id=5 + row, residual_px=1.5 * row) for row in range(people)),
            cameras=(CameraState("left", "live"), CameraState("right", "lost")),
        ),
        xyz=xyz,
        covariance=random_numbers.normal(size=(*shape, 6)).astype(np.float32),
        residual_px=random_numbers.normal(size=shape).astype(np.float32),
        views=random_numbers.integers(0, 255, size=shape).astype(np.uint8),
    )


def stats_message() -> StatsMessage:
    times = Percentiles(n=3, p50=1.0, p95=2.0, p99=3.0, max=4.0)
    return StatsMessage(
        session="a1b2c3d4", seq=1, t_ns=5, unix_offset_ns=6, uptime_s=7.5, fps=29.9, people=1, complete=10, partial=2,
        dropped=3, torn=4, processed=12, with_people=11, stages={"lift": times}, latency_instant=times,
        latency_refined=times, cameras=(CameraStats(name="left", state="live", late=2, note="dark"),),
        engine="openvino CPU f32", model="blazepose-full + movenet-multipose", rig="0123456789ab",
        joint_set="test-3/1", clock="CLOCK_MONOTONIC", note="camera right is lost",
    )  # fmt: skip


def view2d_message() -> View2DMessage:
    header = View2DHeader(
        session="a1b2c3d4", seq=1, index=3, t_ns=4, unix_offset_ns=6, rig="0123456789ab", joint_set="test-3/1",
        joints=JOINTS, ids=(8,), views=(ViewPicture("left", (640, 480), 12, 34), ViewPicture("right", (64, 48), -1, 0)),
    )  # fmt: skip
    xy = np.arange(12, dtype=np.float32).reshape(2, 1, 3, 2)
    return View2DMessage(header, xy, np.linspace(0, 1, 6, dtype=np.float32).reshape(2, 1, 3))


@pytest.mark.parametrize("stage", ["instant", "refined"])
def test_a_pose_comes_back_field_by_field(stage):
    sent = pose_message(stage=stage)
    parts = sent.pack()
    assert parts[0] == {"instant": b"pose3d/instant", "refined": b"pose3d"}[stage]
    got = unpack(parts)
    assert isinstance(got, PoseMessage)
    assert got.header == sent.header
    assert got.ids == (5, 6)
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
        ("stage", "raw"), ("length_unit", "mm"), ("up_axis", "+y"), ("seq", -1), ("joints", []), ("people", 3),
        ("people", [{"id": 1, "residual_px": 0.0}] * 300), ("kind", "stats"), ("t_ns", 0.5),
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
        try:
            unpack([topic, bytes(broken), payload])
        except WireError as error:
            assert str(error).count("\n") == 0
