"""A repeated picture is found after one second; a still room with one flickering pixel is not."""

import numpy as np

from posecap.capture.freeze import FreezeDetector

PERIOD_NS = 33_333_333


def test_identical_pictures_are_frozen_after_a_second_and_not_before() -> None:
    image = np.random.default_rng(1).integers(0, 255, (240, 320, 3)).astype(np.uint8)
    watch = FreezeDetector()
    said = [watch.frozen(image, i * PERIOD_NS) for i in range(60)]
    first = said.index(True)
    assert 1.0 <= first * PERIOD_NS / 1e9 <= 1.1
    assert all(said[first:])


def test_one_pixel_outside_the_sample_is_enough_to_live() -> None:
    image = np.zeros((240, 320, 3), np.uint8)
    watch = FreezeDetector()
    for i in range(120):
        image[13, 17, 1] = i % 2  # no sampled row
        assert not watch.frozen(image, i * PERIOD_NS)


def test_the_first_new_picture_ends_it() -> None:
    image = np.zeros((240, 320, 3), np.uint8)
    watch = FreezeDetector()
    assert [watch.frozen(image, i * PERIOD_NS) for i in range(50)][-1]
    image[0, 0] = 9
    assert not watch.frozen(image, 50 * PERIOD_NS)
