"""What a learned codec computes, and what its networks weigh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ctc.records.pictures import Picture

CountingRule = Literal["formula", "flop_counter", "official"]
"""By the layers' sizes; by PyTorch's counter; by the rule of the JPEG AI reference software, with transposed convolutions at output
resolution. The last two while a picture was really coded."""

COUNTING_RULES: tuple[CountingRule, ...] = ("formula", "flop_counter", "official")


@dataclass(frozen=True)
class Complexity:
    """What a learned codec computes to decode a picture."""

    codec: str
    picture: str
    kmac_per_pixel: float


@dataclass(frozen=True)
class PartMacs:
    """Multiply-accumulates of one part of an encoder or decoder for one picture, by three ways of counting."""

    side: str
    """"encoder" or "decoder"."""
    part: str
    """"analysis", "hyper", "context", "synthesis luma", "synthesis chroma", "filters"."""
    formula: int | None
    """By the layers' sizes; None where what is computed depends on more than the picture's size."""
    flop_counter: int
    """By PyTorch's counter, while a picture was really coded."""
    official: int
    """By the rule of the JPEG AI reference software, while it was."""
    unseen: int
    """Of the formula: what PyTorch does not compute and its counter cannot see. It is in `official`."""
    transposed: int
    """Of `official`: what it counts beyond the arithmetic of transposed convolutions."""
    biases: int
    """Of `official`: biases."""
    elements: int
    """Of `official`: activations, pooling, normalisation."""
    functional: int
    """Of `flop_counter`: products outside the modules that the official rule knows, which it does not count."""


@dataclass(frozen=True)
class ModelSizes:
    """Parameters and bytes of a learned codec's networks. Bytes are as stored."""

    decoder_parameters: int
    """Of the largest model: the networks that decode one picture."""
    decoder_bytes: int
    decoder_parameters_all: int
    """Of a decoder for any rate."""
    decoder_bytes_all: int
    encoder_parameters: int
    """Of the networks that encode one picture."""
    parameters_all: int
    """Of all networks: of encoder and decoders for every operating point."""
    bytes_all: int
    precision: str
    """In what numbers weights are stored and sums computed."""


@dataclass(frozen=True)
class PictureMacs:
    """What a learned codec computes for a picture at a rate."""

    picture: Picture
    parts: tuple[PartMacs, ...]
    target_bpp: float
    """It was coded at the setting with which a search for this rate begins: near it, not at it."""

    def kmac_per_pixel(self, side: str, count: CountingRule, part: str = "") -> float | None:
        """Of a side; of one part where it is named. None where a part has no such count."""
        values = [getattr(each, count) for each in self.parts if each.side == side and part in ("", each.part)]
        return None if None in values else sum(values) / self.picture.pixels / 1000


@dataclass(frozen=True)
class CountedCodec:
    """What was counted of a learned codec by `ctc complexity`."""

    codec: str
    counts: tuple[PictureMacs, ...]
    """One or more: of the same pictures at each rate."""
    sizes: ModelSizes
    stand_ins: tuple[tuple[str, str], ...] = ()
    """(picture, the picture of the same size with which it was counted) where that is another."""

    @property
    def pictures(self) -> tuple[Picture, ...]:
        return tuple(dict.fromkeys(count.picture for count in self.counts))

    @property
    def target_bpps(self) -> tuple[float, ...]:
        """Sorted."""
        return tuple(sorted({count.target_bpp for count in self.counts}))
