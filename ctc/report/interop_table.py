"""The interoperability matrix as reports show it: one table for each codec that it was run with, and one of all cells for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from ctc.interop.matrix import Cell, explanation, holds, rows
from ctc.interop.mismatch import LIMIT_PERCENT
from ctc.records import Interop
from ctc.report import tables
from ctc.report.overview import plural
from ctc.report.wording import MINUS, significant

CELL_COLUMNS = (
    "codec", "encoder", "decoder", "status", "bitstreams", "integers", "largest_difference", "differing_share", "largest_bd_rate_percent",
)  # fmt: skip
"""Before two columns for each metric and the reason."""
NOT_RUN, ENCODE_DECODE = "not run", "encode \\ decode"


def cell_columns(interops: Sequence[Interop]) -> tuple[str, ...]:
    """Of the table for programs: the change of each metric that is largest in magnitude, then the BD-rates."""
    metrics = _metrics(interops)
    changes, percents = (f"{name}_change" for name in metrics), (f"{name}_bd_rate_percent" for name in metrics)
    return (*CELL_COLUMNS, *changes, *percents, "reason")


def cell_rows(interops: Sequence[Interop]) -> Iterable[tuple[tables.Cell, ...]]:
    """Every cell of every codec."""
    metrics = _metrics(interops)
    for interop in interops:
        for cell in (cell for row in rows(interop) for cell in row):
            changes, percents = dict(cell.changes), dict(cell.mismatches)
            yield (
                interop.codec, cell.encoder, cell.decoder, cell.state, cell.points, cell.integers, cell.largest_difference,
                cell.differing_share, cell.largest_mismatch, *map(changes.get, metrics), *map(percents.get, metrics), cell.reason,
            )  # fmt: skip


def title(interop: Interop) -> str:
    """What was done, and whether it holds."""
    pictures = {stream.picture for stream in interop.streams}
    rates = sorted({stream.target_bpp for stream in interop.streams})
    what = f"{plural(len(pictures), 'picture')} at {', '.join(f'{rate:g}' for rate in rates)} bpp"
    return f"{interop.codec}: {'interoperable' if holds(interop) else 'NOT interoperable'} as far as it was run, {what}"


def matrix(interop: Interop) -> list[list[str]]:
    """A row for each device that encodes, a column for each that decodes; the first of both are names."""
    return [
        [ENCODE_DECODE, *(device.name for device in interop.devices)],
        *([row[0].encoder, *map(cell_text, row)] for row in rows(interop)),
    ]


def cell_text(cell: Cell) -> str:
    """A cell in a few words."""
    if cell.state in ("identical", NOT_RUN):
        return cell.state
    if cell.state == "broken":
        differs = cell.integers not in ("", "identical", "not traced")
        return f"BROKEN: {cell.integers.split(' ', 1)[0]}" if differs else "BROKEN"
    largest = "?" if cell.largest_mismatch is None else significant(cell.largest_mismatch, 2).removeprefix(MINUS)
    text = f"±{cell.largest_difference} in {significant(100 * (cell.differing_share or 0.0), 2)} %, BD {largest} %"
    return text if cell.state == "close" else f"{cell.state.upper()}: {text}"


def notes(interop: Interop) -> list[str]:
    """What the words of the matrix mean, and why cells are what they are."""
    compared = "the integers behind each bitstream are those of its encoder" if interop.traced else "integers are not traced"
    lines = [
        f"Against decoding on the encoder's device; {compared} but where a tensor is named. "
        f"±: largest difference of a sample, in the largest share of samples of a picture; BD: largest BD-rate, limit {LIMIT_PERCENT:g} %."
        if len(interop.devices) > 1
        else "This codec has no devices to choose from: encoded twice, decoded twice.",
        *(f"{device.name}: {device.about}" for device in interop.devices),
        *_bitstreams(interop),
    ]
    for cell in (cell for row in rows(interop) for cell in row if cell.state not in ("identical", "close", NOT_RUN)):
        lines.append(f"{cell.encoder} to {cell.decoder}: {explanation(cell)}")
    lines += [f"not run: {device.name}: {device.missing}" for device in interop.devices if device.missing]
    lines += [f"{device} failed: {reason}" for device, reason in interop.failed]
    return [*lines, *(f"left out: {text}" for text in interop.unreachable)]


def _bitstreams(interop: Interop) -> list[str]:
    """Whether devices make the same bitstreams."""
    lines, first = [], interop.streams[0].encoder if interop.streams else ""
    for encoder in dict.fromkeys(stream.encoder for stream in interop.streams):
        own = [stream for stream in interop.streams if stream.encoder == encoder]
        whose = "the same a second time" if encoder == first else f"those of {first}"
        lines.append(f"bitstreams of {encoder}: {sum(stream.same_as_first for stream in own)} of {len(own)} are {whose}")
    return lines


def text_matrix(interop: Interop) -> str:
    """The matrix for a terminal."""
    table = matrix(interop)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
    return "\n".join([title(interop), "", *lines, "", *(f"  {note}" for note in notes(interop))])


def as_json(interops: Sequence[Interop]) -> bytes:
    """Everything: devices, bitstreams, every bitstream on every device, BD-rates by picture."""
    return (json.dumps([asdict(interop) for interop in interops], indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _metrics(interops: Sequence[Interop]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for interop in interops for name in interop.metrics))
