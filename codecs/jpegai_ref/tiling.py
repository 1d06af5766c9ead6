"""Overlapping tiles: what is computed together, and what of it is kept."""

from __future__ import annotations

from dataclasses import dataclass

from jpegai_ref.picture_header import Tiling

ANALYSIS_TILES = Tiling(1152, 128)
"""Of the encoder, not signalled. A latent depends on samples at most 45 away from its own 16x16: with 64 more on each side the tiles have
the very latents of the whole picture."""
SYNTHESIS_TILES = Tiling(1024, 64)
"""Of the decoder, signalled, where a picture has more than MOST_UNTILED_SAMPLES."""
MOST_UNTILED_SAMPLES = 1024 * 1024


@dataclass(frozen=True)
class Span:
    """Samples `start`..`stop` of a row or column are computed together, `keep_start`..`keep_stop` of them are kept; ends excluded."""

    start: int
    stop: int
    keep_start: int
    keep_stop: int

    @property
    def computed(self) -> slice:
        return slice(self.start, self.stop)


def spans(length: int, tiles: Tiling | None) -> list[Span]:
    """Spans whose kept parts follow each other from 0 to `length`; half of each overlap is kept on either side. None: one span."""
    if tiles is None or length <= tiles.size:
        return [Span(0, length, 0, length)]
    starts = [0]
    while starts[-1] + tiles.size < length:
        starts.append(starts[-1] + tiles.size - tiles.overlap)
    seams = [0, *[start + tiles.overlap // 2 for start in starts[1:]], length]
    return [
        Span(start, min(start + tiles.size, length), first, last) for start, first, last in zip(starts, seams[:-1], seams[1:], strict=True)
    ]


def synthesis_tiles(width: int, height: int) -> Tiling | None:
    """How an encoder asks for a picture of this size to be synthesised."""
    return SYNTHESIS_TILES if width * height > MOST_UNTILED_SAMPLES else None
