"""The subscriber over real sockets, and what it needs installed."""

import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
import zmq
from example_messages import pose_message, stats_message

from posecap.runtime.client import PoseSubscriber, Subscriber, age_s
from posecap.runtime.errors import EndpointError, StalePose, WireError
from posecap.runtime.messages import PoseMessage, StatsMessage

ROOT = Path(__file__).parents[2]


@pytest.fixture
def publisher():
    """A bound PUB socket and its endpoint."""
    socket = zmq.Context.instance().socket(zmq.PUB)
    socket.linger = 0
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    yield socket, f"tcp://127.0.0.1:{port}"
    socket.close()


def send_until_read(socket, parts, subscriber, timeout_s=5.0):
    """Publish until the subscription has reached the publisher; the first message that came."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        socket.send_multipart(parts)
        messages = subscriber.drain(0.05)
        if messages:
            return messages[0]
    raise AssertionError("nothing came")


def now(stage="refined", age_ms=0.0):
    """A pose message of `age_ms` ago."""
    message = pose_message(stage=stage)
    stamp = time.monotonic_ns() - round(age_ms * 1e6)
    header = msgspec.structs.replace(
        message.header, t_capture_ns=stamp, unix_offset_ns=time.time_ns() - time.monotonic_ns()
    )
    return PoseMessage(header, message.xyz, message.covariance, message.residual_px, message.views).pack()


@pytest.mark.parametrize(("stage", "other"), [("refined", "instant"), ("instant", "refined")])
def test_a_stage_is_read_without_the_other(publisher, stage, other):
    """The topic of stage 2 is a prefix of that of stage 1; a plain subscription would mix them."""
    socket, endpoint = publisher
    with PoseSubscriber(endpoint, stage=stage) as poses:
        send_until_read(socket, now(stage), poses)
        poses.drain(0.05)
        for _ in range(3):
            socket.send_multipart(now(other))
        socket.send_multipart(now(stage))
        got = poses.read(timeout_s=2)
        assert got.header.stage == stage
        assert poses.drain(0.1) == []


def test_iteration_gives_messages_in_order(publisher):
    socket, endpoint = publisher
    with PoseSubscriber(endpoint) as poses:
        send_until_read(socket, now(), poses)
        poses.drain(0.05)
        socket.send_multipart(now())
        assert next(iter(poses)).ids == (5, 6)


def test_read_says_where_nothing_came_from():
    with (
        PoseSubscriber("tcp://127.0.0.1:9") as poses,
        pytest.raises(StalePose, match=r"no message from tcp://127.0.0.1:9 within 0.05 s"),
    ):
        poses.read(timeout_s=0.05)


def test_latest_gives_the_newest_and_refuses_the_old(publisher):
    socket, endpoint = publisher
    with PoseSubscriber(endpoint) as poses:
        send_until_read(socket, now(), poses)
        poses.drain(0.05)
        for age_ms in (400, 300, 20):
            socket.send_multipart(now(age_ms=age_ms))
        time.sleep(0.05)
        assert age_s(poses.latest(max_age_s=2.0)) < 0.29
        socket.send_multipart(now(age_ms=5000))
        with pytest.raises(StalePose, match=r"nothing younger than 0.2 s"):
            poses.latest(max_age_s=0.2)


def test_a_publisher_of_another_version_is_refused_with_advice(publisher):
    socket, endpoint = publisher
    newer = [b"pose3d", msgspec.msgpack.encode({"version": 2, "skeletons": []}), b""]
    with PoseSubscriber(endpoint) as poses, pytest.raises(WireError, match="update posecap on this machine"):
        send_until_read(socket, newer, poses)


def test_a_message_of_a_wrong_size_is_refused(publisher):
    socket, endpoint = publisher
    parts = now()
    parts[2] = parts[2][:-4]
    with PoseSubscriber(endpoint) as poses, pytest.raises(WireError, match="payload of"):
        send_until_read(socket, parts, poses)


def test_other_topics_can_be_read_too(publisher):
    socket, endpoint = publisher
    with Subscriber(endpoint, (b"stats",)) as stats:
        got = send_until_read(socket, stats_message().pack(), stats)
        assert isinstance(got, StatsMessage)
        assert got.dropped == 3


def test_a_malformed_endpoint_is_one_sentence():
    with pytest.raises(EndpointError, match=r"cannot subscribe to '127.0.0.1:5570' .* tcp://host:port"):
        PoseSubscriber("127.0.0.1:5570")


@pytest.mark.parametrize("content", [None, "not a key"])
def test_an_unusable_key_file_is_one_sentence(tmp_path, content):
    key = tmp_path / "wrong.key"
    if content is not None:
        key.write_text(content)
    with pytest.raises(EndpointError, match="is not a CURVE key file"):
        PoseSubscriber(server_key=key)


@pytest.mark.parametrize(
    ("module", "needs"), [("client", "numpy msgspec zmq"), ("messages", "numpy msgspec")]
)
def test_a_subscriber_needs_numpy_msgspec_and_pyzmq_alone(module, needs):
    """Everything else that is installed is hidden, as on a machine that does not have it."""
    script = f"""
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        root = name.split(".")[0]
        if root not in {{*"{needs}".split(), "posecap"}} | sys.stdlib_module_names:
            raise ModuleNotFoundError(f"hidden: {{root}}", name=root)
finders = sys.meta_path
finders.insert(0, Hidden())
import posecap.runtime.{module}
assert "posecap.calib" not in sys.modules and "posecap.capture" not in sys.modules
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_the_example_without_posecap_reads_poses(publisher):
    """That of WIRE.md, as it stands there."""
    pytest.importorskip("msgpack")
    socket, endpoint = publisher
    page = (ROOT / "runtime" / "WIRE.md").read_text()
    code = page.split("## Without posecap")[1].split("```python\n")[1].split("```")[0]
    assert "posecap" not in code
    code = code.replace("tcp://127.0.0.1:5570", endpoint)
    with subprocess.Popen(
        [sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as reader:
        try:
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline and not zmq.select([reader.stdout.fileno()], [], [], 0.05)[0]:
                socket.send_multipart(now("instant"))
                socket.send_multipart(now())
            line = reader.stdout.readline()
        finally:
            reader.kill()
    assert "[5, 6]" in line
