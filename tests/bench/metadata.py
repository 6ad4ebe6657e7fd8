"""What every benchmark file says about the machine and the software it ran on."""

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

PACKAGES = (
    "posecap",
    "numpy",
    "numba",
    "openvino",
    "onnxruntime",
    "av",
    "pyzmq",
    "opencv-python-headless",
    "open3d-cpu",
)


def metadata(**more: object) -> dict[str, object]:
    """Date, processor, cores, load, versions, and whatever the benchmark adds."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load_1_min": round(os.getloadavg()[0], 1),
        "python": sys.version.split()[0],
        "versions": versions,
        **more,
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
