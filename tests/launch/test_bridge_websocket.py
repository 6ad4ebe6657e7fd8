import dataclasses
import json
import socket
import time

import msgspec
import numpy as np
import pytest
from bridged import Bridged, free_port, skeletons
from example_messages import pose_message
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from posecap.launch.bridge_websocket import WebsocketBridge
from posecap.launch.errors import LaunchError
from posecap.launch.subscribe import json_line
from posecap.models.joints import COCO_17


def test_a_client_gets_exact_json():
    port = free_port()
    with Bridged("websocket", "--port", str(port)) as bridged:
        bridged.running()
        with connect(f"ws://127.0.0.1:{port}") as client:
            poses = [json.loads(client.recv(timeout=20)) for _ in range(3)]
        with connect(f"ws://127.0.0.1:{port}") as client:
            later = json.loads(client.recv(timeout=20))
    assert bridged.process.returncode == 0
    assert f"ws://127.0.0.1:{port}" in bridged.said
    assert [pose["seq"] - poses[0]["seq"] for pose in poses] == [0, 1, 2]
    assert later["seq"] > poses[2]["seq"]
    person = skeletons(poses[0]["index"], bridged.motion)[0]
    found = poses[0]["people"][0]
    assert poses[0]["t_ns"] == bridged.t_ns[poses[0]["index"]]
    assert found["id"] == 3
    assert found["joints"]["nose"]["xyz"] == [None, None, None]
    wrist = COCO_17.index("left_wrist")
    assert found["joints"]["left_wrist"]["xyz"] == person.xyz[wrist].astype(np.float32).tolist()


def test_the_text_is_that_of_subscribe():
    bridge = WebsocketBridge(port=0)
    message = pose_message()
    with connect(bridge.target) as client:
        until_attended(bridge, 1)
        bridge.send(message)
        assert client.recv(timeout=20) == json_line(message).decode().rstrip("\n")
    bridge.close()


def test_a_slow_client_loses_the_oldest_and_no_other_does():
    bridge = WebsocketBridge(port=0, queue=2)
    message = pose_message(people=60, joints=[f"joint_{number}" for number in range(40)])  # half a megabyte
    with (
        connect(bridge.target, max_queue=1, max_size=None) as slow,
        connect(bridge.target, max_size=None) as fast,
    ):
        until_attended(bridge, 2)
        for number in range(20):
            header = msgspec.structs.replace(message.header, seq=number)
            bridge.send(dataclasses.replace(message, header=header))
            assert json.loads(fast.recv(timeout=20))["seq"] == number
        seen = [json.loads(slow.recv(timeout=20))["seq"]]
        while seen[-1] < 19:
            seen.append(json.loads(slow.recv(timeout=20))["seq"])
    bridge.close()
    assert seen == sorted(set(seen))
    assert len(seen) < 20
    assert bridge.dropped == 20 - len(seen)
    assert bridge.news() == f"{bridge.dropped} dropped for slow clients"


def test_pages_of_other_sites_are_refused():
    bridge = WebsocketBridge(port=0, origins=("https://lab.example",))
    for origin in ("http://localhost:3000", "https://lab.example"):
        with connect(bridge.target, origin=origin):
            pass
    with pytest.raises(InvalidStatus) as refused:
        connect(bridge.target, origin="https://elsewhere.example")
    assert refused.value.response.status_code == 403
    assert b"start with --origin" in refused.value.response.body
    bridge.close()


def test_only_this_host_reaches_it_unless_told():
    bridge = WebsocketBridge(port=0)
    with socket.socket() as one, pytest.raises(OSError, match="refused"):
        one.connect(("127.0.0.2", bridge.port))
    bridge.close()


def test_a_taken_port_is_said():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            LaunchError, match=rf"cannot listen at 127.0.0.1:{port} .*: end what listens there or"
        ):
            WebsocketBridge(port=port)


def until_attended(bridge, count: int) -> None:
    end_s = time.monotonic() + 5
    while len(bridge._clients) < count:
        assert time.monotonic() < end_s
        time.sleep(0.01)
