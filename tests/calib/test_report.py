"""The report is one valid page that holds every number asked of it, and nothing from elsewhere."""

from html.parser import HTMLParser

import numpy as np
import pytest

from posecap.calib.camera import Camera
from posecap.calib.coverage import Coverage, CoverageOptions
from posecap.calib.report import Report, render_report
from posecap.calib.report_pictures import coverage_picture, histogram, top_view
from posecap.calib.solution import CameraFit
from posecap.calib.verdict import Verdict

VOID = {"meta", "br", "img", "link", "rect", "path", "circle"}


class Page(HTMLParser):
    """What a page consists of; fails where tags do not close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def count(self, tag: str, **wanted: str) -> int:
        return sum(tag == name and wanted.items() <= attrs.items() for name, attrs in self.tags)


def camera(name: str, x: float) -> Camera:
    pose = np.eye(4)
    pose[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]  # looks along +y
    pose[:3, 3] = -pose[:3, :3] @ [x, -2.0, 1.25]
    return Camera(name, (640, 480), np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]]), np.zeros(5), pose)


def fit(name: str) -> CameraFit:
    rng = np.random.default_rng(0)
    return CameraFit(name, 0.123, 400, 20, 3, rng.normal(0, 0.1, (400, 2)), rng.uniform(0, 480, (400, 2)))


def coverage(name: str) -> Coverage:
    cells = np.arange(24).reshape(4, 6)
    return Coverage(name, (640, 480), 20, cells, 0.4, np.array([20.0, 30.0]), CoverageOptions())


def whole() -> Report:
    cameras = camera("left", -1.5), camera("<b>&right", 1.5)
    names = [one.name for one in cameras]
    return Report(
        title="Places",
        verdict=Verdict("usable", ("the place of <b>&right is known to 9 mm only",)),
        facts=(("board", "charuco"), ("world", "floor")),
        cameras=cameras,
        fits={name: fit(name) for name in names},
        coverage={name: coverage(name) for name in names},
        camera_std={names[1]: (0.02, 0.009)},
        errors_m=np.array([0.001, -0.001, 0.003, np.nan]),
        scale_bias=0.002,
        overlap=np.array([[31, 17], [17, 29]]),
        places_m=np.zeros((5, 3)),
        advice=("hold the board still",),
    )


def test_the_page_holds_everything_asked_of_it() -> None:
    text = render_report(whole())
    page = Page(text)
    for words in (
        "This calibration is usable.",
        "the place of <b>&right is known to 9 mm only",
        "0.123",  # rms
        "83 %",  # 20 of 24 cells
        "3 distances: rms 1.91 mm, bias +1.00 mm",
        "scale +2.00 mm a metre",
        "3.000",  # baseline
        "17",
        "(1.25 m high)",
        "reference",
        "9.00",
        "hold the board still",
    ):
        assert words in page.text, words
    assert "<b>&right" not in text  # escaped
    assert page.count("svg") == 2 * 2 + 1 + 1
    assert page.count("rect", **{"class": "empty"}) == 2 * 4
    assert page.count("rect", **{"class": "full"}) == 2 * 20
    assert "http" not in text
    assert page.count("script") + page.count("link") + page.count("img") == 0


def test_lenses_alone_have_no_places() -> None:
    report = whole()
    page = Page(
        render_report(
            Report(
                title="Lenses",
                verdict=Verdict("good", ()),
                facts=(),
                cameras=report.cameras,
                fits={"left": fit("left")},
                focal_std_px={"left": 1.25},
            )
        )
    )
    assert "500.0 ± 1.2" in page.text
    assert "not seen" in page.text  # the other one
    assert "Baselines" not in page.text
    assert "millimetre" not in page.text


def test_no_distances_are_said_to_be_none() -> None:
    report = whole()
    empty = Report(
        title="x",
        verdict=report.verdict,
        facts=(),
        cameras=report.cameras,
        fits={},
        overlap=report.overlap,
    )
    assert "No known distance was seen by two cameras at once" in Page(render_report(empty)).text


def test_arrows_point_where_the_residuals_do() -> None:
    seen = np.full((10, 2), 100.0)
    one = CameraFit("c", 1.0, 10, 1, 0, np.tile([0.5, 0.0], (10, 1)), seen)
    drawn = coverage_picture(coverage("c"), one)
    scale = 360 / 640
    assert f'd="M{100 * scale:.1f} {100 * scale:.1f}l26.0 0.0"' in drawn
    assert "longest arrow 0.50 px" in drawn


def test_bars_have_the_shares_of_the_values() -> None:
    drawn = histogram(np.array([-1.0, 1.0, 1.0]), "mm", "x")
    heights = [float(part.split('"')[0]) for part in drawn.split(' height="')[1:]]
    assert heights == [60.0, 120.0]
    assert histogram(np.array([np.nan]), "mm", "x") == ""


@pytest.mark.parametrize("apart_m", [0.001, 3.0, 150.0])
def test_rigs_of_any_size_fit_the_top_view(apart_m: float) -> None:
    drawn = top_view([camera("a", 0.0), camera("b", apart_m)])
    places = [float(part.split('"')[0]) for part in drawn.split('class="tip" cx="')[1:]]
    assert len(places) == 2
    assert all(0 < x < 420 for x in places)
    assert places[0] < places[1] or apart_m < 0.01
