"""A board as a file that is printed in exact millimetres: PDF with edges as lines, or PNG that says its resolution."""

import struct
import zlib
from pathlib import Path

import cv2

from posecap.calib.board import Board
from posecap.launch.board_option import written
from posecap.launch.errors import UsageError

_PT = 72 / 0.0254  # points a metre
_PAGES_M = {
    "A4": (0.210, 0.297),
    "A3": (0.297, 0.420),
    "A2": (0.420, 0.594),
    "A1": (0.594, 0.841),
    "A0": (0.841, 1.189),
}
_MARGIN_M = 0.005  # that printers leave white
_RULER_M = 0.1
_FOOT_M = 0.012
_DPI = 300
_MOST_PIXELS = 200_000_000


def print_board(board: Board, out: Path, dpi: int = _DPI) -> str:
    """Write `board` to `out` (.pdf or .png); returns what was written in words.

    Raises:
        UsageError: another ending, a picture that is far too large, or a place that cannot be written.
    """
    kind = out.suffix.lower()
    if kind == ".pdf":
        page, width_m, height_m = _page(board)
        data, said = _pdf(board, width_m, height_m), f"page {page}"
    elif kind == ".png":
        data, said = _png(board, dpi)
    else:
        raise UsageError(f"--out {out} ends in {out.suffix or 'nothing'}, expected .pdf or .png: choose one")
    try:
        out.write_bytes(data)
    except OSError as error:
        raise UsageError(f"{out} cannot be written ({error.strerror}): choose another place") from error
    width, height = (1000 * side for side in board.size_m)
    return f"{out}: {written(board)}, pattern {width:g} x {height:g} mm, {said}"


def _page(board: Board) -> tuple[str, float, float]:
    """Name, width and height in metres of the smallest page that has room, else one made for it."""
    margin = _MARGIN_M + board.square_m / 4
    need = board.size_m[0] + 2 * margin, board.size_m[1] + 2 * margin + _FOOT_M
    for name, (short, long) in _PAGES_M.items():
        for width, height, way in ((short, long, "portrait"), (long, short, "landscape")):
            if need[0] <= width and need[1] <= height:
                return f"{name} {way}", width, height
    return f"{1000 * need[0]:.0f} x {1000 * need[1]:.0f} mm", *need


def _pdf(board: Board, width_m: float, height_m: float) -> bytes:
    """One page, everything in metres times `_PT`; y goes up."""
    width, height = board.size_m
    left, top = (width_m - width) / 2, (height_m + height + _FOOT_M) / 2
    rectangles = [
        (left + x0, top - y1, x1 - x0, y1 - y0) for x0, y0, x1, y1 in board.dark_rectangles_m().tolist()
    ]
    lines = []
    if board.inverted:
        rim = board.square_m / 4
        lines += ["0 g", _box(left - rim, top - height - rim, width + 2 * rim, height + 2 * rim), "f", "1 g"]
    lines += [_box(*rectangle) for rectangle in rectangles] + ["f", "0 g"]
    ruler = min(_RULER_M, width_m - 2 * _MARGIN_M)
    y = _MARGIN_M + 0.002
    lines += [_box(_MARGIN_M, y, ruler, 0.0004), _box(_MARGIN_M, y, 0.0003, 0.003)]
    lines += [_box(_MARGIN_M + ruler - 0.0003, y, 0.0003, 0.003), "f"]
    words = f"{written(board)}   print at 100 %: the line is {1000 * ruler:g} mm long; measure a square"
    text = words.replace("\\", "").replace("(", "").replace(")", "")
    lines.append(f"BT /F1 6 Tf {_MARGIN_M * _PT:.4f} {(y + 0.004) * _PT:.4f} Td ({text}) Tj ET")
    content = "\n".join(lines).encode("ascii")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width_m * _PT:.4f} {height_m * _PT:.4f}] "
            "/Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
        ).encode(),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    data = b"%PDF-1.4\n"
    places = []
    for number, one in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(data))
    return data + b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table) + end


def _box(x: float, y: float, width: float, height: float) -> str:
    return f"{x * _PT:.4f} {y * _PT:.4f} {width * _PT:.4f} {height * _PT:.4f} re"


def _png(board: Board, dpi: int) -> tuple[bytes, str]:
    """A whole number of pixels for each square; the file says how many are a metre."""
    px = max(round(board.square_m * dpi / 0.0254), 8)
    if px**2 * (board.columns + 1) * (board.rows + 1) > _MOST_PIXELS:
        raise UsageError(
            f"the board has more than {_MOST_PIXELS // 10**6} million pixels at {dpi} dpi: take .pdf, or give "
            "a smaller --dpi"
        )
    _, coded = cv2.imencode(".png", board.draw(px))
    data = coded.tobytes()
    metre = round(px / board.square_m)
    chunk = b"pHYs" + struct.pack(">IIB", metre, metre, 1)
    chunk = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    header = 8 + 25  # signature and IHDR
    return data[:header] + chunk + data[header:], f"{px} px a square, {metre * 0.0254:.1f} dpi"
