"""A whole file as a record, written and read.

SOC | PIH picture header | [TON tools] | [SOQ quality map] | SOZ z | SORP luma... | [SORS chroma...] | UDI id of the weights | [RDI] | EOC
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jpegai_ref.chroma_grid import ChromaGrid
from jpegai_ref.errors import BitstreamError
from jpegai_ref.markers import Bytes, Marker, read_substreams, substream, write_substreams
from jpegai_ref.picture_header import PictureHeader
from jpegai_ref.picture_header_syntax import read_picture_header, write_picture_header
from jpegai_ref.region_payloads import Payloads, region_payloads, region_substreams
from jpegai_ref.regions import Region
from jpegai_ref.tool_header import ALL_OFF, ToolHeader, read_tool_header, write_tool_header

MOST_SAMPLES = 8192 * 8192
"""Luma samples that are decoded where nothing else is asked for."""
WEIGHTS_ID_SIZE = 4
"""Bytes of user data: the first of the hash of the weights that the stream was made with."""


@dataclass(frozen=True)
class Codestream:
    """The content of a file; payloads are entropy-coded bytes.

    Raises ValueError where the parts do not go together.
    """

    header: PictureHeader
    hyper: Bytes
    luma: Payloads
    """Of every region, or the only one of a picture without regions."""
    chroma: Payloads | None
    """None: the chroma residual was dropped or there is none; the picture is grey."""
    weights_id: bytes
    tools: ToolHeader = ALL_OFF
    quality_map: Bytes | None = None
    rendering: Bytes | None = None
    """RDI as it is in the file: how to show the picture, of no effect on its samples."""

    def __post_init__(self) -> None:
        if len(self.weights_id) != WEIGHTS_ID_SIZE:
            raise ValueError(f"the id of weights has {WEIGHTS_ID_SIZE} bytes, not {len(self.weights_id)}")
        if any(len(part) != len(self.header.parts) for part in (self.luma, self.chroma) if part is not None):
            raise ValueError(f"a picture of {len(self.header.parts)} regions has as many payloads of a component")
        if (self.header.quality_map is None) != (self.quality_map is None):
            raise ValueError("a quality map is announced in the header and not there, or the reverse")
        nonlinear, header = self.tools.enhancement.nonlinear, self.header
        grid = ChromaGrid.of(header.height, header.width, header.source_subsampling)
        if nonlinear is not None and (problem := nonlinear.problem(grid)):
            raise ValueError(f"the non-linear filter is not of this picture: {problem}")
        eicci = self.tools.enhancement.eicci
        if eicci is not None and (problem := eicci.problem(header.height, header.width)):
            raise ValueError(f"the filter eICCI is not of this picture: {problem}")

    @property
    def residual_sizes(self) -> tuple[int, int]:
        """Bytes of all payloads of luma, and of all of chroma."""
        luma, chroma = (sum(len(payload) for payload in payloads or () if payload is not None) for payloads in (self.luma, self.chroma))
        return luma, chroma

    def lacks(self, region: Region) -> bool:
        """Whether the residual of a region, or of one of its components, is missing. Chroma that no region has is not missed."""
        return self.luma[region.index] is None or (self.chroma is not None and self.chroma[region.index] is None)


def write_codestream(stream: Codestream) -> bytes:
    """The bytes of the file."""
    parts = {
        Marker.PIH: write_picture_header(stream.header),
        Marker.TON: write_tool_header(stream.tools, stream.header.source_subsampling) if stream.tools != ALL_OFF else None,
        Marker.SOQ: stream.quality_map,
        Marker.SOZ: stream.hyper,
        Marker.UDI: stream.weights_id,
        Marker.RDI: stream.rendering,
    }
    substreams = {marker: [bytes(part)] for marker, part in parts.items() if part is not None}
    for marker, payloads in ((Marker.SORP, stream.luma), (Marker.SORS, stream.chroma)):
        if payloads is not None:
            substreams[marker] = region_substreams(stream.header.regions, payloads)
    return write_substreams(substreams)


def tool_bits(tools: ToolHeader, source_subsampling: tuple[int, int]) -> int:
    """What a file has of its tool header, in bits."""
    return 0 if tools == ALL_OFF else 8 * len(substream(Marker.TON, write_tool_header(tools, source_subsampling)))


def read_codestream(data: Bytes, most_samples: int = MOST_SAMPLES) -> Codestream:
    """The record of a file. Costs time and memory in proportion to `data`, whatever the sizes that it claims.

    Raises BitstreamError where the file is no valid codestream, was made by another encoder, or has more than `most_samples` luma samples.
    """
    return codestream_of(read_substreams(data), most_samples)


def codestream_of(substreams: Mapping[Marker, Sequence[Bytes]], most_samples: int = MOST_SAMPLES) -> Codestream:
    """The record of a file from its substreams, the mandatory ones among them. Raises BitstreamError as `read_codestream`."""
    header = read_picture_header(substreams[Marker.PIH][0])
    if header.width * header.height > most_samples:
        raise BitstreamError(f"a picture of {header.width}x{header.height} has more than the {most_samples} samples that are allowed")
    if Marker.UDI not in substreams or len(substreams[Marker.UDI][0]) != WEIGHTS_ID_SIZE:
        raise BitstreamError("the codestream does not say which weights it was made with: it is of another encoder")
    tools = ALL_OFF
    if Marker.TON in substreams:
        tools = read_tool_header(substreams[Marker.TON][0], header.source_subsampling, (header.height, header.width))
    try:
        return Codestream(
            header=header,
            hyper=substreams[Marker.SOZ][0],
            luma=region_payloads("SORP", header.regions, substreams[Marker.SORP]),
            chroma=region_payloads("SORS", header.regions, substreams[Marker.SORS]) if Marker.SORS in substreams else None,
            weights_id=bytes(substreams[Marker.UDI][0]),
            tools=tools,
            quality_map=_optional(substreams, Marker.SOQ),
            rendering=_optional(substreams, Marker.RDI),
        )
    except ValueError as error:
        raise BitstreamError(str(error)) from error


def _optional(substreams: Mapping[Marker, Sequence[Bytes]], marker: Marker) -> Bytes | None:
    return substreams[marker][0] if marker in substreams else None
