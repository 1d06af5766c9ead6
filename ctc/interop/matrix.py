"""The matrix of a codec: one cell for each device that encodes and each that decodes, made of all pictures and rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ctc.interop.mismatch import LIMIT_PERCENT
from ctc.records import ALL, CodecDevice, Interop, InteropPoint

State = Literal["identical", "close", "undecided", "off", "broken", "not run"]
"""Identical; integers identical and samples nearly, all BD-rates within the limit, or some of them not known, or some beyond it; integers
that differ, or no picture; a device that is not there."""


@dataclass(frozen=True)
class Cell:
    """Bitstreams of `encoder` on `decoder`, against the same on `encoder`."""

    encoder: str
    decoder: str
    state: State
    points: int
    """Bitstreams that were tried."""
    integers: str
    """"identical", "not traced", or the first tensor that differs and where."""
    largest_difference: int | None
    differing_share: float | None
    """Of the samples of all pictures that were decoded: the largest of the shares."""
    changes: tuple[tuple[str, float | None], ...]
    """(metric, the change of largest magnitude); None where it is nowhere defined."""
    mismatches: tuple[tuple[str, float | None], ...]
    """(metric, BD-rate, mean over pictures)."""
    reason: str
    """Why the cell is not run, broken, or has no BD-rate; or empty."""

    @property
    def holds(self) -> bool:
        """Whether the devices can be mixed; also where it cannot be said for want of a device."""
        return self.state in ("identical", "close", "not run")

    @property
    def largest_mismatch(self) -> float | None:
        """The BD-rate of largest magnitude among the metrics; None where one of them is not known."""
        values = [value for _, value in self.mismatches]
        return max((value for value in values if value is not None), key=abs, default=None) if None not in values else None


def rows(interop: Interop) -> list[list[Cell]]:
    """Devices that encode in rows, all in columns, in their order."""
    return [[_cell(interop, encoder, decoder) for decoder in interop.devices] for encoder in interop.devices if encoder.encodes]


def holds(interop: Interop) -> bool:
    """Whether every pair of devices that this machine has can be mixed, and all encoded what was asked for, the first one twice alike."""
    first = interop.streams[0].encoder if interop.streams else ""
    repeatable = all(stream.same_as_first for stream in interop.streams if stream.encoder == first)
    return bool(interop.streams) and repeatable and not interop.failed and all(cell.holds for row in rows(interop) for cell in row)


def tried(interop: Interop) -> tuple[str, ...]:
    """Names of the devices that this machine has and on which a bitstream was decoded, in their order."""
    decoders = {point.decoder for point in interop.points}
    return tuple(device.name for device in interop.devices if device.name in decoders and not device.missing)


def explanation(cell: Cell) -> str:
    """Why a cell is neither identical nor close."""
    parts = (cell.integers if cell.integers not in ("identical", "not traced") else "", cell.reason)
    return "; ".join(part for part in parts if part) or f"a BD-rate is beyond {LIMIT_PERCENT:g} %"


def _cell(interop: Interop, encoder: CodecDevice, decoder: CodecDevice) -> Cell:
    missing = encoder.missing or decoder.missing
    points = [point for point in interop.points if (point.encoder, point.decoder) == (encoder.name, decoder.name)]
    if missing or not points:
        failed = [reason for device, reason in interop.failed if device == encoder.name]
        reason = missing or (failed[0] if failed else "it encoded nothing")
        return Cell(encoder.name, decoder.name, "not run" if missing else "broken", 0, "", None, None, (), (), reason)
    differing = next((point for point in points if point.integers), None)
    integers = "not traced" if not interop.traced else "identical" if differing is None else _where(differing)
    lost = [point.error for point in points if point.error]
    largest = None if lost else max(point.largest_difference or 0 for point in points)
    share = None if lost else max(point.differing_share or 0.0 for point in points)
    found = [row for row in interop.mismatches if (row.encoder, row.decoder, row.picture) == (encoder.name, decoder.name, ALL)]
    mismatches = tuple((row.metric, row.value_percent) for row in found)
    unknown = next((f"BD-rate of {row.metric}: {row.reason}" for row in found if row.value_percent is None), "")
    state = _state(differing is not None or bool(lost), largest, [value for _, value in mismatches])
    reason = lost[0] if lost else unknown if state != "broken" else ""
    return Cell(encoder.name, decoder.name, state, len(points), integers, largest, share, _changes(interop, points), mismatches, reason)


def _state(broken: bool, largest: int | None, percents: Sequence[float | None]) -> State:
    if broken:
        return "broken"
    if largest == 0:
        return "identical"
    if any(value is not None and abs(value) > LIMIT_PERCENT for value in percents):
        return "off"
    return "close" if percents and None not in percents else "undecided"


def _where(point: InteropPoint) -> str:
    if point.integers is None:
        raise ValueError("the integers are identical")
    return f"{point.integers.tensor} {point.integers.detail} ({point.picture}, {point.target_bpp:g} bpp)"


def _changes(interop: Interop, points: Sequence[InteropPoint]) -> tuple[tuple[str, float | None], ...]:
    changes = [dict(point.changes) for point in points]
    values = {name: [each[name] for each in changes if name in each] for name in interop.metrics}
    return tuple((name, max((value for value in found if value is not None), key=abs, default=None)) for name, found in values.items())
