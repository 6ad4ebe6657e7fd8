"""The ring: whole pictures or none, whatever the writer does meanwhile, and nothing left behind."""

import multiprocessing
import os
import resource
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import ring_processes

from posecap.capture.errors import CaptureError
from posecap.capture.ring import PREFIX, Ring, shared_memory_folder, sweep_stale_rings

SIZE_PX = (64, 48)


def picture(value: int) -> np.ndarray:
    return np.full((48, 64, 3), value, np.uint8)


def test_a_picture_comes_back_until_it_is_overwritten() -> None:
    with Ring.create(SIZE_PX, 4) as ring, Ring.attach(ring.path, SIZE_PX) as reader:
        assert reader.last_seq == -1
        assert reader.read(0) is None
        for seq in range(4):
            ring.write(seq, picture(seq))
        views = [reader.read(seq) for seq in range(4)]
        assert [int(view[0, 0, 0]) for view in views if view is not None] == [0, 1, 2, 3]
        ring.write(4, picture(4))
        assert reader.read(0) is None
        assert not reader.intact(0)
        assert reader.intact(4)
        assert reader.last_seq == 4


def test_views_are_read_only_and_outlive_the_ring() -> None:
    with Ring.create(SIZE_PX, 2) as ring:
        ring.write(0, picture(7))
        view = ring.read(0)
    assert view is not None
    assert not ring.path.exists()
    assert (view == 7).all()
    with pytest.raises(ValueError, match="read-only"):
        view[0, 0, 0] = 1


def test_a_gap_in_seq_leaves_older_pictures_where_they_are() -> None:
    with Ring.create(SIZE_PX, 4) as ring:
        ring.write(0, picture(0))
        ring.write(3, picture(3))
        assert ring.intact(0)
        assert ring.intact(3)
        assert not ring.intact(1)


def test_room_follows_what_the_consumer_released() -> None:
    with Ring.create(SIZE_PX, 4) as ring, Ring.attach(ring.path) as reader:
        assert [ring.has_room(seq) for seq in (0, 3, 4)] == [True, True, False]
        reader.release(1)
        assert [ring.has_room(seq) for seq in (4, 5, 6)] == [True, True, False]
        reader.release(0)  # older: ignored
        assert ring.released_seq == 1


def test_a_torn_picture_is_found_out() -> None:
    """A writer overwrites two slots as fast as it can: `intact` must tell mixed pictures from whole ones."""
    with Ring.create((320, 240), 2) as ring:
        until = time.monotonic() + 1.5
        writer = multiprocessing.get_context("spawn").Process(
            target=ring_processes.overwrite, args=(ring.path, until)
        )
        writer.start()
        whole = mixed = torn = 0
        while time.monotonic() < until:
            seq = ring.last_seq + (whole + mixed) % 2  # the newest, or the one that is being written
            view = ring.read(seq) if seq >= 0 else None
            if view is None:
                mixed += 1
                continue
            copy = view.copy()
            uniform = int(copy.min()) == int(copy.max()) == seq % 251
            if ring.intact(seq):
                assert uniform, f"picture {seq} is torn and passes for whole"
                whole += 1
            elif not uniform:
                mixed += 1
                torn += 1
        writer.join(5)
    assert whole > 0
    assert torn > 0, "the writer never tore a picture: the test shows nothing"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: b"something" + data[9:], "not a posecap ring"),
        (lambda data: data[:8] + b"\x63" + data[9:], "has version 99, expected 2"),
        (lambda data: data[:-4096], "it is damaged"),
        (lambda data: data[:12] + b"\xff\xff" + data[14:], "it is damaged"),
        (lambda data: b"", "not a posecap ring"),
    ],
)
def test_a_file_that_is_no_ring_is_refused(tmp_path: Path, spoil, message: str) -> None:
    with Ring.create(SIZE_PX, 2) as ring:
        path = tmp_path / "spoilt.ring"
        path.write_bytes(spoil(ring.path.read_bytes()))
    with pytest.raises(CaptureError, match=message):
        Ring.attach(path)


def test_another_size_or_no_file_is_refused(tmp_path: Path) -> None:
    with Ring.create(SIZE_PX, 2) as ring, pytest.raises(CaptureError, match="holds pictures of 64 x 48"):
        Ring.attach(ring.path, (640, 480))
    with pytest.raises(CaptureError, match="has its owner, the supervisor, ended"):
        Ring.attach(tmp_path / "none.ring")
    with pytest.raises(CaptureError, match="expected 2 to 256 slots"):
        Ring.create(SIZE_PX, 1)


def test_too_little_memory_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    try:
        with pytest.raises(CaptureError, match=r"has no room for .* more shared memory"):
            Ring.create((640, 480), 8, folder=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def test_rings_of_a_killed_owner_are_swept_and_those_of_a_living_one_are_not(tmp_path: Path) -> None:
    owner = multiprocessing.get_context("spawn").Process(target=ring_processes.own_a_ring, args=(tmp_path,))
    owner.start()
    while not list(tmp_path.glob(f"{PREFIX}*")):
        time.sleep(0.02)
    (orphan,) = tmp_path.glob(f"{PREFIX}*")
    time.sleep(0.1)
    with Ring.create(SIZE_PX, 2, folder=tmp_path) as mine:
        assert sweep_stale_rings(tmp_path) == []
        os.kill(owner.pid or 0, signal.SIGKILL)
        owner.join(5)
        assert sweep_stale_rings(tmp_path) == [orphan]
        assert mine.path.exists()


def test_nothing_is_left_behind() -> None:
    before = set(shared_memory_folder().glob(f"{PREFIX}*"))
    with Ring.create(SIZE_PX, 2, name="cam01") as ring:
        assert ring.path.name.startswith("posecap-cam01-")
        assert ring.path.stat().st_mode & 0o077 == 0
    assert set(shared_memory_folder().glob(f"{PREFIX}*")) <= before
