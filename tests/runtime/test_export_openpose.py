"""OpenPose files: the right keypoint in the right place, in 3D and in every picture."""

import json

import numpy as np
import pytest
from exported_take import expected_xyz, exported_take
from scene import ring_rig

from posecap.calib.triangulate import triangulate
from posecap.models.joints import COCO_17
from posecap.runtime.errors import ExportError
from posecap.runtime.export_openpose import ORDERS, write_openpose
from posecap.runtime.export_trc import marker_name

RIG = ring_rig(4)
BODY_25 = (  # noqa: SIM905 - OpenPose's own numbers
    "Nose Neck RShoulder RElbow RWrist LShoulder LElbow LWrist MidHip RHip RKnee RAnkle LHip LKnee LAnkle REye LEye "
    "REar LEar LBigToe LSmallToe LHeel RBigToe RSmallToe RHeel"
).split()


def people_of(folder, camera, frame):
    path = folder / f"{camera}_json" / f"{camera}_{frame:012d}_keypoints.json"
    people = json.loads(path.read_text())["people"]
    return {
        person["person_id"][0]: (
            np.array(person["pose_keypoints_2d"]).reshape(-1, 3),
            np.array(person["pose_keypoints_3d"]).reshape(-1, 4),
        )
        for person in people
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("openpose")
    assert write_openpose(exported_take(RIG.id), place, RIG) == 4 * 40
    return place


def test_keypoints_are_in_the_order_of_body_25(folder):
    solid = people_of(folder, "cam00", 15)[12][1]
    truth = expected_xyz()[15, 1]
    for coco, body in (
        ("nose", "Nose"), ("right_wrist", "RWrist"), ("left_wrist", "LWrist"), ("right_hip", "RHip"),
        ("left_ankle", "LAnkle"), ("right_eye", "REye"), ("left_ear", "LEar"),
    ):  # fmt: skip
        np.testing.assert_allclose(solid[BODY_25.index(body), :3], truth[COCO_17.index(coco)], atol=1e-6)
    hips = truth[[COCO_17.index("left_hip"), COCO_17.index("right_hip")]].mean(axis=0)
    np.testing.assert_allclose(solid[BODY_25.index("MidHip"), :3], hips, atol=1e-6)
    assert not solid[19:].any()  # no feet in COCO-17
    assert solid[0, 3] == 0.75  # three of four cameras


def test_pictures_agree_with_the_world(folder):
    """What the files say of the pictures triangulates to the joints themselves."""
    pixels = np.stack([people_of(folder, name, 15)[12][0] for name in RIG.names])
    assert (pixels[:, :19, 2] == 0.75).all()
    rays = np.stack([camera.undistorted(pixels[k, :19, :2]) for k, camera in enumerate(RIG.cameras)])
    extrinsics = np.stack([camera.cam_from_world[:3] for camera in RIG.cameras])
    xyz = triangulate(rays, np.full(rays.shape[:2], 1e-6), extrinsics).xyz
    np.testing.assert_allclose(xyz, people_of(folder, "cam00", 15)[12][1][:19, :3], atol=1e-4)


def test_unknown_joints_have_no_confidence(folder):
    plane, solid = people_of(folder, "cam02", 6)[3]
    assert not plane[BODY_25.index("LElbow")].any()
    assert not solid[BODY_25.index("LElbow")].any()
    assert solid[BODY_25.index("RElbow"), 3] > 0


def test_absent_people_are_absent_and_frames_are_all_there(folder):
    assert set(people_of(folder, "cam01", 0)) == {3}
    assert set(people_of(folder, "cam01", 21)) == {12}
    assert set(people_of(folder, "cam01", 35)) == set()  # never recorded
    assert set(people_of(folder, "cam01", 39)) == {3, 12}
    assert len(list((folder / "cam01_json").iterdir())) == 40


def test_joints_outside_a_picture_are_unknown_in_it_only(tmp_path):
    take = exported_take(RIG.id)
    take.xyz[15, 1, 9] = np.add(RIG.cameras[0].centre, (0, 0, 1))  # above the lens of the first camera
    write_openpose(take, tmp_path, RIG)
    plane, solid = people_of(tmp_path, "cam00", 15)[12]
    assert not plane[BODY_25.index("LWrist")].any()
    assert solid[BODY_25.index("LWrist"), 3] == 0.75


def test_names_of_body_25_are_openposes():
    assert ["MidHip" if name == "hip" else marker_name(name) for name in ORDERS["body_25"]] == BODY_25


@pytest.mark.parametrize("order", ORDERS)
def test_every_order_has_its_names_in_place(tmp_path, order):
    write_openpose(exported_take(RIG.id), tmp_path, RIG, order)
    solid = people_of(tmp_path, "cam00", 15)[12][1]
    assert len(solid) == {"body_25": 25, "coco_18": 18, "coco_17": 17}[order]
    knee = expected_xyz()[15, 1, COCO_17.index("left_knee")]
    np.testing.assert_allclose(solid[ORDERS[order].index("left_knee"), :3], knee, atol=1e-6)


def test_another_rig_or_order_is_refused(tmp_path):
    with pytest.raises(ExportError, match="the poses were made with 0123456789ab: give theirs with --rig"):
        write_openpose(exported_take(), tmp_path, RIG)
    with pytest.raises(ExportError, match="no order 'body', there are body_25, coco_18, coco_17"):
        write_openpose(exported_take(RIG.id), tmp_path, RIG, "body")
