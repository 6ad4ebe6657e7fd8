"""3DMPPE: the numbers of the original networks, and the way back from voxels to the camera's space."""

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from parity import compare, filled, parity  # noqa: E402

from posecap.models.checkpoints import load_checkpoint  # noqa: E402
from posecap.models.mppe_losses import coordinate_loss  # noqa: E402
from posecap.models.networks import network  # noqa: E402
from posecap.models.posenet import VOXELS, mirrored_mean  # noqa: E402
from posecap.models.posenet_box import (  # noqa: E402
    DEPTH_MM,
    PersonBox,
    camera_from_voxels,
    person_box,
    picture_from_voxels,
)
from posecap.models.rootnet import k_value  # noqa: E402

K = np.array([[1500.0, 0, 959.5], [0, 1500.0, 539.5], [0, 0, 1]])


@torch.no_grad()
def test_posenet_gives_the_numbers_of_the_original() -> None:
    fixture = parity("posenet/j18")
    spec = network("posenet-18", "compat")
    module = filled(spec.module(), fixture)
    x = torch.from_numpy(spec.picture.prepare(fixture["image_u8_bgr"]))
    features = module.backbone(x)
    volumes = module.volumes(features)
    compare("feature_mean", features.mean((2, 3)), fixture, relative=1e-4)
    compare("hm_slice", volumes[:, :, ::8, ::8, ::8], fixture, relative=1e-4)
    compare("hm_mean", volumes.mean((2, 3, 4)), fixture, relative=1e-4)
    compare("coord", module(x), fixture, absolute=1e-3)
    with pytest.raises(AssertionError, match="coord"):  # the clean preset divides by 255
        compare("coord", module(x / 255), fixture, absolute=1e-3)


def test_the_loss_is_that_of_the_original() -> None:
    fixture = parity("posenet/j18")
    coordinates, target, visible = (
        torch.from_numpy(fixture[name]) for name in ("coord", "target_coord", "target_vis")
    )
    for has_depth in (1.0, 0.0):
        loss = coordinate_loss(coordinates, target, visible, torch.full((1, 1, 1), has_depth))
        np.testing.assert_allclose(loss, fixture[f"loss_depth{has_depth:.0f}"], rtol=1e-5)


@torch.no_grad()
def test_rootnet_gives_the_numbers_of_the_original() -> None:
    fixture = parity("rootnet/resnet50")
    spec = network("rootnet", "compat")
    module = filled(spec.module(), fixture)
    x, k = (
        torch.from_numpy(spec.picture.prepare(fixture["image_u8_bgr"])),
        torch.from_numpy(fixture["k_value"]),
    )
    features = module.backbone(x)
    compare("feature_mean", features.mean((2, 3)), fixture, relative=1e-4)
    compare("xy_heatmap", module.root.heatmap(features), fixture, relative=1e-4)
    compare("gamma", module.root.gamma(features), fixture, relative=1e-4)
    found = module(x, k)
    np.testing.assert_allclose(found[:, :2], fixture["coord"][:, :2], atol=1e-3)
    np.testing.assert_allclose(found[:, 2], fixture["coord"][:, 2], rtol=1e-4)
    assert k_value((1500.0, 1500.0), (300.0, 300.0)) == pytest.approx(
        float(fixture["k_value"][0, 0]), rel=1e-6
    )


def test_the_loss_has_the_right_gradient() -> None:
    rng = torch.Generator().manual_seed(0)
    found = torch.rand(2, 5, 3, dtype=torch.float64, generator=rng, requires_grad=True)
    target = torch.rand(2, 5, 3, dtype=torch.float64, generator=rng)
    visible = (torch.rand(2, 5, 1, dtype=torch.float64, generator=rng) > 0.3).double()
    has_depth = torch.tensor([1.0, 0.0], dtype=torch.float64).reshape(2, 1, 1)
    assert torch.autograd.gradcheck(lambda x: coordinate_loss(x, target, visible, has_depth), found)


def test_unknown_targets_count_neither_in_the_loss_nor_in_its_gradient() -> None:
    """NaN = unknown: an unseen joint, the depth of a 2D data set, and a coordinate that nobody marked as unknown."""
    found = torch.full((2, 3, 3), 5.0, requires_grad=True)
    target = torch.full((2, 3, 3), 2.0)
    target[0, 1] = torch.nan
    target[1, :, 2] = torch.nan
    target[0, 2, 0] = torch.nan
    visible = torch.ones(2, 3, 1)
    visible[0, 1] = 0.0
    has_depth = torch.tensor([1.0, 0.0]).reshape(2, 1, 1)
    loss = coordinate_loss(found, target, visible, has_depth)
    np.testing.assert_allclose(loss.detach(), [[3.0, 0.0, 2.0], [2.0, 2.0, 2.0]])
    loss.mean().backward()
    assert found.grad is not None
    counted = found.grad * 18
    expected = [[[1, 1, 1], [0, 0, 0], [0, 1, 1]], [[1, 1, 0]] * 3]
    np.testing.assert_allclose(counted, expected)


@pytest.mark.parametrize(("name", "centred"), [("posenet-18", True), ("posenet-18", False)])
def test_a_joint_at_a_known_voxel_is_found_there(name: str, centred: bool) -> None:
    """Voxel (x, y, z) = (40, 21, 9) is the only one that is not empty."""
    module = network(name).module(centred=centred).eval()
    volume = torch.zeros(1, 18, VOXELS, VOXELS, VOXELS)
    volume[:, :, 9, 21, 40] = 100.0
    half = 0.5 if centred else 0.0
    np.testing.assert_allclose(module.soft_argmax(volume)[0, 3], [40 + half, 21 + half, 9 + half], atol=1e-4)


@pytest.mark.parametrize("centred", [True, False])
def test_the_mirror_changes_nothing_where_the_network_is_symmetric(centred: bool) -> None:
    joints = torch.tensor([[[10.0, 5, 5], [50, 6, 7]]])
    mirror = joints[:, [1, 0]].clone()
    mirror[..., 0] = (64 if centred else 63) - mirror[..., 0]
    torch.testing.assert_close(mirrored_mean(joints, mirror, [(0, 1)], centred), joints)


def test_voxels_come_back_to_where_the_joints_are() -> None:
    xyz = np.array([[120.0, -340.0, 4100.0], [-200.0, 80.0, 3700.0], [0.0, 600.0, 4000.0]])  # mm, camera axes
    pixel = (xyz @ K.T)[:, :2] / xyz[:, 2:]
    box = person_box((800.0, 250.0, 1150.0, 900.0), (1920, 1080))
    assert box is not None
    crop = pixel @ box.crop_from_picture[:, :2].T + box.crop_from_picture[:, 2]  # pixel centres of 256 x 256
    voxels = np.column_stack([(crop + 0.5) / 4, (xyz[:, 2] - 4000.0) / DEPTH_MM * VOXELS + VOXELS / 2])
    np.testing.assert_allclose(camera_from_voxels(voxels, box, K, 4000.0), xyz, atol=1e-9)


@pytest.mark.parametrize("side", [64.0, 256.0, 512.0, 1024.0])
def test_pixels_of_the_original_come_back_through_its_crop(side: float) -> None:
    """Its crop is (px - left) * 256 / side, its way back left + voxel * side / 64: indices, no half pixels."""
    box = PersonBox(200.0, 120.0, side, centred=False)
    pixel = np.array([[200.0, 120.0], [300.0, 150.5], [911.0, 77.0]])
    crop = pixel @ box.crop_from_picture[:, :2].T + box.crop_from_picture[:, 2]
    np.testing.assert_allclose(crop, (pixel - [200, 120]) * 256 / side)
    voxels = np.column_stack([crop / 4, np.full(3, VOXELS / 2)])
    np.testing.assert_allclose(picture_from_voxels(voxels, box), pixel, atol=1e-9)
    xyz = camera_from_voxels(voxels, box, K, 3000.0)
    np.testing.assert_allclose((xyz @ K.T)[:, :2] / xyz[:, 2:], pixel, atol=1e-9)
    # the other preset's box is half a pixel off on the way back, and half a pixel of the crop on the way there
    other = PersonBox(200.0, 120.0, side)
    np.testing.assert_allclose(picture_from_voxels(voxels, other), pixel - 0.5, atol=1e-9)
    shifted = pixel @ other.crop_from_picture[:, :2].T + other.crop_from_picture[:, 2]
    np.testing.assert_allclose(shifted - crop, (256 / side - 1) / 2, atol=1e-9)


@pytest.mark.parametrize("centred", [True, False])
def test_a_dot_comes_back_from_its_crop_and_volume(centred: bool) -> None:
    """Picture, crop, exact heatmap, expectation, and back: each preset agrees with itself."""
    image = np.zeros((480, 640), np.float32)
    cv2.circle(image, (350, 210), 12, 1.0, -1)
    box = person_box((250.0, 100.0, 450.0, 305.0), (640, 480), centred=centred)
    assert box is not None
    assert box.centred == centred
    crop = cv2.warpAffine(image, box.crop_from_picture, (256, 256), flags=cv2.INTER_LINEAR)
    rows, columns = np.mgrid[:256, :256]
    found = np.array([(crop * columns).sum(), (crop * rows).sum()]) / crop.sum()  # a pixel's index
    voxels = np.append((found + 0.5) / 4 if centred else found / 4, VOXELS / 2)[None]
    np.testing.assert_allclose(picture_from_voxels(voxels, box)[0], (350, 210), atol=0.05)


def test_boxes_are_square_a_quarter_larger_and_of_what_is_in_the_picture() -> None:
    box = person_box((-100.0, 100.0, 300.0, 700.0), (640, 480))
    assert box is not None
    assert box.side == 1.25 * 380  # 100 to 480 is taller than 0 to 300 is wide
    assert (box.left + box.side / 2, box.top + box.side / 2) == (150.0, 290.0)
    assert person_box((700.0, 10.0, 800.0, 90.0), (640, 480)) is None


@pytest.mark.parametrize("name", ["posenet-18", "posenet-21", "rootnet"])
def test_files_of_the_original_load_with_no_key_left_over(name: str, tmp_path) -> None:
    spec = network(name, "compat")
    there = {f"module.{key}": value for key, value in spec.module().state_dict().items()}
    path = tmp_path / "snapshot_24.pth.tar"
    torch.save({"epoch": 24, "network": there, "optimizer": {"state": {}, "param_groups": []}}, path)
    module = spec.module()
    load_checkpoint(path, module, spec)
    for key, value in module.state_dict().items():
        assert torch.equal(value, there[f"module.{key}"])
