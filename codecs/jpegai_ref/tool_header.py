"""The tool header (TON): which tools act between the entropy decoder and the picture. Without it all are off.

LSBS of luma, of chroma                   a flag each
EFE linear                                a flag, and `efe_linear_header`
eICCI                                     a flag, absent where both chroma planes have half the size of luma both ways, and `eicci_header`
EFE non-linear                            a flag, and `efe_nonlinear_header`
LEF                                       a flag, and the channel in 8 bits
"""

from __future__ import annotations

from dataclasses import dataclass

from jpegai_ref.bits import BitReader, BitWriter
from jpegai_ref.efe_linear_header import LinearFilter, read_linear, write_linear
from jpegai_ref.efe_nonlinear_header import NonlinearFilter, read_nonlinear, write_nonlinear
from jpegai_ref.eicci_header import EicciHeader, read_eicci, write_eicci


@dataclass(frozen=True)
class Enhancement:
    """The adaptive filters of chroma, and the trained filter between them; None: off."""

    linear: LinearFilter | None = None
    nonlinear: NonlinearFilter | None = None
    eicci: EicciHeader | None = None


@dataclass(frozen=True)
class ToolHeader:
    """Tools in use."""

    luma_scaling: bool = False
    """LSBS: luma latents are scaled before the synthesis."""
    chroma_scaling: bool = False
    sharpening_channel: int | None = None
    """LEF: the luma channel, 0..255, whose scales steer the sharpening; None where it is off."""
    enhancement: Enhancement = Enhancement()

    def __post_init__(self) -> None:
        if self.sharpening_channel is not None and not 0 <= self.sharpening_channel <= 255:
            raise ValueError(f"channel {self.sharpening_channel} cannot steer the sharpening: 0..255")


ALL_OFF = ToolHeader()
WITHOUT_EICCI = (2, 2)
"""Subsampling of the source."""


def write_tool_header(header: ToolHeader, source_subsampling: tuple[int, int]) -> bytes:
    """The payload of TON. Raises ValueError where a filter has more tiles than its fields can count, and for
    eICCI where it has no flag."""
    out = BitWriter()
    out.flag(header.luma_scaling)
    out.flag(header.chroma_scaling)
    linear, nonlinear, eicci = header.enhancement.linear, header.enhancement.nonlinear, header.enhancement.eicci
    out.flag(linear is not None)
    if linear is not None:
        write_linear(out, linear)
    if source_subsampling != WITHOUT_EICCI:
        out.flag(eicci is not None)
        if eicci is not None:
            write_eicci(out, eicci)
    elif eicci is not None:
        raise ValueError("the filter eICCI is not for chroma of half the size both ways")
    out.flag(nonlinear is not None)
    if nonlinear is not None:
        write_nonlinear(out, nonlinear)
    out.flag(header.sharpening_channel is not None)
    if header.sharpening_channel is not None:
        out.u(header.sharpening_channel, 8)
    return out.aligned()


def read_tool_header(data: bytes | memoryview, source_subsampling: tuple[int, int], size: tuple[int, int]) -> ToolHeader:
    """The header in the payload of TON, of a picture of `size` (rows, columns). Costs time and memory in proportion to `data`.

    Raises BitstreamError where it is cut short or has a field that is not valid.
    """
    source = BitReader(data)
    luma_scaling, chroma_scaling = source.flag(), source.flag()
    linear = read_linear(source) if source.flag() else None
    eicci = read_eicci(source, *size) if source_subsampling != WITHOUT_EICCI and source.flag() else None
    nonlinear = read_nonlinear(source) if source.flag() else None
    channel = source.u(8) if source.flag() else None
    source.finish()
    return ToolHeader(luma_scaling, chroma_scaling, channel, Enhancement(linear, nonlinear, eicci))
