"""The window beside a replay."""

from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from posecap.launch.child import Child
from posecap.launch.errors import LaunchError
from posecap.launch.topology import viewer_process
from posecap.launch.view import ViewConfig

_END_S = 1.2


class ReplayViewer:
    """The viewer's process while a replay runs.

    Args:
        config: of the window; None = there is none.
    """

    def __init__(self, config: ViewConfig | None) -> None:
        self._config = config
        self._child: Child | None = None
        self._logs: TemporaryDirectory[str] | None = None

    def closed(self) -> bool:
        """Whether its window was closed; raises LaunchError where it failed."""
        process = None if self._child is None else self._child.process
        if self._child is None or process is None or process.exitcode is None:
            return False
        if process.exitcode:
            self._child.ended(process.exitcode)
            raise LaunchError(f"{self._child.reason}; use --viewer none")
        return True

    def __enter__(self) -> Self:
        if self._config is not None:
            self._logs = TemporaryDirectory(prefix="posecap-")
            self._child = Child(viewer_process(self._config), Path(self._logs.name))
            self._child.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child is not None and self._child.process is not None:
            self._child.process.terminate()
            self._child.process.join(_END_S)
            if self._child.process.is_alive():
                self._child.kill()
        if self._logs is not None:
            self._logs.cleanup()
