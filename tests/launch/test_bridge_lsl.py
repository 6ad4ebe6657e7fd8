import dataclasses
import time

import msgspec
import numpy as np
import pytest
from bridged import Bridged, skeletons
from example_messages import pose_message

from posecap.launch.bridge_lsl import _ON_THIS_HOST, LslBridge, _Places
from posecap.launch.errors import LaunchError, UsageError
from posecap.models.joints import COCO_17

pylsl = pytest.importorskip("pylsl")
pylsl.set_config_content(_ON_THIS_HOST)  # before anything else is asked of the library


def inlet(name: str, timeout_s: float = 15.0):
    found = pylsl.resolve_byprop("name", name, 1, timeout_s)
    assert found, f"no stream {name}"
    inlet = pylsl.StreamInlet(found[0])
    inlet.open_stream(timeout=5)
    return inlet


def test_a_receiver_gets_exact_samples_with_the_time_of_capture():
    with Bridged("lsl", "--people", "2", "--name", "exact") as bridged:
        first, second = inlet("exact-1"), inlet("exact-2")
        sample, stamp_s = first.pull_sample(timeout=5)
        other, _ = second.pull_sample(timeout=5)
        info = first.info(timeout=5)
        first.close_stream()
        second.close_stream()
    assert bridged.process.returncode == 0
    assert "no free stream" not in bridged.said
    index = min(bridged.t_ns, key=lambda one: abs(bridged.t_ns[one] / 1e9 - stamp_s))
    # The clock of LSL is this host's monotonic one, as that of the poses is.
    assert stamp_s == pytest.approx(bridged.t_ns[index] / 1e9, abs=1e-3)
    person = skeletons(index, bridged.motion)[0]
    assert sample[0] == 3
    expected = np.concatenate([person.xyz, np.full((17, 1), 0.002)], axis=1)
    expected[0] = np.nan
    np.testing.assert_allclose(np.reshape(sample[1:], (17, 4)), expected.astype(np.float32), rtol=1e-6)
    assert np.isnan(other).all()
    assert (info.type(), info.channel_count(), info.nominal_srate()) == ("MoCap", 69, 0.0)
    channel = info.desc().child("channels").child("channel")
    labels = []
    for _ in range(info.channel_count()):
        labels.append([channel.child_value(key) for key in ("label", "marker", "type", "unit")])
        channel = channel.next_sibling()
    assert labels[0] == ["id", "", "Id", "none"]
    place = 1 + 4 * COCO_17.index("left_wrist")
    assert labels[place + 2] == ["left_wrist_z", "left_wrist", "PositionZ", "meters"]
    assert labels[place + 3] == ["left_wrist_sigma", "left_wrist", "Sigma", "meters"]
    setup = info.desc().child("setup")
    assert [setup.child_value(key) for key in ("rig", "joint_set", "up_axis")] == [
        "0123456789ab",
        "coco-17/1",
        "+z",
    ]


def test_a_stream_stays_its_persons_and_is_freed_when_they_are_gone():
    places, second = _Places(2), 1_000_000_000
    assert places.assign("a", (7, 9), 0) == [0, 1]
    assert places.assign("a", (9,), second) == [1]
    assert places.assign("a", (9, 4), second) == [1, None]  # 7 may come back
    assert places.left_out == 1
    assert places.assign("a", (7, 9), 2 * second) == [0, 1]
    assert places.assign("a", (4, 9), 5 * second) == [0, 1]
    assert places.assign("b", (9,), 5 * second) == [0]  # the runtime restarted: ids begin again


def test_the_stamp_follows_the_unix_clock_of_another_host():
    bridge = LslBridge("stamp")
    header = pose_message().header
    now_ns = time.time_ns()
    # Taken a second ago by the other host's clock, which reads 123 s.
    away = msgspec.structs.replace(header, unix_offset_ns=now_ns - 123_000_000_000, t_ns=122_000_000_000)
    assert bridge.stamp_s(away) == pytest.approx(pylsl.local_clock() - 1, abs=0.05)
    bridge.close()


def test_another_joint_set_ends_the_bridge():
    bridge = LslBridge("sets")
    message = pose_message(people=1)
    bridge.send(message)
    header = msgspec.structs.replace(message.header, joints=("nose", "left_hip", "tail"))
    other = dataclasses.replace(message, header=header)
    with pytest.raises(LaunchError, match=r"the joint set became test-3/1: start this bridge again"):
        bridge.send(other)
    bridge.close()


def test_an_impossible_number_of_streams_is_said():
    with pytest.raises(UsageError, match=r"0 streams, expected 1 to 32: correct --people"):
        LslBridge(people=0)
