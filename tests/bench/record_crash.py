"""What a recorder loses: kill -9 at random moments, a disk that fills up, a power cut. Needs root for the last two.

python tests/bench/record_crash.py --out tests/bench/results/record_crash.json

Four cameras at 30 fps whose every picture shows its number, and poses at 30 Hz. After each crash the session is opened,
every picture that has a capture time is decoded and its number compared, then the session is repaired and opened again.
Lost = from the crash back to the last picture of the worst camera, or to the last pose, that is still there.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import zmq

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from example_messages import pose_message
from metadata import metadata
from recording_rig import RecordingRig, number_in

from posecap.capture.errors import CaptureError
from posecap.capture.session_folder import RecordedSession, open_session
from posecap.capture.session_repair import repair
from posecap.capture.video_file import VideoRecording

CAMERAS, FPS = 4, 30.0
_POSE_S = 1 / 30
_DISK_MB = 20
_COLUMNS = [
    "crash", "sessions", "opened", "whole after repair", "pictures kept", "wrong pictures",
    "lost, s (median)", "lost, s (most)", "poses lost, s (most)",
]  # fmt: skip


class Poses:
    """A publisher of poses by the clock; the log time of a recorded one tells when it came."""

    def __init__(self, endpoint: str) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(endpoint,), daemon=True)
        self._thread.start()

    def _run(self, endpoint: str) -> None:
        parts = pose_message().pack()
        with zmq.Context.instance().socket(zmq.PUB) as socket:
            socket.linger = 0
            socket.bind(endpoint)
            while not self._stop.wait(_POSE_S):
                socket.send_multipart(parts)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()


def wrong_pictures(session: RecordedSession) -> tuple[int, int, int | None]:
    """Pictures that have pixels and a time, those of them that show another number, last time of the worst camera."""
    kept = wrong = 0
    last_ns: list[int] = []
    for camera in session.info.cameras:
        if camera not in session.cameras:
            return kept, wrong, None
        pictures = session.pictures[camera]
        try:
            video = VideoRecording(session.video(camera), camera)
        except CaptureError:  # not a single picture
            return kept, wrong, None
        there = 0
        for index, seq in zip(pictures.index, pictures.seq, strict=True):
            pixels = video.picture(int(index)) if index < len(video.times_ns) else None
            if pixels is None:
                break
            there += 1
            wrong += number_in(pixels) != seq
        video.close()
        kept += there
        last_ns.append(int(pictures.t_ns[there - 1]) if there else 0)
    return kept, wrong, min(last_ns)


def examine(folder: Path, begin_ns: int, crash_ns: int) -> dict[str, float]:
    """One session after its crash."""
    session = open_session(folder)
    kept, wrong, last_ns = wrong_pictures(session)
    poses = [message.log_ns for message in session.messages({"pose3d"})]
    repair(folder)
    again = open_session(folder)
    kept_again, wrong_again, _ = wrong_pictures(again)
    return {
        "opened": 1,
        "whole": float(again.complete and (kept_again, wrong_again) == (kept, wrong)),
        "kept": kept,
        "wrong": wrong,
        "lost": (crash_ns - (last_ns or begin_ns)) / 1e9,
        "poses_lost": (crash_ns - (poses[-1] if poses else begin_ns)) / 1e9,
    }


def recording(folder: Path, crash: Callable[[RecordingRig], int], **options: object) -> tuple[int, int]:
    """One recording into `folder`, ended by `crash`; moments of its begin and of the crash."""
    with tempfile.TemporaryDirectory() as sockets:
        endpoint = f"ipc://{sockets}/poses"
        poses = Poses(endpoint)
        with RecordingRig(Path(sockets), CAMERAS, session=folder, poses_endpoint=endpoint, **options) as rig:
            rig.start()
            rig.play(FPS)
            begin_ns = time.monotonic_ns()
            crash_ns = crash(rig)
        poses.close()
    return begin_ns, crash_ns


def one_kill(after_s: float) -> dict[str, float]:
    """kill -9 of the recorder."""

    def crash(rig: RecordingRig) -> int:
        time.sleep(after_s)
        crash_ns = time.monotonic_ns()
        rig.process.kill()
        rig.process.join()
        return crash_ns

    with tempfile.TemporaryDirectory() as folder:
        session = Path(folder) / "session"
        return examine(session, *recording(session, crash))


def filled_at_once(rig: RecordingRig) -> int:
    """Somebody else takes all that is free in one moment, which the recorder cannot see coming."""
    time.sleep(1.5)
    free = shutil.disk_usage(rig.session).free
    fill_ns = time.monotonic_ns()
    with (rig.session.parent / "other").open("wb", buffering=0) as other:
        os.posix_fallocate(other.fileno(), 0, free)
    rig.process.join(20)
    rig.last_report()
    return fill_ns


def filled(rig: RecordingRig) -> int:
    """Somebody else fills the disk while it records; the moment is that at which the recorder ended."""
    time.sleep(1.5)
    size = 1 << 18
    with (rig.session.parent / "other").open("wb", buffering=0) as other:
        while rig.process.exitcode is None:
            try:
                other.write(bytes(size))
            except OSError:
                size = max(size // 2, 1)
            time.sleep(0.05)
    return rig.last_report().t_ns


@contextmanager
def small_disk(kind: str) -> Iterator[tuple[Path, Path]]:
    """A mounted disk of its own, tmpfs or ext4 in a file: (mount point, image of ext4)."""
    folder = Path(tempfile.mkdtemp())
    point, image = folder / "disk", folder / "image"
    point.mkdir()
    if kind == "tmpfs":
        mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "none", str(point)]
    else:
        with image.open("wb") as stream:
            stream.truncate(3 * _DISK_MB << 20)
        subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
        mount = ["mount", "-o", "loop", str(image), str(point)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
        try:
            yield point, image
        finally:
            subprocess.run(["umount", str(point)], check=True)
    finally:
        shutil.rmtree(folder)


def disk_full(crash: Callable[[RecordingRig], int]) -> dict[str, float]:
    """A disk of 20 MB that fills up."""
    with small_disk("tmpfs") as (point, _):
        session = point / "session"
        moments = recording(session, crash, lossless=True)
        (point / "other").unlink()  # a repair needs room
        return examine(session, *moments)


def power_cut(after_s: float) -> dict[str, float]:
    """The recorder is stopped and what the disk itself has got, its image, is copied: the copy is examined."""
    with small_disk("ext4") as (point, image):
        copy = image.with_name("copy")

        def crash(rig: RecordingRig) -> int:
            time.sleep(after_s)
            crash_ns = time.monotonic_ns()
            os.kill(rig.process.pid or 0, signal.SIGSTOP)
            shutil.copyfile(image, copy)
            rig.process.kill()
            rig.process.join()
            return crash_ns

        moments = recording(point / "session", crash)
        mounted = image.with_name("mounted")
        mounted.mkdir()
        subprocess.run(["mount", "-o", "loop", str(copy), str(mounted)], check=True)
        try:
            return examine(mounted / "session", *moments)
        finally:
            subprocess.run(["umount", str(mounted)], check=True)


def series(name: str, runs: list[Callable[[], dict[str, float]]]) -> list[object]:
    """The row of one kind of crash."""
    results = []
    for number, one in enumerate(runs):
        try:
            results.append(one())
        except (CaptureError, OSError) as error:
            print(f"{name} {number}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            results.append({"opened": 0, "whole": 0, "kept": 0, "wrong": 0, "lost": 99.0, "poses_lost": 99.0})
        print(name, number, results[-1], flush=True)
    column = {key: np.array([result[key] for result in results]) for key in results[0]}
    return [
        name, len(results), int(column["opened"].sum()), int(column["whole"].sum()), int(column["kept"].sum()),
        int(column["wrong"].sum()), round(float(np.median(column["lost"])), 2),
        round(float(column["lost"].max()), 2), round(float(column["poses_lost"].max()), 2),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--disks", type=int, default=5, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    moments = np.random.default_rng(arguments.seed).uniform(0.1, 6.0, arguments.kills + arguments.disks)
    kills = [lambda after_s=after_s: one_kill(after_s) for after_s in moments[: arguments.kills]]
    rows = [series("kill -9", kills)]
    skipped: list[str] = []
    if os.geteuid() == 0 and shutil.which("mkfs.ext4"):
        disks = arguments.disks
        rows.append(series("disk filled by another program", [lambda: disk_full(filled)] * disks))
        rows.append(series("disk filled at once", [lambda: disk_full(filled_at_once)] * disks))
        cuts = [lambda after_s=after_s: power_cut(after_s) for after_s in moments[arguments.kills :]]
        rows.append(series("power cut (ext4)", cuts))
    else:
        skipped.append("full disk and power cut: only root mounts disks")
    for line in skipped:
        print(f"SKIPPED {line}", flush=True)
    result = {
        "title": "Crashes of a recorder, four cameras at 30 fps with poses",
        "columns": _COLUMNS,
        "rows": rows,
        "metadata": metadata(seed=arguments.seed, skipped=skipped),
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
