"""The disk is called full while there is still room to close everything; what is synced is named."""

import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from posecap.capture.disk_space import DiskSpace
from posecap.capture.disk_sync import DiskSync


def test_there_is_room_until_the_margin(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    assert DiskSpace(tmp_path, 0).shortage() == ""
    assert DiskSpace(tmp_path, free // 2).shortage() == ""
    space = DiskSpace(tmp_path, 2 * free)
    assert space.left < 0
    assert space.shortage().startswith(f"less than {2 * free / 1e6:.1f} MB are free at {tmp_path}: free some")


def test_a_fast_recording_ends_earlier(tmp_path: Path) -> None:
    space = DiskSpace(tmp_path, 0)
    per_turn = space.left // 8
    assert space.shortage(per_turn) == ""
    assert space.shortage(2 * per_turn) == ""
    assert space.shortage(2 * per_turn + space.left // 3) != ""  # four more turns like this would not fit
    assert space.shortage(2 * per_turn + space.left // 3) != ""  # a slow turn changes nothing


def test_the_margin_is_a_share_of_a_small_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for total, margin in ((20_000_000, 400_000), (10**13, 500_000_000)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, total=total: SimpleNamespace(total=total))
        assert DiskSpace.default_margin(tmp_path) == margin


def test_files_are_synced_again_and_again_also_those_that_come_later(tmp_path: Path) -> None:
    first, later = tmp_path / "first", tmp_path / "later"
    first.write_bytes(b"1")
    sync = DiskSync([first, later], pause_s=0.01)
    sync.start()
    later_by_s = time.monotonic() + 5
    while sync.rounds < 2 and time.monotonic() < later_by_s:
        time.sleep(0.01)
    later.write_bytes(b"2")
    sync.finish()
    assert not sync.is_alive()
    assert sync.rounds >= 2
    assert sync.failed is None


def test_a_file_that_cannot_be_synced_is_told(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)  # takes no fsync
    sync = DiskSync([pipe], pause_s=0)
    sync.start()
    sync.finish()
    assert sync.rounds == 0
    assert sync.failed is not None
