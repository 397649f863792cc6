"""The picture of a whole array: the error of every element as a multiple of its error bound, on a logarithmic scale.

A wrong row, tile, lane or edge shows as a shape. It is an image of a dot for each element.
"""

from __future__ import annotations

import base64
import math
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

STEPS = (1.0, 10.0, 1e3, 1e6)
"""Multiples of the error bound at which another colour begins: up to 1 is rounding."""
SCALE = ("rounding: up to 1", "10", "1,000", "10⁶", "more")
"""What each colour stands for."""
_COLOURS = (b"\xb8\xc4\xcc", b"\xf6\xd0\x8f", b"\xf0\x9a\x3e", b"\xd5\x5e\x00", b"\x8f\x24\x00", b"\x00\x00\x00")
_BETWEEN = 5
"""The colour between the tiles of an array of more than two dimensions, which is not seen."""
_MOST = 128
"""Dots of an image on each side; beyond, a dot stands for several elements, and shows the worst of them."""
_WIDTH, _HEIGHT, _LARGEST_DOT = 384, 256, 12


@dataclass(frozen=True)
class ErrorPicture:
    """An image as a `data:` address, its size in pixels, and by how many rows and columns a dot stands for."""

    source: str
    width: int
    height: int
    rows: int
    columns: int


def levels_of(multiples: np.ndarray) -> np.ndarray:
    """The colours of multiples of the error bound: their places in SCALE."""
    import numpy as np

    levels: np.ndarray = np.digitize(multiples, STEPS, right=True).astype(np.int8)
    return levels


def error_picture(levels: np.ndarray) -> ErrorPicture:
    """The picture of these colours, an array of at least one element.

    Of more than two dimensions each of the last two is a tile; tiles of four and more stand in rows by the third from
    last. One long dimension is broken into rows.
    """
    import numpy as np

    sheet = _sheet(levels)
    rows, columns = (math.ceil(size / _MOST) for size in sheet.shape)
    wide = [(0, -size % by) for size, by in zip(sheet.shape, (rows, columns), strict=True)]
    blocks = np.pad(sheet, wide, constant_values=-1)
    dots = blocks.reshape(blocks.shape[0] // rows, rows, blocks.shape[1] // columns, columns).max(axis=(1, 3))
    dot = max(1, min(_LARGEST_DOT, _WIDTH // dots.shape[1], _HEIGHT // dots.shape[0]))
    indexed = np.where(dots < 0, _BETWEEN, dots).astype(np.uint8)
    source = "data:image/png;base64," + base64.b64encode(_png(indexed)).decode()
    return ErrorPicture(source, dots.shape[1] * dot, dots.shape[0] * dot, rows, columns)


def _sheet(levels: np.ndarray) -> np.ndarray:
    """An array of any dimensions laid out in two, with −1 between its tiles."""
    import numpy as np

    if levels.ndim < 2:
        flat = levels.reshape(-1)
        return flat.reshape(1, -1) if flat.size <= _MOST else _rows(flat, _MOST // 2)
    if levels.ndim == 2:
        return levels
    height, width = levels.shape[-2:]
    tiles = levels.reshape(-1, height, width)
    across = levels.shape[-3] if levels.ndim > 3 else math.ceil(math.sqrt(len(tiles) * height / width))
    across = min(across, len(tiles))
    down = math.ceil(len(tiles) / across)
    sheet = np.full((down * (height + 1) - 1, across * (width + 1) - 1), -1, np.int8)
    for place, tile in enumerate(tiles):
        top, left = place // across * (height + 1), place % across * (width + 1)
        sheet[top : top + height, left : left + width] = tile
    return sheet


def _rows(flat: np.ndarray, width: int) -> np.ndarray:
    import numpy as np

    return np.pad(flat, (0, -flat.size % width), constant_values=-1).reshape(-1, width)


def _png(indexed: np.ndarray) -> bytes:
    """A PNG with a palette, of which the last colour is not seen (W3C, Portable Network Graphics, 3rd edition)."""
    height, width = indexed.shape
    rows = b"".join(b"\0" + row.tobytes() for row in indexed)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", b"".join(_COLOURS)),
        (b"tRNS", b"\xff" * _BETWEEN + b"\0"),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    packed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)
