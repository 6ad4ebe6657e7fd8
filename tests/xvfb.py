"""An X server without a screen, for tests and benchmarks of the viewer."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


def missing() -> str:
    """Why windows cannot be tested here; "" where they can."""
    from importlib.util import find_spec

    if shutil.which("Xvfb") is None:
        return "Xvfb is not installed: apt-get install xvfb"
    return "" if find_spec("open3d") else "Open3D is not installed: pip install 'posecap[viewer]'"


@contextmanager
def display(size: tuple[int, int] = (1300, 800)) -> Iterator[dict[str, str]]:
    """The environment of a program that is to draw on a new server."""
    reader, writer = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", f"{size[0]}x{size[1]}x24", "-nolisten", "tcp"],
        pass_fds=(writer,),
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    try:
        with os.fdopen(reader) as numbers:
            number = numbers.readline().strip()  # written when it answers
        environment = {key: value for key, value in os.environ.items() if key != "WAYLAND_DISPLAY"}
        yield {"XDG_RUNTIME_DIR": "/tmp", **environment, "DISPLAY": f":{number}"}
    finally:
        server.terminate()
        server.wait(5)
