"""What can be decoded of a file that is cut off: the channels whose symbols are there, and a prediction of the others.

Within a substream symbols are coded from the last to the first and read from the last byte backwards. So one that lacks its end gives no
symbol at all, and a file gives the channels of the substreams that are whole: SOZ alone what hyper-latents predict, SORP all of luma, SORS
all of chroma.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from jpegai_ref.channel_prefix import ChannelPrefix
from jpegai_ref.codestream import Codestream, codestream_of
from jpegai_ref.errors import CutShort
from jpegai_ref.markers import ORDER, Bytes, Marker, check_mandatory, read_whole_substreams
from jpegai_ref.picture_header_syntax import read_picture_header

NOTHING = b""
"""In the place of a payload that is cut off."""


@dataclass(frozen=True)
class PartialFile:
    """A stream, of which so many channels of luma and of chroma can be decoded; payloads that are not there are empty."""

    stream: Codestream
    whole: tuple[int, int]
    cut: str | None
    """Where the file ends, one line; None where it is whole."""

    @property
    def announced(self) -> tuple[int, int]:
        """Channels that the whole file would have."""
        header = self.stream.header
        return header.luma.channels, 0 if self.stream.chroma is None else header.chroma.channels

    def available(self, asked: ChannelPrefix) -> ChannelPrefix:
        """What there is of the channels that are asked for. Raises ChannelsMissing where the whole file would have fewer."""
        counts = asked.counts(*self.announced)
        return ChannelPrefix(*map(min, counts, self.whole))


def read_partial_file(data: Bytes, weights_id: bytes) -> PartialFile:
    """A file that may be cut off. Where it ends before it says which weights it was made with, it is taken to be of those that are given:
    others show, as a rule, in hyper-latents that cannot be decoded.

    Raises BitstreamError where the file is not of this codec, or ends before its hyper-latents do, so that nothing can be shown, or where
    a picture of regions is cut off."""
    found, cut = read_whole_substreams(data)
    come_to = max((ORDER.index(marker) for marker in found), default=0)
    if cut and not found.keys() >= {Marker.PIH, Marker.SOZ}:
        raise CutShort(f"too little of the file is there to show anything: {cut}")
    substreams: dict[Marker, Sequence[Bytes]] = dict(found)
    if cut:
        if read_picture_header(found[Marker.PIH][0]).regions is not None:
            raise CutShort(f"there are no previews of a picture of regions that is cut off: {cut}")
        substreams |= {marker: [NOTHING] for marker in (Marker.SORP, Marker.SORS) if ORDER.index(marker) > come_to}
        substreams.setdefault(Marker.UDI, [weights_id])
    check_mandatory(substreams)
    stream = codestream_of(substreams)
    if Marker.SORS not in found and stream.header.may_be_grey:
        stream = replace(stream, chroma=None)
    counts = {Marker.SORP: stream.header.luma.channels, Marker.SORS: stream.header.chroma.channels}
    luma, chroma = (count if marker in found else 0 for marker, count in counts.items())
    return PartialFile(stream, (luma, chroma), str(cut) if cut else None)
