"""What the first channels of a file take of its bytes; to tell, its symbols have to be decoded, with the weights that it was made with."""

from __future__ import annotations

from collections.abc import Sequence

from jpegai_ref.coder import Coder
from jpegai_ref.codestream import read_codestream
from jpegai_ref.decoder import check_supported
from jpegai_ref.entropy import channels_per_call, prefix_bits
from jpegai_ref.exact import decode_hyper_latents
from jpegai_ref.markers import Bytes
from jpegai_ref.picture_header import LATENT_STRIDE


def prefix_probe(coder: Coder, data: Bytes) -> str:
    """A line for each power of two of luma's and of chroma's channels, and for all, with what a decoder reads of their payloads, those of
    all regions that are there.

    Raises BitstreamError as `decoder.decode`."""
    stream = read_codestream(data)
    check_supported(coder, stream)
    header, hyper = stream.header, decode_hyper_latents(coder.exact, stream)
    rows = []
    for name, exact, part, displacement, z, payloads in (
        ("luma", coder.exact.luma, header.luma, header.displacements[0], hyper.luma, stream.luma),
        ("chroma", coder.exact.chroma, header.chroma, header.displacements[1], hyper.chroma, stream.chroma),
    ):
        if payloads is None:
            continue
        scales = exact.scales(header, part, displacement, z, quality=hyper.quality)
        coded, distribution = scales.coded(part.may_skip), scales.distribution()
        calls = []
        for region, payload in zip(header.parts, payloads, strict=True):
            if payload is not None:
                window = (slice(None), *region.window(LATENT_STRIDE))
                bits = prefix_bits(payload, coded[window], distribution[window], part.threads)
                calls.append((bits, channels_per_call(coded[window].shape, part.threads)))
        rows += _rows(name, calls, part.channels)
    return "\n".join(f"{name:<28}{value}" for name, value in rows)


def _rows(name: str, calls: Sequence[tuple[Sequence[int], int]], channels: int) -> list[tuple[str, str]]:
    """For each region the bits of its calls, and of how many channels a call is; those of a prefix that ends inside a call are what the
    call takes."""
    prefixes = sorted({2**power for power in range(channels.bit_length()) if 2**power < channels} | ({channels} if channels else set()))
    sizes = [sum(-(-bits[-(-prefix // per_call) - 1] // 8) for bits, per_call in calls) for prefix in prefixes]
    return [(f"{name}, first {prefix}", f"{size} bytes") for prefix, size in zip(prefixes, sizes, strict=True)]
