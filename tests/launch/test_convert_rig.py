"""The command from one calibration to another: what it writes, what it says, what it refuses and leaves alone."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from random_rigs import largest_difference_px
from typer.testing import CliRunner
from written_calibrations import known_rig, toml_of

from posecap.calib.export_rig import KINDS, export_rig
from posecap.calib.import_rig import import_rig, kind_of_calibration
from posecap.calib.rig import Rig
from posecap.calib.rig_file import load_rig, rig_file_of, write_rig_file
from posecap.launch.convert_rig import app


def plain_rig() -> Rig:
    """Three cameras that every kind has room for."""
    lens = np.array([-0.05, 0, 0, 0, 0])
    cameras = known_rig(("cam1", "cam2", "cam3")).cameras
    return Rig(tuple(replace(camera, distortion=lens) for camera in cameras))


@pytest.fixture
def rig_yaml(tmp_path: Path) -> Path:
    path = tmp_path / "rig.yaml"
    source = {"type": "video", "file": "a.mp4"}
    write_rig_file(path, rig_file_of(plain_rig(), {"cam1": source}))
    return path


def run(*arguments: object) -> tuple[int, str, str]:
    """Exit status, what was printed, and the error line."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(tmp_path: Path, rig_yaml: Path, kind: str) -> None:
    there, back = tmp_path / KINDS[kind].name.replace("rig.yaml", "other.yaml"), tmp_path / "back.rig.yaml"
    status, said, _ = run(rig_yaml, there, "--to", kind)
    assert status == 0
    assert float(re.findall(r"move by (\S+) px", said)[0]) < 1e-6
    assert "not kept: the source blocks of" in said
    assert ("size" in said) == (kind in ("human36m-h5", "human36m-json"))
    sizes = [f"--size={name}=1088x1920" for name in plain_rig().names] if "size" in said else []
    status, said, _ = run(there, back, "--from", kind, *sizes)
    assert status == 0
    assert "give each camera its `source`" in said
    assert largest_difference_px(plain_rig(), load_rig(back)) < 1e-6
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted({"rig.yaml", there.name, back.name})


def test_what_the_file_does_not_say_is_given(tmp_path: Path) -> None:
    path, out = tmp_path / "in.toml", tmp_path / "out"
    path.write_text(toml_of(known_rig(), 0.01))
    status, _, error = run(path, out, "--to", "easymocap")
    assert status == 2
    assert "not clearly metres or millimetres: import it with --unit one of m, cm" in error
    assert not out.exists()
    assert run(path, out, "--to", "easymocap", "--unit", "cm")[0] == 0
    assert largest_difference_px(known_rig(), import_rig(out)) < 1e-6
    status, said, _ = run(
        path, tmp_path / "mm", "--to", "opencv", "--unit", "cm", "--to-unit", "in", "--to-up", "-y"
    )
    assert "lengths in in, -y up" in said
    assert largest_difference_px(known_rig(), import_rig(tmp_path / "mm")) < 1e-6


def test_an_axis_may_start_with_a_minus(tmp_path: Path) -> None:
    path = tmp_path / "in.toml"
    export_rig(plain_rig(), path, "aniposelib", up="-y")
    path.write_text(re.sub(r"up_axis.*", "", path.read_text()))
    status, _, error = run(path, tmp_path / "rig.yaml")
    assert status == 2
    assert "upright along -y of this world, expected +z: import it with --up=-y" in error
    assert run(path, tmp_path / "rig.yaml", "--up", "-y")[0] == 0
    assert largest_difference_px(plain_rig(), load_rig(tmp_path / "rig.yaml")) < 1e-6


def test_what_there_is_no_room_for(tmp_path: Path) -> None:
    path, out = tmp_path / "rig.yaml", tmp_path / "out.toml"
    write_rig_file(path, rig_file_of(known_rig()))
    status, _, error = run(path, out, "--to", "freemocap")
    assert status == 2
    assert re.search(r"'cam_1': freemocap has no room for k3, .* allow the loss \(--lossy\)", error)
    assert not out.exists()
    status, said, _ = run(path, out, "--to", "freemocap", "--lossy")
    assert status == 0
    assert "not kept: cam_1: k3 (up to 1.13 px)" in said
    assert 1 < float(re.findall(r"move by (\S+) px", said)[0]) < 10


def test_files_that_exist_are_kept_unless_forced(tmp_path: Path, rig_yaml: Path) -> None:
    out, folder = tmp_path / "out.cal", tmp_path / "cameras"
    out.write_text("mine")
    status, _, error = run(rig_yaml, out)
    assert (status, out.read_text()) == (2, "mine")
    assert "exists: choose another place, or give --force" in error
    assert run(rig_yaml, out, "--force")[0] == 0
    assert kind_of_calibration(out) == "totalcapture"
    folder.mkdir()
    (folder / "old.yml").write_text("mine")
    status, _, error = run(rig_yaml, folder, "--to", "opencv", "--force")
    assert status == 2
    assert "has other files (old.yml): choose an empty folder" in error
    assert [path.name for path in folder.iterdir()] == ["old.yml"]
    status, _, error = run(rig_yaml, folder, "--to", "aniposelib", "--force")
    assert "is a folder, this kind is a file" in error
    status, _, error = run(rig_yaml, out, "--to", "opencv", "--force")
    assert "is a file, this kind is a folder" in error
    assert run(rig_yaml, tmp_path / "out.cal" / "x.cal")[0] == 2


def test_points_that_all_cameras_saw(tmp_path: Path, rig_yaml: Path) -> None:
    points, out = tmp_path / "points.txt", tmp_path / "b.rig.yaml"
    points.write_text("# joints\n0 0 1\n0.1, 0.2, 1.2\nnan nan nan\n")
    assert run(rig_yaml, out, "--points", points)[0] == 0
    points.write_text("30 0 1\n")
    status, _, error = run(rig_yaml, out, "--points", points, "--force")
    assert status == 2
    assert "0% of the known points are inside its picture" in error
    for text in ("", "1 2\n", "a b c\n"):
        points.write_text(text)
        assert "is not x y z in each line" in run(rig_yaml, out, "--points", points)[2]
    assert "cannot be read" in run(rig_yaml, out, "--points", tmp_path / "none")[2]


def test_a_rig_that_others_would_refuse_is_written_and_said(tmp_path: Path) -> None:
    one = plain_rig().cameras[0]
    K = one.K.copy()
    K[0, 2] = -5  # a window of a picture: valid for us, odd in a file
    path = tmp_path / "rig.yaml"
    write_rig_file(path, rig_file_of(Rig((replace(one, K=K), *plain_rig().cameras[1:]))))
    status, said, _ = run(path, tmp_path / "a.toml", "--to", "aniposelib")
    assert status == 0
    assert "it cannot be read back: camera 'cam1': the principal point (-5, " in said


MISTAKES = {
    "nothing named": (["{rig}"], "IN and OUT are needed"),
    "unknown kind": (["{rig}", "x", "--to", "fbx"], "--to is 'fbx', expected one of posecap, aniposelib"),
    "kind not said": (["{rig}", "x.json"], "x.json does not say what to write: give --to"),
    "unknown origin": (["{rig}", "x.cal", "--from", "fbx"], "--from is 'fbx', expected auto, toml or"),
    "another origin": (["{rig}", "x.cal", "--from", "panoptic"], "is of the kind posecap, not panoptic"),
    "no such file": (["{rig}.none", "x.cal"], "no calibration at"),
    "size": (["{rig}", "x.cal", "--size", "1920*1080"], "--size is '1920*1080', expected 1920x1080 or"),
    "two sizes": (["{rig}", "x.cal", "--size", "9x9", "--size", "a=9x9"], "for all cameras and again"),
    "size known": (["{rig}", "x.cal", "--size", "9x9"], "says how large its pictures are: leave --size out"),
    "unit known": (["{rig}", "x.cal", "--unit", "mm"], "of a kind that fixes its unit, not 'mm'"),
    "unit fixed": (["{rig}", "x.cal", "--to-unit", "mm"], "totalcapture has lengths in m, not mm"),
    "subject": (["{rig}", "x.cal", "--subject", "9"], "has no subjects"),
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistakes_get_a_sentence(
    tmp_path: Path, rig_yaml: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, error = run(*(argument.replace("{rig}", str(rig_yaml)) for argument in arguments))
    assert status == 2
    assert message in error
    assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["rig.yaml"]


def test_the_list_names_every_kind() -> None:
    status, said, _ = run("--list")
    assert status == 0
    assert all(f"\n{kind} " in said for kind in KINDS)
