"""A network and its file in one step: options that the file does not tell, and no more memory than the weights need."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the networks need PyTorch")
from torch import nn  # noqa: E402

from posecap.models.checkpoints import open_network, save_checkpoint  # noqa: E402
from posecap.models.errors import CheckpointError, NetworkError  # noqa: E402
from posecap.models.networks import network  # noqa: E402
from posecap.models.unfilled import Unfilled, take_over  # noqa: E402
from posecap.models.view_fusion import trained_size  # noqa: E402

CROSS_VIEW = "cross-view-mobilenet-v2"


@pytest.fixture(scope="module")
def foreign(tmp_path_factory) -> tuple[Path, nn.Module]:
    """A file as the original program writes it, for three views of 32 px, and the network it comes from."""
    torch.manual_seed(0)
    module = network(CROSS_VIEW, "compat").module(side_px=32, views=3)
    path = tmp_path_factory.mktemp("files") / "model_best.pth.tar"
    torch.save(module.state_dict(), path)
    return path, module.eval()


def test_a_file_of_another_size_opens_with_its_options(foreign) -> None:
    path, source = foreign
    module, spec, loaded = open_network(CROSS_VIEW, path, side_px=32, views=3)
    assert loaded is not None
    assert loaded.misfits == ()
    assert (spec.preset, spec.options["side_px"], spec.options["views"]) == ("compat", 32, 3)
    assert (spec.picture.size_px, spec.picture.views) == ((32, 32), 3)
    inputs = spec.example_inputs(2)
    assert inputs[0].shape == (2, 3, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(module(*inputs), source(*inputs), rtol=0, atol=0)
    assert not module.training
    assert {key for key, weight in module.named_parameters() if weight.requires_grad} == {
        key for key, weight in source.named_parameters() if weight.requires_grad
    }


@pytest.mark.parametrize(
    ("options", "ours"), [({"side_px": 64, "views": 3}, "3 of 64"), ({"side_px": 32, "views": 4}, "4 of 32")]
)
def test_the_refusal_names_the_options_that_fit(foreign, options, ours) -> None:
    with pytest.raises(CheckpointError) as caught:
        open_network(CROSS_VIEW, foreign[0], **options)
    advice = f"fusion is of 3 views of 32 px, the network's of {ours}: open it with views=3, side_px=32"
    assert str(caught.value).endswith(advice)
    assert "aggre_layer.aggre.0.weight" in str(caught.value) or "aggre_layer.aggre.11.weight" in str(
        caught.value
    )


def test_other_misfits_have_the_usual_advice(foreign) -> None:
    with pytest.raises(CheckpointError, match="check its name and options, or load it partially"):
        open_network(CROSS_VIEW, foreign[0], side_px=32, views=3, joints=7)


def test_an_option_that_does_not_exist_is_refused(foreign) -> None:
    for path in (foreign[0], None):
        with pytest.raises(NetworkError, match=r"has no option 'size': choose of .*views, side_px"):
            open_network(CROSS_VIEW, path, size=32)


def test_the_size_of_a_fusion_is_read_off_its_matrices() -> None:
    def matrices(count: int, *shape: int) -> dict[str, torch.Tensor]:
        return {f"aggre_layer.aggre.{n}.weight": torch.empty(shape, device="meta") for n in range(count)}

    assert trained_size(matrices(12, 6400, 6400)) == (4, 320)
    assert trained_size(matrices(2, 64, 64)) == (2, 32)
    assert trained_size(matrices(11, 64, 64)) is None
    assert trained_size(matrices(12, 60, 60)) is None
    assert trained_size({"final_layer.weight": torch.empty(64, 64, device="meta")}) is None


def test_our_own_file_brings_its_options_into_the_entry(tmp_path) -> None:
    """And buffers that no file holds, as the cells of the soft-argmax, are what they are in any other network."""
    spec = network("canonical-fusion")
    spec = replace(spec, options={**spec.options, "layers": 18, "side_px": 64, "joints": 3})
    torch.manual_seed(0)
    source = spec.module().eval()
    save_checkpoint(tmp_path / "own.pt", source, spec)
    module, opened, _ = open_network("canonical-fusion", tmp_path / "own.pt")
    assert opened.options == spec.options
    assert opened.picture.size_px == (64, 64)
    assert all(torch.equal(a, b) for a, b in zip(module.buffers(), source.buffers(), strict=True))
    inputs = opened.example_inputs()
    with torch.inference_mode():
        torch.testing.assert_close(module(*inputs), source(*inputs), rtol=0, atol=0, equal_nan=True)


def test_the_network_stays_what_it_was_when_its_file_changes(foreign, tmp_path) -> None:
    path, source = tmp_path / "a.pth", foreign[1]
    torch.save(source.state_dict(), path)
    module, *_ = open_network(CROSS_VIEW, path, side_px=32, views=3)
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
    for ours, theirs in zip(module.parameters(), source.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_weights_are_taken_over_without_a_copy_only_where_that_is_safe() -> None:
    source, module = nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 1)
    weight, bias = source.weight.detach(), source.bias.detach()  # pyright: ignore[reportOptionalMemberAccess]
    take_over(module, {"weight": weight, "bias": bias})
    assert module.weight.data_ptr() == weight.data_ptr()
    row = torch.rand(2, 2)
    for unsafe in (row[1], row[:, 0], bias.half(), bias.double()):
        take_over(module, {"weight": weight, "bias": unsafe})
        assert module.bias is not None
        assert module.bias.dtype == torch.float32
        assert module.bias.data_ptr() != unsafe.data_ptr()
        assert module.bias.is_contiguous()
        assert torch.equal(module.bias, unsafe.float())
    both = torch.rand(2)
    pair = nn.ParameterDict({"a": torch.zeros(2), "b": torch.zeros(2)})
    take_over(pair, {"a": both, "b": both})
    assert pair["a"].data_ptr() != pair["b"].data_ptr()


def test_only_random_numbers_are_left_out() -> None:
    state = torch.get_rng_state()
    with Unfilled():
        layer = nn.Linear(64, 64)
        norm = nn.BatchNorm2d(4)
        nn.init.kaiming_normal_(layer.weight)
        axis = torch.linspace(0, 3, 4)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(norm.weight, torch.ones(4))
    assert torch.equal(axis, torch.arange(4.0))
    nn.init.uniform_(layer.weight, 1.0, 2.0)
    assert layer.weight.min() >= 1.0


PEAK = """
import resource, sys
from pathlib import Path
import torch
from posecap.models.checkpoints import open_network
import posecap.models.cross_view
torch.set_num_threads(1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
module = open_network(sys.argv[1], Path(sys.argv[2]), side_px=192)[0]
print(sum(float(weight.detach().sum()) for weight in module.parameters()))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Linux counts the largest memory in KiB")
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old"])
def test_weights_are_in_memory_once(zipped, tmp_path) -> None:
    path = tmp_path / "big.pth"
    module = network(CROSS_VIEW, "compat").module(side_px=192)  # 255 MB of matrices
    torch.save(module.state_dict(), path, _use_new_zipfile_serialization=zipped)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, CROSS_VIEW, str(path)], capture_output=True, text=True, check=True
    )
    peak = int(done.stdout.splitlines()[-1])
    assert peak < 1.35 * path.stat().st_size


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "pose-resnet-50",
            {"layers": 51},
            "cannot be built with layers = 51, joints = 20 .*ResNet-51 does not exist",
        ),
        (CROSS_VIEW, {"side_px": "abc"}, "side_px is 'abc', expected something like 256: correct it"),
        (CROSS_VIEW, {"side_px": (1, 2)}, "side_px is "),
        (CROSS_VIEW, {"side_px": 64.5}, "side_px is 64.5"),
        (CROSS_VIEW, {"side_px": 1_000_000}, "side_px is 1000000"),
        (CROSS_VIEW, {"side_px": 65}, "side_px is 65: give a multiple of 32"),
        (CROSS_VIEW, {"side_px": True}, "side_px is True"),
        (CROSS_VIEW, {"views": 0}, "views is 0"),
    ],
)
def test_options_that_cannot_be_are_refused(name, options, message) -> None:
    with pytest.raises(NetworkError, match=message):
        open_network(name, **options)
