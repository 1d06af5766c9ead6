"""What the tool header says of EFE linear, and its bits.

means of U and V                          15 bits each, hundredths
filters of the alternative picture, then those of the output, each:
    split + 1 of U, of V                  4 bits each, 0: no filter
    side of U, of V                       4 bits each, where there is a filter
    smallest code, range above it         16 bits each
    w of all regions of U, v of all regions of U, w of V, v of V
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from jpegai_ref.bits import BitReader, BitWriter
from jpegai_ref.errors import BitstreamError
from jpegai_ref.filter_codes import CODE_BITS, CodeRange

SIDES: Final = (1, 2, 3, 4)
SPLITS: Final = ((1, 1), (2, 1), (1, 2), (1, 3), (3, 1), (2, 2), (3, 2), (2, 3))
"""Regions down and across."""
MEAN_BITS: Final = 15
SPLIT_BITS: Final = 4
SIDE_BITS: Final = 4
LARGEST_MEAN: Final = (1 << MEAN_BITS) - 1


@dataclass(frozen=True)
class PlaneFilter:
    """The filter of U or of V: a split, a side, and for each region side * side codes of w and of v, row by row.

    Raises ValueError where they do not go together."""

    split: int
    side: int
    chroma: tuple[tuple[int, ...], ...]
    luma: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        if not 0 <= self.split < len(SPLITS):
            raise ValueError(f"there is no split {self.split} of a plane: 0..{len(SPLITS) - 1}")
        if self.side not in SIDES:
            raise ValueError(f"a linear filter has {SIDES[0]} to {SIDES[-1]} weights a side, not {self.side}")
        if any(len(codes) != region_count(self.split) for codes in (self.chroma, self.luma)):
            raise ValueError(f"split {self.split} has {region_count(self.split)} regions")
        if any(len(codes) != self.side**2 for codes in (*self.chroma, *self.luma)):
            raise ValueError(f"a filter of side {self.side} has {self.side**2} weights")

    @property
    def codes(self) -> tuple[int, ...]:
        """All, in the order of the bitstream."""
        return tuple(code for part in (self.chroma, self.luma) for region in part for code in region)


@dataclass(frozen=True)
class FilterSet:
    """The filters of U and V, None where the plane stays as it is."""

    u: PlaneFilter | None = None
    v: PlaneFilter | None = None

    @property
    def planes(self) -> tuple[PlaneFilter | None, PlaneFilter | None]:
        return self.u, self.v


@dataclass(frozen=True)
class LinearFilter:
    """What the tool header says of EFE linear. Raises ValueError for a mean beyond its field."""

    means: tuple[int, int]
    """Of U and V, in hundredths of samples of 0..255: 0..32767."""
    output: FilterSet
    alternative: FilterSet = FilterSet()
    """Makes another picture, which the masks of EFE non-linear choose block by block."""

    def __post_init__(self) -> None:
        if not all(0 <= mean <= LARGEST_MEAN for mean in self.means):
            raise ValueError(f"means of chroma are 0..{LARGEST_MEAN} hundredths, not {self.means}")


def region_count(split: int) -> int:
    return SPLITS[split][0] * SPLITS[split][1]


def write_linear(out: BitWriter, header: LinearFilter) -> None:
    for mean in header.means:
        out.u(mean, MEAN_BITS)
    _write_set(out, header.alternative)
    _write_set(out, header.output)


def read_linear(source: BitReader) -> LinearFilter:
    """Raises BitstreamError where a field is not valid or the data end."""
    means = source.u(MEAN_BITS), source.u(MEAN_BITS)
    alternative = _read_set(source)
    return LinearFilter(means, _read_set(source), alternative)


def set_bits(count: int, used: int, span: int) -> int:
    """Bits of a set of `count` weights in `used` filters, whose codes differ by up to `span`."""
    return 2 * SPLIT_BITS + used * SIDE_BITS + 2 * CODE_BITS + count * span.bit_length()


def _write_set(out: BitWriter, filters: FilterSet) -> None:
    used = [spec for spec in filters.planes if spec is not None]
    for spec in filters.planes:
        out.u(0 if spec is None else spec.split + 1, SPLIT_BITS)
    for spec in used:
        out.u(spec.side, SIDE_BITS)
    codes = [code for spec in used for code in spec.codes]
    limits = CodeRange.of(codes)
    limits.write(out)
    limits.write_codes(out, codes)


def _read_set(source: BitReader) -> FilterSet:
    splits = [source.u(SPLIT_BITS) - 1 for _ in range(2)]
    sides = [source.u(SIDE_BITS) if split >= 0 else None for split in splits]
    limits = CodeRange.read(source)
    u, v = (_read_plane(source, split, side, limits) for split, side in zip(splits, sides, strict=True))
    return FilterSet(u, v)


def _read_plane(source: BitReader, split: int, side: int | None, limits: CodeRange) -> PlaneFilter | None:
    if side is None:
        return None
    if split >= len(SPLITS) or side not in SIDES:
        raise BitstreamError(f"there is no linear filter of split {split} and side {side}")
    chroma, luma = (tuple(limits.read_codes(source, side * side) for _ in range(region_count(split))) for _ in range(2))
    return PlaneFilter(split, side, chroma, luma)
