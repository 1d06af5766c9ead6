"""Regions of a picture: a grid of rectangles whose residuals are coded apart, and how the picture header says so.

With n regions along a side of `length` samples each has floor(ceil(length / 128) / n) * 128 of them, the last takes the rest. So all
regions start at whole blocks of 8x8 latents, cells and hyper-latents. There are two kinds:

independent  a substream for each region; hyper-decoder, context model, synthesis and filters see nothing of other regions, so that a
             region can be decoded alone, in the very samples that it has in the whole picture, or be missing
dependent    one substream for all; hyper-decoder and context model work region by region on parts that overlap

`region_tiles` has the overlaps, `region_payloads` the substreams.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product
from typing import Final

from jpegai_ref.bits import BitReader, BitWriter
from jpegai_ref.chroma_grid import Rectangle

ALIGNMENT: Final = 128
SMALLEST_HEIGHT, SMALLEST_WIDTH = 256, 512
"""There is at most one region for each so many rows and columns, begun ones counted."""
MOST_INDEPENDENT: Final = 256
"""The index of an independent region is a byte."""
COUNT_BITS, HYPER_OVERLAP_BITS, CONTEXT_OVERLAP_BITS = 7, 2, 4
LOSSLESS_HYPER_OVERLAP, LOSSLESS_CONTEXT_OVERLAP = 1, 3
"""As far as hyper-decoder and context model reach: with these dependent regions have the latents of the undivided picture."""


class NoSuchRegion(Exception):
    """A region is asked for that the picture does not have; one line."""


@dataclass(frozen=True)
class Regions:
    """A grid, and the kind of its regions. `problem` says whether it is valid for a picture."""

    rows: int
    columns: int
    independent: bool = True
    hyper_overlap: int = 0
    """Of the hyper-decoder with dependent regions, 0..3, in units of two hyper-latents on each inner side."""
    context_overlap: int = 0
    """Of the context model with dependent regions, 0..15, in units of two latents on each inner side."""

    @property
    def count(self) -> int:
        return self.rows * self.columns

    def problem(self, height: int, width: int) -> str | None:
        """Why a picture of this size cannot be divided so, or None."""
        most_rows, most_columns = -(-height // SMALLEST_HEIGHT), -(-width // SMALLEST_WIDTH)
        if not (1 <= self.rows <= most_rows and 1 <= self.columns <= most_columns):
            return f"a picture of {width}x{height} has at most {most_rows}x{most_columns} regions (rows x columns), not {self}"
        if self.count > MOST_INDEPENDENT and self.independent:
            return f"there are at most {MOST_INDEPENDENT} independent regions, not {self.count}"
        if not (0 <= self.hyper_overlap < 1 << HYPER_OVERLAP_BITS and 0 <= self.context_overlap < 1 << CONTEXT_OVERLAP_BITS):
            return f"regions cannot overlap by {self.hyper_overlap} and {self.context_overlap} units"
        if self.independent and (self.hyper_overlap or self.context_overlap):
            return "independent regions do not overlap"
        return None

    def __str__(self) -> str:
        return f"{self.rows}x{self.columns}"

    @staticmethod
    def parse(text: str) -> Regions:
        """`2x3` (rows x columns, independent) or `2x3:dependent`, with the overlaps that lose nothing. Raises ValueError for other text."""
        match = re.fullmatch(r"(\d{1,3})x(\d{1,3})(:dependent|:independent)?", text)
        if not match:
            raise ValueError("regions are ROWSxCOLUMNS or ROWSxCOLUMNS:dependent")
        rows, columns = int(match[1]), int(match[2])
        if match[3] == ":dependent":
            return Regions(rows, columns, False, LOSSLESS_HYPER_OVERLAP, LOSSLESS_CONTEXT_OVERLAP)
        return Regions(rows, columns)


@dataclass(frozen=True)
class Region:
    """A region, or the whole of a picture that has none."""

    index: int
    """Row by row."""
    place: Rectangle
    """In luma samples of the coded picture."""

    @property
    def height(self) -> int:
        return self.place.bottom - self.place.top

    @property
    def width(self) -> int:
        return self.place.right - self.place.left

    def window(self, stride: int) -> tuple[slice, slice]:
        """Its rows and columns in a map with a value for every stride x stride samples; `stride` divides 128."""
        top, left, bottom, right = self.place
        return slice(top // stride, -(-bottom // stride)), slice(left // stride, -(-right // stride))

    def size(self, stride: int) -> tuple[int, int]:
        """Rows and columns of that window."""
        return -(-self.height // stride), -(-self.width // stride)


@lru_cache(maxsize=64)
def regions_of(regions: Regions | None, height: int, width: int) -> tuple[Region, ...]:
    """All regions of a picture, row by row; where it has none, the whole.

    Raises ValueError where it cannot be divided so."""
    if regions is None:
        return (Region(0, Rectangle(0, 0, height, width)),)
    if problem := regions.problem(height, width):
        raise ValueError(problem)
    rows, columns = pairwise(_seams(height, regions.rows)), list(pairwise(_seams(width, regions.columns)))
    places = [Rectangle(top, left, bottom, right) for (top, bottom), (left, right) in product(rows, columns)]
    return tuple(Region(index, place) for index, place in enumerate(places))


def _seams(length: int, count: int) -> list[int]:
    side = -(-length // ALIGNMENT) // count * ALIGNMENT
    return [*(index * side for index in range(count)), length]


def parse_wanted(text: str) -> int | Rectangle:
    """A region's index, or `LEFT,TOP,WIDTH,HEIGHT` in samples. Raises ValueError for other text."""
    numbers = text.split(",")
    if len(numbers) not in (1, 4) or not all(re.fullmatch(r"\d{1,6}", number) for number in numbers):
        raise ValueError("a region is an INDEX, or LEFT,TOP,WIDTH,HEIGHT in samples")
    if len(numbers) == 1:
        return int(text)
    left, top, width, height = map(int, numbers)
    if not width or not height:
        raise ValueError("a rectangle has a width and a height")
    return Rectangle(top, left, top + height, left + width)


def chosen(regions: tuple[Region, ...], wanted: int | Rectangle | None) -> tuple[Region, ...]:
    """The region of an index, all that a rectangle of samples touches, or all where nothing else is asked for.

    Raises NoSuchRegion where that is none."""
    if wanted is None:
        return regions
    if isinstance(wanted, int):
        if not 0 <= wanted < len(regions):
            raise NoSuchRegion(f"there is no region {wanted}: the picture has {len(regions)}, from 0")
        return (regions[wanted],)
    touched = tuple(region for region in regions if region.place.within(wanted).area)
    if not touched:
        raise NoSuchRegion("the rectangle lies outside of the picture")
    return touched


def frame_of(regions: tuple[Region, ...]) -> Rectangle:
    """The smallest rectangle around some regions."""
    tops, lefts, bottoms, rights = zip(*(region.place for region in regions), strict=True)
    return Rectangle(min(tops), min(lefts), max(bottoms), max(rights))


def write_regions(out: BitWriter, regions: Regions | None) -> None:
    """The fields of the picture header."""
    out.flag(regions is not None)
    if regions is not None:
        out.u(regions.rows - 1, COUNT_BITS)
        out.u(regions.columns - 1, COUNT_BITS)
        out.flag(regions.independent)
        if not regions.independent:
            out.u(regions.hyper_overlap, HYPER_OVERLAP_BITS)
            out.u(regions.context_overlap, CONTEXT_OVERLAP_BITS)


def read_regions(source: BitReader) -> Regions | None:
    """The reverse of `write_regions`, not yet compared with the size of the picture."""
    if not source.flag():
        return None
    rows, columns = source.u(COUNT_BITS) + 1, source.u(COUNT_BITS) + 1
    if source.flag():
        return Regions(rows, columns)
    return Regions(rows, columns, False, source.u(HYPER_OVERLAP_BITS), source.u(CONTEXT_OVERLAP_BITS))
