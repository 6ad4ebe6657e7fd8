"""A system on the user's own pictures: from one picture to absolute people, and the program as a user starts it."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from posecap.calib.camera import Camera
from posecap.calib.rig import Rig
from posecap.calib.rig_file import load_rig
from posecap.capture.video_file import VideoRecording
from posecap.launch.demo_camera import CameraChoice, camera_choice
from posecap.launch.demo_command import app
from posecap.launch.demo_multiview import ViewsNetwork, open_views
from posecap.launch.demo_networks import DemoOptions
from posecap.launch.demo_output import DemoOutput
from posecap.launch.demo_overlay import overlay
from posecap.launch.demo_person import DemoPerson, DemoPicture
from posecap.launch.demo_pictures import picture_files
from posecap.launch.demo_plot import plot
from posecap.launch.demo_rig_files import files_of_cameras, still_sets
from posecap.launch.errors import UsageError
from posecap.models.networks import network
from posecap.models.posenet_box import VOXELS, person_box
from posecap.models.published_joints import H36M_18, PUBLISHED_SETS
from posecap.runtime.network_crop import cut_out, picture_of_cells
from posecap.runtime.pinhole_views import PinholeViews
from posecap.runtime.pose import Region
from posecap.runtime.preprocess import image_from_crop

ROOT = Path(__file__).parents[2]
DUO = ROOT / "capture" / "sample" / "duo"
FRAME = 60

H36M_OF_TRUTH = {
    "right_hip": 12, "right_knee": 14, "right_ankle": 16, "left_hip": 11, "left_knee": 13, "left_ankle": 15,
    "left_shoulder": 5, "left_elbow": 7, "left_wrist": 9, "right_shoulder": 6, "right_elbow": 8, "right_wrist": 10,
}  # fmt: skip


def demo(*arguments: str, timeout: int = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "launch" / "demo.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """Picture FRAME of the bundled clip of two people, camera 0."""
    video = VideoRecording(DUO / "cam0.mp4", "cam0")
    image = video.picture(FRAME)
    assert image is not None
    image = image.copy()
    video.close()
    return image


def true_people(camera: Camera) -> np.ndarray:
    """(people, 18, 3) metres in the camera's axes; joints that the truth does not have are made from others."""
    truth = np.load(DUO / "truth.npz")["xyz"][FRAME].astype(np.float64)  # (people, 23, 3) world
    people = np.full((len(truth), len(H36M_18), 3), np.nan)
    for name, index in H36M_OF_TRUTH.items():
        people[:, H36M_18.index(name)] = truth[:, index]
    hips = (truth[:, 11] + truth[:, 12]) / 2
    for k, name in enumerate(("pelvis", "belly", "neck", "nose", "head", "thorax")):
        people[:, H36M_18.index(name)] = hips + np.array([0, 0, 0.12 * k])
    return camera.in_camera(people)


@pytest.mark.parametrize("preset", ["compat", "clean"])
def test_exact_networks_give_people_to_a_millimetre(picture, preset) -> None:
    """From picture, boxes and lens to the camera's space: only the networks' answers are given."""
    pytest.importorskip("torch", reason="RootNet's own distance is part of the test")
    from posecap.launch.demo_mppe import AbsolutePeople
    from posecap.models.rootnet import k_value

    camera = load_rig(DUO / "rig.yaml").cameras[0]
    truth = true_people(camera)
    normalised = camera.project((truth - camera.t) @ camera.R)  # (people, 18, 2) px, with the lens
    boxes = np.array([[*xy.min(axis=0) - 6, *xy.max(axis=0) + 6, 0.9] for xy in normalised])
    half = 0.5 if preset == "clean" else 0.0
    squares = [person_box(tuple(box[:4] + half), camera.size_px, centred=preset == "clean") for box in boxes]
    root = H36M_18.index("pelvis")
    seen = {}

    def pose(crops: np.ndarray) -> np.ndarray:
        """What an exact PoseNet would say: its own definition of voxels, from the truth.

        The original takes indices of pixels for coordinates: left + voxel * side / 64 is a pixel's index.
        """
        seen["pose"] = crops
        voxels = np.empty((len(truth), len(H36M_18), 3), np.float32)
        for k, (xyz, xy, square) in enumerate(zip(truth, normalised, squares, strict=True)):
            voxels[k, :, :2] = (xy + half - (square.left, square.top)) / square.side * 64
            voxels[k, :, 2] = ((xyz[:, 2] - xyz[root, 2]) / 1.0 + 1) / 2 * 64
        return voxels

    def rootnet(crops: np.ndarray, k: np.ndarray) -> np.ndarray:
        seen["k"] = k
        cells = pose(crops)[:, root, :2]
        gamma = 1e3 * truth[:, root, 2:] / [[k_value((736.0, 735.36), (s.side, s.side))] for s in squares]
        return np.concatenate([cells, gamma * k], axis=1)

    spec = network("posenet-18", preset)
    system = AbsolutePeople(
        H36M_18, lambda image: boxes, pose, rootnet, (spec.picture, spec.picture), preset=preset
    )
    people = system.people([DemoPicture("duo", "duo.png", picture, None, camera)])
    assert len(people) == 2
    for person, true, xy in zip(people, truth, normalised, strict=True):
        np.testing.assert_allclose(person.xyz_mm, 1e3 * true, atol=1.0)
        np.testing.assert_allclose(person.root_mm, 1e3 * true[root], atol=1.0)
        np.testing.assert_allclose(person.xy[0], xy, atol=0.01)
    # the crop shows what the voxels speak of: its middle is the middle of the box
    back = seen["pose"][0, :, 128, 128] * spec.picture.std + spec.picture.mean
    shown = back * spec.picture.divisor
    x, y = np.rint((boxes[0, :2] + boxes[0, 2:4]) / 2).astype(int)
    np.testing.assert_allclose(shown, picture[y, x, ::-1].astype(float), atol=12)


@pytest.mark.parametrize("preset", ["compat", "clean"])
def test_a_network_that_finds_a_dot_in_its_crop_finds_it_in_the_picture(preset) -> None:
    """Crops of 512 px; indices for coordinates in the original's preset, centres in the other."""
    pytest.importorskip("torch", reason="RootNet's file imports it")
    from posecap.launch.demo_mppe import AbsolutePeople

    image = np.zeros((480, 640, 3), np.uint8)
    cv2.circle(image, (350, 210), 12, (255, 255, 255), -1)
    half = 0.5 if preset == "clean" else 0.0

    def pose(crops: np.ndarray) -> np.ndarray:
        shown = crops[0, 0]
        rows, columns = np.mgrid[:256, :256]
        index = np.array([(shown * columns).sum(), (shown * rows).sum()]) / shown.sum()
        return np.tile(np.append((index + half) / 4, VOXELS / 2), (1, 18, 1))

    given = replace(network("posenet-18", preset).picture, std=(1.0,) * 3, mean=(0.0,) * 3)
    boxes = np.array([[100.0, 10, 509.6, 400, 1.0]])
    system = AbsolutePeople(H36M_18, lambda image: boxes, pose, 3000.0, (given, given), preset=preset)
    camera = CameraChoice(focal_px=500.0).camera((640, 480))
    person = system.people([DemoPicture("a", "a", image, None, camera)])[0]
    np.testing.assert_allclose(person.xy[0, 0], (350, 210), atol=0.05)


@pytest.mark.parametrize("name", ["pose-mobilenet-v2", "weakly-supervised-50", "posenet-18"])
@pytest.mark.parametrize("preset", ["compat", "clean"])
def test_mirrored_crops_are_put_back_before_the_mean(name, preset) -> None:
    """A network that finds the left wrist at a dot, the right one in the middle, and knows nothing of mirrors."""
    torch = pytest.importorskip("torch", reason="the networks need PyTorch")
    from posecap.launch.demo_readers import cells_reader, voxels_reader

    spec = network(name, preset)
    joints = PUBLISHED_SETS[spec.joints]
    left, right = joints.index("left_wrist"), joints.index("right_wrist")

    def cells(crops, exact):
        """(n, joints, 2): a left-right aware network's answer, the dot being the left wrist of whoever is shown."""
        mirrored = crops[:, 0, 0, 0] > 0  # a mark in the top left corner says that the crop is a mirror image
        dot, other = torch.tensor([20.0, 12.0]), torch.tensor([40.0, 30.0])
        found = torch.full((len(crops), len(joints), 2), 32.0)
        back = torch.tensor([exact, 0.0]), torch.tensor([-1.0, 1.0])
        for n in range(len(crops)):
            found[n, left] = back[0] + back[1] * other if mirrored[n] else dot
            found[n, right] = back[0] + back[1] * dot if mirrored[n] else other
        return found

    crops = np.zeros((1, 3, 256, 256), np.float32)
    crops[:, :, 0, -1] = 1.0
    if name == "posenet-18":
        width = 64.0 if preset == "clean" else 63.0

        def module(x):
            return torch.cat([cells(x, width), torch.full((len(x), 18, 1), 32.0)], -1)

        xy = voxels_reader(spec, module, True)(crops)[0, :, :2]
        np.testing.assert_allclose(xy[[left, right]], [(20, 12), (40, 30)], atol=1e-4)
    else:
        from posecap.models.heatmap_targets import gaussian_targets

        def module(x):  # cell 63 - c in the mirror without the shift, 64 - c with it
            maps, _ = gaussian_targets(cells(x, 64.0 if preset == "clean" else 63.0), (64, 64))
            return (maps, maps) if "depth" in spec.outputs else maps

        if hasattr(spec.module(), "decoding"):
            module.decoding = spec.module().decoding
        xy = cells_reader(spec, module, True)(crops).xy[0]
        bias = np.array([[0, 20 / 64], [0, 40 / 64]]) if spec.options.get("y_bias") else 0.0
        np.testing.assert_allclose(xy[[left, right]] - bias, [(20, 12), (40, 30)], atol=1e-4)


def test_distance_follows_the_focal_length(picture) -> None:
    """Twice the focal length puts everybody twice as far: what a guess costs."""
    pytest.importorskip("torch", reason="RootNet's own distance is part of the test")
    from posecap.launch.demo_mppe import AbsolutePeople

    spec = network("posenet-18")
    boxes = np.array([[100.0, 100, 200, 400, 1.0]])
    middle = np.full((1, 18, 3), VOXELS / 2)
    system = AbsolutePeople(
        H36M_18,
        lambda image: boxes,
        lambda crops: middle,
        lambda crops, k: np.concatenate([middle[:, 0, :2], k], axis=1),
        (spec.picture, spec.picture),
    )
    depth = []
    for focal in (500.0, 1000.0):
        camera = CameraChoice(focal_px=focal).camera((640, 640))
        depth.append(system.people([DemoPicture("a", "a", picture, None, camera)])[0].xyz_mm[0, 2])
    assert depth[1] == pytest.approx(2 * depth[0])
    assert depth[0] == pytest.approx(2000 * 500 / (1.25 * 300))


@pytest.mark.parametrize("preset", ["compat", "clean"])
def test_a_dot_in_the_picture_comes_back_from_its_cell(preset) -> None:
    """The crop and the way back agree: a network draws what is on pixel p of its crop into cell p / 4."""
    image = np.zeros((480, 640, 3), np.uint8)
    cv2.circle(image, (350, 210), 4, (255, 255, 255), -1)
    affine = image_from_crop(Region(0, (330.0, 240.0), 200.0), (256, 256))
    seen = cut_out(image, affine, (256, 256), preset)[..., 0].astype(float)
    rows, columns = np.mgrid[:256, :256]
    pixel = np.array([(seen * columns).sum(), (seen * rows).sum()]) / seen.sum()
    np.testing.assert_allclose(
        picture_of_cells(pixel / 4, (64, 64), affine, (256, 256)), (350, 210), atol=0.1
    )


def test_plots_show_people_where_they_are() -> None:
    """In the overlay joints lie on their pixels; in the plot the nearer person is nearer to the camera."""
    xy = np.full((1, 18, 2), np.nan)
    xy[0, 0] = (300, 200)  # the pelvis alone
    person = DemoPerson(xy, np.ones((1, 18)), np.full((1, 4), np.nan))
    image = np.zeros((900, 900, 3), np.uint8)
    drawn = overlay(image, [person], H36M_18, ["one line"])
    assert tuple(drawn[200, 300]) == (90, 230, 90)
    assert not drawn[300:600].any()
    assert not image.any()
    near, far = np.full((18, 3), np.nan), np.full((18, 3), np.nan)
    near[4], far[4] = (0, 0, 2000), (0, 0, 6000)  # a left hip
    people = [DemoPerson(xy, xy[..., 0], person.boxes, xyz) for xyz in (near, far)]
    canvas = plot(people, H36M_18, "camera", ["line"])
    above = (canvas[:720, 720:] == (80, 160, 255)).all(axis=2)
    rows = np.flatnonzero(above.any(axis=1))
    top, bottom = rows[rows < rows.mean()], rows[rows > rows.mean()]
    assert bottom.mean() - top.mean() > 200  # the far one is farther up, away from the camera
    assert not np.array_equal(canvas, plot(people, H36M_18, "camera", ["line"], stamp="UNTRAINED"))
    assert plot([], H36M_18, "camera", ["nobody"]).shape == canvas.shape


def test_cameras_as_the_user_says() -> None:
    assert CameraChoice().guessed
    assert CameraChoice().camera((1920, 1080)).focal_px == 1920
    camera = camera_choice(None, 90.0, None, "").camera((1000, 500))
    assert camera.focal_px == pytest.approx(500)
    assert tuple(camera.K[:2, 2]) == (499.5, 249.5)
    calibrated = camera_choice(None, None, DUO / "rig.yaml", "cam1")
    assert not calibrated.guessed
    assert calibrated.camera((1280, 1280)).K[0, 0] == pytest.approx(2 * 734.72)
    with pytest.raises(UsageError, match="was calibrated with 640 x 640"):
        calibrated.camera((1280, 720))
    with pytest.raises(UsageError, match="has the cameras cam0, cam1, cam2, cam3: say with --camera"):
        camera_choice(None, None, DUO / "rig.yaml", "")


def test_pictures_of_folders_and_videos_come_in_order(tmp_path) -> None:
    for number in (10, 2, 1):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((20, 30, 3), number, np.uint8))
    files = picture_files([tmp_path, DUO / "cam0.mp4"], 100)
    assert files.count == 3 + 3  # of 240 pictures
    found = list(files.pictures(CameraChoice()))
    assert [one.name for one in found] == ["1", "2", "10", "cam0_00000", "cam0_00100", "cam0_00200"]
    assert found[4].t_s == pytest.approx(100 / 30, abs=1e-3)
    assert found[0].size_px == (30, 20)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no system named: see --list"),
        (("posenet-19", "x.png"), "no system 'posenet-19', there are blazepose-lite, "),
        (("movenet-multipose", "x.png"), "movenet-multipose finds people, not joints"),
        (("rootnet", "x.png"), "rootnet finds roots only: run posenet-18 or posenet-21"),
        (("rpsm", "x.png"), "no system 'rpsm', there are blazepose-lite, "),
        (("posenet-18",), "no picture given"),
        (("posenet-18", "{folder}/none.png"), "none.png does not exist: check the path"),
        (("posenet-18", "{folder}"), "has no pictures"),
        (("posenet-18", "{picture}"), "posenet-18 has no trained weights, and posecap ships none: give --checkpoint"),
        (
            ("posenet-18", "{picture}", "--focal", "900", "--fov", "60"),
            "--focal and --fov say the same thing: keep one",
        ),
        (("blazepose-full", "{picture}", "--preset", "clean"), "leave out --preset"),
        (("posenet-18", "{picture}", "--preset", "old"), "--preset 'old' is unknown"),
        (("blazepose-full", "{picture}", "--flip"), "leave out --flip"),
        (("blazepose-full", "{picture}", "--set", "joints=3"), "leave out --set"),
        (("blazepose-full", "{broken}"), "broken.png is not a picture that can be read"),
    ],
)  # fmt: skip
def test_a_wrong_request_ends_with_one_sentence(arguments, message, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.png").write_bytes(b"no picture")
    cv2.imwrite(str(tmp_path / "picture.jpg"), np.zeros((64, 64, 3), np.uint8))
    places = {
        "folder": tmp_path / "empty",
        "broken": tmp_path / "broken.png",
        "picture": tmp_path / "picture.jpg",
    }
    wanted = [text.format(**places) for text in arguments]
    done = CliRunner().invoke(app, [*wanted, "--out", str(tmp_path / "out")])
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1


def test_files_belong_to_the_cameras_whose_names_they_bear(tmp_path) -> None:
    rig = load_rig(DUO / "rig.yaml")

    def files(*names: str) -> list[Path]:
        for name in names:
            cv2.imwrite(str(tmp_path / name), np.zeros((320, 320, 3), np.uint8))
        return [tmp_path / name for name in names]

    def assigned(paths: list[Path]) -> dict[str, str]:
        return {name: path.name for name, path in files_of_cameras(paths, rig).items()}

    assert assigned(files("cam2.png", "cam0.png")) == {"cam2": "cam2.png", "cam0": "cam0.png"}
    assert assigned(files("walk_cam1_7.png", "walk_cam3_7.png"))["cam3"] == "walk_cam3_7.png"
    assert list(assigned(files("d.png", "a.png", "c.png", "b.png"))) == ["cam0", "cam1", "cam2", "cam3"]
    with pytest.raises(UsageError, match=r"2 files for the cameras cam0, .*: call each file like its camera"):
        assigned(files("a.png", "b.png"))
    with pytest.raises(UsageError, match="pictures and videos do not go together"):
        assigned([*files("cam0.png"), DUO / "cam1.mp4"])
    half, sets = still_sets(rig, files_of_cameras(files("cam2.png", "cam0.png"), rig), 3)
    assert half.names == ("cam0", "cam2")  # in the order of the rig
    assert half.cameras[1].size_px == (320, 320)
    assert half.cameras[1].focal_px == pytest.approx(rig.cameras[2].focal_px / 2)
    assert [frame.camera for frame in sets[2].frames if frame is not None] == ["cam0", "cam2"]
    cv2.imwrite(str(tmp_path / "cam1.png"), np.zeros((200, 320, 3), np.uint8))
    with pytest.raises(
        UsageError, match=r"cam1\.png has 320 x 200 px, camera 'cam1' was calibrated with 640 x 640"
    ):
        still_sets(rig, {"cam1": tmp_path / "cam1.png"}, 1)


def test_weights_of_another_rig_are_refused(tmp_path) -> None:
    pytest.importorskip("torch", reason="the networks need PyTorch")
    from posecap.models.checkpoints import save_checkpoint
    from posecap.runtime.trained_rig import rig_record

    spec = network("cross-view-mobilenet-v2")
    spec = replace(
        spec, options={**spec.options, "side_px": 32}, picture=replace(spec.picture, size_px=(32, 32))
    )
    rig = load_rig(DUO / "rig.yaml")
    other = Rig(tuple(reversed(rig.cameras)))
    path = tmp_path / "weights.pth"
    located = (H36M_18, np.zeros((1, 18, 3)))
    for trained in (rig, other):
        save_checkpoint(path, spec.module(), spec, rig=rig_record(trained))
        options = DemoOptions(checkpoint=path)
        if trained is rig:
            assert open_views(spec.name, options, rig, located, print).spec.picture.size_px == (32, 32)
            continue
        with pytest.raises(
            UsageError, match=r"trained for a rig whose camera \d stands .*trained for this rig"
        ):
            open_views(spec.name, options, rig, located, print)


def test_pictures_of_one_name_keep_their_own_drawings(tmp_path) -> None:
    class Nobody:
        joint_set, frame, preset, checkpoints = H36M_18, "", "", ("weights",)

    output = DemoOutput(tmp_path, "net", Nobody(), False, single=False, untrained=False)
    for source in ("a/x.png", "b/x.png"):
        output.add([DemoPicture("x", source, np.zeros((64, 64, 3), np.uint8))], [])
    assert [path.name for path in output.written] == ["net_x_overlay.png", "net_x_2_overlay.png"]


@pytest.mark.slow
def test_the_live_model_finds_both_people(picture, tmp_path) -> None:
    """Trained weights, the whole path: limbs lie within 30 px of the truth in a picture of 640."""
    from posecap.models.weights import present

    if not (present("blazepose-full") and present("movenet-multipose")):
        pytest.skip("weights are not here: python launch/fetch.py weights")
    file = tmp_path / "duo.png"
    cv2.imwrite(str(file), picture)
    done = demo("blazepose-full", str(file), "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert "there is no 3D plot" in done.stdout
    content = json.loads((tmp_path / "out" / "blazepose-full.json").read_text())
    assert not content["untrained"]
    people = content["pictures"][0]["people"]
    assert len(people) == 2
    camera = load_rig(DUO / "rig.yaml").cameras[0]
    truth = np.load(DUO / "truth.npz")["xyz"][FRAME].astype(np.float64)
    for person in people:
        xy = np.array(person["xy_px"][0], dtype=float)
        hips = [content["joints"].index(f"{side}_hip") for side in ("left", "right")]
        away = [np.abs(xy[hips] - camera.project(one)[[11, 12]]).max() for one in truth]
        assert min(away) < 30


@pytest.mark.slow
def test_untrained_networks_are_stamped_and_say_so(picture, tmp_path) -> None:
    pytest.importorskip("torch", reason="the networks need PyTorch")
    file, out = tmp_path / "duo.png", tmp_path / "out"
    cv2.imwrite(str(file), picture)
    done = demo("posenet-18", str(file), "--untrained", "--box", "60,210,160,460", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "the focal length is guessed" in done.stdout
    content = json.loads((out / "posenet-18.json").read_text())
    assert content["untrained"]
    assert content["checkpoints"] == [None, None]
    assert content["pictures"][0]["cameras"][0]["guessed"]
    assert np.shape(content["pictures"][0]["people"][0]["xyz_mm"]) == (18, 3)
    drawn = cv2.imread(str(out / "posenet-18_overlay.png"))
    red = (drawn[:250, :, 2].astype(int) - drawn[:250, :, 1] > 80).mean()
    assert red > 0.01
    assert (out / "posenet-18_3d.png").exists()


@pytest.mark.slow
def test_nobody_is_said_and_is_a_failure(tmp_path) -> None:
    from posecap.models.weights import present

    if not (present("blazepose-full") and present("movenet-multipose")):
        pytest.skip("weights are not here: python launch/fetch.py weights")
    file = tmp_path / "grey.png"
    cv2.imwrite(str(file), np.full((480, 640, 3), 120, np.uint8))
    done = demo("blazepose-full", str(file), "--out", str(tmp_path / "out"))
    assert done.returncode == 1
    assert done.stderr.startswith("error: nobody was found")
    assert (tmp_path / "out" / "blazepose-full.json").exists()


class _Exact:
    """In place of the networks: what exact ones would say of a person whose joints are `truth` (17, 3) metres."""

    def __init__(self, rig: Rig, truth: np.ndarray) -> None:
        self.rig, self.truth = rig, truth
        self.settings = SimpleNamespace(units="metres, -1 to 1")

    def __call__(self, pictures, *cameras):
        import torch

        if not cameras:  # cross view: peaks where targets are drawn, 0.9 m above the root to 1.1 below
            maps = torch.stack([self._maps(camera) for camera in self.rig.cameras])[None]
            return maps, maps
        P = cameras[0][0].double().numpy()  # canonical: the projections say where its cells are
        seen = np.einsum("vij,kj->vki", P, np.column_stack([self.truth, np.ones(len(self.truth))]))
        return torch.from_numpy(seen[..., :2] / seen[..., 2:])[None], torch.from_numpy(self.truth)[None]

    def _maps(self, camera: Camera):
        import torch

        from posecap.models.heatmap_sampling import heatmap_from_image
        from posecap.models.heatmap_targets import gaussian_targets

        root = self.truth[0]
        edge = 2.0 * camera.focal_px / camera.in_camera(root)[2]
        middle = torch.from_numpy(camera.project(root) + np.array([0.0, 0.05 * edge]))
        A = heatmap_from_image(middle, torch.tensor(edge, dtype=torch.float64), 64).numpy()
        cells = camera.project(self.truth) @ A[:, :2].T + A[:, 2]
        maps, _ = gaussian_targets(torch.from_numpy(cells), (64, 64))
        return maps


@pytest.mark.parametrize("name", ["cross-view-resnet-50", "canonical-fusion"])
def test_exact_joints_in_every_view_meet_in_the_room(name) -> None:
    """Crops, their projections and the way back, for pictures whose lenses were taken out."""
    pytest.importorskip("torch", reason="the networks need PyTorch")
    spec = network(name)
    rig = PinholeViews(load_rig(DUO / "rig.yaml")).rig
    rng = np.random.default_rng(1)
    truth = np.array([0.0, 0.0, 0.9]) + rng.uniform((-0.4, -0.4, -0.8), (0.4, 0.4, 0.8), (20, 3))
    truth[0] = (0.0, 0.0, 0.9)
    pictures = [
        DemoPicture(one.name, "rig", np.zeros((640, 640, 3), np.uint8), 0.0, one) for one in rig.cameras
    ]
    system = ViewsNetwork(rig, spec, _Exact(rig, truth), truth[:1], checkpoints=("exact",))
    person = system.people(pictures)[0]
    assert person.xyz_mm is not None
    np.testing.assert_allclose(person.xyz_mm, 1e3 * truth, atol=0.5)
    np.testing.assert_allclose(person.xy[2], rig.cameras[2].project(truth), atol=0.05)
    left, _, right, _ = person.boxes[2]
    assert right - left == pytest.approx(2 * rig.cameras[2].focal_px / rig.cameras[2].in_camera(truth[0])[2])


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("after_s", [4, 7, 9])
def test_ctrl_c_ends_a_demo_wherever_it_is(after_s, tmp_path) -> None:
    """Also in the middle of a network, whose compiled code no signal handler may interrupt."""
    pytest.importorskip("torch", reason="the networks need PyTorch")
    rig = str(ROOT / "calib" / "rig.yaml")
    command = [sys.executable, str(ROOT / "launch" / "demo.py"), "canonical-fusion", "--untrained"]
    command += ["--cams", rig, "--out", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(after_s)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode in (0, 130)  # 0 where it had ended before
    assert "Traceback" not in said
