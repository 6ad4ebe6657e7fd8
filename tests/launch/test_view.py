"""The viewer as a user starts it, on a real X server: what it draws is where it should be."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event, Thread

import cv2
import numpy as np
import pytest
import xvfb
from scene import STANDING, ring_rig

from posecap.calib.rig_file import rig_file_of, write_rig_file
from posecap.capture.frame import Frame, FrameSet
from posecap.launch.view_eye import framing
from posecap.launch.view_panel import WIDTH_PX
from posecap.launch.view_people import tops
from posecap.launch.view_room import BACKGROUND, frustum_depth, state_colour
from posecap.launch.view_skeleton import drawing_of
from posecap.models.joints import COCO_17
from posecap.runtime.messages import CameraState
from posecap.runtime.palette import person_colour
from posecap.runtime.pose import PoseSet, Skeleton3D
from posecap.runtime.publisher import PosePublisher
from posecap.runtime.thumbnail import ThumbnailPublisher

VIEW = [sys.executable, str(Path(__file__).parents[2] / "launch" / "view.py")]
SIZE_PX = (1000, 600)
RIG = ring_rig(4)
IDS = (0, 1, 3, 9)
PLACES = np.array([(-1.5, -0.6), (0.6, -1.3), (1.4, 0.7), (-0.5, 1.2)])
STATES = ("live", "lost", "live", "frozen")
PICTURE_BGR = (200, 40, 220)

needs_window = pytest.mark.skipif(bool(xvfb.missing()), reason=xvfb.missing() or "-")


def people() -> np.ndarray:
    """(4, 17, 3) metres: standing, turned differently."""
    turns = [
        np.array([(np.cos(a), -np.sin(a), 0), (np.sin(a), np.cos(a), 0), (0, 0, 1)])
        for a in (0.2, 1.0, 2.0, 4.0)
    ]
    return np.stack([STANDING @ turn.T + (*place, 0) for turn, place in zip(turns, PLACES, strict=True)])


@pytest.fixture
def endpoint():
    """Poses of `people`, thumbnails of one colour; published until the test ends."""
    address = f"tcp://127.0.0.1:{5600 + os.getpid() % 300}"
    skeletons = tuple(
        Skeleton3D(track, xyz, np.zeros((17, 3, 3)), np.full(17, 4), np.full(17, 1.0))
        for track, xyz in zip(IDS, people(), strict=True)
    )
    cameras = tuple(CameraState(name, state) for name, state in zip(RIG.names, STATES, strict=True))
    image = np.full((100, 100, 3), PICTURE_BGR, dtype=np.uint8)
    ended = Event()

    def publish() -> None:
        with PosePublisher(address, "session", RIG.id, COCO_17) as publisher:
            thumbnails = ThumbnailPublisher(publisher.send, COCO_17)
            index = 0
            while not ended.wait(0.05):
                now_ns = time.monotonic_ns()
                publisher.publish(PoseSet(index, now_ns, now_ns, skeletons), "refined", cameras)
                frames = tuple(Frame(name, index, now_ns, image) for name in RIG.names)
                thumbnails.maybe_publish(FrameSet(index, now_ns, frames))
                index += 1

    thread = Thread(target=publish)
    thread.start()
    yield address
    ended.set()
    thread.join()


@needs_window
def test_people_cameras_and_panel_are_drawn_where_they_should_be(tmp_path, endpoint):
    write_rig_file(tmp_path / "rig.yaml", rig_file_of(RIG))
    arguments = [
        "--cams",
        "rig.yaml",
        "--screenshot",
        "view.png",
        "--after",
        "1.5",
        "--size",
        *map(str, SIZE_PX),
    ]
    with xvfb.display() as environment:
        done = subprocess.run(
            [*VIEW, "--endpoint", endpoint, *arguments],
            env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    picture = cv2.imread(str(tmp_path / "view.png"))
    assert picture.shape == (SIZE_PX[1], SIZE_PX[0], 3)
    picture = picture[..., ::-1].astype(float) / 255
    free_px = SIZE_PX[0] - WIDTH_PX
    view = framing(RIG, SIZE_PX, free_px)
    eye = view.eye(SIZE_PX)

    drawing = drawing_of(COCO_17.name, COCO_17.names)
    points = drawing.points(people())
    over_head = eye.project(tops(points))
    for row, track in enumerate(IDS):
        of_colour = like(picture[:, :free_px], person_colour(track))
        expected = expected_person(drawing, points[row], eye)[:, :free_px]
        body, label = of_colour.copy(), of_colour.copy()
        foot = int(over_head[row, 1])
        body[: foot + 1], label[foot + 1 :] = False, False
        assert body.sum() > 0.6 * expected.sum()
        assert (body & ~grown(expected, 2)).sum() < 0.03 * body.sum()  # in no other place, and on nobody else
        assert np.linalg.norm(centroid(body) - centroid(expected)) < 3
        # the number: 13 px high at least, over the head, within two digits' width
        assert label.sum() > 15
        np.testing.assert_allclose(centroid(label), over_head[row] - (0, 7), atol=7)

    assert (np.argmax(state_colour("live")), np.argmax(state_colour("lost"))) == (1, 0)
    depth_m = frustum_depth(RIG, view)
    for camera, state in zip(RIG.cameras, STATES, strict=True):
        of_colour = grown(like(picture[:, :free_px], state_colour(state)), 1)
        apex = eye.project(camera.centre)
        for pixel in ((0, 0), (camera.size_px[0] - 1, camera.size_px[1] - 1)):
            local = np.append((np.array(pixel) - camera.K[:2, 2]) / camera.focal_px, 1.0) * depth_m
            corner = eye.project((local - camera.t) @ camera.R)
            line = np.linspace(apex, corner, 30).round().astype(int)
            assert of_colour[line[:, 1], line[:, 0]].mean() > 0.8

    panel = picture[:, free_px:]
    of_thumbnails = np.abs(panel - np.array(PICTURE_BGR[::-1]) / 255).max(axis=2) < 0.06
    assert of_thumbnails.sum() > 4 * 40 * 40
    assert np.abs(picture[2, 2] - BACKGROUND).max() < 0.02


def like(picture: np.ndarray, colour: tuple[float, float, float]) -> np.ndarray:
    """(height, width) True where a pixel has the chroma of `colour` at 0.45 to 1.2 of its brightness."""
    target = np.array(colour)
    scale = picture @ target / (target @ target)
    off = np.linalg.norm(picture - scale[..., None] * target, axis=2)
    return (scale > 0.45) & (scale < 1.2) & (off < 0.07 * np.linalg.norm(target) + 0.01)


def expected_person(drawing, points: np.ndarray, eye) -> np.ndarray:
    """(height, width) True where bones and discs of one person belong, drawn by OpenCV."""
    mask = np.zeros((eye.size_px[1], eye.size_px[0]), dtype=np.uint8)
    xy = eye.project(points)
    px_of_m = eye.focal_px / ((points - eye.centre) @ eye.right_down_forward[2])
    for (a, b), radius_m in zip(drawing.bones, drawing.bone_m, strict=True):
        thickness = max(1, round(2 * radius_m * float(px_of_m[a])))
        cv2.line(mask, xy[a].round().astype(int).tolist(), xy[b].round().astype(int).tolist(), 1, thickness)
    for point, radius_m in zip(drawing.discs, drawing.disc_m, strict=True):
        radius = max(1, round(radius_m * float(px_of_m[point])))
        cv2.circle(mask, xy[point].round().astype(int).tolist(), radius, 1, -1)
    return mask.astype(bool)


def grown(mask: np.ndarray, by_px: int) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * by_px + 1, 2 * by_px + 1), np.uint8)).astype(bool)


def centroid(mask: np.ndarray) -> np.ndarray:
    """(x, y) pixels."""
    return np.argwhere(mask).mean(axis=0)[::-1]


@needs_window
def test_a_silent_endpoint_leaves_the_window_open_and_sigterm_ends_it_at_once():
    with xvfb.display() as environment:
        viewer = subprocess.Popen(
            [*VIEW, "--endpoint", "tcp://127.0.0.1:5999"], env=environment, stderr=subprocess.PIPE, text=True
        )
        wait_for_window(viewer.pid)
        time.sleep(1.0)
        assert viewer.poll() is None
        asked = time.monotonic()
        viewer.send_signal(signal.SIGTERM)
        _, words = viewer.communicate(timeout=5)
        assert time.monotonic() - asked < 1.0
        assert (viewer.returncode, words) == (0, "")


def wait_for_window(pid: int) -> None:
    """Until SIGTERM is caught: the window is open then."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        status = Path(f"/proc/{pid}/status").read_text()
        caught = int(next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1], 16)
        if caught >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.05)
    raise AssertionError("no window within 30 s")


@pytest.mark.parametrize(
    ("display", "arguments", "words"),
    [
        (None, (), "neither DISPLAY nor WAYLAND_DISPLAY is set"),
        (":4242", (), "the X server at DISPLAY=:4242 does not answer"),
    ],
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a display")
def test_without_a_display_one_sentence(display, arguments, words):
    environment = {
        key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")
    }
    if display:
        environment["DISPLAY"] = display
    done = subprocess.run(
        [*VIEW, *arguments], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@needs_window
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--cams", "nowhere.yaml"), "no rig file at nowhere.yaml"),
        (("--endpoint", "5570"), "write it as tcp://host:port"),
    ],
)
def test_mistakes_are_answered_with_one_sentence(arguments, words):
    with xvfb.display() as environment:
        done = subprocess.run(
            [*VIEW, *arguments], env=environment, capture_output=True, text=True, timeout=30, check=False
        )
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
