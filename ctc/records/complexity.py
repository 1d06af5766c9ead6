"""What a learned codec computes, and what its networks weigh."""

from __future__ import annotations

from dataclasses import dataclass


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
