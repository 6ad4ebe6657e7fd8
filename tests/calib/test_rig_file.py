"""Rig files: what is written comes back bit for bit, and every mistake gets one sentence with the path."""

import os
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from posecap.calib.camera import Camera
from posecap.calib.errors import CalibrationError, RigFileError
from posecap.calib.rig import Rig
from posecap.calib.rig_file import RigFile, load_rig, read_rig_file, rig_file_of, write_rig_file

ROOT = Path(__file__).resolve().parents[2]
GOOD = """
posecap_rig: 1
length_unit: m
cameras:
- name: left
  size_px: [640, 480]
  K: [[700.0, 0, 320], [0, 700.0, 240], [0, 0, 1]]
  distortion: [-0.2, 0.22, -8e-4, 6.0E-4, 0]
  cam_from_world: [[1, 0, 0, 1], [0, 0, -1, 1], [0, 1, 0, 3], [0, 0, 0, 1]]
  source: {type: video, path: left.mp4}
- name: right
  size_px: [640, 480]
  K: [[700.0, 0, 320], [0, 700.0, 240], [0, 0, 1]]
  distortion: [0, 0, 0, 0]
  cam_from_world: [[1, 0, 0, -1], [0, 0, -1, 1], [0, 1, 0, 3], [0, 0, 0, 1]]
solved_at: 2026-11-21T05:00:00+00:00
"""


def written(tmp_path: Path, text: str | bytes, name: str = "rig.yaml") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_reads_as_people_write(tmp_path: Path) -> None:
    """Numbers like 8e-4, which YAML 1.1 takes for text, and an unquoted time."""
    content = read_rig_file(written(tmp_path, GOOD))
    rig = content.rig()
    np.testing.assert_array_equal(rig.cameras[0].distortion, [-0.2, 0.22, -0.0008, 0.0006, 0.0])
    assert rig.solved_at == "2026-11-21T05:00:00+00:00"
    assert content.cameras[0].source == {"type": "video", "path": "left.mp4"}
    assert content.cameras[1].source is None


@given(st.integers(0, 10_000), st.sampled_from(["cam", "Kamera 1", "камера", "true", "12", "a: b #c"]))
@settings(max_examples=30, deadline=None)
def test_what_is_written_comes_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, seed: int, name: str
) -> None:
    rng = np.random.default_rng(seed)
    cameras = []
    for k in range(3):
        cam_from_world = np.eye(4)
        cam_from_world[:3, :3] = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        cam_from_world[:3, :3] *= np.linalg.det(cam_from_world[:3, :3])
        cam_from_world[:3, 3] = rng.normal(size=3) * 10 ** rng.uniform(-5, 1)
        f, c = rng.uniform(500, 2000), rng.uniform(300, 340, 2)
        K = np.array([[f, rng.normal() * 1e-7, c[0]], [0, f, c[1]], [0, 0, 1]])
        distortion = rng.normal(size=5 if k else 4) * 10 ** rng.uniform(-12, -2)
        cameras.append(Camera(f"{name}{k}" if k else name, (640, 640), K, distortion, cam_from_world))
    rig = Rig(tuple(cameras), rms_px=0.25, solved_at="2026-11-21")
    path = tmp_path_factory.mktemp("rig") / "rig.yaml"
    write_rig_file(path, rig_file_of(rig, {name: {"type": "video", "path": "ünd.mp4", "loop": True}}))
    back = read_rig_file(path)
    assert back.rig().id == rig.id
    assert (back.rig().rms_px, back.rig().solved_at) == (0.25, "2026-11-21")
    assert back.cameras[0].source == {"type": "video", "path": "ünd.mp4", "loop": True}
    write_rig_file(path, back)
    assert load_rig(path).id == rig.id


def test_the_bundled_rig_is_sound() -> None:
    content = read_rig_file(ROOT / "calib" / "rig.yaml")
    assert len(content.rig()) == 4


def change(find: str, replacement: str) -> str:
    assert find in GOOD
    return GOOD.replace(find, replacement, 1)


MISTAKES: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "is empty: export or write the rig file again"),
    "spaces": ("\n \n", "is empty"),
    "binary": (b"\x00\xff{{{", "is not YAML"),
    "video": (b"\x00\x00\x00 ftypisom" + bytes(range(256)) * 50, "is not YAML"),
    "broken": ("cameras: [1, 2", r"is not YAML .*line 1"),
    "tab": ("a:\n\t- b", "is not YAML .*line 2"),
    "tag": ("!!python/object/apply:os.system ['true']", "is not YAML .*could not determine a constructor"),
    "nested": ("[" * 5000, "is not YAML .it is nested too deeply"),
    "list": ("- 1\n- 2\n", "Expected `object`, got `array`: compare with the example in calib/README.md"),
    "text": ("hello", "Expected `object`, got `str`"),
    "unknown field": (change("length_unit: m", "length_unit: m\nunit: m"), r"unknown field `unit`"),
    "unknown field of a camera": (
        change("name: left", "name: left\n  rotation: 90"),
        r"unknown field `rotation` - at `\$.cameras\[0\]`",
    ),
    "typo": (change("distortion", "distorsion"), r"`distorsion` - at `\$.cameras\[0\]`"),
    "missing field": (
        change("  size_px: [640, 480]\n", ""),
        r"missing required field `size_px` - at `\$.cameras\[0\]`",
    ),
    "no version": (change("posecap_rig: 1\n", ""), "missing required field `posecap_rig`"),
    "other version": (
        change("posecap_rig: 1", "posecap_rig: 2\nbonus: 1"),
        "posecap_rig is 2, this program reads 1",
    ),
    "millimetres": (
        change("length_unit: m", "length_unit: mm"),
        "length_unit 'mm' and up_axis '.z', expected 'm'",
    ),
    "y up": (change("length_unit: m", "length_unit: m\nup_axis: +y"), r"up_axis '\+y', expected"),
    "key twice": (
        change("length_unit: m", "length_unit: m\nlength_unit: m"),
        "the key 'length_unit' is there twice",
    ),
    "text for a number": (
        change("[0, 0, 1]]", "[0, 0, one]]"),
        r"got `str` - at `\$.cameras\[0\].K\[2\]\[2\]`",
    ),
    "number for a name": (change("name: left", "name: 54138969"), r"Expected `str`, got `int` - at .*name"),
    "one number for a size": (change("[640, 480]", "640"), r"Expected `array`, got `int` - at .*size_px"),
    "two names": (change("name: right", "name: left"), "two cameras are called 'left'"),
    "no cameras": (
        GOOD.split("cameras:", maxsplit=1)[0] + "cameras: []\n",
        "the rig has no cameras: list at least two",
    ),
    "ragged K": (change("[0, 0, 1]]", "[0, 1]]"), "'left': K has rows of different lengths"),
    "wrong shape": (change(", [0, 0, 1]]", "]"), r"'left': K has shape \(2, 3\), expected \(3, 3\)"),
    "three distortions": (change("-8e-4, 6.0E-4, 0]", "-8e-4]"), "'left': distortion has 3 values"),
    "NaN": (change("[-0.2,", "[.nan,"), "'left': distortion contains NaN or infinity"),
    "not rigid": (change("[[1, 0, 0, 1]", "[[2, 0, 0, 1]"), r"'left': cam_from_world is not rigid \(det 2.0"),
    "size exchanged": (change("[640, 480]", "[480, 640]"), "'left': the principal point .* exchange them"),
    "translations in mm": (
        change("0, 1, 0, 3]", "0, 1, 0, 3000]"),
        "m apart.* are the translations millimetres",
    ),
    "slash in a name": (change("name: left", "name: /dev/video0"), "camera name '/dev/video0'"),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_every_mistake_gets_one_sentence_with_the_path(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(CalibrationError, match=message) as caught:
        load_rig(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_folder_and_giant(tmp_path: Path) -> None:
    with pytest.raises(RigFileError, match=r"no rig file at .*absent.yaml: give --cams"):
        load_rig(tmp_path / "absent.yaml")
    with pytest.raises(RigFileError, match="no rig file at"):
        load_rig(tmp_path)
    giant = written(tmp_path, b"#" * ((4 << 20) + 1))
    with pytest.raises(RigFileError, match="a rig file at most 4194304: is it a video"):
        load_rig(giant)
    with pytest.raises(RigFileError, match=r"cannot be read \(File name too long\)"):
        load_rig(tmp_path / ("a" * 300))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    path.chmod(0)
    with pytest.raises(RigFileError, match=r"cannot be read \(Permission denied\): check its permissions"):
        load_rig(path)


def test_nowhere_to_write(tmp_path: Path) -> None:
    content = read_rig_file(written(tmp_path, GOOD))
    with pytest.raises(RigFileError, match=r"cannot be written \(No such file or directory\)"):
        write_rig_file(tmp_path / "absent" / "rig.yaml", content)


def test_a_source_for_nobody(tmp_path: Path) -> None:
    rig = load_rig(written(tmp_path, GOOD))
    with pytest.raises(CalibrationError, match="no camera 'lfet' in the rig, there are left, right"):
        rig_file_of(rig, {"lfet": {"type": "video"}})


def test_the_file_is_read_by_any_yaml_reader(tmp_path: Path) -> None:
    path = tmp_path / "rig.yaml"
    rig = load_rig(written(tmp_path, GOOD, "given.yaml"))
    write_rig_file(path, rig_file_of(rig))
    document = yaml.safe_load(path.read_text())
    assert document["cameras"][0]["distortion"] == [-0.2, 0.22, -0.0008, 0.0006, 0.0]
    assert isinstance(read_rig_file(path), RigFile)
    assert "  - [700.0, 0.0, 320.0]\n" in path.read_text()  # one row, one line


def test_the_example_of_the_manual_is_a_rig(tmp_path: Path) -> None:
    example = (ROOT / "calib" / "README.md").read_text().split("```yaml\n")[1].split("```")[0]
    rig = load_rig(written(tmp_path, example))
    assert rig.names == ("left", "right")
    assert rig.rms_px == 0.35
