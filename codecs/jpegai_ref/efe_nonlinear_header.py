"""What the tool header says of EFE non-linear, and its bits.

smallest code, range above it             16 bits each
mask of U, mask of V                      a flag each
block side, rows of blocks, columns       10 bits each, where there is a mask
masks of U, of V                          2 bits a block
correction of U, of V                     a flag each
columns, rows, number of tiles            16 bits each, where there is a correction
lowest luma of all tiles, highest         16 bits each, hundredths
of U, then of V: number of weights        16 bits, where the plane is corrected
                 weights a0..a7 of each tile
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from jpegai_ref.bits import BitReader, BitWriter
from jpegai_ref.chroma_grid import ChromaGrid
from jpegai_ref.errors import BitstreamError
from jpegai_ref.filter_codes import CodeRange

BINS: Final = 8
TILE_STEP: Final = 64
MASK_VALUES: Final = 3
FIELD_BITS: Final = 16
BLOCK_BITS: Final = 10
MASK_BITS: Final = (MASK_VALUES - 1).bit_length()
LARGEST_FIELD: Final = (1 << FIELD_BITS) - 1
LARGEST_BLOCK: Final = (1 << BLOCK_BITS) - 1

Codes = tuple[int, ...] | None
"""BINS codes for each tile, tile after tile; None where the plane is not corrected."""


@dataclass(frozen=True)
class Correction:
    """The functions of luma. Raises ValueError where its parts do not go together."""

    tile: tuple[int, int]
    """Rows and columns of a tile, in samples of the chroma plane, multiples of 64."""
    lowest: tuple[int, ...]
    """Luma of each tile, row by row, in hundredths, 0..65535."""
    highest: tuple[int, ...]
    u: Codes
    v: Codes

    def __post_init__(self) -> None:
        if self.u is None and self.v is None:
            raise ValueError("a correction is of one plane at least")
        if any(side % TILE_STEP or not 0 < side <= LARGEST_FIELD for side in self.tile):
            raise ValueError(f"tiles of {self.tile[0]}x{self.tile[1]}: sides are multiples of {TILE_STEP}, up to {LARGEST_FIELD}")
        if len(self.lowest) != len(self.highest) or any(low > high for low, high in zip(self.lowest, self.highest, strict=True)):
            raise ValueError("every tile has a lowest and a highest luma")
        if any(codes is not None and len(codes) != BINS * len(self.lowest) for codes in self.planes):
            raise ValueError(f"every tile of a plane has {BINS} weights")

    @property
    def planes(self) -> tuple[Codes, Codes]:
        return self.u, self.v

    @property
    def codes(self) -> tuple[int, ...]:
        """All, in the order of the bitstream."""
        return (self.u or ()) + (self.v or ())


@dataclass(frozen=True)
class Masks:
    """Masks by blocks of samples of the chroma plane. Raises ValueError where their parts do not go together."""

    block: int
    """Side, 1..1023."""
    shape: tuple[int, int]
    """Rows and columns of blocks, 1..1023."""
    u: bytes | None
    """A value of 0, 1, 2 for each block, row by row; None where the plane has no mask."""
    v: bytes | None

    def __post_init__(self) -> None:
        if self.u is None and self.v is None:
            raise ValueError("masks are of one plane at least")
        if not all(1 <= size <= LARGEST_BLOCK for size in (self.block, *self.shape)):
            raise ValueError(f"masks of {self.shape[0]}x{self.shape[1]} blocks of {self.block}: 1..{LARGEST_BLOCK} each")
        for mask in self.planes:
            if mask is not None and (len(mask) != self.shape[0] * self.shape[1] or max(mask) >= MASK_VALUES):
                raise ValueError("a mask has a value of 0, 1 or 2 for each block")

    @property
    def planes(self) -> tuple[bytes | None, bytes | None]:
        return self.u, self.v


@dataclass(frozen=True)
class NonlinearFilter:
    """What the tool header says of EFE non-linear."""

    correction: Correction | None
    masks: Masks | None

    def problem(self, grid: ChromaGrid) -> str | None:
        """Why it is none for chroma planes of this size, or None."""
        if self.correction is not None and len(self.correction.lowest) != tile_count(self.correction.tile, grid):
            return f"{len(self.correction.lowest)} tiles of luma ranges for {tile_count(self.correction.tile, grid)}"
        if self.masks is not None and self.masks.shape != mask_shape(self.masks.block, grid):
            return f"masks of {self.masks.shape} blocks for {mask_shape(self.masks.block, grid)}"
        return None


def tile_count(tile: tuple[int, int], grid: ChromaGrid) -> int:
    return -(-grid.height // tile[0]) * -(-grid.width // tile[1])


def mask_shape(block: int, grid: ChromaGrid) -> tuple[int, int]:
    """Rows and columns of blocks."""
    return -(-grid.height // block), -(-grid.width // block)


def write_nonlinear(out: BitWriter, header: NonlinearFilter) -> None:
    """Raises ValueError for more tiles than the field for their number, or that of their weights, can say."""
    limits = CodeRange.of(header.correction.codes if header.correction else ())
    limits.write(out)
    _write_masks(out, header.masks)
    _write_correction(out, header.correction, limits)


def read_nonlinear(source: BitReader) -> NonlinearFilter:
    """Raises BitstreamError where a field is not valid or the data end; costs time and memory in proportion to the data."""
    try:
        limits = CodeRange.read(source)
        masks = _read_masks(source)
        return NonlinearFilter(_read_correction(source, limits), masks)
    except ValueError as error:
        raise BitstreamError(f"a non-linear filter is not valid: {error}") from error


def _write_masks(out: BitWriter, masks: Masks | None) -> None:
    planes = (None, None) if masks is None else masks.planes
    for mask in planes:
        out.flag(mask is not None)
    if masks is None:
        return
    for size in (masks.block, *masks.shape):
        out.u(size, BLOCK_BITS)
    for mask in planes:
        for value in mask or ():
            out.u(value, MASK_BITS)


def _read_masks(source: BitReader) -> Masks | None:
    flags = source.flag(), source.flag()
    if not any(flags):
        return None
    block, rows, columns = (source.u(BLOCK_BITS) for _ in range(3))
    u, v = (bytes(source.numbers(rows * columns, MASK_BITS)) if flag else None for flag in flags)
    return Masks(block, (rows, columns), u, v)


def _write_correction(out: BitWriter, correction: Correction | None, limits: CodeRange) -> None:
    planes = (None, None) if correction is None else correction.planes
    for codes in planes:
        out.flag(codes is not None)
    if correction is None:
        return
    rows, columns = correction.tile
    for field in (columns, rows, len(correction.lowest), *correction.lowest, *correction.highest):
        out.u(field, FIELD_BITS)
    for codes in planes:
        if codes is not None:
            out.u(len(codes), FIELD_BITS)
            limits.write_codes(out, codes)


def _read_correction(source: BitReader, limits: CodeRange) -> Correction | None:
    flags = source.flag(), source.flag()
    if not any(flags):
        return None
    columns, rows, count = (source.u(FIELD_BITS) for _ in range(3))
    lowest, highest = (tuple(source.numbers(count, FIELD_BITS)) for _ in range(2))
    u, v = (_read_codes(source, limits, count) if flag else None for flag in flags)
    return Correction((rows, columns), lowest, highest, u, v)


def _read_codes(source: BitReader, limits: CodeRange, tiles: int) -> Codes:
    count = source.u(FIELD_BITS)
    if count != BINS * tiles:
        raise BitstreamError(f"{count} weights of a non-linear filter for {tiles} tiles, not {BINS} each")
    return limits.read_codes(source, count)
