"""Fetching runs the real pip, against a folder of wheels made here instead of a network."""

import io
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from posecap.models.archives import extract, fetched, licence_text, sha256_of
from posecap.models.errors import WeightsError
from posecap.models.manifest import Archive

WEIGHTS = bytes(range(256)) * 40


def wheel(folder: Path) -> Path:
    path = folder / "tinyweights-1.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("tiny/net.bin", WEIGHTS)
        bundle.writestr("tinyweights-1.2.dist-info/LICENSE", "Tiny licence\n")
        bundle.writestr(
            "tinyweights-1.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: tinyweights\nVersion: 1.2\n"
        )
        bundle.writestr(
            "tinyweights-1.2.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        bundle.writestr("tinyweights-1.2.dist-info/RECORD", "")
    return path


def entry(path: Path, **changes: str) -> Archive:
    values = {"package": "tinyweights", "version": "1.2", "sha256": sha256_of(path), **changes}
    return Archive(
        registry="pypi",
        licence="Tiny-1.0",
        address="https://example.org",
        bytes=path.stat().st_size,
        licence_member="tinyweights-1.2.dist-info/LICENSE",
        **values,
    )


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel that pip finds without a network."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return wheel(tmp_path)


def test_pip_brings_the_archive_and_it_is_gone_afterwards(shelf: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    with fetched(entry(shelf), lambda *report: seen.append(report)) as archive:
        assert archive.read_bytes() == shelf.read_bytes()
        assert licence_text(archive, entry(shelf)) == "Tiny licence\n"
    assert not archive.exists()
    size = shelf.stat().st_size
    assert seen[-1] == ("tinyweights==1.2", size, size)


def test_another_archive_is_refused(shelf: Path) -> None:
    with (
        pytest.raises(WeightsError, match=r"has sha256 [0-9a-f]{64}, expected 0000"),
        fetched(entry(shelf, sha256="0" * 64)),
    ):
        pass


def test_absent_package_says_what_to_check(shelf: Path) -> None:
    with (
        pytest.raises(WeightsError, match=r"tinyweights==9.9 could not be fetched .*: check the network"),
        fetched(entry(shelf, version="9.9")),
    ):
        pass


def test_no_npm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    npm = Archive(registry="npm", licence="x", address="x", package="@a/b", version="1.0")
    with (
        pytest.raises(WeightsError, match=r"@a/b@1.0 is fetched with npm, which is not installed"),
        fetched(npm),
    ):
        pass


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_npm_packs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "tiny"
    package.mkdir()
    (package / "package.json").write_text('{"name": "tinyweights", "version": "1.2.0"}')
    monkeypatch.setenv("npm_config_offline", "true")
    npm = Archive(registry="npm", licence="x", address="x", package="tinyweights", version="1.2.0", bytes=1)
    with pytest.raises(WeightsError, match=r"tinyweights==1.2.0 could not be fetched"), fetched(npm):
        pass


def test_only_the_named_member_is_written(tmp_path: Path) -> None:
    out = tmp_path / "out"
    extract(wheel(tmp_path), {"tiny/net.bin": out / "a.bin"}, {"tiny/net.bin": len(WEIGHTS)})
    assert [path.name for path in out.iterdir()] == ["a.bin"]
    assert (out / "a.bin").read_bytes() == WEIGHTS


def test_member_larger_than_announced_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "out" / "a.bin"
    with pytest.raises(WeightsError, match=f"has {len(WEIGHTS)} bytes, expected at most 100"):
        extract(wheel(tmp_path), {"tiny/net.bin": target}, {"tiny/net.bin": 100})
    assert not target.exists()


def test_links_in_a_tar_are_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "evil.tgz"
    with tarfile.open(path, "w:gz") as bundle:
        link = tarfile.TarInfo("package/net.bin")
        link.type, link.linkname = tarfile.SYMTYPE, sys.executable
        bundle.addfile(link)
        plain = tarfile.TarInfo("package/good.bin")
        plain.size = 3
        bundle.addfile(plain, io.BytesIO(b"abc"))
    extract(path, {"package/good.bin": tmp_path / "good.bin"}, {"package/good.bin": 3})
    assert (tmp_path / "good.bin").read_bytes() == b"abc"
    with pytest.raises(WeightsError, match=r"has no package/net.bin"):
        extract(path, {"package/net.bin": tmp_path / "net.bin"}, {"package/net.bin": 10**9})


def test_not_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "broken.tgz"
    path.write_bytes(b"<html>proxy login</html>")
    with pytest.raises(WeightsError, match=r"broken.tgz is not a readable archive"):
        extract(path, {"a": tmp_path / "a"}, {"a": 1})
