"""What entropy coding rests on, by name, as an encoder and a decoder each have it: integers that must be the same wherever they are made.

    quality_map      (h, w) int8, where there is one
    luma.z, chroma.z                      (C, hz, wz) int8
    luma.sigma_index, chroma.sigma_index  (C, h, w) int32, 0..3967
    luma.symbols, chroma.symbols          (C, h, w) int16

Each follows from those above and from the file, so that the first that differs is where two machines part.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import torch
from numpy.typing import NDArray

from jpegai_ref import exact
from jpegai_ref.analysed import analysed
from jpegai_ref.coder import Coder
from jpegai_ref.codestream import read_codestream
from jpegai_ref.decoded_latents import quantised_picture
from jpegai_ref.decoder import check_supported
from jpegai_ref.encoder import encode_analysed
from jpegai_ref.errors import BitstreamError
from jpegai_ref.markers import Bytes
from jpegai_ref.model import OperatingPoint
from jpegai_ref.picture import Picture
from jpegai_ref.quality import setting_of
from jpegai_ref.quality_map import finest
from jpegai_ref.reconstruction import reconstructed
from jpegai_ref.tools import Tools

Trace = MutableMapping[str, NDArray[Any]]
"""Tensors by name, in the order in which they were made."""
COMPONENTS = ("luma", "chroma")


def traced_encode(coder: Coder, picture: Picture, quality: int, tools: Tools, trace: Trace) -> bytes:
    """The file of a picture, as `encoder.encode` makes it; its integers go to `trace`. Raises as `encode`."""
    source = analysed(coder, picture)
    quality_map = source.quality_map(tools.quality_map)
    encoded = encode_analysed(coder, source, setting_of(quality, finest(quality_map)), tools)
    parts = [part for part in (source.luma, source.chroma) if part is not None]
    if quality_map is not None:
        trace["quality_map"] = quality_map
    named = list(zip(COMPONENTS, parts, encoded.symbols, strict=False))
    trace.update({f"{name}.z": part.z for name, part, _ in named})
    trace.update({f"{name}.sigma_index": part.sigma_index for name, part, _ in named})
    trace.update({f"{name}.symbols": symbols for name, _, symbols in named})
    return encoded.data


def traced_decode(coder: Coder, data: Bytes, operating_point: OperatingPoint, trace: Trace) -> Picture:
    """The picture of a file, as `decoder.decode` gives it. What was known before a failure is in `trace` too.

    Raises BitstreamError as `decode`, and for a picture with independent regions, whose integers are made region by region."""
    stream = read_codestream(data)
    check_supported(coder, stream)
    header = stream.header
    if header.regions is not None and header.regions.independent:
        raise BitstreamError("the integers of independent regions are not traced")
    workers = torch.get_num_threads()
    hyper = exact.decode_hyper_latents(coder.exact, stream, workers)
    if hyper.quality is not None:
        trace["quality_map"] = hyper.quality
    parts = [("luma", coder.exact.luma, hyper.luma)]
    if stream.chroma is not None:
        parts.append(("chroma", coder.exact.chroma, hyper.chroma))
    trace.update({f"{name}.z": z for name, _, z in parts})
    for name, component, z in parts:
        trace[f"{name}.sigma_index"] = component.scale_decoder.sigma_index(z, *header.latent_size)
    decoded = exact.decode_residuals(coder.exact, stream, hyper, workers)
    for (name, *_), symbols in zip(parts, (decoded.symbols.luma, decoded.symbols.chroma), strict=False):
        trace[f"{name}.symbols"] = symbols
    return reconstructed(coder, quantised_picture(coder, stream, decoded), operating_point)
