"""What is said of a codec."""

from __future__ import annotations

from dataclasses import dataclass

from ctc.records.pictures import Picture


@dataclass(frozen=True)
class Knob:
    """The one setting of a codec that trades rate for quality."""

    name: str
    """The codec's own word for it, e.g. "QP"."""
    lowest: float
    highest: float
    integer: bool
    rate_rises: bool
    """Whether a larger setting gives a larger rate."""
    start: tuple[tuple[float, float], ...]
    """(bpp, setting) pairs of a typical picture, in order of rising bpp: where a search begins. Two or more."""


@dataclass(frozen=True)
class PixelFormat:
    """What a codec eats and gives back. The harness converts, once, in `pixels`."""

    container: str
    """"ppm" (RGB, `P6`, big-endian above 8 bits) or "yuv" (raw planar, little-endian); 16-bit words above 8 bits."""
    chroma: str = "444"
    """"444" or "420"; a yuv container only."""
    bit_depth: int = 8
    minimum_side: int = 1
    """Smaller pictures are extended to it by repeating the last row and column, and cropped after decoding."""
    multiple_of: int = 1
    """Sides are extended in the same way to a multiple of this, e.g. 2 for 4:2:0."""


@dataclass(frozen=True)
class DecoderModel:
    """What a learned codec says of its decoder."""

    operating_point: str
    """As tables name it, e.g. "BOP"."""
    tools: tuple[str, ...]
    """Coding tools that are switched on, as tables name them; empty: tools off."""
    parameters: int
    """Of all networks that decode one picture."""
    bytes: int
    """Of all that a decoder of the operating point needs, for any rate, as stored."""
    counting: str
    """How its multiply-accumulates are counted."""
    device: str = ""
    """What it computes on, as tables name it, e.g. "GPU"; empty: a CPU."""


@dataclass(frozen=True)
class CodecInfo:
    """What a report says of a codec."""

    name: str
    version: str
    pixels: PixelFormat | None
    """This and `knob`: None for a codec that was not run here."""
    knob: Knob | None
    citation: str
    note: str = ""
    """A caveat that every table must show beside the name, or empty."""
    model: DecoderModel | None = None
    """None for a codec that does not say: one that is not learned, a learned one that is a program, or one that was not run here."""
    source: str = ""
    """Who made its points, where it was not run here; else empty."""
    deep: CodecInfo | None = None
    """What it is for pictures of more than 8 bits, where it codes them in another way."""
    learned: bool | None = None
    """Whether its decoder is a trained model; None where nothing is known of how it computes."""
    encodes_on: str = ""
    """This and `decodes_on`: the device of `ctc interop`; empty of a codec that has none to choose from, or was not run here."""
    decodes_on: str = ""
    gives: tuple[str, ...] | None = None
    """Names of the metrics that `source` has values of; None where its pictures are scored here, by any."""

    def on(self, picture: Picture) -> CodecInfo:
        """What it is for `picture`."""
        return self.deep if self.deep is not None and picture.bit_depth > 8 else self
