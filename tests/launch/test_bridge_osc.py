import time
from itertools import pairwise

import numpy as np
import pytest
from bridged import Bridged, skeletons
from osc_receiver import OscReceiver

from posecap.launch.bridge_osc import MAX_DATAGRAM, OscBridge, bundles, osc_message
from posecap.launch.errors import UsageError
from posecap.models.joints import COCO_17


def by_frame(messages, end="/posecap/frame"):
    """Messages of each whole pose, keyed with its index."""
    starts = [place for place, (address, _) in enumerate(messages) if address == end]
    frames = [messages[a:b] for a, b in pairwise(starts)]
    return {frame[0][1][0]: frame for frame in frames}


@pytest.mark.parametrize("up", ["z", "y"])
def test_a_receiver_gets_every_known_joint_in_metres(up):
    with OscReceiver() as receiver:
        with Bridged("osc", "--port", str(receiver.port), "--up", up, ids=(3, 8)) as bridged:
            messages = receiver.until(4, "/posecap/frame")
        assert bridged.process.returncode == 0
        assert "0 lost on the way here" in bridged.said
    index, frame = next(iter(by_frame(messages).items()))
    people = skeletons(index, bridged.motion, (3, 8))
    assert frame[1] == ("/posecap/people", (3, 8))
    unix_s = frame[0][1][1]
    assert unix_s > 1.7e9  # a double: a float would be off by a minute
    found = dict(frame[2:])
    axes = [0, 1, 2] if up == "z" else [1, 2, 0]
    for one in people:
        for joint, name in enumerate(COCO_17.names):
            address = f"/posecap/person/{one.track}/{name}"
            if np.isnan(one.xyz[joint, 0]):
                assert address not in found
            else:
                expected = np.float32([*one.xyz[joint, axes], 0.002])
                np.testing.assert_allclose(found[address], expected, rtol=1e-6)
    assert len(found) == 2 * 16


def test_the_time_is_unix_time():
    with OscReceiver() as receiver, Bridged("osc", "--port", str(receiver.port)) as bridged:
        messages = receiver.until(2, "/posecap/frame")
        index, unix_s = next(values for address, values in messages if address == "/posecap/frame")
        offset_s = time.time() - time.monotonic()
        assert unix_s == pytest.approx(bridged.t_ns[index] / 1e9 + offset_s, abs=1e-3)


def test_packets_stay_whole():
    messages = [osc_message(f"/a/{number}", ("f", 1.0)) for number in range(400)]
    sizes = [len(datagram) for datagram in bundles(messages)]
    assert max(sizes) <= MAX_DATAGRAM
    assert min(sizes[:-1]) > MAX_DATAGRAM - 40
    assert list(bundles([])) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"port": 0}, r"port 0, expected 1 to 65535: give --port"),
        ({"host": "no.such.host.invalid"}, r"no host 'no.such.host.invalid' \(.*\): correct --host"),
        ({"prefix": "posecap"}, r"prefix 'posecap' is no OSC address: write it as /posecap"),
    ],
)
def test_an_impossible_target_is_said(options, message):
    with pytest.raises(UsageError, match=message):
        OscBridge(**{"host": "127.0.0.1", "port": 9000, **options})
