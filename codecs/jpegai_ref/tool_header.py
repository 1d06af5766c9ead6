"""The tool header (TON): which tools act between the entropy decoder and the picture. Without it all are off."""

from __future__ import annotations

from dataclasses import dataclass

from jpegai_ref.bits import BitReader, BitWriter
from jpegai_ref.errors import BitstreamError


@dataclass(frozen=True)
class ToolHeader:
    """Tools in use. The trained filters (eICCI) and the adaptive ones (EFE) cannot be switched on."""

    luma_scaling: bool = False
    """LSBS: luma latents are scaled before the synthesis."""
    chroma_scaling: bool = False
    sharpening_channel: int | None = None
    """LEF: the luma channel, 0..255, whose scales steer the sharpening; None where it is off."""

    def __post_init__(self) -> None:
        if self.sharpening_channel is not None and not 0 <= self.sharpening_channel <= 255:
            raise ValueError(f"channel {self.sharpening_channel} cannot steer the sharpening: 0..255")


ALL_OFF = ToolHeader()


def write_tool_header(header: ToolHeader, source_subsampling: tuple[int, int]) -> bytes:
    """The payload of TON."""
    out = BitWriter()
    out.flag(header.luma_scaling)
    out.flag(header.chroma_scaling)
    out.flag(False)  # EFE, linear
    if source_subsampling != (2, 2):
        out.flag(False)  # eICCI
    out.flag(False)  # EFE, non-linear
    out.flag(header.sharpening_channel is not None)
    if header.sharpening_channel is not None:
        out.u(header.sharpening_channel, 8)
    return out.aligned()


def read_tool_header(data: bytes | memoryview, source_subsampling: tuple[int, int]) -> ToolHeader:
    """The header in the payload of TON. Raises BitstreamError where it is cut short or switches on a tool that is not supported."""
    source = BitReader(data)
    luma_scaling, chroma_scaling = source.flag(), source.flag()
    _refuse(source, "the linear filter EFE")
    if source_subsampling != (2, 2):
        _refuse(source, "the filter eICCI")
    _refuse(source, "the non-linear filter EFE")
    channel = source.u(8) if source.flag() else None
    source.finish()
    return ToolHeader(luma_scaling, chroma_scaling, channel)


def _refuse(source: BitReader, tool: str) -> None:
    if source.flag():
        raise BitstreamError(f"{tool} is not supported")
