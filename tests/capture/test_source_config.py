"""The source block of a rig file: wrong ones are answered with the camera and the path of the mistake."""

from pathlib import Path
from typing import Any

import pytest

from posecap.calib.rig_file import CameraEntry
from posecap.capture.errors import SourceConfigError
from posecap.capture.source_config import Emulation, ImageFolder, Remote, Rtsp, Uvc, VideoFile, source_config

BASE = Path("/rigs/hall")


def entry(source: dict[str, Any] | None) -> CameraEntry:
    return CameraEntry("cam02", (640, 480), [], [], [], source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"type": "video", "file": "a/b.mp4"}, VideoFile(file="/rigs/hall/a/b.mp4")),
        ({"type": "video", "file": "/abs.mp4", "frames": 9}, VideoFile(file="/abs.mp4", frames=9)),
        ({"type": "images", "folder": "x", "fps": 50}, ImageFolder(folder="/rigs/hall/x", fps=50)),
        ({"type": "uvc", "device": 0}, Uvc(device=0)),
        (
            {"type": "uvc", "device": "/dev/v4l/by-id/x", "exposure_ms": 4},
            Uvc(device="/dev/v4l/by-id/x", exposure_ms=4),
        ),
        ({"type": "rtsp", "url": "rtsp://c/1", "transport": "udp"}, Rtsp(url="rtsp://c/1", transport="udp")),
        (
            {"type": "remote", "endpoint": "tcp://c:5601", "server_key": "c.key"},
            Remote(endpoint="tcp://c:5601", server_key="/rigs/hall/c.key"),
        ),
        (
            {"type": "video", "file": "/a", "emulate": {"drop": 0.1, "offset_ms": -3}},
            VideoFile(file="/a", emulate=Emulation(drop=0.1, offset_ms=-3)),
        ),
    ],
)
def test_a_source_is_read(source: dict[str, Any], expected: object) -> None:
    assert source_config(entry(source), BASE) == expected


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (None, "camera 'cam02' has no source: add"),
        ({}, "source.type is None, expected video, images, recorded, uvc, rtsp, remote"),
        ({"type": "vidio", "file": "a"}, "source.type is 'vidio', expected video"),
        ({"type": "video", "flie": "a"}, r"camera 'cam02'.*`flie`.*at `source`.*there are file, first_frame"),
        ({"type": "video"}, "missing required field `file`.*at `source`"),
        ({"type": "video", "file": 3}, r"Expected `str`, got `int` - at `source\.file`"),
        ({"type": "images", "folder": "a", "fps": 0}, r"at `source\.fps`"),
        (
            {"type": "video", "file": "a", "emulate": {"ofset_ms": 1}},
            r"`ofset_ms` - at `source\.emulate`.*there are offset_ms",
        ),
        ({"type": "video", "file": "a", "emulate": {"drop": 2}}, r"at `source\.emulate\.drop`"),
    ],
)
def test_a_wrong_source_is_answered_with_camera_and_path(source: dict[str, Any] | None, said: str) -> None:
    with pytest.raises(SourceConfigError, match=said) as raised:
        source_config(entry(source), BASE)
    assert "cam02" in str(raised.value)
    assert "\n" not in str(raised.value)
