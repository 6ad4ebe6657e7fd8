"""Thumbnails: the right picture, people where they are, a few a second and never all cameras at once."""

import numpy as np
import pytest
import simplejpeg

from posecap.capture.frame import Frame, FrameSet
from posecap.models.joints import COCO_17
from posecap.runtime.errors import WireError
from posecap.runtime.palette import person_colour
from posecap.runtime.pose import Keypoints2D
from posecap.runtime.thumbnail import ThumbnailPublisher
from posecap.runtime.thumbnail_message import TOPIC_THUMBNAIL, ThumbnailMessage, pack_thumbnail

WIDTH, HEIGHT = 1920, 1080


def frame_set(*cameras: str | None) -> FrameSet:
    image = np.full((HEIGHT, WIDTH, 3), 40, dtype=np.uint8)
    return FrameSet(7, 5, tuple(name and Frame(name, 9, 5, image) for name in cameras))


def keypoints(xy: np.ndarray, score: float = 0.9) -> Keypoints2D:
    """Of one person in one view."""
    seen = np.full((1, 1, 17), score)
    return Keypoints2D(xy[None, None], seen, 1 / seen, np.zeros((1, 1), dtype=np.int64), ((None,),))


def test_a_message_survives_the_wire_and_a_damaged_one_is_refused():
    topic, header, payload = pack_thumbnail("left", 3, 4, (200, 100), b"jpeg")
    assert topic == TOPIC_THUMBNAIL
    got = ThumbnailMessage.unpack(header, payload)
    assert (got.header.camera, got.header.seq, got.header.t_ns) == ("left", 3, 4)
    assert (got.header.w, got.header.h, got.jpeg) == (200, 100, b"jpeg")
    with pytest.raises(WireError, match="payload of 3 bytes, the header announces 4"):
        ThumbnailMessage.unpack(header, payload[:3])
    with pytest.raises(
        WireError, match="thumbnail: message of version 2, this program reads 1: update posecap"
    ):
        ThumbnailMessage.unpack(header.replace(b"version\x01", b"version\x02"), payload)


def test_people_are_drawn_in_their_colour_at_their_place():
    sent = []
    publisher = ThumbnailPublisher(sent.append, COCO_17, width_px=192)
    xy = np.full((17, 2), np.nan)
    xy[5], xy[7] = (480.0, 270.0), (1440.0, 270.0)  # a bone: left shoulder to left elbow
    assert publisher.maybe_publish(frame_set("left"), keypoints(xy), [1]) == "left"
    message = ThumbnailMessage.unpack(*sent[0][1:])
    picture = simplejpeg.decode_jpeg(message.jpeg, colorspace="RGB").astype(float) / 255
    assert picture.shape == (108, 192, 3) == (message.header.h, message.header.w, 3)
    bright = np.argwhere(np.abs(picture - 40 / 255).max(axis=2) > 0.2)
    assert bright[:, 0].min() >= 24
    assert bright[:, 0].max() <= 30
    np.testing.assert_allclose((bright[:, 1].min(), bright[:, 1].max()), (48, 144), atol=3)
    middle = picture[25:29, 60:130].max(axis=0).mean(axis=0)
    assert np.corrcoef(middle, person_colour(1))[0, 1] > 0.95


def test_joints_that_are_hardly_seen_are_not_drawn():
    sent = []
    publisher = ThumbnailPublisher(sent.append, COCO_17)
    publisher.maybe_publish(frame_set("left"), keypoints(np.full((17, 2), 500.0), score=0.1), [1])
    picture = simplejpeg.decode_jpeg(ThumbnailMessage.unpack(*sent[0][1:]).jpeg)
    assert np.abs(picture.astype(int) - 40).max() < 5


def test_cameras_take_turns_and_a_missed_picture_is_passed_over():
    sent = []
    publisher = ThumbnailPublisher(sent.append, COCO_17, rate_hz=5.0)
    second_ns = 1_000_000_000
    names = [
        publisher.maybe_publish(
            frame_set("a", None if step < 30 else "b", "c"), now_ns=second_ns + step * second_ns // 30
        )
        for step in range(60)
    ]
    assert names[:3] == ["a", "c", None]
    counts = {name: names[:30].count(name) for name in ("a", "b", "c")}
    assert counts["b"] == 0
    assert counts["a"] in (5, 6)
    assert counts["c"] in (5, 6)
    assert names[30:].count("b") in (4, 5, 6)
    assert len(sent) == sum(name is not None for name in names)


def test_the_first_21_people_have_colours_of_their_own():
    colours = np.array([person_colour(track) for track in range(21)])
    distance = np.linalg.norm(colours[:, None] - colours[None], axis=2) + 9 * np.eye(21)
    assert distance.min() > 0.12
    assert ((colours >= 0) & (colours <= 1)).all()
    assert person_colour(21) == person_colour(0)
    first = np.linalg.norm(colours[:7, None] - colours[None, :7], axis=2) + 9 * np.eye(7)
    assert first.min() > 0.25
