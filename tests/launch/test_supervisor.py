"""Real processes are started, found dead, started again and ended; nothing is left behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from clips import SIZE_PX, write_clip

from posecap.calib.camera import Camera
from posecap.calib.rig import Rig
from posecap.calib.rig_file import rig_file_of, write_rig_file
from posecap.capture.ring import shared_memory_folder
from posecap.launch.child import Child
from posecap.launch.errors import UsageError
from posecap.launch.preparation import LiveOptions, prepare
from posecap.launch.supervisor import Supervisor
from posecap.launch.topology import TOPICS, Process, RunFolder, Topology, topology
from posecap.models.weights import present
from posecap.runtime.client import PoseSubscriber
from posecap.runtime.wire import TOPIC_INSTANT, TOPIC_REFINED, TOPIC_STATS, TOPIC_VIEW2D

ROOT = Path(__file__).parents[2]
needs_weights = pytest.mark.skipif(
    not (present("blazepose-full") and present("blazepose-detector")),
    reason="weights are not on this machine: python launch/fetch.py blazepose-full blazepose-detector",
)


def camera(name, x) -> Camera:
    K = np.array([[300.0, 0, 160], [0, 300, 120], [0, 0, 1]])
    cam_from_world = np.array([[1.0, 0, 0, -x], [0, 0, -1, 1], [0, 1, 0, 3], [0, 0, 0, 1]])
    return Camera(name, SIZE_PX, K, np.zeros(5), cam_from_world)


RIG = Rig((camera("left", -1.0), camera("middle", 0.0), camera("right", 1.0)))


@pytest.fixture(scope="module")
def cams(tmp_path_factory) -> Path:
    """Three cameras that play ten frames a second of nobody."""
    folder = tmp_path_factory.mktemp("rig")
    sources = {}
    for name in RIG.names:
        write_clip(folder / f"{name}.mp4", 30, fps=10)
        sources[name] = {"type": "video", "file": f"{name}.mp4"}
    write_rig_file(folder / "rig.yaml", rig_file_of(RIG, sources))
    return folder / "rig.yaml"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def options(cams, **more) -> LiveOptions:
    return LiveOptions(
        cams=cams, bind=f"tcp://127.0.0.1:{free_port()}", overrides=("detector=blazepose-detector",), **more
    )


def wait_for(condition, timeout_s, poll=lambda: time.sleep(0.02)) -> float:
    """Seconds until `condition()` held."""
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < timeout_s, "it did not happen"
        poll()
    return time.monotonic() - begin


def process(target, config, **more) -> Process:
    return Process("one", f"process_targets:{target}", config, **more)


# ---------------------------------------------------------------------------------- one process


def test_a_crash_is_told_in_its_last_line_and_its_log_is_kept(tmp_path):
    child = Child(process("fall", "floor"), tmp_path)
    child.start()
    child.process.join(20)
    child.ended(child.process.exitcode)
    assert "one ended with status 1: ValueError: no floor here (log: " in child.reason
    log = Path(child.reason.split("(log: ")[1].rstrip(")"))
    assert "Traceback" in log.read_text()
    log.unlink()


def test_a_sentence_for_the_user_comes_through(tmp_path):
    child = Child(process("refuse", "there is no window"), tmp_path)
    child.start()
    child.process.join(20)
    child.ended(child.process.exitcode)
    assert child.reason == "one ended with status 1: there is no window"


def test_pauses_grow_while_a_process_falls_again_and_again(tmp_path):
    child = Child(process("print_and_end", "done"), tmp_path)
    child.starts = 1
    pauses = [child.start_later(0.0)]
    for child.starts in range(2, 7):
        pauses.append(child.start_later(0.0))
    assert pauses == [0.1, 0.4, 1.6, 5.0, 5.0, 5.0]
    child._started_s = -60.0
    assert child.start_later(0.0) == 0.1


def test_silence_and_a_loop_that_hangs_are_faults(tmp_path):
    child = Child(process("print_and_end", "", silent_s=2.0, hung_s=5.0), tmp_path)
    assert child.fault(3.0) == ""  # it may still be importing
    assert child.fault(30.0) == "silent for 30.0 s"
    child.heard_s = 100.0
    assert child.fault(101.0) == ""
    assert child.fault(103.0) == "silent for 3.0 s"
    child.heard_s, child.turned_s = 103.0, 96.0
    assert child.fault(103.0) == "hung for 7.0 s"


def test_who_does_not_end_is_killed_within_two_seconds(tmp_path):
    file = tmp_path / "ready"
    plan = Topology(
        runtime=process("say_ready_and_ignore_sigterm", str(file)),
        cameras=lambda _: (),
        viewer=None,
        frames=f"ipc://{tmp_path}/frames",
        watch=f"ipc://{tmp_path}/watch",
        health=f"ipc://{tmp_path}/health",
        logs=tmp_path,
    )
    supervisor = Supervisor(plan)
    child = supervisor._add(plan.runtime)
    wait_for(file.exists, 20)
    pid = child.pid
    begin = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - begin < 2.0
    assert not psutil.pid_exists(pid)
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN


# ---------------------------------------------------------------------------------- run folder


def test_the_run_folder_is_private_and_goes_with_its_rings(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with RunFolder(RIG, 2) as folder:
        assert folder.path.parent == tmp_path
        assert folder.path.stat().st_mode & 0o777 == 0o700
        rings = [Path(ring) for ring in folder.rings.values()]
        assert all(ring.is_file() for ring in rings)
    assert not folder.path.exists()
    assert not any(ring.exists() for ring in rings)


def test_what_a_killed_supervisor_left_is_swept_and_what_is_in_use_is_not(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    left = tmp_path / "posecap-killed"
    left.mkdir()
    (left / "lock").touch()
    (left / "frames").touch()
    with RunFolder(RIG, 2) as first, RunFolder(RIG, 2):
        assert not left.exists()
        assert first.path.is_dir()


def test_the_table_of_topics_has_those_of_the_wire():
    names = {topic.name.encode() for topic in TOPICS}
    assert {TOPIC_INSTANT, TOPIC_REFINED, TOPIC_STATS, TOPIC_VIEW2D} <= names


# ---------------------------------------------------------------------------------- whole sessions


def test_a_runtime_that_cannot_work_ends_the_start_with_its_sentence(cams):
    """Half way: the runtime is up and says no; nothing of the session is left."""
    options_ = options(cams, model=f"blazepose-full={cams}")
    prepared = prepare(options_)
    with RunFolder(prepared.rig, 4) as folder:
        plan = topology(folder, prepared.cameras, prepared.runtime, None)
        with pytest.raises(UsageError, match=r"rig\.yaml"), Supervisor(plan) as supervisor:
            supervisor.start()
        assert supervisor.pids == {} or not any(psutil.pid_exists(pid) for pid in supervisor.pids.values())
    assert not folder.path.exists()


@needs_weights
@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_killed_camera_and_a_killed_runtime_come_back(cams):
    options_ = options(cams)
    prepared = prepare(options_)
    with (
        RunFolder(prepared.rig, 8) as folder,
        Supervisor(topology(folder, prepared.cameras, prepared.runtime, None)) as supervisor,
        PoseSubscriber(options_.bind, stage="instant") as poses,
    ):
        supervisor.start()

        def all_live() -> bool:
            return [one.state for one in supervisor.cameras.values()] == ["live"] * 3

        wait_for(all_live, 30, lambda: supervisor.poll(0.05))
        arrivals = [time.monotonic() for _ in poses.drain(1.0)]
        pid = supervisor.pids["camera middle"]
        os.kill(pid, signal.SIGKILL)

        def is_back() -> bool:
            arrivals.extend(time.monotonic() for _ in poses.drain(0.02))
            status = supervisor.cameras["middle"]
            return status.pid != pid and status.state == "live"

        back_s = wait_for(is_back, 10, supervisor.poll)
        gap_s = max(np.diff(arrivals))
        print(f"camera back after {back_s:.2f} s, longest gap between poses {gap_s * 1e3:.0f} ms")
        assert back_s < 3.0
        assert gap_s < 1.0
        assert supervisor.restarts == {"camera middle": 1}

        session = poses.read(5).header.session
        os.kill(supervisor.pids["runtime"], signal.SIGKILL)
        poses.drain()

        def new_session() -> bool:
            return any(message.header.session != session for message in poses.drain(0.02))

        again_s = wait_for(new_session, 60, supervisor.poll)
        print(f"runtime publishes again after {again_s:.1f} s")
        assert supervisor.restarts["runtime"] == 1


@needs_weights
@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", ["ctrl-c", "sigterm", "killed"])
def test_nothing_is_left_of_a_session(cams, tmp_path, monkeypatch, how):
    """Ctrl-C goes to the whole group, as in a terminal. After a killed supervisor, the next one cleans up."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    arguments = ["--cams", cams, "--viewer", "none", "--bind", f"tcp://127.0.0.1:{free_port()}"]
    arguments += ["--set", "detector=blazepose-detector"]
    live = subprocess.Popen(
        [sys.executable, ROOT / "launch" / "live.py", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with live:
        for line in live.stdout:
            if "3 cameras live" in line:
                break
        family = psutil.Process(live.pid).children(recursive=True)
        rings = rings_of(live.pid)
        assert len(family) >= 4
        assert len(rings) == 3
        begin = time.monotonic()
        if how == "ctrl-c":
            os.killpg(live.pid, signal.SIGINT)
        else:
            live.send_signal(signal.SIGTERM if how == "sigterm" else signal.SIGKILL)
        output, errors = live.communicate(timeout=20)
        took_s = time.monotonic() - begin
        gone, alive = psutil.wait_procs(family, timeout=3)
    print(f"{how}: ended after {took_s:.2f} s")
    assert alive == []
    assert len(gone) == len(family)
    assert "Traceback" not in errors
    if how != "killed":
        assert live.returncode == 0, errors
        assert "stages of the pipeline" in output
        assert took_s < 2.5
    else:
        assert list(tmp_path.glob("posecap-*"))
        with RunFolder(RIG, 2):
            pass
    assert not any(ring.exists() for ring in rings)
    assert list(tmp_path.glob("posecap-*")) == []


def rings_of(pid) -> list[Path]:
    """Rings that a process has mapped."""
    maps = Path(f"/proc/{pid}/maps").read_text().split()
    folder = str(shared_memory_folder())
    return sorted({Path(word) for word in maps if word.startswith(f"{folder}/posecap-")})
