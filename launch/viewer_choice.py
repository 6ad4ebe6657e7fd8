"""Which window or table shows a session, and where it connects."""

from importlib.util import find_spec
from typing import Literal

from rich.console import Console

from posecap.launch.errors import LaunchError
from posecap.launch.view_display import missing_display

Viewer = Literal["auto", "open3d", "terminal", "none"]


def chosen_viewer(wanted: Viewer, console: Console) -> Viewer:
    """ "auto" made up its mind: a window where there is a display, else a table, else lines.

    Raises:
        LaunchError: a window is wanted where there is no display.
    """
    if wanted == "open3d":
        if (why := missing_display()) is not None:
            raise LaunchError(f"--viewer open3d: {why}")
        return wanted
    if wanted == "terminal" and not console.is_terminal:
        return "none"
    if wanted != "auto":
        return wanted
    if missing_display() is None and find_spec("open3d") is not None:
        return "open3d"
    return "terminal" if console.is_terminal else "none"


def reachable(bind: str) -> str:
    """Where a subscriber on this host connects to what was bound."""
    return bind.replace("//*:", "//127.0.0.1:").replace("//0.0.0.0:", "//127.0.0.1:")
