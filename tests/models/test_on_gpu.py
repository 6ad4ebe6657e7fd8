"""The networks on an accelerator: the numbers of the originals there too, and RPSM's joints those of the processor."""

import pytest

torch = pytest.importorskip("torch", reason="the networks need PyTorch")

from heatmap_scene import LIMBS_M, heatmap_scene  # noqa: E402
from parity import compare, filled, parity  # noqa: E402

from posecap.models.networks import network  # noqa: E402
from posecap.models.rpsm import CLEAN, COMPAT, Rpsm, exportable  # noqa: E402

DEVICE = "cuda"

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


@pytest.fixture(autouse=True)
def exact_products():
    """Products of full precision: TF32 has ten bits."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


@pytest.mark.gpu
@needs_gpu
@torch.no_grad()
@pytest.mark.parametrize(
    ("place", "name", "images", "output", "array"),
    [
        ("weakly_supervised/resnet50", "weakly-supervised-50", "image_u8_bgr", 0, "hm"),
        ("posenet/j18", "posenet-18", "image_u8_bgr", None, "coord"),
    ],
)
def test_the_numbers_of_the_originals(place, name, images, output, array) -> None:
    fixture, spec = parity(place), network(name, "compat")
    module = filled(spec.module(), fixture).to(DEVICE)
    found = module(torch.from_numpy(spec.picture.prepare(fixture[images])).to(DEVICE))
    found = found if output is None else found[output]
    if array == "coord":
        compare(array, found.cpu(), fixture, absolute=1e-3)
    else:
        compare(array, found.cpu(), fixture, relative=1e-4)


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("settings", [CLEAN, COMPAT])
def test_rpsm_finds_the_joints_that_the_processor_finds(settings) -> None:
    scene = heatmap_scene(4)
    lengths = torch.from_numpy(LIMBS_M).expand(4, -1)
    root = torch.from_numpy(scene.xyz[:, 0])
    inputs = (scene.heatmaps, *scene.views, root, lengths, torch.full_like(lengths, 0.01))
    module = Rpsm(settings)
    there, evidence = module.to(DEVICE)(*(one.to(DEVICE) for one in inputs))
    here, expected = module.to("cpu")(*inputs)
    torch.testing.assert_close(there.cpu(), here, rtol=0, atol=1e-9, equal_nan=True)
    torch.testing.assert_close(evidence.cpu(), expected, rtol=1e-9, atol=1e-9)


def test_rpsm_brings_nothing_of_its_own_from_another_device() -> None:
    """Without any accelerator: on the device that has no numbers, tensors of the processor are refused."""
    inputs = [tensor.to("meta") for tensor in network("rpsm").example_inputs(2)]
    xyz, evidence = exportable().to("meta")(*inputs)
    assert xyz.shape == (2, 17, 3)
    assert evidence.device.type == "meta"
