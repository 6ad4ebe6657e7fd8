"""The recorder's end of the socket on which it says how it goes."""

import logging

import msgspec
import zmq

from posecap.runtime.record_config import RecordReport

_LINGER_MS = 200

_log = logging.getLogger(__name__)


class RecordReporter:
    """Tells whoever started the recorder process; never waits. `endpoint` "" = nobody hears."""

    def __init__(self, endpoint: str) -> None:
        self._socket = zmq.Context.instance().socket(zmq.PUSH)
        self._socket.linger = _LINGER_MS
        if endpoint:
            self._socket.connect(endpoint)

    def send(self, report: RecordReport) -> None:
        """Say it, or drop it where nobody listens."""
        try:
            self._socket.send(msgspec.msgpack.encode(report), zmq.NOBLOCK)
        except zmq.Again:
            _log.debug("event=report_unheard")

    def close(self) -> None:
        """Close the socket; the last words still go out."""
        self._socket.close()
