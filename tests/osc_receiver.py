"""A receiver by python-osc that keeps the messages of each packet."""

import threading
import time

from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer


class OscReceiver:
    def __init__(self) -> None:
        self.messages: list[tuple[str, tuple]] = []
        dispatcher = Dispatcher()
        dispatcher.set_default_handler(lambda address, *values: self.messages.append((address, values)))
        self._server = BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def until(self, count: int, address: str, timeout_s: float = 15.0) -> list[tuple[str, tuple]]:
        """All messages, once `count` of `address` came."""
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s:
            messages = list(self.messages)
            if sum(one == address for one, _ in messages) >= count:
                return messages
            time.sleep(0.02)
        raise TimeoutError(f"{len(self.messages)} messages, {count} of {address} were waited for")

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
