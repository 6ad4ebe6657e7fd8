"""Real recordings that a package registry carries, and how they become a folder with a rig file."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av

from posecap.calib.import_qualisys import import_qualisys
from posecap.calib.rig_file import rig_file_of, write_rig_file
from posecap.models.archives import Progress, extract, fetched, licence_text, sha256_of
from posecap.models.errors import WeightsError
from posecap.models.manifest import Archive

POSE2SIM = Archive(
    registry="pypi",
    package="pose2sim",
    version="0.10.49",
    bytes=51189031,
    sha256="403e0dc4065898ba6a595e72a8970950310979253d60e24c2e00b16b36bf21e1",
    licence="BSD-3-Clause",
    address="https://pypi.org/project/pose2sim/0.10.49/",
    licence_member="pose2sim-0.10.49.dist-info/licenses/LICENSE",
)
_CALIBRATION = "calibration/Calib.qca.txt"
_CALIBRATION_SHA256 = "fd90e4bbae3278ef1dc0cdd42a34ee06bf88286f628a02c00a29407aa39e34c5"
_MAX_BYTES = 4 << 20  # of any member


@dataclass(frozen=True, slots=True)
class Clips:
    """One recording.

    Attributes:
        about: one line for people.
        root: folder in the archive.
        videos: sha256 of `videos/<camera>.mp4` by camera, in the order of the calibration.
    """

    about: str
    root: str
    videos: dict[str, str]


CLIPS = {
    "pose2sim-single": Clips(
        about="four cameras, one man who balances on a beam; 100 frames at 60 fps (BSD-3-Clause)",
        root="Pose2Sim/Demo_SinglePerson",
        videos={
            "cam01": "cf4f2816c86bea4bfbea255333d8626ff32a3ecabdab8b0fb147cea9167fde3a",
            "cam02": "94ff87cf978b8406e8aa36ab3c5362e72848994e87652f0dc7a33c315e8e0442",
            "cam03": "b8b329f832f178f27ecb78d024d5026b96c6adb36c387bfe2c0af85eab8a11ca",
            "cam04": "b5c0e7863fd70d008e7178d3c556b045b0ea5f78fcd61ca548a0b2e807e641f7",
        },
    ),
    "pose2sim-multi": Clips(
        about="the same room, that man and a rendered second person; 100 frames at 60 fps (BSD-3-Clause)",
        root="Pose2Sim/Demo_MultiPerson",
        videos={
            "cam01": "543cee6a4c2c2b52dc9eac9137ee63d14f1f84e706a9a7264769edcb11e5ea53",
            "cam02": "8895092a7cf26359205a427b7ac2f4a935c2e0bd36d9b7a5140cb33faa468a6b",
            "cam03": "d3daf48cdf9f5603868ddb99166ddaf9b12279e7ce968922926560d5fd3f0c99",
            "cam04": "1490149dc40e7301fa5ceae23862b044ba5c398a8b2a40df21ed894702728c09",
        },
    ),
}


def complete(name: str, folder: Path) -> bool:
    """Whether `folder` holds the recording with the right checksums and a rig file."""
    files = {folder / f"{camera}.mp4": digest for camera, digest in CLIPS[name].videos.items()}
    return (folder / "rig.yaml").is_file() and all(
        path.is_file() and sha256_of(path) == digest for path, digest in files.items()
    )


def fetch_clips(
    names: list[str], out: Path, progress: Progress | None, show_licence: Callable[[str], None]
) -> None:
    """Put the recordings `names` into folders of `out`, each with a rig file; the archive is fetched once.

    Raises:
        WeightsError: the archive is not to be had or not the expected one.
        CalibrationError: its calibration cannot be read.
    """
    with fetched(POSE2SIM, progress) as archive:
        text = licence_text(archive, POSE2SIM)
        show_licence(text)
        for name in names:
            folder = out / name
            folder.mkdir(parents=True, exist_ok=True)
            _unpack(archive, CLIPS[name], folder)
            (folder / "LICENSE").write_text(text, encoding="utf-8")


def _unpack(archive: Path, clips: Clips, folder: Path) -> None:
    """Videos and rig file of one recording."""
    with tempfile.TemporaryDirectory(prefix="posecap-fetch-") as scratch:
        calibration = Path(scratch, "Calib.qca.txt")
        members = {f"{clips.root}/videos/{camera}.mp4": folder / f"{camera}.mp4" for camera in clips.videos}
        members[f"{clips.root}/{_CALIBRATION}"] = calibration
        extract(archive, members, dict.fromkeys(members, _MAX_BYTES))
        digests = {folder / f"{camera}.mp4": digest for camera, digest in clips.videos.items()}
        for path, digest in {**digests, calibration: _CALIBRATION_SHA256}.items():
            if sha256_of(path) != digest:
                raise WeightsError(f"{path.name} is not the file that was published: remove {folder}")
        sizes = {camera: _size_px(folder / f"{camera}.mp4") for camera in clips.videos}
        rig = import_qualisys(calibration, sizes)
    content = rig_file_of(
        rig, {camera: {"type": "video", "file": f"{camera}.mp4"} for camera in clips.videos}
    )
    content.notes = (
        f"{clips.root} of pose2sim {POSE2SIM.version}, {POSE2SIM.licence}. As published, its calibration "
        "is off by about 15 px in cam01 and cam03."
    )
    write_rig_file(folder / "rig.yaml", content)


def _size_px(video: Path) -> tuple[int, int]:
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        return stream.width, stream.height
