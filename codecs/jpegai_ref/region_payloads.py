"""Residuals of regions in the substreams SORP and SORS.

no regions   one substream, the payload
independent  a substream for each region that is there: its index in a byte, its payload
dependent    one substream: the sizes of all payloads but the last as ue(v), filled up to a byte, then the payloads
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from jpegai_ref.bits import BitReader, BitWriter
from jpegai_ref.errors import BitstreamError
from jpegai_ref.markers import Bytes
from jpegai_ref.regions import Regions

Payloads = tuple[Bytes | None, ...]
"""Of every region, row by row; None where an independent region is missing."""


def region_substreams(regions: Regions | None, payloads: Payloads) -> list[bytes]:
    """The contents of the substreams. Raises ValueError where another than an independent region is missing."""
    there = [(index, bytes(payload)) for index, payload in enumerate(payloads) if payload is not None]
    if regions is not None and regions.independent:
        return [bytes([index]) + payload for index, payload in there]
    if len(there) != len(payloads):
        raise ValueError("only independent regions can be missing")
    sizes = BitWriter()
    for _, payload in there[:-1]:
        sizes.ue(len(payload))
    return [sizes.aligned() + b"".join(payload for _, payload in there)]


def region_payloads(name: str, regions: Regions | None, substreams: Sequence[Bytes]) -> Payloads:
    """The reverse of `region_substreams`, without copies. `name` of the substreams is for messages.

    Raises BitstreamError where there are more substreams than may be, an index is no region's or that of two, or sizes do not fit."""
    if regions is not None and regions.independent:
        return _indexed(name, regions.count, substreams)
    if len(substreams) != 1:
        raise BitstreamError(f"there are {len(substreams)} substreams {name}, and only independent regions have more than one")
    return _separated(name, 1 if regions is None else regions.count, substreams[0])


def _indexed(name: str, count: int, substreams: Sequence[Bytes]) -> Payloads:
    found: list[Bytes | None] = [None] * count
    for content in substreams:
        if not content:
            raise BitstreamError(f"a substream {name} has no index of a region")
        index = content[0]
        if index >= count:
            raise BitstreamError(f"{name} is of region {index}, and the picture has {count}, from 0")
        if found[index] is not None:
            raise BitstreamError(f"{name} of region {index} is there twice")
        found[index] = content[1:]
    return tuple(found)


def _separated(name: str, count: int, content: Bytes) -> Payloads:
    source = BitReader(content)
    sizes = [source.ue() for _ in range(count - 1)]
    body = source.rest()
    if sum(sizes) > len(body):
        raise BitstreamError(f"the regions of {name} have {sum(sizes)} bytes and more, and it has only {len(body)}")
    return tuple(body[start:stop] for start, stop in pairwise([0, *accumulate(sizes), len(body)]))
