"""Subscribing to thumbnails."""

from pathlib import Path
from typing import Any

from posecap.runtime.client import Subscriber
from posecap.runtime.thumbnail_message import TOPIC_THUMBNAIL, ThumbnailMessage


class ThumbnailSubscriber(Subscriber[Any]):
    """The newest small picture of each camera; arguments and errors as for `Subscriber`."""

    def __init__(self, endpoint: str, server_key: Path | None = None) -> None:
        super().__init__(endpoint, (TOPIC_THUMBNAIL,), server_key)

    def newest(self) -> dict[str, ThumbnailMessage]:
        """What came since the last call, the newest of each camera by its name; raises WireError."""
        newest: dict[str, ThumbnailMessage] = {}
        while (parts := self._receive(0.0)) is not None:
            _, header, payload = parts
            message = ThumbnailMessage.unpack(header, payload)
            newest[message.header.camera] = message
        return newest
