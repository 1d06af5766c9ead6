"""What the first channels of a file take of its bytes; to tell, its symbols have to be decoded, with the weights that it was made with."""

from __future__ import annotations

from collections.abc import Sequence

from jpegai_ref.channel_prefix import ChannelPrefix
from jpegai_ref.coder import Coder
from jpegai_ref.codestream import read_codestream
from jpegai_ref.decoder import check_supported
from jpegai_ref.entropy import channels_per_call, prefix_bits
from jpegai_ref.exact import decode_symbols
from jpegai_ref.markers import Bytes


def prefix_probe(coder: Coder, data: Bytes) -> str:
    """A line for each power of two of luma's and of chroma's channels, and for all, with what a decoder reads of their substream.

    Raises BitstreamError as `decoder.decode`."""
    stream = read_codestream(data)
    check_supported(coder, stream)
    header, decoded = stream.header, decode_symbols(coder.exact, stream, prefix=ChannelPrefix(0, 0))
    symbols = decoded.symbols
    rows = []
    for name, exact, part, displacement, z, payload in (
        ("luma", coder.exact.luma, header.luma, header.displacements[0], symbols.luma_z, stream.luma),
        ("chroma", coder.exact.chroma, header.chroma, header.displacements[1], symbols.chroma_z, stream.chroma),
    ):
        if payload is None:
            continue
        scales = exact.scales(header, part, displacement, z, quality=decoded.quality)
        coded = scales.coded(part.may_skip)
        bits = prefix_bits(payload, coded, scales.distribution(), part.threads)
        rows += _rows(name, bits, part.channels, channels_per_call(coded.shape, part.threads))
    return "\n".join(f"{name:<28}{value}" for name, value in rows)


def _rows(name: str, bits: Sequence[int], channels: int, per_call: int) -> list[tuple[str, str]]:
    """`bits` of calls of so many channels; those of a prefix that ends inside a call are what the call takes."""
    prefixes = sorted({2**power for power in range(channels.bit_length()) if 2**power < channels} | ({channels} if channels else set()))
    return [(f"{name}, first {prefix}", f"{-(-bits[-(-prefix // per_call) - 1] // 8)} bytes") for prefix in prefixes]
