"""The loop of the runtime with real rings and sockets: what it drops, counts and publishes."""

import math
import time
from pathlib import Path

import numpy as np
import pytest
import zmq

from posecap.calib.camera import Camera
from posecap.calib.rig import Rig
from posecap.capture.frame import Frame
from posecap.capture.ring import Ring
from posecap.capture.sync import SyncCounters
from posecap.capture.transport import FramePublisher, FrameReceiver
from posecap.capture.wire import WIRE_VERSION, CameraStatus
from posecap.models.joints import COCO_17
from posecap.runtime.calibration_watch import CalibrationWatch
from posecap.runtime.camera_health import CameraHealth
from posecap.runtime.client import Subscriber
from posecap.runtime.errors import EndpointError
from posecap.runtime.lift_stage import Triangulated
from posecap.runtime.messages import (
    TOPIC_INSTANT,
    TOPIC_REFINED,
    TOPIC_STATS,
    TOPIC_VIEW2D,
    PoseMessage,
    StatsMessage,
)
from posecap.runtime.pipeline import Lifted, Looking, Seen
from posecap.runtime.pose import Keypoints2D, PoseSet, Skeleton3D, StepResult
from posecap.runtime.publisher import PosePublisher
from posecap.runtime.runtime_config import RuntimeConfig
from posecap.runtime.runtime_process import _Loop
from posecap.runtime.settings import PipelineSettings
from posecap.runtime.stats import RollingTimes
from posecap.runtime.stopwatch import Stopwatch

SIZE_PX = (64, 48)
PERIOD_NS = 10_000_000


def camera(name, x) -> Camera:
    K = np.array([[60.0, 0, 32], [0, 60, 24], [0, 0, 1]])
    cam_from_world = np.array([[1.0, 0, 0, -x], [0, 0, -1, 1], [0, 1, 0, 3], [0, 0, 0, 1]])
    return Camera(name, SIZE_PX, K, np.zeros(5), cam_from_world)


RIG = Rig((camera("left", -1.0), camera("right", 1.0)))


class OnePerson:
    """In place of the pipeline: somebody stands still; remembers the pictures that it was given."""

    joint_set = COCO_17
    needs_copies = False
    lift_stage = Triangulated()
    rig = RIG
    calibration = CalibrationWatch(RIG, 0.0)

    def __init__(self, during=lambda: None):
        self.given, self.lifted, self.owed = [], [], []
        self.during = during

    def look(self, frame_set, left_out=0):
        self.given.append([frame.seq if frame else -1 for frame in frame_set.frames])
        self.during()
        return Looking(frame_set, left_out, lambda: None, Stopwatch())

    def see(self, looking):
        return Seen(looking.frame_set, None, looking.watch)

    def lift(self, seen):
        frame_set = seen.frame_set
        self.lifted.append(frame_set.frames[0].seq)
        joints = len(COCO_17)
        xyz = np.full((joints, 3), 1.0)
        xyz[3] = np.nan
        covariance = np.full((joints, 3, 3), 1e-4) + np.diag([3e-4, 4e-4, 5e-4])
        residual = np.where(np.arange(joints) == 3, np.nan, 2.0)
        views = np.where(np.arange(joints) == 3, 0, 2)
        one = Skeleton3D(5, xyz, covariance, views, residual)
        instant = PoseSet(frame_set.index, frame_set.t_ns, frame_set.t_oldest_ns, (one,))
        shape = (2, 1, joints)
        keypoints = Keypoints2D(
            np.full((*shape, 2), 7.0), np.ones(shape), np.ones(shape), np.full((2, 1), 5), ((None,),) * 2
        )
        return Lifted(instant, keypoints, None, seen.watch)

    def refine(self, lifted):
        self.owed = [lifted.instant]
        return StepResult(lifted.instant, None, lifted.keypoints, {"lift": 2_000_000})

    def rest(self):
        owed, self.owed = self.owed, []
        return owed


class Bench:
    """A loop between two real camera publishers and a real subscriber."""

    def __init__(self, tmp_path, pipeline, **config):
        self.rings = {name: Ring.create(SIZE_PX, 4) for name in RIG.names}
        paths = {name: str(ring.path) for name, ring in self.rings.items()}
        frames = f"ipc://{tmp_path}/frames"
        self.config = RuntimeConfig(
            rig=RIG,
            settings=PipelineSettings(),
            period_ns=PERIOD_NS,
            wait_ns=3 * PERIOD_NS,
            frames_endpoint=frames,
            rings=paths,
            publish_endpoint=f"ipc://{tmp_path}/poses",
            health_endpoint="",
            **config,
        )
        self.receiver = FrameReceiver(frames, {name: Path(path) for name, path in paths.items()})
        self.cameras = {
            name: FramePublisher(name, Path(path), (frames,), SIZE_PX) for name, path in paths.items()
        }
        self.publisher = PosePublisher(self.config.publish_endpoint, "abcd", RIG.id, COCO_17)
        topics = (TOPIC_INSTANT, TOPIC_REFINED, TOPIC_STATS, TOPIC_VIEW2D)
        self.subscriber = Subscriber(self.config.publish_endpoint, topics)
        self.pipeline = pipeline
        self.loop = _Loop(self.config, pipeline, self.receiver, self.publisher)
        self.t0 = time.monotonic_ns()
        self.turns(0.2)  # subscriptions travel

    def send(self, seq, cameras=RIG.names):
        image = np.full((SIZE_PX[1], SIZE_PX[0], 3), seq, np.uint8)
        for name in cameras:
            self.cameras[name].send(Frame(name, seq, self.t0 + seq * PERIOD_NS, image))

    def status(self, name, state):
        self.cameras[name].report(CameraStatus(WIRE_VERSION, name, time.monotonic_ns(), state, fps=9.0))

    def turns(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.loop.turn()
        return self.subscriber.drain(0.05)

    def close(self):
        for one in (self.subscriber, self.publisher, self.receiver, *self.cameras.values()):
            one.close()
        for ring in self.rings.values():
            ring.close()


@pytest.fixture
def bench(tmp_path):
    made = []

    def make(pipeline, **config):
        made.append(Bench(tmp_path, pipeline, **config))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_frame_set_becomes_a_message_with_every_field(bench):
    table = bench(OnePerson(), overlays=True)
    for name in RIG.names:
        table.status(name, "live")
    table.send(0)
    messages = table.turns(0.3)
    pose = next(one for one in messages if isinstance(one, PoseMessage))
    assert pose.ids == (5,)
    assert pose.header.rig == RIG.id
    assert pose.header.joint_set == "coco-17/1"
    assert [(one.name, one.state) for one in pose.header.cameras] == [("left", "live"), ("right", "live")]
    assert pose.header.t_capture_ns == pose.header.t_ns == table.t0
    assert pose.header.people[0].residual_px == pytest.approx(2.0)
    np.testing.assert_allclose(pose.covariance[0, 0], [4e-4, 1e-4, 1e-4, 5e-4, 1e-4, 6e-4], rtol=1e-6)
    assert np.isnan(pose.xyz[0, 3]).all()
    assert pose.views[0].tolist() == [2, 2, 2, 0] + [2] * 13
    overlay = next(one for one in messages if not isinstance(one, PoseMessage | StatsMessage))
    assert overlay.header.ids == (5,)
    assert [one.seq for one in overlay.header.views] == [0, 0]
    assert overlay.xy.shape == (2, 1, 17, 2)


def test_the_oldest_waiting_frame_sets_are_dropped_and_counted(bench):
    """Five frame sets are there at once, in rings of four: the newest two are processed."""
    pipeline = OnePerson()
    table = bench(pipeline)
    for seq in range(4):
        table.send(seq)
    time.sleep(0.1)
    table.turns(0.3)
    assert pipeline.given == [[2, 2], [3, 3]]
    assert (table.loop.stats.dropped, table.loop.stats.processed) == (2, 2)


def test_cameras_that_wait_lose_nothing(bench):
    pipeline = OnePerson()
    table = bench(pipeline, waiting=0)
    for seq in range(4):
        table.send(seq)
    time.sleep(0.1)
    table.turns(0.3)
    assert pipeline.given == [[seq, seq] for seq in range(4)]
    assert pipeline.lifted == [0, 1, 2]  # the fourth when the fifth has been looked at, or there is none
    for name in RIG.names:
        table.status(name, "ended")
    messages = table.turns(0.3)
    assert pipeline.lifted == [0, 1, 2, 3]
    poses = [one.header for one in messages if isinstance(one, PoseMessage)]
    assert [(one.index, one.stage) for one in poses] == [(3, "instant"), (3, "refined")]  # nothing is owed
    assert all(ring.released_seq == 3 for ring in table.rings.values())


def test_poses_of_overwritten_pictures_are_not_published(bench):
    """While the pipeline works, the camera goes round its ring."""
    table = bench(OnePerson())
    table.loop.pipeline = OnePerson(lambda: [table.rings["left"].write(seq, image) for seq in range(1, 5)])
    image = np.zeros((SIZE_PX[1], SIZE_PX[0], 3), np.uint8)
    table.send(0)
    messages = table.turns(0.3)
    assert [one for one in messages if isinstance(one, PoseMessage)] == []
    assert table.loop.stats.torn == 1
    assert table.loop.pipeline.lifted == []  # nothing is learnt from them


def test_while_nobody_is_known_pictures_are_kept_however_long_it_takes(bench):
    table = bench(OnePerson())
    table.loop.pipeline = OnePerson(lambda: [table.rings["left"].write(seq, image) for seq in range(1, 5)])
    table.loop.pipeline.needs_copies = True
    image = np.zeros((SIZE_PX[1], SIZE_PX[0], 3), np.uint8)
    table.send(0)
    messages = table.turns(0.3)
    assert len([one for one in messages if isinstance(one, PoseMessage)]) == 1
    assert table.loop.stats.torn == 0


def test_a_lost_camera_degrades_and_is_in_the_statistics(bench):
    pipeline = OnePerson()
    table = bench(pipeline)
    table.status("left", "live")
    table.status("right", "lost")
    for seq in range(3):
        table.send(seq, ["left"])
        table.turns(0.02)
    messages = table.turns(1.2)
    assert pipeline.given[-1] == [2, -1]
    stats = next(one for one in messages if isinstance(one, StatsMessage))
    assert (stats.partial, stats.complete, stats.processed) == (3, 0, 3)
    assert [(one.state, one.missing) for one in stats.cameras][1] == ("lost", 3)
    assert "right is lost" in stats.note
    assert stats.stages["lift"].p50 == pytest.approx(2.0)
    assert stats.latency_instant.n == 3
    assert math.isnan(stats.latency_refined.p50)


def test_a_silent_camera_is_lost_after_a_second(monkeypatch):
    health = CameraHealth(("left", "right"))
    health.hear(CameraStatus(WIRE_VERSION, "left", 0, "live", fps=30.0))
    health.hear(CameraStatus(WIRE_VERSION, "stranger", 0, "live"))
    assert [one.state for one in health.states()] == ["live", "starting"]
    later = time.monotonic_ns() + 1_100_000_000
    monkeypatch.setattr(time, "monotonic_ns", lambda: later)
    assert [one.state for one in health.states()] == ["lost", "starting"]
    assert health.note() == "without some cameras: left is lost"
    zero = dict.fromkeys(("left", "right"), 0)
    assert health.stats(SyncCounters(0, 0, zero, zero, zero, zero, zero))[0].fps == 0.0


def test_percentiles_are_those_of_the_last_samples():
    times = RollingTimes(samples=100)
    assert times.percentiles().n == 0
    for milliseconds in range(1, 301):
        times.add(milliseconds * 1_000_000)
    found = times.percentiles()
    assert found.n == 100
    assert found.p50 == pytest.approx(250.5)
    assert found.max == 300


def test_a_port_in_use_is_one_sentence():
    taken = zmq.Context.instance().socket(zmq.PUB)
    port = taken.bind_to_random_port("tcp://127.0.0.1")
    with pytest.raises(EndpointError, match=r"cannot publish poses at tcp://127.0.0.1:\d+ .*--bind"):
        PosePublisher(f"tcp://127.0.0.1:{port}", "abcd", "rig", COCO_17)
    taken.close(linger=0)


def test_an_encrypted_endpoint_serves_who_has_its_key(tmp_path):
    import zmq.auth

    public, secret = (Path(path) for path in zmq.auth.create_certificates(tmp_path, "capture"))
    endpoint = f"ipc://{tmp_path}/curve"
    with pytest.raises(EndpointError, match="holds only the public key"):
        PosePublisher(endpoint, "abcd", "rig", COCO_17, public)
    empty = PoseSet(0, 0, 0, ())
    with (
        PosePublisher(endpoint, "abcd", "rig", COCO_17, secret) as publisher,
        Subscriber(endpoint, (TOPIC_INSTANT,), server_key=public) as member,
        Subscriber(endpoint, (TOPIC_INSTANT,)) as stranger,
    ):
        until = time.monotonic() + 5
        got = []
        while not got and time.monotonic() < until:
            publisher.publish(empty, "instant", ())
            got = member.drain(0.05)
        assert got[0].header.session == "abcd"
        assert stranger.drain(0.2) == []
