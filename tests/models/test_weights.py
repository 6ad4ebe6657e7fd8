from pathlib import Path

import pytest

from posecap.models.errors import ModelError, WeightsError
from posecap.models.weights import cache_folder, fetchable, present, presets, split_model, weights_path


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, and a pip that has no network."""
    monkeypatch.setenv("POSECAP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    return tmp_path


FULL_SHA256 = "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f"


def test_offline_says_which_file_to_put_where() -> None:
    with pytest.raises(WeightsError) as caught:
        weights_path("blazepose-full")
    message = str(caught.value)
    assert "\n" not in message
    assert FULL_SHA256 in message
    assert str(cache_folder() / "pose_landmark_full.tflite") in message
    assert "mediapipe 0.10.21" in message
    assert "could not be fetched" in message


def test_without_permission_the_network_is_not_tried() -> None:
    with pytest.raises(WeightsError, match=r"pose_landmark_full.tflite is missing \(put mediapipe/modules/"):
        weights_path("blazepose-full", fetch=False)


def test_damaged_file_is_not_used() -> None:
    path = cache_folder() / "pose_landmark_full.tflite"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\0" * 6440512)
    assert present("blazepose-full")  # by its size
    with pytest.raises(
        WeightsError, match=r"pose_landmark_full.tflite is damaged \(sha256 .*, 6440512 bytes\)"
    ):
        weights_path("blazepose-full")


def test_file_without_a_known_checksum_is_refused_with_the_address() -> None:
    with pytest.raises(
        WeightsError, match=r"download https://download.openmmlab.com/.*rtmpose-s=/path/to/end2end"
    ):
        weights_path("rtmpose-s")


def test_own_copy(tmp_path: Path) -> None:
    own = tmp_path / "end2end.onnx"
    with pytest.raises(WeightsError, match="there is no file"):
        weights_path(f"rtmpose-s={own}")
    own.write_bytes(b"anything")
    assert weights_path(f"rtmpose-s={own}") == own
    with pytest.raises(WeightsError, match=r"has sha256 .*, expected b8585adb"):
        weights_path(f"rtmdet-nano={own}")
    with pytest.raises(ModelError, match="movenet-thunder has 2 files: put them into"):
        weights_path(f"movenet-thunder={own}")


def test_split_model() -> None:
    assert split_model("blazepose-full") == ("blazepose-full", None)
    assert split_model("rtmpose-s=/a=b/net.onnx") == ("rtmpose-s", Path("/a=b/net.onnx"))


def test_fetchable_without_npm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert fetchable("blazepose-full")
    assert not fetchable("movenet-multipose")
    assert not fetchable("rtmpose-s")


def test_presets_by_role() -> None:
    assert "blazepose-full" in presets("pose")
    assert "blazepose-full" not in presets("detector")
    assert set(presets()) == {*presets("pose"), *presets("detector")}
