"""The container: `SOC | PIH | [TON] | [SOQ] | SOZ | SORP... | [SORS...] | [UDI] | [RDI] | EOC`.

There may be several SORP and SORS. Every substream is its marker of two bytes, its size as ue(v) filled up to a byte, and so many bytes.
Numbers are big-endian.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import IntEnum

from jpegai_ref.bits import BitReader, BitWriter
from jpegai_ref.errors import BitstreamError, CutShort, FileCutOff

Bytes = bytes | memoryview


class Marker(IntEnum):
    SOC = 0xFF80
    """Start of the codestream."""
    EOC = 0xFF81
    """End of the codestream."""
    PIH = 0xFF82
    """Picture header."""
    TON = 0xFF83
    """Tool header: the filters behind the synthesis."""
    RDI = 0xFF84
    """Rendering information."""
    SOZ = 0xFF88
    """Hyper-latents of both components."""
    SORP = 0xFF89
    """Residual of the primary component, luma."""
    SORS = 0xFF8A
    """Residual of the secondary component, chroma. A stream without it is a grey picture."""
    SOQ = 0xFF8B
    """Quality map."""
    UDI = 0xFF8C
    """User data."""


ORDER = (Marker.PIH, Marker.TON, Marker.SOQ, Marker.SOZ, Marker.SORP, Marker.SORS, Marker.UDI, Marker.RDI)
MANDATORY = (Marker.PIH, Marker.SOZ, Marker.SORP)
REPEATABLE = (Marker.SORP, Marker.SORS)
"""Of independent regions there is one for each."""
MARKER_SIZE = 2


def write_substreams(substreams: Mapping[Marker, Sequence[bytes]]) -> bytes:
    """The whole file from the contents of the substreams. Raises ValueError where a mandatory one is missing or one is no substream."""
    if missing := [marker.name for marker in MANDATORY if not substreams.get(marker)]:
        raise ValueError(f"a codestream needs {', '.join(missing)}")
    if strange := [marker.name for marker in substreams if marker not in ORDER]:
        raise ValueError(f"{', '.join(strange)} is no substream")
    parts = [_bytes_of(Marker.SOC)]
    for marker in ORDER:
        parts += [substream(marker, content) for content in substreams.get(marker, ())]
    return b"".join([*parts, _bytes_of(Marker.EOC)])


def substream(marker: Marker, content: bytes) -> bytes:
    """A substream as it is in the file."""
    size = BitWriter()
    size.ue(len(content))
    return b"".join((_bytes_of(marker), size.aligned(), content))


def read_substreams(data: Bytes) -> dict[Marker, list[memoryview]]:
    """The contents of the substreams of a file by their markers, without copies; no list is empty.

    Raises FileCutOff where the file is cut short, BitstreamError where it is foreign or longer than its codestream, where a substream is
    unknown, repeated, out of order or missing.
    """
    found, cut = read_whole_substreams(data)
    if cut:
        raise FileCutOff(str(cut)) from cut
    check_mandatory(found)
    return found


def check_mandatory(found: Collection[Marker]) -> None:
    """Raises BitstreamError where a substream is missing that every file has."""
    if missing := [marker.name for marker in MANDATORY if marker not in found]:
        raise BitstreamError(f"the codestream has no {', '.join(missing)}")


def read_whole_substreams(data: Bytes) -> tuple[dict[Marker, list[memoryview]], CutShort | None]:
    """The substreams that are there from their first byte to their last, and why there are no more where the file ends before its EOC.

    Raises BitstreamError as `read_substreams`, but for what is cut off or missing."""
    left = memoryview(data)
    marker, left = _marker_at(left, "this is no JPEG AI codestream")
    if marker is not Marker.SOC:
        raise BitstreamError("this is no JPEG AI codestream: it does not start with SOC")
    found: dict[Marker, list[memoryview]] = {}
    place = 0
    try:
        while True:
            marker, left = _marker_at(left, "the file ends before its EOC")
            if marker is Marker.EOC:
                break
            if marker not in ORDER[place:]:
                raise BitstreamError(f"{marker.name} stands where it may not")
            place = ORDER.index(marker) + (marker not in REPEATABLE)
            content, left = _substream_at(left, marker)
            found.setdefault(marker, []).append(content)
    except CutShort as cut:
        return found, cut
    if left:
        raise BitstreamError(f"{len(left)} {'byte follows' if len(left) == 1 else 'bytes follow'} the EOC")
    return found, None


def _marker_at(data: memoryview, where_short: str) -> tuple[Marker, memoryview]:
    if len(data) < MARKER_SIZE:
        raise CutShort(where_short)
    code = int.from_bytes(data[:MARKER_SIZE], "big")
    try:
        return Marker(code), data[MARKER_SIZE:]
    except ValueError as error:
        raise BitstreamError(f"{code:#06x} is no marker of a JPEG AI codestream") from error


def _substream_at(data: memoryview, marker: Marker) -> tuple[memoryview, memoryview]:
    reader = BitReader(data)
    size = reader.ue()
    body = reader.rest()
    if size > len(body):
        raise CutShort(f"{marker.name} has {size} bytes and the file only {len(body)} more")
    return body[:size], body[size:]


def _bytes_of(marker: Marker) -> bytes:
    return marker.to_bytes(MARKER_SIZE, "big")
