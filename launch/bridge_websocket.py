"""WebSocket: each pose as the JSON text that `subscribe.py` prints, for browsers and scripts."""

import asyncio
import threading
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from posecap.launch.bridge_forward import require
from posecap.launch.errors import LaunchError
from posecap.launch.subscribe import json_line
from posecap.runtime.messages import PoseMessage

if TYPE_CHECKING:
    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response

DEFAULT_PORT: Final = 8765
_START_S = 10.0
_MAX_INCOMING = 1024  # bytes; nothing is expected from clients
_THIS_HOST = ("localhost", "127.0.0.1", "::1")


class WebsocketBridge:
    """A server in a thread of its own; any number of clients.

    Args:
        host: address to listen at.
        port: to listen at; 0 = any free one, see `port`.
        queue: poses that wait for each client; a slower one loses the oldest.
        origins: of web pages that may read, besides pages of this host ("https://example.org"); programs that are
            not browsers send none and may always.

    Raises:
        UsageError: websockets is missing.
        LaunchError: the port is taken.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        *,
        queue: int = 4,
        origins: tuple[str, ...] = (),
    ) -> None:
        require("websockets", "websockets")
        self._host, self.port, self._queue, self._origins = host, port, queue, origins
        self._clients: set[_Client] = set()
        self.dropped = 0
        self._loop = asyncio.new_event_loop()
        self._error: OSError | None = None
        self._started = threading.Event()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="websocket", daemon=True)
        self._thread.start()
        self._started.wait(_START_S)
        if self._error is not None:
            self._thread.join()
            raise LaunchError(
                f"cannot listen at {host}:{port} ({self._error.strerror}): end what listens there or choose "
                "another --port"
            ) from self._error
        shown = f"[{host}]" if ":" in host else host
        self.target: str = f"ws://{shown}:{self.port}"

    def send(self, message: PoseMessage) -> None:
        """Pass a message on to every client."""
        if self._clients:
            self._loop.call_soon_threadsafe(self._publish, json_line(message).rstrip(b"\n").decode())

    def news(self) -> str:
        """How many poses slow clients lost."""
        return f"{self.dropped} dropped for slow clients" if self.dropped else ""

    def close(self) -> None:
        """Part with all clients and free the port."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        from websockets.asyncio.server import serve

        try:
            server: Server = await serve(
                self._attend, self._host, self.port, process_request=self._admit, compression=None,
                max_size=_MAX_INCOMING, close_timeout=1,
            )  # fmt: skip
        except OSError as error:
            self._error = error
            self._started.set()
            return
        self.port = next(iter(server.sockets)).getsockname()[1]
        self._started.set()
        async with server:
            await self._end.wait()

    def _publish(self, text: str) -> None:
        for client in self._clients:
            self.dropped += client.put(text)

    async def _attend(self, connection: "ServerConnection") -> None:
        from websockets.exceptions import ConnectionClosed

        client = _Client(self._queue)
        self._clients.add(client)
        reader = asyncio.create_task(connection.wait_closed())
        try:
            while not reader.done():
                getter = asyncio.create_task(client.get())
                await asyncio.wait((getter, reader), return_when=asyncio.FIRST_COMPLETED)
                if not getter.done():
                    getter.cancel()
                    break
                await connection.send(getter.result())
        except ConnectionClosed:
            pass
        finally:
            reader.cancel()
            self._clients.discard(client)

    def _admit(self, connection: "ServerConnection", request: "Request") -> "Response | None":
        """Pages of other sites must not read who is in the room, though the browser runs on this host."""
        origin = request.headers.get("Origin")
        if origin is None or urlsplit(origin).hostname in _THIS_HOST or origin in self._origins:
            return None
        return connection.respond(
            HTTPStatus.FORBIDDEN, f"origin {origin} may not read: start with --origin\n"
        )


class _Client:
    """Poses that wait for one client."""

    def __init__(self, queue: int) -> None:
        self._waiting: deque[str] = deque(maxlen=queue)
        self._some = asyncio.Event()

    def put(self, text: str) -> bool:
        """Whether the oldest had to go."""
        full = len(self._waiting) == self._waiting.maxlen
        self._waiting.append(text)
        self._some.set()
        return full

    async def get(self) -> str:
        """The oldest that waits."""
        await self._some.wait()
        text = self._waiting.popleft()
        if not self._waiting:
            self._some.clear()
        return text
