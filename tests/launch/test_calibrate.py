"""calibrate.py from the command line: boards to print in exact millimetres, whole calibrations, wrong inputs."""

import re
import struct
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from board_videos import held_before, picture_of, write_board_video
from clips import write_clip
from rich.console import Console
from scene import ring_rig
from typer.testing import CliRunner
from walking import filmed

from posecap.calib.board import Board
from posecap.calib.camera import Camera
from posecap.calib.joint_tracks import write_tracks
from posecap.calib.rig import Rig
from posecap.calib.rig_file import load_rig, read_rig_file, rig_file_of, write_rig_file
from posecap.calib.rotation import rotation_of
from posecap.capture.source_config import VideoFile
from posecap.launch.board_option import board_of, written
from posecap.launch.board_print import print_board
from posecap.launch.calibrate_command import app
from posecap.launch.calibration_cameras import calibration_cameras, source_beside
from posecap.launch.errors import UsageError

BOARD = Board("charuco", 7, 5, 0.06, 0.045, "DICT_4X4_50")
TEXT = "charuco:7x5:60mm:45mm"
FLOOR = np.array([[1.0, 0, 0, -0.2], [0, -1, 0, 0.15], [0, 0, -1, 0], [0, 0, 0, 1]])  # print up


def camera(name: str, at: tuple[float, float, float], focal: float) -> Camera:
    """Looks at the origin from `at`."""
    z = -np.array(at) / np.linalg.norm(at)
    x = np.cross(z, [0, 0, 1.0])
    x /= np.linalg.norm(x)
    pose = np.eye(4)
    pose[:3, :3] = [x, np.cross(z, x), z]
    pose[:3, 3] = -pose[:3, :3] @ at
    K = np.array([[focal, 0, 322.0], [0, focal + 1, 237.5], [0, 0, 1]])
    return Camera(name, (640, 480), K, np.array([-0.12, 0.03, 0.0005, -0.0003, 0]), pose)


CAMERAS = (camera("left", (-0.7, -0.7, 0.8), 560), camera("right", (0.7, -0.6, 0.9), 590))


def carried() -> list[np.ndarray]:
    """The board over the origin, tilted to all sides; at the end on the floor."""
    poses = []
    for k in range(40):
        pose = FLOOR.copy()
        pose[:3, :3] = (
            rotation_of([0.5 * np.sin(0.9 * k), 0, 0])
            @ rotation_of([0, 0.5 * np.sin(0.6 * k), 0])
            @ FLOOR[:3, :3]
        )
        middle = [0.15 * np.sin(0.7 * k), 0.12 * np.cos(0.5 * k), 0.15 + 0.1 * np.sin(1.1 * k)]
        pose[:3, 3] = np.array(middle) - pose[:3, :3] @ [0.21, 0.15, 0]
        poses.append(pose)
    return poses + [FLOOR] * 3


def run(*arguments: object) -> tuple[int, str, str]:
    """Exit status, what was printed, and the error line."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_lenses_then_places_then_a_camera_that_was_pushed(tmp_path: Path) -> None:
    lenses, places, rig = tmp_path / "lenses", tmp_path / "places", tmp_path / "rig.yaml"
    for folder in (lenses, places):
        folder.mkdir()
    for seed, one in enumerate(CAMERAS):
        write_board_video(lenses / f"{one.name}.mp4", one, BOARD, held_before(one, BOARD, 24, seed))
        write_board_video(places / f"{one.name}.mp4", one, BOARD, carried())
    status, said, error = run("intrinsics", "--board", TEXT, "--videos", lenses, "--out", rig, "--every", 1)
    assert (status, error) == (0, "")
    assert "This calibration is" in said
    for found, true in zip(load_rig(rig).cameras, CAMERAS, strict=True):
        assert found.focal_px == pytest.approx(true.focal_px, rel=3e-3)
        assert found.K[:2, 2] == pytest.approx(true.K[:2, 2], abs=2)
    assert "lenses only" in str(read_rig_file(rig).notes)
    before = rig.read_bytes()
    status, said, error = run(
        *("extrinsics", "--board", TEXT, "--cams", rig, "--videos", places, "--every", 1, "--floor", 8.2),
        *("--thickness", 4, "--report", tmp_path / "page.html"),
    )
    assert (status, error) == (0, "")
    assert (tmp_path / "rig.yaml.bak").read_bytes() == before
    content = read_rig_file(rig)
    assert [entry.source for entry in content.cameras] == [
        {"type": "video", "file": f"lenses/{one.name}.mp4"} for one in CAMERAS
    ]
    assert content.notes is None
    world_from_true = np.eye(4)
    world_from_true[:3, 3] = [
        0.2,
        -0.15,
        0.004,
    ]  # the board's corner is the origin, the floor 4 mm below the print
    for found, true in zip(load_rig(rig).cameras, CAMERAS, strict=True):
        placed = true.cam_from_world @ np.linalg.inv(world_from_true)
        assert found.centre == pytest.approx(-placed[:3, :3].T @ placed[:3, 3], abs=0.004)
        assert np.degrees(np.abs(found.R @ placed[:3, :3].T - np.eye(3)).max()) < 0.3
    page = (tmp_path / "page.html").read_text()
    assert "Baselines" in page
    assert "floor and origin from the board, 4 mm thick" in page
    status, said, error = run("check", "--board", TEXT, "--cams", rig, "--videos", places, "--every", 2)
    assert (status, error) == (0, "")
    good = load_rig(rig)
    pushed = replace(good.cameras[1], cam_from_world=good.cameras[1].cam_from_world.copy())
    pose = pushed.cam_from_world.copy()
    pose[:3, :3] = rotation_of([0, np.radians(3), 0]) @ pose[:3, :3]
    write_rig_file(rig, rig_file_of(Rig((good.cameras[0], replace(pushed, cam_from_world=pose)))))
    status, said, _ = run("check", "--board", TEXT, "--cams", rig, "--videos", places, "--every", 2)
    assert status == 1
    assert re.search(r"not usable: .*px off in", said)


@pytest.mark.slow
def test_cameras_that_play_by_the_clock_are_watched(tmp_path: Path) -> None:
    from posecap.launch.calibration_live import watch_boards

    for one in CAMERAS:
        write_board_video(tmp_path / f"{one.name}.mp4", one, BOARD, carried())
    cameras = calibration_cameras(None, [], tmp_path)
    with open(tmp_path / "said", "w+") as file:
        console = Console(file=file, width=200)
        seen = watch_boards(BOARD, cameras, console, duration_s=6.0, lenses=False)
        file.seek(0)
        said = file.read()
    assert all(seen.count(name) >= 5 for name in ("left", "right"))
    assert seen.shared()[0, 1] >= 5
    assert "seen: left" in said
    together = {one.t_ns for one in seen.for_rig() if one.camera == "left"}
    assert len(together & {one.t_ns for one in seen.for_rig() if one.camera == "right"}) >= 5


def test_too_little_is_refused_with_what_to_do(tmp_path: Path) -> None:
    one = CAMERAS[0]
    flat = held_before(one, BOARD, 1) * 6
    write_board_video(tmp_path / "left.mp4", one, BOARD, flat)
    out = tmp_path / "rig.yaml"
    status, _, error = run("intrinsics", "--board", TEXT, "--videos", tmp_path, "--out", out, "--every", 1)
    assert status == 2
    assert "hold the board nearer to the" in error
    assert not out.exists()


@pytest.mark.parametrize(
    "text",
    [
        "charuco:7x5:60mm:45mm:DICT_4X4_50",
        "chessboard:10x7:25mm",
        "apriltag:6x4:50mm:40mm:DICT_APRILTAG_36h11:inverted",
        "charuco:8x6:30mm:22mm:DICT_5X5_50:legacy",
    ],
)
def test_boards_are_read_as_they_are_written(text: str) -> None:
    assert written(board_of(text)) == text


def test_units_and_defaults_of_boards() -> None:
    assert board_of("charuco:7x5:4cm:30mm") == board_of("ChArUco:7x5:0.04m:30mm:dict_4x4_50")
    assert board_of("apriltag:2x2:2in:1in").dictionary == "DICT_APRILTAG_36h11"
    assert board_of("apriltag:2x2:2in:1in").square_m == pytest.approx(0.0508)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("charuco", "is not a board: write KIND:"),
        ("circles:7x5:40mm", "is not a board"),
        ("charuco:7x5:40mm", "is not a board"),
        ("chessboard:9x6:25mm:20mm", "is not a board"),
        ("charuco:7x5:40:30mm", "'40' is no length: write it with its unit, as 40mm"),
        ("charuco:7x5:30mm:40mm", "expected markers that fit"),
        ("charuco:7x5:40mm:30mm:DICT_9X9_50", "no dictionary 'DICT_9X9_50'"),
    ],
)
def test_what_is_no_board_is_said(text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=re.escape(sentence)):
        board_of(text)


def test_a_printed_pdf_has_exact_millimetres(tmp_path: Path) -> None:
    board = board_of("chessboard:5x4:40mm")
    said = print_board(board, tmp_path / "board.pdf")
    assert "pattern 200 x 160 mm, page A4" in said
    data = (tmp_path / "board.pdf").read_bytes()
    point = 0.0254 / 72
    boxes = [
        [float(v) * point for v in box]
        for box in re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+) re", data)
    ]
    squares = [box for box in boxes if box[2] == pytest.approx(0.04, abs=1e-6)]
    assert len(squares) == 10  # dark ones
    assert max(x + w for x, _, w, _ in squares) - min(box[0] for box in squares) == pytest.approx(
        0.2, abs=1e-6
    )
    assert sum(box[2] == pytest.approx(0.1, abs=1e-6) for box in boxes) == 1  # the ruler
    start = int(re.search(rb"startxref\n(\d+)", data)[1])  # type: ignore[index]
    assert data[start : start + 4] == b"xref"
    for number, place in enumerate(re.findall(rb"(\d{10}) 00000 n", data), start=1):
        assert data[int(place) :].startswith(b"%d 0 obj" % number)


def test_a_printed_png_says_its_resolution_and_is_found(tmp_path: Path) -> None:
    print_board(BOARD, tmp_path / "board.png", dpi=100)
    data = (tmp_path / "board.png").read_bytes()
    metre = struct.unpack(">II", data[data.index(b"pHYs") + 4 :][:8])[0]
    picture = cv2.imread(str(tmp_path / "board.png"), cv2.IMREAD_GRAYSCALE)
    seen = BOARD.detect(picture)
    assert seen is not None
    assert np.ptp(seen.xy[:, 0]) / metre == pytest.approx(5 * BOARD.square_m, rel=2e-4)


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected \.pdf or \.png: choose one"):
        print_board(BOARD, tmp_path / "board.svg")
    with pytest.raises(UsageError, match="choose another place"):
        print_board(BOARD, tmp_path / "none" / "board.pdf")
    with pytest.raises(UsageError, match=r"take \.pdf, or give a smaller --dpi"):
        print_board(board_of("chessboard:60x60:9cm"), tmp_path / "b.png", dpi=2400)
    status, _, error = run(
        "intrinsics", "--board", TEXT, "--videos", tmp_path, "--out", tmp_path / "no" / "rig.yaml"
    )
    assert status == 2
    assert "choose a file in a folder that exists" in error


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("intrinsics",),
            "no cameras: give --cams RIG.YAML, --source NAME=VIDEO for each, or --videos FOLDER",
        ),
        (("intrinsics", "--cams", "rig.yaml", "--source", "a=b.mp4"), "both name cameras: give one of them"),
        (("intrinsics", "--source", "uvc:0"), "is not NAME=WHERE: write left=uvc:0 or left=left.mp4"),
        (
            ("intrinsics", "--source", "a=uvc:0"),
            "its size is not known: --size is nothing, give it as 1280x720",
        ),
        (("intrinsics", "--source", "a=images:x"), "has no rate: write a=images:FOLDER:30"),
        (("intrinsics", "--videos", "nowhere"), "is no folder"),
        (("intrinsics", "--source", "a=none.mp4", "--model", "pinhole"), "there are brown5, fisheye4"),
        (("extrinsics", "--videos", "."), "has no videos"),
        (("extrinsics", "--floor", "1", "--gravity", "a=0,1,0"), "both say where up is"),
        (("extrinsics", "--gravity", "a=0,1"), "is not CAMERA=x,y,z: write cam1=0,1,0"),
    ],
)
def test_wrong_inputs_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, error = run(*arguments, "--board", TEXT)
    assert status == 2
    assert sentence in error
    assert error.count("\n") == 1


def test_people_need_a_scale_and_recordings(tmp_path: Path) -> None:
    rig = tmp_path / "rig.yaml"
    write_rig_file(
        rig, rig_file_of(Rig(CAMERAS), {one.name: {"type": "uvc", "device": 0} for one in CAMERAS})
    )
    for given, sentence in (
        ((), "give --height 1.78 (metres, in shoes) or --distance left:right=2.31"),
        (("--distance", "left"), "is not CAMERA:CAMERA=METRES"),
        (("--height", 1.8, "--refine"), "--refine keeps the scale"),
        (("--height", 1.8), "people are found in recordings: record them with"),
        (("--height", 1.8, "--camera", "middle"), "--camera 'middle' is not there, there are left, right"),
    ):
        status, _, error = run("people", "--cams", rig, *given)
        assert status == 2
        assert sentence in error


def test_videos_take_the_place_of_sources_and_paths_keep_leading_there(tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    for one in CAMERAS:
        write_board_video(folder / f"{one.name}.mp4", one, BOARD, [FLOOR] * 2)
    rig = tmp_path / "rig.yaml"
    block = {"type": "rtsp", "url": "rtsp://10.0.0.1/x"}
    write_rig_file(rig, rig_file_of(Rig(CAMERAS), {"left": block, "right": block}))
    cameras = calibration_cameras(rig, [], folder)
    assert not cameras.live
    assert cameras.entries[0].source == block
    assert cameras.sources["left"] == VideoFile(file=str(folder / "left.mp4"))
    named = calibration_cameras(None, [f"a={folder / 'right.mp4'}"], None)
    assert named.sizes() == {"a": (640, 480)}
    (folder / "right.mp4").rename(folder / "other.mp4")
    with pytest.raises(UsageError, match=r"has no videos called 'right', there are left\.mp4, other\.mp4"):
        calibration_cameras(rig, [], folder)
    moved = source_beside({"type": "video", "file": "videos/left.mp4"}, tmp_path, folder / "rig.yaml")
    assert moved == {"type": "video", "file": "left.mp4"}
    away = source_beside({"type": "video", "file": "a.mp4"}, tmp_path, folder / "rig.yaml")
    assert away == {"type": "video", "file": str(tmp_path / "a.mp4")}


def test_a_rendered_board_is_where_the_camera_says() -> None:
    pose = carried()[8]
    seen = BOARD.detect(picture_of(CAMERAS[0], BOARD, pose))
    assert seen is not None
    true = CAMERAS[0].project(BOARD.points_m[seen.ids] @ pose[:3, :3].T + pose[:3, 3])
    assert np.abs(seen.xy - true).max() < 0.6
    assert np.median(np.abs(seen.xy - true)) < 0.15


def test_clocks_that_differ_are_written_into_the_sources(tmp_path: Path) -> None:
    rig = Rig(ring_rig(3).cameras)
    late = (0.0, 0.02, -0.013)
    write_tracks(tmp_path / "walk.npz", filmed(rig.cameras, seconds=5, late_s=late))
    sources = {}
    for name, one in zip(rig.names, rig.cameras, strict=True):
        write_clip(tmp_path / f"{name}.mp4", 2, size_px=one.size_px)
        sources[name] = {"type": "video", "file": f"{name}.mp4", "time_offset_s": 0.1}
    write_rig_file(tmp_path / "rig.yaml", rig_file_of(rig, sources))
    done = CliRunner().invoke(
        app, ["times", "--cams", str(tmp_path / "rig.yaml"), "--tracks", str(tmp_path / "walk.npz")]
    )
    assert done.exit_code == 0, done.output
    written_s = [entry.source["time_offset_s"] for entry in read_rig_file(tmp_path / "rig.yaml").cameras]
    assert written_s == pytest.approx(0.1 + np.array(late), abs=0.002)
    assert (tmp_path / "rig.yaml.bak").exists()
