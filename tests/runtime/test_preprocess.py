import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from posecap.capture.pixels import bgr_of
from posecap.runtime.pose import Region
from posecap.runtime.preprocess import crop, image_from_crop, letterbox, moved


def dot(size_px: tuple[int, int], at: tuple[float, float], sigma: float) -> NDArray[np.uint8]:
    """A read-only picture with a round blob, pixel centres at integers."""
    x, y = np.arange(size_px[0]), np.arange(size_px[1])
    blob = np.exp(-0.5 * (((x - at[0]) ** 2)[None] + ((y - at[1]) ** 2)[:, None]) / sigma**2)
    image = np.repeat((255 * blob).round().astype(np.uint8)[..., None], 3, axis=2)
    image.setflags(write=False)
    return image


def mass(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    weight = image[..., 0].astype(np.float64)
    x = (weight.sum(axis=0) * np.arange(image.shape[1])).sum() / weight.sum()
    y = (weight.sum(axis=1) * np.arange(image.shape[0])).sum() / weight.sum()
    return np.array([x, y])


@pytest.mark.parametrize("roll", [0.0, 0.4, -2.0, np.pi])
@pytest.mark.parametrize("side", [150.0, 256.0, 430.0])
def test_a_dot_comes_back_to_where_it_was(roll: float, side: float) -> None:
    at = (311.3, 202.7)
    image = dot((640, 480), at, sigma=6.0)
    region = Region(0, (300.25, 210.5), side, roll)
    affine = image_from_crop(region, (256, 256))
    out = np.empty((256, 256, 3), dtype=np.uint8)
    crop(image, affine, out)
    np.testing.assert_allclose(moved(affine, mass(out)), at, atol=0.05)


def test_the_crop_is_turned_clockwise_with_the_person() -> None:
    """Somebody who leans to the right stands upright in the crop."""
    leaning = np.deg2rad(30)
    head = (320 + 100 * np.sin(leaning), 240 - 100 * np.cos(leaning))
    out = np.empty((200, 200, 3), dtype=np.uint8)
    crop(dot((640, 480), head, 5.0), image_from_crop(Region(0, (320, 240), 400, leaning), (200, 200)), out)
    np.testing.assert_allclose(mass(out), (99.5, 49.5), atol=0.05)


def test_outside_the_picture_is_black_and_inside_is_not() -> None:
    image = np.full((100, 100, 3), 200, dtype=np.uint8)
    out = np.full((64, 64, 3), 7, dtype=np.uint8)
    crop(image, image_from_crop(Region(0, (0.0, 49.5), 64.0), (64, 64)), out)
    assert (out[:, :31] == 0).all()
    assert (out[:, 33:] == 200).all()


def test_side_is_the_height_of_a_tall_crop() -> None:
    affine = image_from_crop(Region(0, (50, 60), 128.0), (192, 256))
    np.testing.assert_allclose(moved(affine, np.array([95.5, 127.5])), (50, 60))
    top, bottom = moved(affine, np.array([[95.5, -0.5], [95.5, 255.5]]))
    np.testing.assert_allclose(bottom - top, (0, 128))


@pytest.mark.parametrize("size_px", [(1088, 1920), (1081, 1923), (640, 480), (200, 150)])
@pytest.mark.parametrize("centred", [True, False])
def test_letterbox_knows_where_its_pixels_are(size_px: tuple[int, int], centred: bool) -> None:
    at = (0.62 * size_px[0], 0.31 * size_px[1])
    image = dot(size_px, at, sigma=0.03 * size_px[1])
    small, affine = letterbox(image, (256, 256), centred)
    scale = max(size_px) / 256
    np.testing.assert_allclose(moved(affine, mass(small)), at, atol=0.05 * max(scale, 1))


def test_letterbox_fills() -> None:
    small, _ = letterbox(np.zeros((100, 200, 3), dtype=np.uint8), (64, 64), centred=False, fill=114)
    assert (small[:32] == 0).all()
    assert (small[32:] == 114).all()


def coarse_picture(size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """Large blots of colour."""
    coarse = np.random.default_rng(0).integers(60, 190, (8, 7, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, size_px, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def warped(image: NDArray[np.uint8], affine: NDArray[np.float64], side: int) -> NDArray[np.uint8]:
    """The slow twin: straight from the whole picture."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(image, affine, (side, side), flags=flags), dtype=np.uint8)


REGIONS = [(300.0, 0.0), (900.0, 0.4), (1500.0, -1.0), (120.0, 2.0)]


@pytest.mark.parametrize("centre", [(480.0, 610.0), (20.0, 1180.0)])
@pytest.mark.parametrize(("side", "roll"), REGIONS)
def test_a_crop_is_that_of_the_whole_picture(centre: tuple[float, float], side: float, roll: float) -> None:
    image = coarse_picture((1001, 1203))
    affine = image_from_crop(Region(0, centre, side, roll), (128, 128))
    whole, cropped = warped(image, affine, 128), np.empty((128, 128, 3), dtype=np.uint8)
    crop(image, affine, cropped)
    inside = whole.min(axis=2) > 0
    assert np.abs(whole.astype(int) - cropped)[inside].mean() < 2.0
    assert np.abs(whole.astype(int) - cropped).mean() < 3.0


@pytest.mark.parametrize(("side", "roll"), REGIONS)
def test_i420_gives_the_crop_that_bgr_gives(side: float, roll: float) -> None:
    yuv = np.asarray(cv2.cvtColor(coarse_picture((1002, 1206)), cv2.COLOR_BGR2YUV_I420), dtype=np.uint8)
    bgr = bgr_of(yuv)
    affine = image_from_crop(Region(0, (480.0, 610.0), side, roll), (128, 128))
    direct, converted = np.empty((2, 128, 128, 3), dtype=np.uint8)
    crop(yuv, affine, direct)
    crop(bgr, affine, converted)
    inside = cv2.erode((warped(bgr, affine, 128).min(axis=2) > 0).astype(np.uint8), np.ones((5, 5))) > 0
    assert np.abs(direct.astype(int) - converted)[inside].mean() < 2.5  # colour has half the resolution
    shifted = np.roll(direct, 2, axis=1)  # a pixel of colour in the wrong place would be seen
    assert (
        np.abs(shifted.astype(int) - converted)[inside].mean()
        > 1.3 * np.abs(direct.astype(int) - converted)[inside].mean()
    )


def test_i420_outside_the_picture_is_black() -> None:
    out = np.full((64, 64, 3), 7, dtype=np.uint8)
    yuv = np.full((150, 100), 128, dtype=np.uint8)
    for centre in ((-200.0, 50.0), (0.0, 49.5)):
        crop(yuv, image_from_crop(Region(0, centre, 64.0), (64, 64)), out)
        assert (out[:, :29] < 2).all()
    assert (out[:, 35:] > 120).all()
