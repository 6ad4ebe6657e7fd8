"""What may lie beside the weights in a file is read, everything else is named and refused."""

import argparse
import collections
import pickle
import pickletools

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the networks need PyTorch")

from posecap.models.checkpoint_files import read_checkpoint  # noqa: E402
from posecap.models.errors import CheckpointError  # noqa: E402
from posecap.models.plain_values import plain_values  # noqa: E402

ARRAYS = [
    np.arange(6.0).reshape(2, 3),
    np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
    np.array([1, 2, 3], ">f4"),
    np.array([[True, False]]),
    np.array(7, np.uint8),
    np.zeros((0, 4), np.float32),
    np.array([1 + 2j], np.complex64),
]


def weights() -> dict[str, object]:
    return {"weight": torch.arange(3.0)}


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old"])
def test_numbers_arrays_and_dicts_with_defaults_are_read(zipped, tmp_path) -> None:
    optimizer = {
        "state": collections.defaultdict(dict, {0: {"step": 3}}),
        "of": collections.defaultdict(list),
    }
    content = {
        "posecap": 1, "name": "n", "preset": "clean", "options": {}, "state_dict": weights(),
        "optimizer": optimizer, "metrics": {"score": np.float32(0.5), "arrays": ARRAYS},
    }  # fmt: skip
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    stored = read_checkpoint(tmp_path / "a.pth")
    assert stored.optimizer == {"state": {0: {"step": 3}}, "of": {}}
    assert stored.metrics is not None
    assert stored.metrics["score"] == np.float32(0.5)
    for found, array in zip(stored.metrics["arrays"], ARRAYS, strict=True):  # pyright: ignore[reportArgumentType]
        assert found.dtype == array.dtype.newbyteorder("=")  # numpy turns bytes as it reads
        assert found.shape == array.shape
        np.testing.assert_array_equal(found, array)
    rewritten = pickletools.genops(pickle.dumps(stored.metrics["arrays"], 2))
    assert not any("posecap" in str(value) for _, value, _ in rewritten)  # for every program


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old"])
@pytest.mark.parametrize(
    ("thing", "name"),
    [
        (argparse.Namespace(lr=1), "argparse.Namespace"),
        (torch.nn.Conv2d(1, 1, 1), "torch.nn.modules.conv.Conv2d"),
        (len, "len"),
        (np.array([None, 1]), "numpy.dtype"),
        (np.array(["a"]), "numpy.dtype"),
        (np.zeros(1, [("a", "f4")]), "numpy.dtype"),
    ],
)
def test_other_objects_are_named_and_what_to_do_is_said(thing, name, zipped, tmp_path) -> None:
    path = tmp_path / "a.pth"
    torch.save({"state_dict": weights(), "args": thing}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    text = str(caught.value)
    assert f"an object of {name}, and" in text
    assert (
        "save its state dict alone with the program that wrote it, torch.save(module.state_dict(), path)"
        in text
    )
    assert "\x1b" not in text
    assert "weights_only" not in text
    assert "\n" not in text


class Call:
    """Pickled as a call of `target` and, with a state, what is set afterwards."""

    def __init__(self, target, *arguments: object, state: object = None) -> None:
        self.parts = (target, arguments) if state is None else (target, arguments, state)

    def __reduce__(self):
        return self.parts


FORGED_KIND = Call(np.dtype, "f8", False, True, state=(3, "<", None, None, None, 1 << 20, 8, 0))
FIELDS = (3, "<", None, ("a",), {"a": (Call(np.dtype, "f8"), 0)}, 8, 8, 0)
EMPTY = np.zeros(0).__reduce__()[0]


@pytest.mark.parametrize(
    "forged",
    [
        # numpy takes the address of an object from eight bytes of the file
        Call(np.ndarray, (1,), "O", b"12345678"),
        # and reads a megabyte from eight bytes
        Call(EMPTY, np.ndarray, (0,), b"b", state=(1, (1 << 17,), FORGED_KIND, False, b"12345678")),
        Call(np.float64(0).__reduce__()[0], FORGED_KIND, b"1234567"),
        Call(EMPTY, np.ndarray, (0,), b"b", state=(1, (-1, -8), Call(np.dtype, "i1"), False, b"12345678")),
        Call(EMPTY, np.ndarray, (0,), b"b", state=(1, (1,), Call(np.dtype, "O8"), False, [1])),
        Call(bytes, 10),
        Call(list, (1, 2)),
    ],
)
def test_forged_numbers_are_refused(forged, tmp_path) -> None:
    torch.save({"state_dict": weights(), "x": forged}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match=r"a\.pth: (holds more than|cannot be read)"):
        read_checkpoint(tmp_path / "a.pth")


def test_a_forged_kind_of_number_is_what_its_name_says(tmp_path) -> None:
    kind = Call(np.dtype, "f8", False, True, state=FIELDS)
    array = Call(EMPTY, np.ndarray, (0,), b"b", state=(1, (1,), kind, False, np.float64(3).tobytes()))
    content = {"state_dict": weights(), "optimizer": {"x": array}}
    torch.save(content, tmp_path / "a.pth")
    optimizer = read_checkpoint(tmp_path / "a.pth").optimizer
    assert optimizer is not None
    assert optimizer["x"].tolist() == [3.0]
    assert optimizer["x"].dtype == np.float64


def test_nothing_stays_allowed() -> None:
    before = torch.serialization.get_safe_globals()
    with plain_values():
        assert len(torch.serialization.get_safe_globals()) > len(before)
    assert set(torch.serialization.get_safe_globals()) == set(before)
