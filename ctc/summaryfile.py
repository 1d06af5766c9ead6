"""Reads the official `summary.txt`, whose layout `report.as_summary` describes: the inverse of what is written there.

The sentinels of the layout are undone here: a metric that was switched off and a number that is missing have no value but a reason, the
100 dB of equal pictures are infinite, and a point without reconstruction is a line without bpp.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ctc.errors import DataSetMissing, UsageError
from ctc.official import split_name
from ctc.report.as_summary import ABSENT, CAPPED, MATCHES, METRICS, MISSING, OFF

COLUMNS = 2 + len(METRICS) + 6
"""The anchor's own file ends before the last of them."""


@dataclass(frozen=True)
class SummaryLine:
    """One codec, picture and target rate."""

    codec: str
    """Empty where no line of the codec has a name."""
    picture: str
    target_bpp: float
    bpp: float | None
    """None for a point without reconstruction."""
    values: Mapping[str, float | None]
    """By our name of the metric; None where the number is missing, not there at all where it was switched off."""
    repeatable: bool | None
    """Whether the decoder gave what the encoder had; None where the line does not say."""


def read_summary(path: Path, codec: str = "") -> list[SummaryLine]:
    """The lines of an official summary, in their order. Names begin with the codec, up to the first underscore, or with `codec` if given.

    A line without reconstruction names no codec: it is of the block of lines, one for each picture and rate, in which it stands.
    Raises DataSetMissing, and UsageError with the number of a line that is none of such a file."""
    if not path.is_file():
        raise DataSetMissing(f"{path}: there is no such file")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as text ({error})") from error
    found: list[SummaryLine] = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                found.append(_line(line.rstrip("\r\n").split("\t"), codec))
            except ValueError as error:
                raise UsageError(f"{path}, line {number}: {error}; an official summary.txt is wanted") from error
    if not found:
        raise UsageError(f"{path}: there is no line in it")
    return _named(path, found)


def _line(cells: list[str], codec: str) -> SummaryLine:
    if not COLUMNS - 1 <= len(cells) <= COLUMNS:
        raise ValueError(f"{len(cells)} cells with tabs between where {COLUMNS} are expected")
    name, bpp, *numbers = cells[: 2 + len(METRICS)]
    absent = re.fullmatch(r"No_rec_for_(.+)_RATE(\d{3,})", name)
    if absent is not None:
        if not int(absent[2]):
            raise ValueError(f"{name} has a rate of 0 bpp")
        return SummaryLine("", absent[1], int(absent[2]) / 100, None, {}, None)
    made_by, picture, target_bpp = split_name(name.removesuffix(".png"), codec)
    values = {metric: _value(metric, text) for metric, text in zip(METRICS, numbers, strict=True) if text != OFF}
    matches = _matches(cells[-1]) if len(cells) == COLUMNS else None
    return SummaryLine(made_by, picture, target_bpp, None if bpp == ABSENT else _positive(bpp), values, matches)


def _matches(text: str) -> bool | None:
    for known, said in MATCHES.items():
        if text == said:
            return known
    raise ValueError(f"{text} where {' or '.join(MATCHES.values())} is expected")


def _positive(text: str) -> float:
    bpp = float(text)
    if not (bpp > 0 and math.isfinite(bpp)):
        raise ValueError(f"a rate of {text} bpp")
    return bpp


def _value(metric: str, text: str) -> float | None:
    if text == MISSING:
        return None
    value = float(text)
    return math.inf if value == CAPPED.get(metric) else value


def _named(path: Path, lines: list[SummaryLine]) -> list[SummaryLine]:
    """The lines with the codec of their block filled in. A block ends where a picture and rate come again."""
    blocks: list[list[SummaryLine]] = [[]]
    for line in lines:
        if any((other.picture, other.target_bpp) == (line.picture, line.target_bpp) for other in blocks[-1]):
            blocks.append([])
        blocks[-1].append(line)
    named: list[SummaryLine] = []
    for block in blocks:
        codecs = dict.fromkeys(line.codec for line in block if line.codec)
        if len(codecs) > 1 and any(not line.codec for line in block):
            raise UsageError(f"{path}: lines of {' and '.join(codecs)} stand between lines without reconstruction, whose codec is unknown")
        known = next(iter(codecs), "")
        named += [line if line.codec else SummaryLine(known, line.picture, line.target_bpp, None, {}, None) for line in block]
    return named
