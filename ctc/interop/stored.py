"""Matrices in the store: a run shows those of its codecs that were made on this machine, as the codecs are here."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ctc.complexity.machine import machine
from ctc.records import CodecDevice, Interop, InteropMismatch, InteropPoint, InteropStream, TensorDifference
from ctc.store import Store

KIND = "interop"
FORMAT = 2
"""Rises when the records change."""


def keep(store: Store, interop: Interop) -> bool:
    """In place of an older one, unless that has all that this one has, and more: then False. Raises OutOfSpace, NotWritable."""
    older = recall(store, interop.codec, interop.version)
    if older is not None and _tried(interop) < _tried(older):
        return False
    store.put(KIND, _identity(interop.codec, interop.version), asdict(interop))
    return True


def _tried(interop: Interop) -> set[tuple[str, str, str, float]]:
    """Encoder, decoder, picture and target rate of every decoding."""
    return {(point.encoder, point.decoder, point.picture, point.target_bpp) for point in interop.points}


def recall(store: Store, codec: str, version: str) -> Interop | None:
    """The latest of a codec on this machine, or None."""
    content = store.get(KIND, _identity(codec, version))
    return None if content is None else from_plain(content)


def from_plain(content: dict[str, Any]) -> Interop:
    """The reverse of `asdict`, also through JSON. Raises KeyError, TypeError for other content."""
    return Interop(
        **{name: content[name] for name in ("codec", "version", "machine", "traced")},
        devices=tuple(CodecDevice(**fields) for fields in content["devices"]),
        metrics=tuple(content["metrics"]),
        streams=tuple(InteropStream(**fields) for fields in content["streams"]),
        points=tuple(_point(fields) for fields in content["points"]),
        mismatches=tuple(InteropMismatch(**fields) for fields in content["mismatches"]),
        failed=tuple((device, reason) for device, reason in content["failed"]),
        unreachable=tuple(content["unreachable"]),
    )


def _point(fields: dict[str, Any]) -> InteropPoint:
    integers = None if fields["integers"] is None else TensorDifference(**fields["integers"])
    return InteropPoint(**{**fields, "integers": integers, "changes": tuple((name, value) for name, value in fields["changes"])})


def _identity(codec: str, version: str) -> dict[str, Any]:
    return {"codec": codec, "version": version, "machine": machine().identity, "format": FORMAT}
