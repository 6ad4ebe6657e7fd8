"""Thumbnails for a viewer: each camera's picture made small, the people's joints drawn in, as JPEG."""

import time
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from posecap.capture.frame import Frame, FrameSet
from posecap.models.joints import JointSet
from posecap.runtime.palette import person_colour
from posecap.runtime.pose import Keypoints2D
from posecap.runtime.thumbnail_message import pack_thumbnail

_SHIFT = 3  # fractional bits of drawn coordinates
_QUALITY = 80
_MIN_SCORE = 0.3


class ThumbnailPublisher:
    """Sends one thumbnail now and then, camera after camera: no single frame set pays for all of them.

    Args:
        send: takes the parts of a message, for example the `send_multipart` of the pose endpoint's socket.
        joint_set: of the keypoints.
        rate_hz: thumbnails of each camera for each second.
        width_px: of a thumbnail; pictures taller than wide are limited in height instead.
    """

    def __init__(
        self,
        send: Callable[[list[bytes]], object],
        joint_set: JointSet,
        rate_hz: float = 5.0,
        width_px: int = 200,
    ) -> None:
        self._send = send
        self._bones = joint_set.bones
        self._period_ns = round(1e9 / rate_hz)
        self._width_px = width_px
        self._due_ns: dict[str, int] = {}

    def maybe_publish(
        self,
        frame_set: FrameSet,
        keypoints: Keypoints2D | None = None,
        tracks: Sequence[int] = (),
        now_ns: int | None = None,
    ) -> str | None:
        """Publish the camera that has waited longest, if it is due; returns its name, None where none is due.

        Args:
            frame_set: must still be intact.
            keypoints: after association: row p is the same person in every view; None = nothing to draw.
            tracks: identity of each row, for its colour; missing ones are grey.
            now_ns: monotonic time; None = now.
        """
        now_ns = time.monotonic_ns() if now_ns is None else now_ns
        due = [
            (self._due_ns.get(frame.camera, 0), view)
            for view, frame in enumerate(frame_set.frames)
            if frame is not None and self._due_ns.get(frame.camera, 0) <= now_ns
        ]
        if not due:
            return None
        view = min(due)[1]
        frame = frame_set.frames[view]
        assert frame is not None
        self._due_ns[frame.camera] = now_ns + self._period_ns
        picture = self._picture(frame, keypoints, view, tracks)
        jpeg = simplejpeg.encode_jpeg(picture, quality=_QUALITY, colorspace="BGR")
        size_px = (picture.shape[1], picture.shape[0])
        self._send(pack_thumbnail(frame.camera, frame.seq, frame.t_ns, size_px, jpeg))
        return frame.camera

    def _picture(
        self, frame: Frame, keypoints: Keypoints2D | None, view: int, tracks: Sequence[int]
    ) -> NDArray[np.uint8]:
        """(height, width, 3) uint8 BGR."""
        width, height = frame.size_px
        scale = min(1.0, self._width_px / max(width, height))
        size_px = (max(1, round(width * scale)), max(1, round(height * scale)))
        step = max(1, int(0.5 / scale))  # pixels left out first: averaging all of 1080p costs 2 ms
        resized = cv2.resize(frame.image[::step, ::step], size_px, interpolation=cv2.INTER_AREA)
        picture = np.ascontiguousarray(resized, dtype=np.uint8)
        if keypoints is None:
            return picture
        factor = np.array(size_px) / (width, height)
        for row in range(keypoints.xy.shape[1]):
            track = tracks[row] if row < len(tracks) else -1
            xy = (keypoints.xy[view, row] + 0.5) * factor - 0.5
            seen = np.isfinite(xy).all(axis=1) & (keypoints.score[view, row] >= _MIN_SCORE)
            self._draw(picture, xy, seen, person_colour(track))
        return picture

    def _draw(
        self,
        picture: NDArray[np.uint8],
        xy: NDArray[np.float64],
        seen: NDArray[np.bool_],
        colour: tuple[float, float, float],
    ) -> None:
        """Bones of one person; `xy` (joints, 2) thumbnail pixels, only joints that are `seen`."""
        bgr = tuple(255 * part for part in reversed(colour))
        points = np.where(seen[:, None], np.clip(xy, -1e4, 1e4) * 2**_SHIFT, 0).round().astype(int).tolist()
        for a, b in self._bones:
            if seen[a] and seen[b]:
                cv2.line(picture, points[a], points[b], bgr, 1, cv2.LINE_AA, _SHIFT)
        for joint in np.flatnonzero(seen):
            cv2.circle(picture, points[joint], 1 << _SHIFT, bgr, -1, cv2.LINE_AA, _SHIFT)
