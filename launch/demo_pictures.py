"""The user's pictures: files, folders and videos, one after the other."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.capture.errors import CaptureError
from posecap.launch.demo_camera import CameraChoice
from posecap.launch.demo_person import DemoPicture
from posecap.launch.errors import UsageError

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}
_MOST_BYTES = 1 << 28  # of a picture file


@dataclass(frozen=True, slots=True)
class PictureFiles:
    """Picture files and videos.

    Attributes:
        images: in the order given, folders by the numbers in their names.
        videos: with the numbers of the pictures that are looked at.
    """

    images: tuple[Path, ...]
    videos: tuple[tuple[Path, tuple[int, ...]], ...]

    @property
    def count(self) -> int:
        """Pictures in all."""
        return len(self.images) + sum(len(chosen) for _, chosen in self.videos)

    def pictures(self, choice: CameraChoice) -> Iterator[DemoPicture]:
        """All pictures with their cameras.

        Raises:
            UsageError: a file that is no picture, or does not fit the camera.
            CaptureError: a damaged picture in a video.
        """
        for path in self.images:
            image = read_picture(path)
            size_px = image.shape[1], image.shape[0]
            yield DemoPicture(path.stem, str(path), image, None, choice.camera(size_px))
        for path, chosen in self.videos:
            yield from _video(path, chosen, choice)


def picture_files(paths: Sequence[Path], every: int | None) -> PictureFiles:
    """What is at `paths`: picture files, videos, folders of picture files.

    Args:
        every: n-th picture of a video that is looked at; None = one a second.

    Raises:
        UsageError: nothing given, a path that does not exist, a folder without pictures.
        CaptureError: a file that is neither a picture nor a video.
    """
    if not paths:
        raise UsageError("no picture given: name a picture, a video or a folder of pictures")
    images: list[Path] = []
    videos: list[tuple[Path, tuple[int, ...]]] = []
    for path in paths:
        if path.is_dir():
            images += _of_folder(path)
        elif not path.exists():
            raise UsageError(f"{path} does not exist: check the path")
        elif path.suffix.lower() in PICTURES:
            images.append(path)
        else:
            videos.append((path, _chosen(path, every)))
    return PictureFiles(tuple(images), tuple(videos))


def _of_folder(folder: Path) -> list[Path]:
    found = sorted((path for path in folder.iterdir() if path.suffix.lower() in PICTURES), key=_natural)
    if not found:
        raise UsageError(f"{folder} has no pictures ({', '.join(sorted(PICTURES))}): name another folder")
    return found


def _natural(path: Path) -> list[tuple[int, str]]:
    return [(int(part) if part.isdigit() else -1, part) for part in re.split(r"(\d+)", path.name)]


def read_picture(path: Path) -> NDArray[np.uint8]:
    """(height, width, 3) BGR.

    Raises:
        UsageError: no picture, or a huge one.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise UsageError(f"{path} has more than {_MOST_BYTES >> 20} MB: make it smaller")
    try:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    except cv2.error:  # more pixels than OpenCV takes
        image = None
    if image is None:
        raise UsageError(f"{path} is not a picture that can be read: open and save it again as PNG")
    return np.asarray(image, dtype=np.uint8)


def _chosen(path: Path, every: int | None) -> tuple[int, ...]:
    from posecap.capture.video_file import VideoRecording

    video = VideoRecording(path, path.name)
    step = every or max(round(video.fps), 1)
    count = len(video.times_ns)
    video.close()
    return tuple(range(0, count, step))


def _video(path: Path, chosen: Sequence[int], choice: CameraChoice) -> Iterator[DemoPicture]:
    from posecap.capture.video_file import VideoRecording

    video = VideoRecording(path, path.name)
    try:
        camera = choice.camera(video.size_px)
        for index in chosen:
            image = video.picture(index)
            if image is None:
                raise CaptureError(f"{path}: picture {index} is damaged: copy the video again")
            t_s = video.times_ns[index] / 1e9
            yield DemoPicture(f"{path.stem}_{index:05d}", str(path), image.copy(), t_s, camera)
    finally:
        video.close()
