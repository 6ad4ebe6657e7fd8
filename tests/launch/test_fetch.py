"""The program as a user starts it, and the recordings where they have been fetched."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from posecap.calib.rig_file import read_rig_file
from posecap.capture.source_config import VideoFile, source_config
from posecap.launch import clips
from posecap.launch.clips import CLIPS, complete
from posecap.models.errors import WeightsError

ROOT = Path(__file__).parents[2]


def fetch(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "launch" / "fetch.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PIP_NO_INDEX": "1", "COLUMNS": "200", **environment},
    )


def test_list_names_everything(tmp_path: Path) -> None:
    done = fetch("--list", "--out", str(tmp_path), POSECAP_CACHE=str(tmp_path))
    assert done.returncode == 0, done.stderr
    for name in (
        "pose2sim-single",
        "pose2sim-multi",
        "blazepose-full",
        "movenet-thunder",
        "BSD-3-Clause",
        "Apache",
    ):
        assert name in done.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("pose2sim",), 2, "error: nothing is called 'pose2sim', there are pose2sim-single, "),
        ((), 2, "error: nothing to fetch: name a recording"),
        (("pose2sim-single",), 1, "error: pose2sim==0.10.49 could not be fetched"),
        (("blazepose-full",), 1, "error: weights: pose_landmark_full.tflite is missing (put "),
        (("rtmpose-m",), 1, "error: rtmpose-m.onnx is in no package registry"),
    ],
)
def test_one_sentence_and_a_status(
    tmp_path: Path, arguments: tuple[str, ...], status: int, message: str
) -> None:
    done = fetch(*arguments, "--out", str(tmp_path), POSECAP_CACHE=str(tmp_path))
    assert done.returncode == status
    assert done.stderr.startswith(message), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_incomplete_recordings_are_fetched_again(tmp_path: Path) -> None:
    assert not complete("pose2sim-single", tmp_path)


def test_a_changed_video_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "archive.whl"
    with zipfile.ZipFile(archive, "w") as bundle:
        root = CLIPS["pose2sim-single"].root
        for camera in CLIPS["pose2sim-single"].videos:
            bundle.writestr(f"{root}/videos/{camera}.mp4", b"not the video")
        bundle.writestr(f"{root}/calibration/Calib.qca.txt", b"<calibration/>")
    with pytest.raises(WeightsError, match=r"cam01.mp4 is not the file that was published: remove"):
        clips._unpack(archive, CLIPS["pose2sim-single"], tmp_path)


@pytest.mark.parametrize("name", list(CLIPS))
def test_fetched_rig_plays(name: str) -> None:
    folder = ROOT / "data" / name
    if not complete(name, folder):
        pytest.skip(f"recordings are not here: python launch/fetch.py {name}")
    content = read_rig_file(folder / "rig.yaml")
    rig = content.rig()
    assert rig.names == ("cam01", "cam02", "cam03", "cam04")
    for entry in content.cameras:
        source = source_config(entry, folder)
        assert isinstance(source, VideoFile)
        assert (folder / source.file).is_file()
    assert (folder / "LICENSE").read_text().startswith("BSD 3-Clause License")
