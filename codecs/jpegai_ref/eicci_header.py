"""What the tool header says of eICCI, and its bits; where its tiles lie.

tiles                                     a flag, and side / 16 in 8 bits, overlap / 16 in 5 bits; without: one for the whole picture
each tile, row by row: Y, U, V            a flag each: filtered or not
    where there is one:
    short list                            a flag, always 1
    network of Y, where Y is filtered     2 bits, always 0
    network of U and V, where one is      2 bits, always 0

The reference software chooses among ten networks, two of them in a short list of each model. Here there is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product
from typing import Final, NamedTuple

from jpegai_ref.bits import BitReader, BitWriter
from jpegai_ref.chroma_grid import Rectangle
from jpegai_ref.errors import BitstreamError
from jpegai_ref.picture_header import Tiling
from jpegai_ref.tiling import spans

TILES: Final = Tiling(2048, 48)
"""Of the encoder, where a side of the picture is longer."""
SMALLEST_TILE: Final = 176
"""The last tile of a row or column takes so much from the one before, where it would be smaller."""
INDEX_BITS: Final = 2
"""Of an index into the short list."""


class EicciTile(NamedTuple):
    """Which planes of a tile are filtered."""

    y: bool
    u: bool
    v: bool


@dataclass(frozen=True)
class EicciHeader:
    """What the tool header says of eICCI."""

    tiling: Tiling | None
    tiles: tuple[EicciTile, ...]

    def problem(self, height: int, width: int) -> str | None:
        """Why this cannot be of a picture of that size; None where it can."""
        try:
            count = tile_count(self.tiling, height, width)
        except ValueError as error:
            return str(error)
        return None if count == len(self.tiles) else f"{len(self.tiles)} tiles where there are {count}"


def tile_count(tiling: Tiling | None, height: int, width: int) -> int:
    """Raises ValueError as `tile_cores`."""
    rows, columns = _sides(tiling, height, width)
    return (len(rows) - 1) * (len(columns) - 1)


def tile_cores(tiling: Tiling | None, height: int, width: int) -> list[Rectangle]:
    """What each tile decides on, row by row: they cover the picture without overlap. Corners are at multiples of 8.

    Raises ValueError for tiles below 176, that overlap by more than half, or the last of which takes all of the one before."""
    rows, columns = (list(pairwise(seams)) for seams in _sides(tiling, height, width))
    return [Rectangle(top, left, bottom, right) for (top, bottom), (left, right) in product(rows, columns)]


def _sides(tiling: Tiling | None, height: int, width: int) -> tuple[list[int], list[int]]:
    if tiling is not None and (tiling.size < SMALLEST_TILE or 2 * tiling.overlap > tiling.size):
        raise ValueError(
            f"tiles of {tiling.size} that overlap by {tiling.overlap} are not supported: from {SMALLEST_TILE} on, at most half"
        )
    return _seams(height, tiling), _seams(width, tiling)


def _seams(length: int, tiling: Tiling | None) -> list[int]:
    """Where cores begin, and `length`."""
    parts = spans(length, tiling)
    seams = [part.keep_start for part in parts]
    if len(parts) > 1 and parts[-1].stop - parts[-1].start < SMALLEST_TILE:
        seams[-1] -= SMALLEST_TILE
        if seams[-1] <= seams[-2]:
            raise ValueError(f"nothing is left of a tile beside the last of a side of {length}")
    return [*seams, length]


def chosen_tiling(height: int, width: int) -> Tiling | None:
    """How an encoder divides a picture."""
    return TILES if max(height, width) > TILES.size else None


def write_eicci(out: BitWriter, header: EicciHeader) -> None:
    """Raises ValueError where sides of tiles do not fit their fields."""
    out.flag(header.tiling is not None)
    if header.tiling is not None:
        out.u(header.tiling.size // 16, 8)
        out.u(header.tiling.overlap // 16, 5)
    for tile in header.tiles:
        for flag in tile:
            out.flag(flag)
        if any(tile):
            out.flag(True)
            for used in (tile.y, tile.u or tile.v):
                out.u(0, INDEX_BITS if used else 0)


def read_eicci(source: BitReader, height: int, width: int) -> EicciHeader:
    """Of a picture of that size. Costs time and memory in proportion to the data.

    Raises BitstreamError where a field is not valid or the data end."""
    tiling = Tiling(16 * source.u(8), 16 * source.u(5)) if source.flag() else None
    try:
        count = tile_count(tiling, height, width)
    except ValueError as error:
        raise BitstreamError(f"the filter eICCI is not valid: {error}") from error
    if len(EicciTile._fields) * count > source.left:
        raise BitstreamError("the data end inside a field")
    return EicciHeader(tiling, tuple(_read_tile(source) for _ in range(count)))


def _read_tile(source: BitReader) -> EicciTile:
    tile = EicciTile(source.flag(), source.flag(), source.flag())
    if any(tile):
        if not source.flag():
            raise BitstreamError("the filter eICCI has no networks but those of the short list")
        for used in (tile.y, tile.u or tile.v):
            if used and (index := source.u(INDEX_BITS)):
                raise BitstreamError(f"the filter eICCI has no network {index}")
    return tile
