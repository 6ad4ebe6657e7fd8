"""Folders of pictures: in the order of their numbers, at the given rate."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import SIZE_PX, number_of, numbered_picture

from posecap.capture.errors import CaptureError
from posecap.capture.image_folder import ImageRecording
from posecap.capture.source_config import ImageFolder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(12):
        cv2.imwrite(str(tmp_path / f"view_{number}.png"), numbered_picture(number))
    (tmp_path / "notes.txt").write_text("not a picture")
    return tmp_path


def test_pictures_come_in_the_order_of_their_numbers(folder: Path) -> None:
    images = ImageRecording(ImageFolder(folder=str(folder), fps=25), "cam01", size_px=SIZE_PX)
    pictures = [images.pixels(i) for i in range(12)]
    assert [number_of(picture) for picture in pictures if picture is not None] == list(range(12))
    assert list(images.times_ns) == [i * 40_000_000 for i in range(12)]
    assert images.duration_ns == 480_000_000


def test_a_part_is_played_and_a_damaged_picture_is_none(folder: Path) -> None:
    (folder / "view_4.png").write_bytes(b"damaged")
    cv2.imwrite(str(folder / "view_5.png"), np.zeros((8, 8, 3), np.uint8))
    config = ImageFolder(folder=str(folder), fps=25, first_frame=3, frames=4)
    images = ImageRecording(config, "cam01")
    numbers = [None if (p := images.pixels(i)) is None else number_of(p) for i in range(len(images.times_ns))]
    assert numbers == [3, None, None, 6]


def test_wrong_folders_are_explained(folder: Path) -> None:
    def opened(**changes: object) -> ImageRecording:
        return ImageRecording(ImageFolder(**{"folder": str(folder), "fps": 25.0, **changes}), "cam01")

    with pytest.raises(CaptureError, match=r"camera 'cam01': no folder /none: correct source.folder"):
        opened(folder="/none")
    with pytest.raises(CaptureError, match=r"has 0 pictures that match '\*.jpg'"):
        opened(pattern="*.jpg")
    with pytest.raises(CaptureError, match=r"has 320 x 240 px, calibrated were 64 x 48"):
        ImageRecording(ImageFolder(folder=str(folder), fps=25), "cam01", size_px=(64, 48))
    (folder / "view_0.png").write_bytes(b"damaged")
    with pytest.raises(CaptureError, match=r"view_0.png is not a picture that can be read"):
        opened()
