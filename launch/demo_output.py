"""What a demo leaves: pictures and one JSON file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.launch.demo_overlay import overlay
from posecap.launch.demo_person import FRAMES, DemoPerson, DemoPicture, DemoSystem
from posecap.launch.demo_plot import plot
from posecap.launch.errors import UsageError

STAMP = "UNTRAINED"


class PersonRecord(msgspec.Struct):
    """One person; null = unknown.

    Attributes:
        box_px: left, top, right, bottom in each picture of the instant.
        xy_px: for each picture a place for each joint, the centre of the top-left pixel is 0, 0.
        score: for each picture as the system gives it.
        xyz_mm: for each joint, see `frame` of the file.
        root_mm: the root as RootNet or the user gives it.
    """

    box_px: list[list[float]]
    xy_px: list[list[list[float]]]
    score: list[list[float]]
    xyz_mm: list[list[float]] | None
    root_mm: list[float] | None


class CameraRecord(msgspec.Struct):
    """The camera that distances were computed with."""

    K: list[list[float]]
    distortion: list[float]
    guessed: bool


class PictureRecord(msgspec.Struct):
    """One instant: a picture, or the pictures of a rig."""

    names: list[str]
    sources: list[str]
    size_px: list[tuple[int, int]]
    t_s: float | None
    cameras: list[CameraRecord | None]
    people: list[PersonRecord]


class DemoRecord(msgspec.Struct):
    """NAME.json."""

    system: str
    preset: str
    checkpoints: list[str | None]
    untrained: bool
    joint_set: str
    joints: list[str]
    parents: list[int]
    units: dict[str, str]
    pictures: list[PictureRecord]


@dataclass(slots=True)
class DemoOutput:
    """Collects what was found and writes it under `folder`.

    Attributes:
        folder: is made where it is missing.
        name: of the system, the beginning of every file's name.
        system: that answers.
        guessed: whether distances rest on a guessed focal length.
        single: whether there is one picture only, whose own name then is left out.
        untrained: stamp every picture.
    """

    folder: Path
    name: str
    system: DemoSystem
    guessed: bool
    single: bool
    untrained: bool
    written: list[Path] = field(default_factory=list)
    _pictures: list[PictureRecord] = field(default_factory=list)

    def make_folder(self) -> None:
        """Before the work begins; UsageError where that is not possible."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"--out {self.folder} cannot be made ({error.strerror}): choose another folder"
            ) from error

    def add(self, pictures: Sequence[DemoPicture], people: Sequence[DemoPerson]) -> None:
        """Draw one instant and remember its numbers."""
        stamp = STAMP if self.untrained else ""
        lines = self._lines(pictures, people)
        stem = self.name if self.single else self._stem(f"{self.name}_{pictures[0].name}")
        views = [
            overlay(picture.image, people, self.system.joint_set, lines[:2], stamp=stamp, view=view)
            for view, picture in enumerate(pictures)
        ]
        self._picture(f"{stem}_overlay.png", views[0] if len(views) == 1 else tiled(views))
        if self.system.frame:
            drawn = plot(people, self.system.joint_set, self.system.frame, lines, stamp=stamp)
            self._picture(f"{stem}_3d.png", drawn)
        self._pictures.append(self._record(pictures, people))

    def finish(self) -> Path:
        """Write the JSON file; its path."""
        joints = self.system.joint_set
        record = DemoRecord(
            system=self.name,
            preset=self.system.preset,
            checkpoints=list(self.system.checkpoints),
            untrained=self.untrained,
            joint_set=joints.name,
            joints=list(joints.names),
            parents=list(joints.parents),
            units={
                "xy_px": "pixels of the picture, 0, 0 is the centre of the top-left one",
                "xyz_mm": FRAMES[self.system.frame],
                "unknown": "null",
            },
            pictures=self._pictures,
        )
        path = self.folder / f"{self.name}.json"
        try:
            path.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
        except OSError as error:
            raise UsageError(f"{path} cannot be written ({error.strerror}): choose another --out") from error
        self.written.append(path)
        return path

    def _stem(self, wanted: str) -> str:
        """`wanted`, with a number behind it where an earlier picture has it."""
        stem, number = wanted, 2
        while self.folder / f"{stem}_overlay.png" in self.written:
            stem, number = f"{wanted}_{number}", number + 1
        return stem

    def _lines(self, pictures: Sequence[DemoPicture], people: Sequence[DemoPerson]) -> list[str]:
        preset = f" ({self.system.preset})" if self.system.preset else ""
        weights = (
            "random weights"
            if self.untrained
            else ", ".join(Path(one).name for one in self.system.checkpoints if one)
        )
        count = f"{len(people)} {'person' if len(people) == 1 else 'people'}"
        lines = [f"{self.name}{preset}, {weights}: {count}"]
        camera = pictures[0].camera
        if self.system.frame == "camera" and camera is not None:
            how = "GUESSED, so distances are too" if self.guessed else "given"
            lines.append(f"focal length {camera.focal_px:.0f} px ({how})")
        lines.append(FRAMES[self.system.frame])
        return lines

    def _picture(self, name: str, canvas: NDArray[np.uint8]) -> None:
        path = self.folder / name
        try:
            done = cv2.imwrite(str(path), canvas)
        except cv2.error:
            done = False
        if not done:
            raise UsageError(f"{path} cannot be written: choose another --out")
        self.written.append(path)

    def _record(self, pictures: Sequence[DemoPicture], people: Sequence[DemoPerson]) -> PictureRecord:
        return PictureRecord(
            names=[one.name for one in pictures],
            sources=[one.source for one in pictures],
            size_px=[one.size_px for one in pictures],
            t_s=pictures[0].t_s,
            cameras=[
                None
                if one.camera is None or not self.system.frame
                else CameraRecord(one.camera.K.tolist(), one.camera.distortion.tolist(), self.guessed)
                for one in pictures
            ],
            people=[
                PersonRecord(
                    _numbers(one.boxes, 1),
                    _numbers(one.xy, 2),
                    _numbers(one.score, 4),
                    None if one.xyz_mm is None else _numbers(one.xyz_mm, 1),
                    None if one.root_mm is None else _numbers(one.root_mm, 1),
                )
                for one in people
            ],
        )


def tiled(views: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Pictures two in a row, all as large as the first."""
    height, width = views[0].shape[:2]
    tiles = [
        np.array(cv2.resize(view, (width, height), interpolation=cv2.INTER_AREA), np.uint8) for view in views
    ]
    if len(tiles) % 2:
        tiles.append(np.zeros_like(tiles[0]))
    return np.vstack([np.hstack(tiles[row : row + 2]) for row in range(0, len(tiles), 2)])


def _numbers(values: NDArray[np.floating], digits: int) -> list:
    return np.round(np.asarray(values, np.float64), digits).tolist()
