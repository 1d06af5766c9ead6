"""Matrices in the store: a run shows those of its codecs that were made on this machine, as the codecs are here."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ctc.complexity.machine import machine
from ctc.interop.matrix import holds
from ctc.records import CodecDevice, Interop, InteropMismatch, InteropPoint, InteropStream, TensorDifference
from ctc.store import Store

KIND = "interop"
FORMAT = 2
"""Rises when the records change."""


def keep(store: Store, interop: Interop) -> str:
    """In place of an older one, or why that stays; empty where it does not. Raises OutOfSpace, NotWritable.

    A failure takes the place of a matrix that holds, however much more that tried, and gives way only to one that has tried all of it
    again. Of two that both hold the newer is kept unless it is a part of the older."""
    older = recall(store, interop.codec, interop.version)
    why = "" if older is None else _why_it_stays(older, interop)
    if not why:
        store.put(KIND, _identity(interop.codec, interop.version), asdict(interop))
    return why


def _why_it_stays(older: Interop, newer: Interop) -> str:
    if not holds(older):
        again = _tried(newer) >= _tried(older)
        return "" if again else "a matrix that fails is in the store, and stays until all that it tried is tried again"
    part = holds(newer) and _tried(newer) < _tried(older)
    return "a matrix of more devices, pictures, rates or metrics is in the store, and stays" if part else ""


def _tried(interop: Interop) -> set[tuple[object, ...]]:
    """The metrics; the devices that were to encode; encoder, decoder, picture and target rate of every decoding."""
    metrics = {("metric", name) for name in interop.metrics}
    encoders = {(stream.encoder,) for stream in interop.streams} | {(device,) for device, _ in interop.failed}
    return metrics | encoders | {(point.encoder, point.decoder, point.picture, point.target_bpp) for point in interop.points}


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
