"""Bitstreams of one device, decoded on another."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CodecDevice:
    """A way to compute a codec: a processor, a number of threads, another engine."""

    name: str
    about: str
    encodes: bool = True
    """Whether it encodes too; all decode."""
    missing: str = ""
    """Why this machine does not have it, or empty."""
    broken: bool = False
    """Wrong on purpose, to see that it is noticed: used only where it is asked for by name."""
    slow: bool = False
    """Takes minutes before it codes anything: likewise used only by name."""


@dataclass(frozen=True)
class TensorDifference:
    """The first tensor behind the symbols in which a decoder differs from the encoder of its bitstream."""

    tensor: str
    detail: str
    """How many of its values differ, and where the first of them lies; or that it is missing or of another shape."""


@dataclass(frozen=True)
class InteropStream:
    """A bitstream that a device made."""

    encoder: str
    picture: str
    target_bpp: float
    setting: float
    bpp: float
    same_as_first: bool
    """Whether its bytes are those of the first device's; of the first device whether it gives them twice."""


@dataclass(frozen=True)
class InteropPoint:
    """A bitstream of one device, decoded on another, beside the same decoded on the first."""

    encoder: str
    decoder: str
    picture: str
    target_bpp: float
    integers: TensorDifference | None
    """None where all are those of the encoder, or none are traced."""
    largest_difference: int | None
    """Between samples at the source's bit depth, 0 where the pictures are identical; None where one of the two is not there."""
    differing_share: float | None
    """Of the samples, 0 to 1."""
    changes: tuple[tuple[str, float | None], ...]
    """(metric, value here less that on the encoder's device); None where one of them is not defined."""
    error: str = ""
    """Why there is no picture, or empty."""


@dataclass(frozen=True)
class InteropMismatch:
    """BD-rate of what a device decodes against what the encoder's device decodes of the same bitstreams: 0 where there is no difference."""

    encoder: str
    decoder: str
    metric: str
    picture: str
    value_percent: float | None
    reason: str = ""


@dataclass(frozen=True)
class Interop:
    """Bitstreams of a codec, made on each device of a machine and decoded on each."""

    codec: str
    version: str
    machine: str
    """Identity of the machine."""
    traced: bool
    """Whether the codec shows the integers behind its bitstreams."""
    devices: tuple[CodecDevice, ...]
    metrics: tuple[str, ...]
    streams: tuple[InteropStream, ...]
    points: tuple[InteropPoint, ...]
    mismatches: tuple[InteropMismatch, ...]
    failed: tuple[tuple[str, str], ...]
    """(device, why it encoded nothing, or not all)"""
    unreachable: tuple[str, ...] = ()
    """Target rates that are not in it, and why."""
