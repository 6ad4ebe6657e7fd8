"""Pickles of 3DPW: what Python 2 wrote is read, and nothing that a file asks for is run."""

import os
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from posecap.training.errors import DatasetError
from posecap.training.threedpw_pickle import StoredArray, numbers, read_pickle
from posecap.training.write_threedpw import python2_pickle


def saved(folder: Path, content: bytes) -> Path:
    path = folder / "one.pkl"
    path.write_bytes(content)
    return path


def refusal(path: Path, **more) -> str:
    with pytest.raises(DatasetError) as caught:
        read_pickle(path, **more)
    said = str(caught.value)
    assert "\n" not in said
    assert ": " in said
    return said


TABLE = {
    "sequence": "downtown_caf\xe9_00",
    "cam_poses": np.arange(32.0).reshape(2, 4, 4),
    "campose_valid": [np.array([True, False]), np.array([1, 0], np.int64)],
    "big_endian": np.array([1.5, -2.0], ">f4"),
    "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "genders": ["m", "f"],
    "ids": [0, 2, 4],
    "none": None,
}


def test_python_2_style_comes_back(tmp_path) -> None:
    content = python2_pickle(TABLE)
    assert content.startswith(b"\x80\x02")
    assert b"numpy.core.multiarray" in content
    assert pickle.loads(content, encoding="latin1")["genders"] == ["m", "f"]  # noqa: S301  it is a real pickle
    check_table(read_pickle(saved(tmp_path, content)))


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
def test_every_protocol_of_python_3_comes_back(tmp_path, protocol: int) -> None:
    check_table(read_pickle(saved(tmp_path, pickle.dumps(TABLE, protocol))))


def check_table(read: dict) -> None:
    assert read["sequence"] == TABLE["sequence"]
    assert read["genders"] == ["m", "f"]
    assert read["none"] is None
    for name in ("cam_poses", "big_endian", "columns", "ids"):
        found = numbers(read[name])
        assert found is not None
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, TABLE[name])
    for found, true in zip(read["campose_valid"], TABLE["campose_valid"], strict=True):
        np.testing.assert_array_equal(numbers(found), true)
    assert numbers(read["genders"]) is None


def test_numpy_scalars_and_arrays_of_objects(tmp_path) -> None:
    table = {"f": np.float64(2.5), "textures": np.array([None, "a"], object), "names": np.array(["ab"])}
    read = read_pickle(saved(tmp_path, pickle.dumps(table, 2)))
    np.testing.assert_array_equal(numbers(read["f"]), 2.5)
    assert isinstance(read["textures"], StoredArray)  # nobody asks for it, so it is no reason to refuse
    assert numbers(read["textures"]) is None
    assert numbers(read["names"]) is None


class Runs:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_what_a_file_asks_for_is_named_and_not_run(tmp_path) -> None:
    made = tmp_path / "made"
    for protocol in (0, 2, 4):
        said = refusal(saved(tmp_path, pickle.dumps({"cam_poses": Runs(made)}, protocol)))
        assert f"asks for {os.mkdir.__module__}.mkdir" in said
        assert "nothing of it was run" in said
        assert not made.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"cscipy.sparse\ncsr_matrix\n.", "asks for scipy.sparse.csr_matrix"),
        (b"cchumpy.ch\nCh\n.", "asks for chumpy.ch.Ch"),
        (b"cnumpy\nload\n.", "asks for numpy.load"),
        (b"cnumpy.core.multiarray\nfromfile\n.", "asks for numpy.core.multiarray.fromfile"),
        (b"cbuiltins\neval\n.", "asks for builtins.eval"),
        (pickle.dumps({"a": OrderedDict()}, 2), "asks for collections.OrderedDict"),
        (pickle.dumps({"a": bytearray(9)}, 5), "instruction BYTEARRAY8"),
        (pickle.dumps({"a": {1, 2}}, 4), "instruction EMPTY_SET"),
        (b"(i__main__\nA\n.", "instruction INST"),
        (b"Pother\n.", "instruction PERSID"),
        (b"\x80\x02Nr\xff\xff\xff\x7f.", "counts its values wrongly"),  # would take 16 GiB for the memory
        (b"cnumpy\ndtype\n}b.", "changes a name of numpy"),
        (b"not a pickle at all", "is not readable as a pickle"),
        (b"", "is not readable as a pickle"),
        (python2_pickle(TABLE)[:-400], "is not readable as a pickle"),
        (pickle.dumps([1, 2]), "holds no table of named values"),
        (pickle.dumps({1: 2}), "holds no table of named values"),
    ],
)
def test_everything_else_is_refused(tmp_path, content: bytes, said: str) -> None:
    assert said in refusal(saved(tmp_path, content))


def test_arrays_that_promise_more_than_there_is(tmp_path) -> None:
    content = python2_pickle({"a": np.zeros(3)})
    shape = b"(J\x03\x00\x00\x00t"
    assert content.count(shape) == 1
    huge = content.replace(shape, b"(J\xff\xff\xff\x7ft")
    assert "shape (2147483647,) with 24 bytes, expected 17179869176" in refusal(saved(tmp_path, huge))
    below = content.replace(shape, b"(J\xff\xff\xff\xfft")
    assert "an array of shape (-1,)" in refusal(saved(tmp_path, below))
    kind = content.replace(b"T\x02\x00\x00\x00f8", b"T\x02\x00\x00\x00m8")
    assert "an array of 'm8', expected numbers" in refusal(saved(tmp_path, kind))
    wide = content.replace(b"T\x02\x00\x00\x00f8", b"T\x02\x00\x00\x00f9")
    assert "an array of f9" in refusal(saved(tmp_path, wide))


def test_nested_lists_do_not_grow(tmp_path) -> None:
    """A list of 10 times a list of 10 times ... has 10^30 numbers and 300 bytes."""
    one: list = [1.0] * 10
    for _ in range(30):
        one = [one] * 10
    read = read_pickle(saved(tmp_path, pickle.dumps({"cam_poses": one}, 2)))
    assert numbers(read["cam_poses"]) is None


def test_missing_and_large_files(tmp_path) -> None:
    assert "extract sequenceFiles.zip" in refusal(tmp_path / "none.pkl")
    path = saved(tmp_path, python2_pickle({"a": np.zeros(1 << 18)}))
    assert "is larger than 1 MiB" in refusal(path, most_bytes=1 << 20)
