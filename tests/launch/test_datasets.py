"""Sequences of data sets as rigs that can be played, with truth; and the command that lists, checks and writes them."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from dataset_takes import FRAMES, SOLO, hall_take
from typer.testing import CliRunner

from posecap.calib.rig_file import read_rig_file
from posecap.capture.source import source_info
from posecap.capture.source_config import VideoFile, source_config
from posecap.launch.dataset_overlay import write_overlay
from posecap.launch.dataset_sources import dataset_session
from posecap.launch.datasets import app
from posecap.launch.errors import UsageError
from posecap.launch.truth import load_truth
from posecap.models.joints import LIMB_JOINTS
from posecap.training.human36m_cameras import CAMERAS
from posecap.training.write_totalcapture import write_totalcapture

WALK, HALL = ("human36m", "S9/Walking-1"), ("totalcapture", "s1/walking2")


@pytest.fixture(scope="module")
def studio_root(tmp_path_factory) -> Path:
    """The bundled clips of one person as Human3.6M, laid out by the command."""
    root = tmp_path_factory.mktemp("data") / "human36m"
    status, said = run("write", "human36m", "--out", root, "--from", SOLO, "--camera-file", "h5")
    assert status == 0, said
    assert "258 frames at 30 a second, 4 cameras" in said
    return root


@pytest.fixture(scope="module")
def hall_root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("totalcapture")
    write_totalcapture(hall_take(root), root)
    return root


def run(*arguments) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, " ".join(result.output.split())


def test_a_sequence_becomes_a_rig_file_that_plays_and_has_truth(studio_root, tmp_path) -> None:
    path = dataset_session(WALK[0], studio_root, WALK[1]).write(tmp_path / "run")
    content = read_rig_file(path)
    rig, original = content.rig(), read_rig_file(SOLO / "rig.yaml").rig()
    assert rig.names == CAMERAS
    for entry in content.cameras:
        source = source_config(entry, path.parent)
        assert isinstance(source, VideoFile)
        assert source.frames == 258
        assert source_info(source, entry.name).size_px == rig.cameras[rig.index(entry.name)].size_px
    truth = load_truth(path.parent / content.truth["file"])
    with np.load(SOLO / "truth.npz", allow_pickle=False) as file:
        names = [str(name) for name in file["joints"]]
        exact = file["xyz"][:, :, [names.index(name) for name in LIMB_JOINTS]]
    assert truth.fps == 30
    assert np.abs(truth.xyz - exact).max() < 1e-5  # metres
    for camera, first in zip(rig.cameras, original.cameras, strict=True):
        assert np.abs(camera.project(truth.xyz) - first.project(exact)).max() < 0.01


def test_the_benchmark_cameras_of_totalcapture_are_played(hall_root, tmp_path) -> None:
    path = dataset_session(HALL[0], hall_root, HALL[1]).write(tmp_path)
    assert read_rig_file(path).rig().names == ("cam1", "cam3", "cam5", "cam7")
    assert load_truth(tmp_path / "truth.npz").xyz.shape == (FRAMES, 1, 12, 3)


def test_mistakes_are_one_sentence(studio_root, hall_root, tmp_path) -> None:
    with pytest.raises(UsageError, match="no data set 'h36m', there are human36m, totalcapture"):
        dataset_session("h36m", studio_root, WALK[1])
    with pytest.raises(UsageError, match="there are s1/walking2: check the spelling"):
        dataset_session("totalcapture", hall_root, "s2/walking2")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="choose another folder"):
        dataset_session(HALL[0], hall_root, HALL[1]).write(tmp_path / "file" / "run")
    for arguments, expected in [
        (("check", "--dataset", "human36m", "--root", hall_root, "--sequence", "S9/x"), "no sequence"),
        (("list", "--dataset", "human36m", "--root", hall_root), "no sequence of human36m under"),
        (("write", "shelf", "--out", tmp_path / "x"), "no layout 'shelf', there are human36m, totalcapture"),
        (
            ("write", "human36m", "--out", tmp_path / "x", "--sequence", "Walking"),
            "expected a subject and a name",
        ),
        (
            ("write", "human36m", "--out", tmp_path / "x", "--from", tmp_path),
            "is no recording with exact joints",
        ),
    ]:
        status, said = run(*arguments)
        assert (status, expected in said) == (2, True), said


def test_list_says_what_is_there_and_what_is_missing(studio_root) -> None:
    status, said = run("list", "--dataset", "human36m", "--root", studio_root)
    assert status == 0
    assert "S9/Walking 1 4" in said
    assert "1 sequences, 1 complete" in said


def test_check_draws_the_truth_on_the_person(studio_root, tmp_path) -> None:
    picture = tmp_path / "overlay.png"
    status, said = run(
        "check", "--dataset", *WALK[:1], "--root", studio_root, "--sequence", WALK[1], "--picture", picture,
        "--write", tmp_path / "run",
    )  # fmt: skip
    assert status == 0, said
    assert "0.000 px" in said
    assert (tmp_path / "run" / "rig.yaml").is_file()
    drawn = cv2.imread(str(picture))
    assert drawn.shape == (3 * 480, 4 * 480, 3)
    orange, blue = (
        (np.abs(drawn.astype(int) - colour).sum(axis=2) < 60) for colour in ([80, 160, 255], [255, 150, 60])
    )
    assert min(orange.sum(), blue.sum()) > 2000
    with pytest.raises(UsageError, match=r"let it end in \.png"):
        write_overlay(dataset_session(WALK[0], studio_root, WALK[1]).sequence, tmp_path / "overlay.nothing")
