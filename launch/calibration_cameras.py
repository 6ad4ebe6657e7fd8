"""The cameras that are to be calibrated: of a rig file, named one by one, or all videos of a folder."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from posecap.calib.rig import Rig
from posecap.calib.rig_file import RIG_FILE_VERSION, CameraEntry, RigFile, read_rig_file
from posecap.capture.source import SourceInfo, source_info
from posecap.capture.source_config import SourceConfig, source_config
from posecap.launch.errors import UsageError

_VIDEOS = (".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".ts")
_PATHS = ("file", "folder", "server_key")  # fields of source blocks
_NUMBERS = re.compile(r"([0-9]+)")
_SAID_SIZE = re.compile(r"([0-9]{2,5})x([0-9]{2,5})")


@dataclass(frozen=True, slots=True)
class CalibrationCameras:
    """Cameras and where their pictures come from.

    Attributes:
        entries: of the rig file; of cameras that have none yet, with a lens and a place that only fill the room.
        sources: to read from, by name.
        infos: of these, by name.
        folder: that paths in the `source` blocks of the entries start at.
        content: of the rig file; None where there was none.
    """

    entries: tuple[CameraEntry, ...]
    sources: dict[str, SourceConfig]
    infos: dict[str, SourceInfo]
    folder: Path
    content: RigFile | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the cameras, in order."""
        return tuple(entry.name for entry in self.entries)

    @property
    def live(self) -> bool:
        """Whether one of the sources is a camera and not a recording."""
        return any(info.live for info in self.infos.values())

    def sizes(self) -> dict[str, tuple[int, int]]:
        """(width, height) of each camera's pictures, by name."""
        return {entry.name: entry.size_px for entry in self.entries}

    def rig(self) -> Rig:
        """The cameras as they are in `entries`; raises CalibrationError."""
        return RigFile(RIG_FILE_VERSION, "m", list(self.entries)).rig()

    def only(self, names: list[str]) -> "CalibrationCameras":
        """Some of the cameras.

        Raises:
            UsageError: one that is not there.
        """
        for name in names:
            if name not in self.names:
                raise UsageError(
                    f"--camera {name!r} is not there, there are {', '.join(self.names)}: check it"
                )
        return replace(
            self,
            entries=tuple(entry for entry in self.entries if entry.name in names),
            sources={name: self.sources[name] for name in names},
            infos={name: self.infos[name] for name in names},
        )


def calibration_cameras(
    cams: Path | None,
    source: list[str],
    videos: Path | None,
    size: str | None = None,
) -> CalibrationCameras:
    """The cameras asked for, each with a source that can be opened.

    Args:
        cams: rig file, or folder of a recorded session.
        source: NAME=PATH or NAME=uvc:0, ...; not together with `cams`.
        videos: folder with a video for each camera, called like it; takes the place of the sources of `cams`.
        size: WIDTHxHEIGHT of live cameras that have no rig file.

    Raises:
        UsageError: nothing was given, things that do not go together, or a camera without a video.
        CalibrationError, CaptureError: a rig file or source that cannot be used.
    """
    if cams is not None and source:
        raise UsageError("--cams and --source both name cameras: give one of them")
    if cams is not None:
        path = cams / "rig.yaml" if cams.is_dir() else cams
        content = read_rig_file(path)
        folder, entries = path.resolve().parent, tuple(content.cameras)
    elif source:
        content, folder = None, Path.cwd()
        entries = tuple(_named(text, folder) for text in source)
        names = [entry.name for entry in entries]
        if len(set(names)) < len(names):
            raise UsageError(
                f"--source names a camera twice ({', '.join(names)}): give every camera its own name"
            )
    elif videos is not None:
        content, folder = None, Path.cwd()
        entries = tuple(
            _draft(path.stem, {"type": "video", "file": str(path.resolve())}) for path in _videos_in(videos)
        )
    else:
        raise UsageError("no cameras: give --cams RIG.YAML, --source NAME=VIDEO for each, or --videos FOLDER")
    read = entries if videos is None else tuple(_from_video(entry, videos) for entry in entries)
    sources = {entry.name: source_config(entry, folder) for entry in read}
    infos = {
        entry.name: source_info(sources[entry.name], entry.name, entry.size_px if content else None)
        for entry in read
    }
    if content is None:
        entries = tuple(_sized(entry, infos[entry.name], size) for entry in entries)
    return CalibrationCameras(entries, sources, infos, folder, content)


def source_beside(source: dict[str, Any] | None, folder: Path, out: Path) -> dict[str, Any] | None:
    """The source block of a rig file in `folder` for one at `out`: relative paths lead to the same files."""
    if source is None:
        return None
    base = out.resolve().parent
    moved = dict(source)
    for field in _PATHS:
        if isinstance(moved.get(field), str):
            path = (folder / Path(moved[field]).expanduser()).resolve()
            inside = path.is_relative_to(base)
            moved[field] = str(path.relative_to(base) if inside else path)
    return moved


def _named(text: str, folder: Path) -> CameraEntry:
    """NAME=uvc:0, NAME=rtsp://..., NAME=tcp://..., NAME=images:FOLDER:FPS or NAME=VIDEO."""
    name, equals, what = text.partition("=")
    if not equals or not name or not what:
        raise UsageError(f"--source {text!r} is not NAME=WHERE: write left=uvc:0 or left=left.mp4")
    block: dict[str, Any]
    if what.startswith("uvc:"):
        device = what[4:]
        block = {"type": "uvc", "device": int(device) if device.isdecimal() else device}
    elif what.startswith(("rtsp://", "rtsps://")):
        block = {"type": "rtsp", "url": what}
    elif what.startswith("tcp://"):
        block = {"type": "remote", "endpoint": what}
    elif what.startswith("images:"):
        images, _, fps = what[7:].rpartition(":")
        try:
            block = {"type": "images", "folder": str((folder / images).resolve()), "fps": float(fps)}
        except ValueError:
            raise UsageError(f"--source {text!r} has no rate: write {name}=images:FOLDER:30") from None
    else:
        block = {"type": "video", "file": str((folder / Path(what).expanduser()).resolve())}
    return _draft(name, block)


def _draft(name: str, source: dict[str, Any]) -> CameraEntry:
    """A camera of which nothing is known yet: `size_px` is filled in when its pictures are."""
    return CameraEntry(name, (0, 0), [], [0.0] * 5, [], source)


def _sized(entry: CameraEntry, info: SourceInfo, size: str | None) -> CameraEntry:
    size_px = info.size_px
    if size_px is None:
        said = _SAID_SIZE.fullmatch(size or "")
        if said is None:
            got = "nothing" if size is None else repr(size)
            raise UsageError(
                f"camera {entry.name!r} is live and its size is not known: --size is {got}, give it as 1280x720"
            )
        size_px = int(said[1]), int(said[2])
    width, height = size_px
    K = [[float(width), 0.0, (width - 1) / 2], [0.0, float(width), (height - 1) / 2], [0.0, 0.0, 1.0]]
    pose = [[float(row == column) for column in range(4)] for row in range(4)]
    return msgspec.structs.replace(entry, size_px=size_px, K=K, cam_from_world=pose)


def _videos_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UsageError(f"--videos {folder} is no folder: give one with a video for each camera")
    found = [path for path in folder.iterdir() if path.suffix.lower() in _VIDEOS and path.is_file()]
    if not found:
        raise UsageError(f"--videos {folder} has no videos ({', '.join(_VIDEOS)}): give another folder")
    return sorted(found, key=lambda path: [int(p) if p.isdecimal() else p for p in _NUMBERS.split(path.stem)])


def _from_video(entry: CameraEntry, folder: Path) -> CameraEntry:
    """The camera with the video of its name as source."""
    found = [path for path in _videos_in(folder) if path.stem == entry.name]
    if len(found) != 1:
        there = ", ".join(path.name for path in _videos_in(folder)[:8])
        raise UsageError(
            f"--videos {folder} has {len(found) or 'no'} videos called {entry.name!r}, there are {there}: name each "
            "video after its camera"
        )
    source = {"type": "video", "file": str(found[0].resolve())}
    return msgspec.structs.replace(entry, source=source)
