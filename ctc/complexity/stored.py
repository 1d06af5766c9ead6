"""Counts of `ctc complexity` in the store: a run shows those of its codecs, as the codecs are here, on its pictures.

They are kept by the codec's version and the picture's size, on which nearly all of them depend alone. Where none is of the picture itself,
that of another of its size stands in, and is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from ctc.records import CountedCodec, ModelSizes, PartMacs, Picture, PictureMacs
from ctc.store import Store

KIND = "complexity"
FORMAT = 1
"""Rises when the records change."""


def keep(store: Store, codec: str, version: str, counted: Sequence[PictureMacs], sizes: ModelSizes) -> None:
    """Beside those of other pictures, in place of older ones of the same. Raises OutOfSpace, NotWritable."""
    for each in counted:
        identity = _identity(codec, version, each.picture)
        others = (store.get(KIND, identity) or {"pictures": []})["pictures"]
        picture, plain = each.picture, [asdict(part) for part in each.parts]
        of_picture = {"name": picture.name, "sha256": picture.sha256, "parts": plain}
        kept = [other for other in others if other["sha256"] != picture.sha256]
        store.put(KIND, identity, {"sizes": asdict(sizes), "pictures": [*kept, of_picture]})


def recall(store: Store, codec: str, version: str, pictures: Iterable[Picture]) -> CountedCodec | None:
    """The counts on those of the pictures of whose size there are any, or None where there are none."""
    found: list[PictureMacs] = []
    stand_ins: list[tuple[str, str]] = []
    sizes = None
    for picture in pictures:
        content = store.get(KIND, _identity(codec, version, picture))
        if content is None:
            continue
        own = [each for each in content["pictures"] if each["sha256"] == picture.sha256]
        chosen = (own or content["pictures"])[0]
        if not own:
            stand_ins.append((picture.name, chosen["name"]))
        found.append(PictureMacs(picture, tuple(PartMacs(**part) for part in chosen["parts"])))
        sizes = ModelSizes(**content["sizes"])
    return None if sizes is None else CountedCodec(codec, tuple(found), sizes, tuple(stand_ins))


def _identity(codec: str, version: str, picture: Picture) -> dict[str, Any]:
    return {"codec": codec, "version": version, "width": picture.width, "height": picture.height, "format": FORMAT}
