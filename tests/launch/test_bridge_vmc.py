import msgspec
import numpy as np
from bridged import Bridged
from example_messages import pose_message
from moving_skeleton import moving
from osc_receiver import OscReceiver
from scipy.spatial.transform import Rotation

from posecap.launch.bridge_vmc import VmcBridge, bone_names, unity_quaternion
from posecap.models.joints import BLAZEPOSE_33, COCO_17, H36M_17
from posecap.runtime.messages import Person, PoseMessage
from posecap.runtime.skeleton import layout_of

BONE = "/VMC/Ext/Bone/Pos"
COCO_BONES = {
    "Hips", "Spine", "Chest", "LeftUpperArm", "LeftLowerArm", "RightUpperArm", "RightLowerArm",
    "LeftUpperLeg", "LeftLowerLeg", "RightUpperLeg", "RightLowerLeg", "Neck", "Head",
}  # fmt: skip
STARTS_AT = {
    "LeftUpperArm": "left_shoulder", "LeftLowerArm": "left_elbow", "RightLowerArm": "right_elbow",
    "RightUpperLeg": "right_hip", "LeftLowerLeg": "left_knee", "RightLowerLeg": "right_knee",
}  # fmt: skip


def posed(bones: dict[str, np.ndarray], parents: dict[str, str | None]) -> dict[str, np.ndarray]:
    """Where each bone begins, from local places and rotations."""
    places, turns = {}, {}
    for name, parent in parents.items():
        place, turn = bones[name][:3], quaternion_matrix(bones[name][3:])
        places[name] = place if parent is None else places[parent] + turns[parent] @ place
        turns[name] = turn if parent is None else turns[parent] @ turn
    return places


def quaternion_matrix(q) -> np.ndarray:
    """By the formula that holds in left-handed axes as in right-handed ones."""
    x, y, z, w = q
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip


def unity(world) -> np.ndarray:
    """x right, y up, z forward of a room whose x is forward, y left, z up."""
    x, y, z = world
    return np.array([-y, z, x])


def message_of(motion, frame, ids=(5,)) -> PoseMessage:
    blank = pose_message(people=len(ids), joints=motion.skeleton.layout.joints)
    people = tuple(Person(one, 1.0) for one in ids)
    header = msgspec.structs.replace(blank.header, people=people, t_ns=int(motion.t_ns[frame]))
    shifted = [motion.xyz[frame] + np.array([0, place, 0]) for place in range(len(ids))]
    xyz = np.array(shifted, dtype=np.float32)
    return PoseMessage(header, xyz, blank.covariance, blank.residual_px, blank.views)


def sent(bridge, message) -> list[tuple[str, list]]:
    return [(one.address, one.params) for one in bridge.messages(message)]


def bones_of(messages) -> dict[str, np.ndarray]:
    return {values[0]: np.array(values[1:]) for address, values in messages if address == BONE}


def test_an_avatar_stands_where_the_person_stands():
    with OscReceiver() as receiver:
        with Bridged("vmc", "--port", str(receiver.port)) as bridged:
            messages = receiver.until(60, "/VMC/Ext/OK")
        assert bridged.process.returncode == 0
    starts = [place for place, (address, _) in enumerate(messages) if address == "/VMC/Ext/OK"]
    frame = messages[starts[-2] : starts[-1]]
    assert frame[0] == ("/VMC/Ext/OK", (1,))
    assert messages[1] == ("/VMC/Ext/T", (0.0,))
    assert frame[1][0] == "/VMC/Ext/T"
    assert 0.5 < frame[1][1][0] < 15
    assert frame[2] == ("/VMC/Ext/Root/Pos", ("root", 0, 0, 0, 0, 0, 0, 1))
    bones = bones_of(frame)
    assert set(bones) == COCO_BONES
    layout = layout_of(COCO_17.names)
    names = bone_names(layout)
    parents = {
        name: names[parent] if parent >= 0 else None
        for name, parent in zip(names, layout.parents, strict=True)
    }
    places = posed(bones, parents)
    xyz = bridged.motion.xyz
    hips = (xyz[:, COCO_17.index("left_hip")] + xyz[:, COCO_17.index("right_hip")]) / 2
    (shown,) = np.flatnonzero(np.abs(hips[:, [1, 2, 0]] * (-1, 1, 1) - places["Hips"]).max(axis=1) < 1e-5)
    for bone, joint in STARTS_AT.items():
        expected = unity(xyz[shown, COCO_17.index(joint)])
        np.testing.assert_allclose(places[bone], expected, atol=1e-4, err_msg=bone)


def test_a_turn_to_the_left_is_minus_y_in_unity():
    turned = Rotation.from_euler("Y", 90, degrees=True).as_matrix()  # left, up, forward: forward becomes left
    (quaternion,) = unity_quaternion(turned[None])
    np.testing.assert_allclose(quaternion, [0, -np.sqrt(0.5), 0, np.sqrt(0.5)], atol=1e-12)
    np.testing.assert_allclose(quaternion_matrix(quaternion) @ (0, 0, 1), (-1, 0, 0), atol=1e-12)
    (bowed,) = unity_quaternion(Rotation.from_euler("X", 90, degrees=True).as_matrix()[None])
    np.testing.assert_allclose(quaternion_matrix(bowed) @ (0, 1, 0), (0, 0, 1), atol=1e-12)


def test_bones_have_the_names_of_unity():
    ends = {"LeftHand", "RightHand", "LeftFoot", "RightFoot"}
    assert {*bone_names(layout_of(BLAZEPOSE_33.names))} == COCO_BONES | ends
    assert {"Spine", "Chest", "UpperChest"} < {*bone_names(layout_of(H36M_17.names))}


def test_one_person_is_kept_until_gone_for_a_second():
    motion = moving(COCO_17.names, frames=90)
    bridge = VmcBridge("127.0.0.1")

    def place(frame: int, ids: tuple[int, ...]) -> int | None:
        """Metres to the left of the first person at which the avatar stands."""
        bones = bones_of(sent(bridge, message_of(motion, frame, ids)))
        return round(unity(motion.root_m[frame])[0] - bones["Hips"][0]) if bones else None

    assert place(0, (7, 9)) == 0
    assert place(1, (2, 7)) == 1  # still 7, a metre to the left now
    assert place(2, (9,)) is None  # waits
    assert place(25, (9, 7)) == 1
    assert place(60, (8, 9)) == 0  # gone for more than a second: the lowest there is
    bridge.close()


def test_a_named_person_is_waited_for():
    motion = moving(COCO_17.names, frames=3)
    bridge = VmcBridge("127.0.0.1", person=9)
    absent = sent(bridge, message_of(motion, 0, (7, 8)))
    assert [address for address, _ in absent] == ["/VMC/Ext/OK", "/VMC/Ext/T"]
    assert absent[0] == ("/VMC/Ext/OK", [0])
    assert sent(bridge, message_of(motion, 1, (7, 9)))[0] == ("/VMC/Ext/OK", [1])
    bridge.close()


def test_what_is_hidden_for_a_moment_keeps_its_rotation():
    motion = moving(COCO_17.names, frames=3)
    motion.xyz[2, COCO_17.index("left_elbow")] = np.nan
    bridge = VmcBridge("127.0.0.1")
    frames = [bones_of(sent(bridge, message_of(motion, frame))) for frame in range(3)]
    assert (frames[2]["LeftUpperArm"][3:] == frames[1]["LeftUpperArm"][3:]).all()
    assert (frames[2]["RightUpperArm"][3:] != frames[1]["RightUpperArm"][3:]).any()
    bridge.close()


def test_what_was_never_seen_is_not_sent():
    motion = moving(COCO_17.names, frames=1)
    motion.xyz[0, COCO_17.index("left_knee")] = np.nan
    bridge = VmcBridge("127.0.0.1")
    bones = bones_of(sent(bridge, message_of(motion, 0)))
    assert set(bones) == COCO_BONES - {"LeftUpperLeg", "LeftLowerLeg"}
    bridge.close()
