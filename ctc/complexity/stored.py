"""Counts of `ctc complexity` in the store: a run shows those of its codecs, as the codecs are here, on its pictures.

They are kept by the codec's version and the picture's size, of each picture and rate apart: what an encoder switches by content depends on
both. Where none is of the picture itself, that of another of its size stands in, and is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from ctc.records import CountedCodec, ModelSizes, PartMacs, Picture, PictureMacs
from ctc.store import Store

KIND = "complexity"
FORMAT = 2
"""Rises when the records change."""


def keep(store: Store, codec: str, version: str, counted: Sequence[PictureMacs], sizes: ModelSizes) -> None:
    """Beside those of other pictures and rates, in place of older ones of the same. Raises OutOfSpace, NotWritable."""
    for each in counted:
        identity = _identity(codec, version, each.picture)
        others = (store.get(KIND, identity) or {"counts": []})["counts"]
        plain = [asdict(part) for part in each.parts]
        count = {"name": each.picture.name, "sha256": each.picture.sha256, "target_bpp": each.target_bpp, "parts": plain}
        kept = [other for other in others if _place(other) != _place(count)]
        store.put(KIND, identity, {"sizes": asdict(sizes), "counts": [*kept, count]})


def recall(store: Store, codec: str, version: str, pictures: Iterable[Picture]) -> CountedCodec | None:
    """The counts on those of the pictures of whose size there are any, or None where there are none.

    They are of the rates at which most of the pictures were counted themselves, the same ones at each, so that a mean over rates is over
    the same pictures at every one. Of rates with as many, but other, pictures those with the pictures of the lowest are taken."""
    found: dict[float, list[PictureMacs]] = {}
    themselves: dict[float, list[str]] = {}
    stand_ins: dict[float, list[tuple[str, str]]] = {}
    sizes = None
    for picture in pictures:
        content = store.get(KIND, _identity(codec, version, picture))
        if content is None:
            continue
        for target_bpp in sorted({count["target_bpp"] for count in content["counts"]}):
            at_rate = [count for count in content["counts"] if count["target_bpp"] == target_bpp]
            own = [count for count in at_rate if count["sha256"] == picture.sha256]
            chosen = (own or at_rate)[0]
            themselves.setdefault(target_bpp, [])
            if own:
                themselves[target_bpp].append(picture.name)
            else:
                stand_ins.setdefault(target_bpp, []).append((picture.name, chosen["name"]))
            parts = tuple(PartMacs(**part) for part in chosen["parts"])
            found.setdefault(target_bpp, []).append(PictureMacs(picture, parts, target_bpp))
        sizes = ModelSizes(**content["sizes"])
    if sizes is None:
        return None
    fullest = max((themselves[rate] for rate in sorted(found)), key=len)
    rates = [rate for rate in sorted(found) if themselves[rate] == fullest]
    counts = tuple(count for rate in rates for count in found[rate])
    stood_in = dict.fromkeys(pair for rate in rates for pair in stand_ins.get(rate, ()))
    return CountedCodec(codec, counts, sizes, tuple(stood_in))


def _place(count: dict[str, Any]) -> tuple[str, float]:
    return count["sha256"], count["target_bpp"]


def _identity(codec: str, version: str, picture: Picture) -> dict[str, Any]:
    return {"codec": codec, "version": version, "width": picture.width, "height": picture.height, "format": FORMAT}
