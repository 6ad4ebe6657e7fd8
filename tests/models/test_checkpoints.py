import pickle
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the networks need PyTorch")
import torch
from torch import nn

from posecap.models.checkpoint_files import read_checkpoint
from posecap.models.checkpoints import load_checkpoint, open_network, save_checkpoint
from posecap.models.errors import CheckpointError
from posecap.models.networks import network

SPEC = replace(network("pose-mobilenet-v2", "compat"), name="small")  # its module is made by `small`


def small(seed: int = 0, maps: int = 4) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, maps, 3), nn.BatchNorm2d(maps))


def same(a: nn.Module, b: nn.Module) -> bool:
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(x, y) for x, y in pairs)


def with_module(state: dict) -> dict:
    return {f"module.{key}": tensor for key, tensor in state.items()}


LAYOUTS = {
    "bare.pth": lambda state: state,
    "ours.pkl": with_module,
    "snapshot.pth.tar": lambda state: {"epoch": 24, "network": with_module(state), "optimizer": {"lr": 1e-3}},
    "checkpoint.pth.tar": lambda state: {
        "epoch": 3, "model": "pose_resnet", "state_dict": state, "perf": np.float64(0.9), "optimizer": {},
    },
    "nested.pth": lambda state: {"model": state, "epoch": 1},
}  # fmt: skip


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_is_recognised(name, zipped, tmp_path) -> None:
    path, source, target = tmp_path / name, small(1), small(2)
    torch.save(LAYOUTS[name](source.state_dict()), path, _use_new_zipfile_serialization=zipped)
    loaded = load_checkpoint(path, target, SPEC)
    assert same(source, target)
    assert (loaded.count, loaded.misfits, loaded.preset) == (7, (), None)
    assert loaded.layout == ("state dict" if name in ("bare.pth", "ours.pkl") else "snapshot")
    assert loaded.epoch == {"snapshot.pth.tar": 24, "checkpoint.pth.tar": 3, "nested.pth": 1}.get(name)


def test_keras_kernels_are_turned_and_found_by_name(tmp_path) -> None:
    h5py = pytest.importorskip("h5py")
    path, source, target = tmp_path / "model.h5", small(1), small(2)
    state = {key: tensor.numpy() for key, tensor in source.state_dict().items()}
    layers = {
        "conv": {"kernel:0": state["0.weight"].transpose(2, 3, 1, 0), "bias:0": state["0.bias"]},
        "bn": {
            "gamma:0": state["1.weight"], "beta:0": state["1.bias"],
            "moving_mean:0": state["1.running_mean"], "moving_variance:0": state["1.running_var"],
        },
        "relu": {},
    }  # fmt: skip
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights")
        for layer, weights in layers.items():
            group = root.create_group(layer)
            group.attrs["weight_names"] = [f"{layer}/{name}".encode() for name in weights]
            for name, array in weights.items():
                group.create_dataset(f"{layer}/{name}", data=array)
    names = {
        "conv/kernel:0": "0.weight", "conv/bias:0": "0.bias", "bn/gamma:0": "1.weight", "bn/beta:0": "1.bias",
        "bn/moving_mean:0": "1.running_mean", "bn/moving_variance:0": "1.running_var",
    }  # fmt: skip
    loaded = load_checkpoint(path, target, SPEC, key_map=names.get)
    assert (loaded.layout, loaded.count, loaded.misfits) == ("keras", 6, ())
    assert same(source, target)


def test_what_does_not_fit_is_a_table_and_changes_nothing(tmp_path) -> None:
    path, target = tmp_path / "other.pth", small(2)
    before = {key: tensor.clone() for key, tensor in target.state_dict().items()}
    state = small(1).state_dict()
    state["0.weight"] = torch.zeros(5, 3, 3, 3)
    state["2.extra"] = torch.zeros(())
    del state["1.bias"]
    torch.save(state, path)
    with pytest.raises(CheckpointError, match="does not fit the network: check its name") as caught:
        load_checkpoint(path, target, SPEC)
    lines = [line.split() for line in str(caught.value).splitlines()]
    assert ["0.weight", "shape", "5x3x3x3", "4x3x3x3"] in lines
    assert ["1.bias", "missing", "-", "4"] in lines
    assert ["2.extra", "unexpected", "scalar", "-"] in lines
    assert all(torch.equal(tensor, before[key]) for key, tensor in target.state_dict().items())
    partial = load_checkpoint(path, target, SPEC, partial=True)
    assert partial.count == 5
    assert partial.table().startswith("other.pth (state dict): 5 tensors loaded, 3 not\n")
    assert torch.equal(target.state_dict()["0.bias"], state["0.bias"])


def test_a_file_of_which_nothing_fits_is_no_success(tmp_path) -> None:
    path = tmp_path / "imagenet.pth"
    torch.save({f"trunk.{key}": tensor for key, tensor in small().state_dict().items()}, path)
    with pytest.raises(CheckpointError, match="no tensor fits the network"):
        load_checkpoint(path, small(), SPEC, partial=True)


def test_two_keys_with_one_name_are_an_error_of_the_map(tmp_path) -> None:
    path = tmp_path / "a.pth"
    torch.save(small().state_dict(), path)
    with pytest.raises(
        CheckpointError, match=r"two tensors are called 'x', one of them '0.bias': correct the key map"
    ):
        load_checkpoint(path, small(), SPEC, key_map=lambda key: "x")


def test_our_own_file_brings_everything_back(tmp_path) -> None:
    path, source, target = tmp_path / "own.pt", small(1), small(2)
    spec = replace(SPEC, preset="clean")
    save_checkpoint(path, source, spec, epoch=7, metrics={"mpjpe_mm": 50.5}, optimizer={"lr": 0.1})
    stored = read_checkpoint(path)
    assert (stored.name, stored.preset, stored.epoch) == ("small", "clean", 7)
    assert stored.options == {"joints": 20}
    assert (stored.metrics, stored.optimizer) == ({"mpjpe_mm": 50.5}, {"lr": 0.1})
    # the map is for files of the original
    loaded = load_checkpoint(path, target, spec, key_map=lambda key: None)
    assert (loaded.preset, loaded.count) == ("clean", 7)
    assert same(source, target)
    assert [file.name for file in tmp_path.iterdir()] == ["own.pt"]


def test_a_failed_write_leaves_the_old_file(tmp_path) -> None:
    path = tmp_path / "own.pt"
    save_checkpoint(path, small(1), SPEC)
    before = path.read_bytes()
    with pytest.raises((pickle.PicklingError, AttributeError)):
        save_checkpoint(path, small(2), SPEC, optimizer={"lr": lambda: 0})
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["own.pt"]


def test_another_preset_or_network_is_refused_with_advice(tmp_path) -> None:
    path = tmp_path / "own.pt"
    save_checkpoint(path, small(), SPEC)
    clean = replace(SPEC, preset="clean")
    with pytest.raises(
        CheckpointError, match="was trained as preset 'compat', the network was asked for as 'clean': take"
    ):
        load_checkpoint(path, small(), clean)
    load_checkpoint(path, small(), clean, any_preset=True)
    with pytest.raises(CheckpointError, match="holds weights of 'small', got 'large': name that network"):
        load_checkpoint(path, small(), replace(SPEC, name="large"))
    original = tmp_path / "original.pth"
    torch.save(small().state_dict(), original)
    with pytest.raises(CheckpointError, match="comes from another program, which means preset 'compat'"):
        load_checkpoint(original, small(), clean)


def test_a_network_opens_with_the_preset_and_options_of_its_file(tmp_path) -> None:
    original, own = tmp_path / "original.pth", tmp_path / "own.pt"
    fresh, spec, loaded = open_network("pose-mobilenet-v2")
    assert (spec.preset, loaded, fresh.training) == ("clean", None, False)
    torch.save(fresh.state_dict(), original)
    assert open_network("pose-mobilenet-v2", original)[1].preset == "compat"
    other = replace(spec, options={"joints": 3})
    save_checkpoint(own, other.module(), other)
    module, spec, loaded = open_network("pose-mobilenet-v2", own)
    assert spec.preset == "clean"
    assert module(torch.rand(1, 3, 64, 64)).shape == (1, 3, 16, 16)
    assert loaded is not None
    assert loaded.misfits == ()


class Evil:
    """What a hostile pickle does: call something when it is read."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old"])
def test_code_in_a_file_is_refused_and_not_run(zipped, tmp_path) -> None:
    path, trace = tmp_path / "evil.pth", tmp_path / "trace"
    state = {**small().state_dict(), "evil": Evil(trace)}
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(
        CheckpointError,
        match=r"holds more than tensors and plain values, an object of .*: save its state dict alone",
    ):
        load_checkpoint(path, small(), SPEC)
    plain = tmp_path / "evil.pkl"
    plain.write_bytes(pickle.dumps(Evil(trace)))
    with pytest.raises(CheckpointError, match=r"evil\.pkl"):
        read_checkpoint(plain)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file: check the path"),
        (b"", "the file is empty: fetch it again"),
        (b"<html>404</html>", "cannot be read as PyTorch's: fetch it again"),
        (b"PK\x03\x04 not really", "cannot be read"),
        (b"\x89HDF\r\n\x1a\n broken", "cannot be read .*: fetch it again"),
    ],
)
def test_what_is_no_checkpoint_is_said_in_one_sentence(content, message, tmp_path) -> None:
    path = tmp_path / "file.pth"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "holds a list, expected a state dict"),
        ({"epoch": 3}, "holds no tensors, only epoch: check that it is a checkpoint"),
        ({"posecap": 2}, "checkpoint format 2, this posecap reads 1: install a newer posecap"),
        ({"posecap": 1, "name": "small"}, "lacks preset, options, state_dict"),
    ],
)
def test_a_file_without_weights_is_refused(content, message, tmp_path) -> None:
    path = tmp_path / "file.pth"
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=message):
        read_checkpoint(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_file_that_was_packed_again_is_read_as_it_was(compression, tmp_path) -> None:
    """Compressed weights cannot be looked at where they lie in the file."""
    path, again, source, target = tmp_path / "a.pth", tmp_path / "b.pth", small(1), small(2)
    torch.save(source.state_dict(), path)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(again, "w", compression) as new:
        for member in old.infolist():
            new.writestr(member.filename, old.read(member))
    assert load_checkpoint(again, target, SPEC).misfits == ()
    assert same(source, target)


def test_a_program_is_no_checkpoint(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as file:  # what tells TorchScript's files
        for name, content in (
            ("constants.pkl", b""),
            ("version", b"3"),
            ("data.pkl", b""),
            ("byteorder", b"little"),
        ):
            file.writestr(f"a/{name}", content)
    with pytest.raises(CheckpointError, match=r"a\.pt: is a TorchScript program: save its state dict alone"):
        read_checkpoint(tmp_path / "a.pt")


def test_a_cut_file_is_refused(tmp_path) -> None:
    path = tmp_path / "file.pth"
    torch.save(small().state_dict(), path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CheckpointError, match=r"file\.pth"):
        read_checkpoint(path)
