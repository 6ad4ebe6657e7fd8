"""Real camera processes: grouped rightly, killed and restarted, stopped, orphaned; nothing is left behind."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from camera_rig import camera_rig
from clips import SIZE_PX, number_of, write_clip

from posecap.capture.camera_process import EXIT_CONFIG
from posecap.capture.ring import PREFIX, shared_memory_folder
from posecap.capture.source_config import Emulation, ImageFolder, Rtsp, SourceConfig, Uvc, VideoFile
from posecap.capture.sync import FrameGrouper

FPS, FRAMES = 30, 60
PERIOD_NS = 1_000_000_000 // FPS
NAMES = ("cam01", "cam02", "cam03", "cam04")
START_S = 20.0  # generous: four processes start on a busy machine


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_clip(tmp_path_factory.mktemp("clips") / "a.mp4", FRAMES, fps=FPS))


def same(clip: str, names: tuple[str, ...] = NAMES) -> dict[str, SourceConfig]:
    return {name: VideoFile(file=clip) for name in names}


def grouper(wait_ms: int = 120) -> FrameGrouper:
    return FrameGrouper(NAMES, PERIOD_NS, wait_ms * 1_000_000)


def test_four_processes_with_faults_are_grouped_rightly(clip: str) -> None:
    """Offsets, jitter and drops: all pictures of a set show one instant, and every gap is explained."""
    faults = {
        "cam01": Emulation(drop=0.1, seed=1),
        "cam02": Emulation(offset_ms=8, jitter_ms=1.5),
        "cam03": Emulation(offset_ms=-6, drop=0.05, seed=2),
        "cam04": Emulation(jitter_ms=2),
    }
    sets = whole = 0
    with camera_rig(same(clip), SIZE_PX, faults=faults, loop=True) as rig:
        subject = grouper()
        for frame_set in rig.sets(subject, START_S + 4):
            if sets == 90:
                break
            present = [frame for frame in frame_set.frames if frame is not None]
            if sets == 0 and len(present) < 4 and not whole:
                continue  # while the others start
            sets += 1
            whole += len(present) == 4
            assert len({frame.seq for frame in present}) == 1
            numbers = [number_of(frame.image) for frame in present]
            if all(rig.receiver.intact(frame) for frame in present):
                assert numbers == [frame.seq % FRAMES for frame in present]
            offsets = {"cam01": 0, "cam02": 8, "cam03": -6, "cam04": 0}
            for frame in present:
                scheduled = rig.epoch_ns + frame.seq * 1e9 / FPS + offsets[frame.camera] * 1e6
                assert abs(frame.t_ns - scheduled) < 10e6 * (frame.camera in ("cam02", "cam04")) + 10
        assert sets >= 90
        assert whole >= 60
        for camera in NAMES:
            dropped = rig.statuses[camera][-1].dropped
            assert rig.receiver.missing[camera] <= dropped + 1
        assert rig.receiver.refused == 0


def test_a_killed_camera_is_missed_briefly_and_comes_back(clip: str) -> None:
    given_out: list[tuple[float, int, bool]] = []
    with camera_rig(same(clip), SIZE_PX, loop=True) as rig:
        subject = grouper(wait_ms=100)
        whole = killed = returned = 0.0
        for frame_set in rig.sets(subject, START_S + 8):
            now = time.monotonic()
            if returned and now > returned + 0.5:
                break
            victim = frame_set.frames[1]
            given_out.append((now, frame_set.t_ns, victim is not None))
            if not whole and None not in frame_set.frames:
                whole = now
            if whole and not killed and now > whole + 0.7:
                os.kill(rig.processes["cam02"].pid or 0, signal.SIGKILL)
                rig.processes["cam02"].join()
                seq_before = rig.rings["cam02"].last_seq
                rig.start("cam02")
                killed = now
            if killed and now > killed + 0.3 and victim is not None and not returned:
                returned = now
                assert victim.seq > seq_before
                assert abs(victim.t_ns - rig.epoch_ns - victim.seq * 1e9 / FPS) < 10
        assert killed
        assert returned
        assert returned - killed < 5
        after = [entry for entry in given_out if entry[0] >= killed]
        gaps = [b[0] - a[0] for a, b in pairwise(after)]
        assert max(gaps) < 0.25
        assert any(not seen for _, _, seen in after)
        assert all(seen for _, _, seen in after[-5:])
        assert rig.receiver.missing["cam02"] >= 1
        folder = shared_memory_folder()
        files = [rig.rings[name].path for name in NAMES]
        assert all(path.parent == folder and path.name.startswith(PREFIX) for path in files)
    assert not any(path.exists() for path in files)


def test_full_speed_gives_every_picture_once_and_ends(clip: str) -> None:
    with camera_rig(same(clip), SIZE_PX, pace="max", slots=4) as rig:
        subject = FrameGrouper(NAMES, PERIOD_NS, 60_000_000_000)
        ended = lambda: all(rig.state(name) == "ended" for name in NAMES)  # noqa: E731
        sets = list(rig.sets(subject, START_S + 10, until=ended)) + subject.poll(1 << 62)
        seqs = [[None if f is None else f.seq for f in s.frames] for s in sets]
        assert seqs == [[i] * 4 for i in range(FRAMES)]
        assert [s.t_ns for s in sets] == [rig.epoch_ns + round(i * 1e9 / FPS) for i in range(FRAMES)]
        for name in NAMES:
            assert rig.receiver.overwritten[name] == rig.receiver.missing[name] == 0
            assert rig.statuses[name][-1].sent == FRAMES


@pytest.mark.slow
def test_status_comes_four_times_a_second_and_says_what_is(clip: str) -> None:
    with camera_rig(same(clip, ("cam01",)), SIZE_PX, loop=True) as rig:
        frames = rig.frames(START_S, until=lambda: len(rig.statuses.get("cam01", [])) >= 10)
        seen = sum(1 for _ in frames)
        said = rig.statuses["cam01"]
        beats = [b.t_ns - a.t_ns for a, b in pairwise(said)]
        assert max(beats) < 600_000_000
        last = said[-1]
        assert seen > 20
        assert last.state == "live"
        assert last.fps == pytest.approx(FPS, rel=0.15)
        assert last.period_ns == pytest.approx(PERIOD_NS, abs=2)
        assert last.size_px == SIZE_PX
        assert last.pid == rig.processes["cam01"].pid
        assert last.decode_ms > 0
        assert last.clock == "schedule of the recording"


@pytest.mark.slow
def test_a_frozen_picture_is_reported_and_withheld(clip: str) -> None:
    faults = {"cam01": Emulation(freeze_at_s=0.5, freeze_for_s=2.0)}
    with camera_rig(same(clip, ("cam01",)), SIZE_PX, faults=faults, loop=True) as rig:
        states: list[str] = []
        for frame in rig.frames(START_S, until=lambda: "frozen" in states and rig.state("cam01") == "live"):
            states.append(rig.state("cam01"))
            last = frame
            if rig.state("cam01") == "frozen":
                states.append("frozen")
        assert last.seq > 60
        said = [status.state for status in rig.statuses["cam01"]]
        assert "frozen" in said
        frozen = next(i for i, state in enumerate(said) if state == "frozen")
        assert "live" in said[frozen:]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (Uvc(device="/dev/video99"), "device '/dev/video99' cannot be opened: plug it in"),
        (Rtsp(url="rtsp://user:secret@127.0.0.1:9/x"), "rtsp://127.0.0.1:9/x cannot be opened"),
    ],
)
def test_a_camera_that_is_not_there_is_lost_and_tried_again(source: SourceConfig, said: str) -> None:
    with camera_rig({"cam01": source}, SIZE_PX) as rig:
        list(rig.frames(START_S, until=lambda: len(rig.statuses.get("cam01", [])) >= 8))
        last = rig.statuses["cam01"][-1]
        assert last.state == "lost"
        assert said in last.note
        assert "secret" not in last.note
        begin = time.monotonic()
        rig.processes["cam01"].terminate()
        rig.processes["cam01"].join(5)
        assert time.monotonic() - begin < 1.0


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (VideoFile(file="/none.mp4"), "no video file at /none.mp4"),
        (ImageFolder(folder="/none", fps=30), "no folder /none"),
    ],
)
def test_a_camera_that_can_never_work_says_so_and_ends(source: SourceConfig, said: str) -> None:
    with camera_rig({"cam01": source}, SIZE_PX) as rig:
        list(rig.frames(START_S, until=lambda: rig.state("cam01") == "failed"))
        rig.processes["cam01"].join(5)
        assert said in rig.statuses["cam01"][-1].note
        assert rig.processes["cam01"].exitcode == EXIT_CONFIG


def test_it_ends_within_a_second_and_leaves_interrupts_to_others(clip: str) -> None:
    with camera_rig(same(clip, ("cam01",)), SIZE_PX, loop=True) as rig:
        process = rig.processes["cam01"]
        list(rig.frames(START_S, until=lambda: rig.state("cam01") == "live"))
        os.kill(process.pid or 0, signal.SIGINT)
        process.join(0.5)
        assert process.is_alive()
        begin = time.monotonic()
        process.terminate()
        process.join(5)
        assert time.monotonic() - begin < 1.0
        assert process.exitcode == 0


def test_nothing_survives_a_killed_parent(clip: str, tmp_path: Path) -> None:
    """A supervisor that gets kill -9: its cameras end by themselves, its rings are swept by the next one."""
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent(f"""
        import sys, time
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        from camera_rig import camera_rig
        from posecap.capture.source_config import VideoFile
        if __name__ == "__main__":
            with camera_rig({{"cam01": VideoFile(file={clip!r})}}, {SIZE_PX!r}, loop=True) as rig:
                next(rig.frames(20))
                print(rig.processes["cam01"].pid, flush=True)
                time.sleep(60)
        """)
    )
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 2
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the camera outlives its parent"
        time.sleep(0.05)
    from posecap.capture.ring import sweep_stale_rings

    assert any("cam01" in path.name for path in sweep_stale_rings())
