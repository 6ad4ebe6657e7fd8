"""Whatever the user gets wrong is answered with one sentence on stderr and a status, never a traceback."""

import ast
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import pytest
import yaml
import zmq
from clips import write_clip
from example_messages import pose_message

from posecap.calib.camera import Camera
from posecap.calib.rig import Rig
from posecap.calib.rig_file import rig_file_of, write_rig_file

ROOT = Path(__file__).parents[2]
PROGRAMS = ("live", "subscribe", "doctor", "camera")
SIZE_PX = (160, 120)


def run(program, *arguments, **environment) -> subprocess.CompletedProcess:
    """A program of launch/ in a process of its own, without a display."""
    clean = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return subprocess.run(
        [sys.executable, str(ROOT / "launch" / f"{program}.py"), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env=clean | environment,
    )


def camera(name, x) -> Camera:
    K = np.array([[150.0, 0, 80], [0, 150, 60], [0, 0, 1]])
    cam_from_world = np.array([[1.0, 0, 0, -x], [0, 0, -1, 1], [0, 1, 0, 3], [0, 0, 0, 1]])
    return Camera(name, SIZE_PX, K, np.zeros(5), cam_from_world)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A good rig of two short clips, and files that are not good."""
    path = tmp_path_factory.mktemp("rigs")
    rig = Rig((camera("left", -1.0), camera("right", 1.0)))
    sources = {}
    for name in rig.names:
        write_clip(path / f"{name}.mp4", 3, size_px=SIZE_PX)
        sources[name] = {"type": "video", "file": f"{name}.mp4"}
    write_rig_file(path / "good.yaml", rig_file_of(rig, sources))
    (path / "empty.mp4").touch()
    (path / "text.mp4").write_text("not a video")
    write_clip(path / "large.mp4", 3, size_px=(320, 240))
    write_clip(path / "slow.mp4", 3, fps=15, size_px=SIZE_PX)
    (path / "garbage.yaml").write_bytes(b"\x00\xff{{{")
    (path / "list.yaml").write_text("- 1\n- 2\n")
    (path / "broken.npz").write_text("no")
    return path


def changed(folder, name, change) -> Path:
    """The good rig file after `change(document)`."""
    document = yaml.safe_load((folder / "good.yaml").read_text())
    change(document)
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def set_source(**fields):
    def change(document):
        document["cameras"][1]["source"].update(fields)

    return change


RIGS = {
    "unknown field": (lambda doc: doc.update(unit="m"), "unknown field `unit`"),
    "typo in a camera": (lambda doc: doc["cameras"][0].update(nmae="x"), "`$.cameras[0]`"),
    "no calibration": (
        lambda doc: doc["cameras"][1].pop("K"),
        "missing required field `K` - at `$.cameras[1]`",
    ),
    "millimetres": (lambda doc: doc.update(length_unit="mm"), "length_unit 'mm'"),
    "later version": (lambda doc: doc.update(posecap_rig=2), "posecap_rig is 2, this program reads 1"),
    "one name": (lambda doc: doc["cameras"][1].update(name="left"), "two cameras are called 'left'"),
    "not rigid": (
        lambda doc: doc["cameras"][1]["cam_from_world"][0].__setitem__(0, 2.0),
        "'right': cam_from_world is not rigid",
    ),
    "one camera": (lambda doc: doc["cameras"].pop(), "has one camera (left), 3D needs at least two"),
    "lenses only": (
        lambda doc: doc["cameras"][1].update(cam_from_world=doc["cameras"][0]["cam_from_world"]),
        "are in one place, 3D needs to know where they are: run `python launch/calibrate.py extrinsics`",
    ),
    "no camera": (lambda doc: doc["cameras"].clear(), "no cameras"),
    "no source": (lambda doc: doc["cameras"][1].pop("source"), "'right' has no source"),
    "unknown source": (set_source(type="film"), "source.type is 'film'"),
    "typo in a source": (set_source(flie="x"), "unknown field `flie`"),
    "missing video": (set_source(file="absent.mp4"), "absent.mp4"),
    "empty video": (set_source(file="empty.mp4"), "empty.mp4"),
    "text as video": (set_source(file="text.mp4"), "text.mp4"),
    "other size": (set_source(file="large.mp4"), "320 x 240"),
    "other rate": (set_source(file="slow.mp4"), "run all cameras at one rate"),
    "missing truth": (lambda doc: doc.update(truth={"file": "absent.npz"}), "no truth file"),
    "truth without a file": (lambda doc: doc.update(truth={"people": 1}), "truth has no file"),
}

OPTIONS = {
    "no rig file": (["--cams", "absent.yaml"], 2, "no rig file at absent.yaml"),
    "garbage as rig": (["--cams", "{folder}/garbage.yaml"], 2, "is not YAML"),
    "list as rig": (["--cams", "{folder}/list.yaml"], 2, "Expected `object`"),
    "folder as rig": (["--cams", "{folder}"], 2, "no rig file"),
    "unknown model": (["--model", "openpose"], 2, "'openpose' is unknown, there are blazepose-lite"),
    "detector as model": (["--model", "movenet-multipose"], 2, "'movenet-multipose' is unknown"),
    "unknown engine": (["--engine", "tensorflow"], 2, "no engine 'tensorflow', there are openvino"),
    "unknown joints": (["--joints", "coco-18"], 2, "no joint set 'coco-18'"),
    "unknown viewer": (["--viewer", "web"], 2, "--viewer 'web' is unknown"),
    "unknown stage": (["--stage", "final"], 2, "--stage 'final' is unknown"),
    "unknown pace": (["--pace", "slow"], 2, "--pace 'slow' is unknown"),
    "unknown setting": (["--set", "speed=3"], 2, "'speed' is unknown"),
    "wrong setting": (["--set", "lag_frames=-1"], 2, "lag_frames"),
    "negative duration": (["--duration", "-1"], 2, "--duration is -1"),
    "no speed": (["--speed", "0"], 2, "--speed is 0"),
    "broken truth": (["--truth", "{folder}/broken.npz"], 2, "is not a truth file"),
    "absent key": (["--curve", "{folder}/no.key_secret"], 2, "no key file"),
    "no address": (["--bind", "5570"], 2, "write it as tcp://"),
    "foreign address": (["--bind", "tcp://192.0.2.1:5570"], 2, "choose an address of this host"),
    "port in use": (["--bind", "tcp://127.0.0.1:{port}"], 2, "port {port} is in use"),
    "summary nowhere": (["--summary", "{folder}/no/such.json"], 2, "cannot be written"),
    "no display": (["--viewer", "open3d"], 1, "there is no display"),
    "own weights absent": (["--model", "blazepose-full={folder}/no.tflite"], 1, "no.tflite"),
    "no weights, no network": ([], 1, "pose_landmark_full.tflite is missing"),
    "damaged weights, no network": ([], 1, "pose_landmark_full.tflite is damaged"),
}  # fmt: skip


def offline(cache: Path) -> dict[str, str]:
    """As on a machine without npm and without a network."""
    return {
        "POSECAP_CACHE": str(cache),
        "PIP_NO_INDEX": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "PATH": "/nowhere",
    }


@pytest.fixture(scope="module")
def answers(folder, tmp_path_factory):
    """All bad inputs, two programs at a time."""
    damaged = tmp_path_factory.mktemp("damaged")
    (damaged / "weights").mkdir()
    (damaged / "weights" / "pose_landmark_full.tflite").write_bytes(b"TFL3 cut off")
    environments = {
        "no weights, no network": offline(tmp_path_factory.mktemp("none")),
        "damaged weights, no network": offline(damaged),
    }
    with socket.socket() as taken, ThreadPoolExecutor(2) as pool:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        runs = {}
        for name, (change, says) in RIGS.items():
            path = changed(folder, name.replace(" ", "-"), change)
            runs[name] = pool.submit(run, "live", "--cams", path, "--viewer", "none"), 2, says
        for name, (arguments, status, says) in OPTIONS.items():
            filled = [one.format(folder=folder, port=port) for one in arguments]
            cams = [] if "--cams" in filled else ["--cams", folder / "good.yaml"]
            viewer = [] if "--viewer" in filled else ["--viewer", "none"]
            future = pool.submit(run, "live", *cams, *viewer, *filled, **environments.get(name, {}))
            runs[name] = future, status, says.format(port=port)
        return {name: (future.result(), status, says) for name, (future, status, says) in runs.items()}


@pytest.mark.parametrize("name", [*RIGS, *OPTIONS])
def test_one_sentence_and_a_status(answers, name):
    result, status, says = answers[name]
    assert "Traceback" not in result.stderr + result.stdout
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    assert says in lines[0]
    assert result.returncode == status, lines[0]


@pytest.mark.parametrize(
    ("header", "payload", "says"),
    [
        (
            {"version": 2, "people": 3},
            b"",
            "message of version 2, this program reads 1: update posecap on this",
        ),
        ({"version": 0}, b"", "update posecap on the publishing machine"),
        (None, b"short", "payload of 5 bytes, the header announces"),
    ],
)
def test_a_subscriber_refuses_what_it_cannot_read(header, payload, says):
    socket = zmq.Context.instance().socket(zmq.PUB)
    socket.linger = 0
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    encoded = pose_message().pack()[1] if header is None else msgspec.msgpack.encode(header)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(run, "subscribe", "--endpoint", f"tcp://127.0.0.1:{port}", "--timeout", "20")
        while not future.done():
            socket.send_multipart([b"pose3d", encoded, payload])
            zmq.select([], [], [], 0.05)
        result = future.result()
    socket.close()
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert says in result.stderr


def test_a_subscriber_says_that_nobody_publishes():
    result = run("subscribe", "--endpoint", "tcp://127.0.0.1:9", "--timeout", "0.1")
    assert result.returncode == 1
    assert "is `python launch/live.py` running?" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("program", PROGRAMS)
def test_another_python_is_refused_before_anything_is_imported(program):
    """The guard comes first, and an old Python can parse the file up to it and beyond."""
    path = ROOT / "launch" / f"{program}.py"
    ast.parse(path.read_text(), feature_version=(3, 7))
    script = f"import sys; sys.version_info = (3, 8, 10); exec(open({str(path)!r}).read())"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("posecap needs Python 3.11 or newer, this is 3.8")
    assert result.stderr.count("\n") == 1
