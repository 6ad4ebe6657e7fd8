"""Is there a display to open a window on? Asked before Open3D is loaded: it would quietly draw off screen."""

import ctypes
import ctypes.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path


def missing_display(environment: Mapping[str, str] = os.environ) -> str | None:
    """One sentence on why no window can be opened; None where one can."""
    if not sys.platform.startswith("linux"):
        return None
    name = environment.get("DISPLAY", "")
    if name:
        if _x_server_answers(name):
            return None
        return f"the X server at DISPLAY={name} does not answer: check it with xdpyinfo"
    wayland = environment.get("WAYLAND_DISPLAY", "")
    if wayland:
        socket = Path(environment.get("XDG_RUNTIME_DIR", "/")) / wayland
        return (
            None if socket.is_socket() else f"there is no Wayland socket at {socket}: log in to the desktop"
        )
    return (
        "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set): use `--viewer terminal`, or ssh -X"
    )


def _x_server_answers(name: str) -> bool:
    library = ctypes.util.find_library("X11")
    if library is None:
        return False  # Open3D's windows need it too
    x11 = ctypes.CDLL(library)
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XOpenDisplay.argtypes = [ctypes.c_char_p]
    x11.XCloseDisplay.argtypes = [ctypes.c_void_p]
    display = x11.XOpenDisplay(name.encode())
    if not display:
        return False
    x11.XCloseDisplay(display)
    return True
