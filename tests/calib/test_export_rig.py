"""Every kind: round trips of random rigs, what is refused, what is said, and that broken files never surprise."""

import json
import re
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_rigs import corner_rig, largest_difference_px, rigs
from written_calibrations import known_rig

from posecap.calib.camera import Camera
from posecap.calib.errors import CalibrationError
from posecap.calib.export_rig import KINDS, export_rig
from posecap.calib.import_rig import import_rig
from posecap.calib.rig import Rig
from posecap.calib.rotation import rotation_of
from posecap.calib.up_axis import UP_AXES, from_up, with_up

SIZES_UNSAID = ("human36m-h5", "human36m-json")
FOREIGN = [kind for kind in KINDS if kind != "posecap"]
SLOW = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def read(path: Path, kind: str, rig: Rig) -> Rig:
    sizes = {camera.name: camera.size_px for camera in rig.cameras}
    return import_rig(path, size_px=sizes if kind in SIZES_UNSAID else None)


def plain_rig(kind: str) -> Rig:
    """The known rig with a lens that every kind can hold."""
    k1 = np.array([-0.05, 0, 0, 0, 0])
    names = ("cam1", "cam2", "cam3")
    return Rig(
        tuple(
            replace(one, name=name, distortion=k1)
            for one, name in zip(known_rig().cameras, names, strict=True)
        )
    )


@pytest.mark.parametrize("kind", KINDS)
@SLOW
@given(data=st.data())
def test_a_round_trip_moves_no_point_by_a_hundredth_of_a_pixel(kind: str, data: st.DataObject) -> None:
    rig = data.draw(rigs(KINDS[kind].holds))
    with TemporaryDirectory() as folder:
        path = Path(folder) / KINDS[kind].name
        export_rig(rig, path, kind)
        back = read(path, kind, rig)
    assert len(back) == len(rig)
    assert largest_difference_px(rig, back, by_name=kind != "totalcapture") < 0.01
    if kind not in ("totalcapture", "pose2sim"):  # one has no names, one sorts them
        assert back.names == rig.names


@pytest.mark.parametrize("up", UP_AXES)
@pytest.mark.parametrize(("kind", "unit"), [("aniposelib", "cm"), ("aniposelib", "in"), ("opencv", "mm")])
def test_a_file_that_states_unit_and_axis_comes_back_by_itself(
    tmp_path: Path, kind: str, unit: str, up: str
) -> None:
    rig = known_rig()
    export_rig(rig, tmp_path / "there", kind, unit, up)
    assert largest_difference_px(rig, import_rig(tmp_path / "there")) < 1e-6
    there = tmp_path / "there"
    files = sorted(there.glob("*.yml")) if there.is_dir() else [there]
    text = "".join(path.read_text() for path in files)
    assert f'"{unit}"' in text
    assert f'"{up}"' in text


@pytest.mark.parametrize("up", UP_AXES)
def test_from_up_is_the_way_back(up: str) -> None:
    rig = known_rig()
    for one, other in zip(rig.cameras, with_up(from_up(rig, up), up).cameras, strict=True):
        np.testing.assert_allclose(one.cam_from_world, other.cam_from_world, atol=1e-12)
    sign, axis = (1 if up[0] == "+" else -1), "xyz".index(up[1])
    for one, other in zip(rig.cameras, from_up(rig, up).cameras, strict=True):
        assert other.centre[axis] * sign == pytest.approx(one.centre[2])


WAYS = {  # what is read where a file that should have R and t has something else
    "transposed": lambda R, t, centre: (R.T, t),
    "exchanged": lambda R, t, centre: (R, centre),
    "both": lambda R, t, centre: (R.T, centre),
}
CENTRE_WAYS = {  # and where it should have R and the camera's centre
    "transposed": lambda R, t, centre: (R.T, -R.T @ centre),
    "exchanged": lambda R, t, centre: (R, -R @ t),
    "both": lambda R, t, centre: (R.T, -R.T @ t),
}

BACKWARDS = np.diag([1.0, -1.0, -1.0])  # Qualisys' cameras look along -z
QUALISYS_WAYS = {
    "transposed": lambda R, t, centre: (BACKWARDS @ R.T @ BACKWARDS, -BACKWARDS @ R.T @ BACKWARDS @ centre),
    "exchanged": lambda R, t, centre: (R, -R @ BACKWARDS @ t),
    "both": lambda R, t, centre: (BACKWARDS @ R.T @ BACKWARDS, -BACKWARDS @ R.T @ t),
}


def _wrong(rig: Rig, way: str, kind: str) -> Rig:
    ways = CENTRE_WAYS if kind in ("human36m-h5", "human36m-toolbox") else WAYS
    ways = QUALISYS_WAYS if kind == "qualisys" else ways
    cameras = []
    for camera in rig.cameras:
        into = np.eye(4)
        into[:3, :3], into[:3, 3] = ways[way](camera.R, camera.t, camera.centre)
        cameras.append(replace(camera, cam_from_world=into))
    return Rig(tuple(cameras))


# With y up, an upright camera's rotation is half a turn, its own transpose but for the tilt: nothing tells these two.
UNDECIDED = ("totalcapture", "transposed")


@pytest.mark.parametrize(
    ("kind", "way"), sorted({(kind, way) for kind in FOREIGN for way in WAYS} - {UNDECIDED})
)
def test_extrinsics_the_wrong_way_round_are_refused(tmp_path: Path, kind: str, way: str) -> None:
    chosen, rig = KINDS[kind], corner_rig()
    path = tmp_path / chosen.name
    joints = np.random.default_rng(1).normal((3.1, -1.9, 1), (0.5, 0.5, 0.4), (200, 3))
    sizes = {camera.name: camera.size_px for camera in rig.cameras} if kind in SIZES_UNSAID else None
    export_rig(rig, path, kind)
    assert len(import_rig(path, size_px=sizes, points_m=joints)) == 4
    chosen.write(_wrong(from_up(rig, chosen.up), way, kind), path, chosen.unit, chosen.up, 1)
    # Around y, which is down there, the transposed cameras look at one place, too: only points tell.
    around_y = kind == "panoptic" and way == "transposed"
    with pytest.raises(CalibrationError) as caught:
        import_rig(path, size_px=sizes, points_m=joints if around_y else None)
    said = str(caught.value)
    assert re.search(
        r"[012] of 4 cameras look at the place .* all would if its|known points are inside", said
    ), said


def test_two_cameras_are_not_judged_by_where_they_look(tmp_path: Path) -> None:
    rig = Rig(corner_rig().cameras[:2])
    export_rig(_wrong(rig, "both", "aniposelib"), tmp_path / "a.toml", "aniposelib")
    import_rig(tmp_path / "a.toml", up="+x")


UNITS = [
    ("easymocap", "mm"), ("easymocap", "cm"), ("panoptic", "m"), ("panoptic", "mm"), ("totalcapture", "mm"),
    ("totalcapture", "cm"), ("human36m-json", "m"), ("human36m-h5", "m"), ("human36m-toolbox", "m"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "unit"), UNITS)
def test_another_unit_than_that_of_the_kind_is_refused_with_the_right_one(
    tmp_path: Path, kind: str, unit: str
) -> None:
    chosen, rig = KINDS[kind], plain_rig(kind)
    path = tmp_path / chosen.name
    chosen.write(from_up(rig, chosen.up), path, unit, chosen.up, 1)
    with pytest.raises(CalibrationError, match=f"lengths are in {chosen.unit}, expected .* unit=") as caught:
        read(path, kind, rig)
    assert f"unit='{unit}'" in str(caught.value)
    sizes = {camera.name: camera.size_px for camera in rig.cameras} if kind in SIZES_UNSAID else None
    assert largest_difference_px(rig, import_rig(path, unit, size_px=sizes)) < 1e-6


@pytest.mark.parametrize("kind", ["panoptic", "totalcapture", "easymocap", "human36m-toolbox"])
def test_another_axis_than_that_of_the_kind_is_refused_with_the_right_one(tmp_path: Path, kind: str) -> None:
    chosen, rig = KINDS[kind], plain_rig(kind)
    path = tmp_path / chosen.name
    chosen.write(from_up(rig, "-x"), path, chosen.unit, chosen.up, 1)
    with pytest.raises(CalibrationError, match=rf"upright along -x .* expected \{chosen.up}.* up='-x'"):
        read(path, kind, rig)
    assert largest_difference_px(rig, import_rig(path, up="-x")) < 1e-6


def test_known_points_tell_a_wrong_file_of_two_cameras(tmp_path: Path) -> None:
    rig = Rig(plain_rig("").cameras[:2])
    rng = np.random.default_rng(1)
    joints = rng.normal((0, 0, 1), 0.2, (100, 3))
    joints[3] = np.nan
    path = tmp_path / "cameras.json"
    export_rig(rig, path, "human36m-toolbox")
    assert import_rig(path, points_m=joints).names == rig.names
    with pytest.raises(CalibrationError, match="0% of the known points are inside its picture, expected 90%"):
        import_rig(path, points_m=joints + 30)
    with pytest.raises(CalibrationError, match="points_m has no known point"):
        import_rig(path, points_m=joints[3:4])


# ---------------------------------------------------------------- what there is no room for


def test_what_a_kind_has_no_room_for_is_refused_with_its_cost_or_left_out_and_said(tmp_path: Path) -> None:
    rig = known_rig()
    with pytest.raises(
        CalibrationError, match=r"camera 'cam_1': freemocap has no room for k3, .* 1\.13 px: .*lossy"
    ):
        export_rig(rig, tmp_path / "a.toml", "freemocap")
    assert not (tmp_path / "a.toml").exists()
    losses = export_rig(rig, tmp_path / "a.toml", "freemocap", lossy=True)
    assert str(losses[0]) == "cam_1: k3 (up to 1.13 px)"
    moved = largest_difference_px(rig, import_rig(tmp_path / "a.toml"))
    assert moved == pytest.approx(max(loss.px for loss in losses), rel=0.05)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not KINDS[kind].holds.fisheye])
def test_fisheye_lenses_are_refused_where_there_is_no_room(tmp_path: Path, kind: str) -> None:
    with pytest.raises(CalibrationError, match=f"{kind} has no room for a fisheye lens"):
        export_rig(known_rig(fisheye=True), tmp_path / "x", kind, lossy=True)
    assert not (tmp_path / "x").exists()


def _skewed() -> Rig:
    cameras = []
    for camera in plain_rig("").cameras:
        K = camera.K.copy()
        K[0, 1] = 2.0
        cameras.append(replace(camera, K=K))
    return Rig(tuple(cameras))


@pytest.mark.parametrize("kind", FOREIGN)
def test_skew_is_never_lost_silently(tmp_path: Path, kind: str) -> None:
    if KINDS[kind].holds.skew:
        losses = export_rig(_skewed(), tmp_path / "x", kind)
        assert "cam1: skew is in the file, OpenCV's model does not use it" in str(losses[0])
        assert losses[0].px > 0.5
    else:
        with pytest.raises(CalibrationError, match=f"{kind} has no room for skew"):
            export_rig(_skewed(), tmp_path / "x", kind)


def test_names_sizes_and_errors_that_do_not_come_back_are_said(tmp_path: Path) -> None:
    rig = replace(plain_rig(""), rms_px=0.3)
    said = " / ".join(str(loss) for loss in export_rig(rig, tmp_path / "a.h5", "human36m-h5"))
    assert "sizes of the pictures" in said
    assert "cam1: k1: the two-stage reader does not use it (up to " in said
    assert "error and time of the calibration do not come back" in said
    with pytest.raises(CalibrationError, match=r"camera 'cam1': .* how large its pictures are: give size_px"):
        import_rig(tmp_path / "a.h5")
    renamed = Rig(tuple(replace(one, name=f"other{k}") for k, one in enumerate(rig.cameras)))
    assert "names: " in str(export_rig(renamed, tmp_path / "a.cal", "totalcapture")[0])
    assert not export_rig(plain_rig(""), tmp_path / "a.cal", "totalcapture")


REFUSED = {
    "kind": ({"kind": "bvh"}, "kind is 'bvh', expected one of posecap, aniposelib"),
    "unit": ({"kind": "pose2sim", "unit": "mm"}, "pose2sim has lengths in m, not mm"),
    "unknown unit": ({"kind": "aniposelib", "unit": "ft"}, "unit is 'ft', expected one of m, cm, mm, in"),
    "axis": ({"kind": "panoptic", "up": "+z"}, r"panoptic has up along -y, not \+z"),
    "unknown axis": ({"kind": "aniposelib", "up": "z"}, r"up is 'z', expected one of \+x"),
    "subject": ({"kind": "human36m-json", "subject": 0}, "subject is 0, expected 1 to 99"),
}


@pytest.mark.parametrize(("options", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_asked_for(tmp_path: Path, options: dict, message: str) -> None:
    with pytest.raises(CalibrationError, match=message):
        export_rig(plain_rig(""), tmp_path / "x", **options)


@pytest.mark.parametrize("kind", KINDS)
def test_a_place_that_cannot_be_written(tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(CalibrationError, match="cannot be written"):
        export_rig(plain_rig(""), tmp_path / "file" / "x", kind)


# ---------------------------------------------------------------- broken files


@pytest.mark.parametrize("kind", KINDS)
@settings(SLOW, max_examples=40)
@given(data=st.data())
def test_broken_files_are_refused_in_a_sentence(kind: str, data: st.DataObject) -> None:
    rig = plain_rig(kind)
    with TemporaryDirectory() as folder:
        path = Path(folder) / KINDS[kind].name
        export_rig(rig, path, kind)
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        victim = data.draw(st.sampled_from(files))
        victim.write_bytes(data.draw(_broken(victim.read_bytes())))
        refusal = None
        try:
            found = read(path, kind, rig)
        except CalibrationError as error:
            refusal = str(error)
        if refusal is None:  # harmless, or a number that is another one now
            assert all(np.isfinite(camera.cam_from_world).all() for camera in found.cameras)
        else:
            assert folder in refusal
            assert "\n" not in refusal.strip()


def _broken(whole: bytes) -> st.SearchStrategy[bytes]:
    place = st.integers(0, len(whole) - 1)
    words = st.sampled_from(
        [b"9" * 400, b"9" * 200, b"\xff\xfe", b"\0", b"", b"- x", *b"nan 1e999 - [] {} null 'a' [[[[".split()]
    )
    tokens = [match.span() for match in re.finditer(rb"[-+.\w]+", whole)]

    def replaced(token: tuple[int, int], word: bytes) -> bytes:
        return whole[: token[0]] + word + whole[token[1] :]

    return st.one_of(
        place.map(lambda at: whole[:at]),
        st.tuples(place, place).map(lambda ends: whole[: min(ends)] + whole[max(ends) :]),
        st.builds(replaced, st.sampled_from(tokens), words),
        st.tuples(place, st.binary(min_size=1, max_size=8)).map(
            lambda change: whole[: change[0]] + change[1] + whole[change[0] + len(change[1]) :]
        ),
    )


# ---------------------------------------------------------------- mirrored worlds

_SWAP = np.array([[1.0, 0, 0], [0, 0, 1], [0, 1, 0]])  # y and z exchanged: left becomes right


def _mirror_json(path: Path) -> None:
    document = json.loads(path.read_text())
    entries = document.get("cameras") or document.get("extrinsics", {}).get("S1") or document
    for camera in entries if isinstance(entries, list) else entries.values():
        camera["R"] = (np.array(camera["R"]) @ _SWAP).tolist()
    path.write_text(json.dumps(document))


def _mirror(path: Path, kind: str, rig: Rig) -> None:
    if path.suffix == ".json":
        _mirror_json(path)
    elif kind == "totalcapture":
        words = [line.split() for line in path.read_text().splitlines()]
        for start in range(1, len(words), 7):
            for row in range(start + 3, start + 6):
                a, b, c = words[row]
                words[row] = [a, c, b]
        path.write_text("\n".join(map(" ".join, words)))
    elif kind == "easymocap":
        text = (path / "extri.yml").read_text()
        text = re.sub(r"R_(.|\n)*?data: .*\n", "", text)  # vectors cannot be mirrored
        for name, camera in zip(rig.names, rig.cameras, strict=True):
            values = ", ".join(map(repr, (camera.R @ _SWAP).ravel().tolist()))
            text += f"Rot_{name}: !!opencv-matrix\n   rows: 3\n   cols: 3\n   dt: d\n   data: [ {values} ]\n"
        text = re.sub(r"Rot_\w+: !!opencv-matrix\n(?=(.|\n)*Rot_)", "X\\g<0>", text, count=0)
        path.joinpath("extri.yml").write_text(_once_each(text))
    elif kind == "human36m-h5":
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "r+") as file:
            for camera in file["subject1"].values():
                camera["R"][...] = (camera["R"][...].T @ _SWAP).T


def _once_each(text: str) -> str:
    """The last of the blocks of each key."""
    head, *blocks = re.split(r"(?m)^(?=X*\w+: !!opencv-matrix)", text)
    kept = {block.partition(":")[0].lstrip("X"): block.lstrip("X") for block in blocks}
    return head + "".join(kept.values())


@pytest.mark.parametrize(
    "kind",
    ["panoptic", "human36m-json", "human36m-toolbox", "human36m-h5", "totalcapture", "easymocap"],
)
def test_mirrored_worlds_are_called_so(tmp_path: Path, kind: str) -> None:
    rig = plain_rig(kind)
    path = tmp_path / KINDS[kind].name
    export_rig(rig, path, kind)
    _mirror(path, kind, rig)
    with pytest.raises(CalibrationError, match=r"its world is mirrored \(det -1"):
        read(path, kind, rig)


def test_many_cameras_keep_their_order_in_lexical_order(tmp_path: Path) -> None:
    one = plain_rig("").cameras[0]
    cameras = []
    for k in range(12):
        turn = np.eye(4)
        turn[:3, :3] = rotation_of([0, 0, 0.5 * k])
        cameras.append(Camera(f"z{12 - k}", one.size_px, one.K, one.distortion, one.cam_from_world @ turn))
    rig = Rig(tuple(cameras))
    for kind in ("aniposelib", "caliscope", "freemocap"):
        path = tmp_path / f"{kind}.toml"
        export_rig(rig, path, kind)
        sections = re.findall(r"^\[(cam_\d+)\]", path.read_text(), re.M)
        assert sections == sorted(sections)
        assert import_rig(path).names == rig.names
    said = export_rig(rig, tmp_path / "p.toml", "pose2sim")
    assert "natural order of their names" in str(said[0])
    assert import_rig(tmp_path / "p.toml").names == tuple(f"z{k + 1}" for k in range(12))
