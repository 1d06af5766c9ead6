"""run.json: where the numbers come from, for programs and for whoever has to make them again."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Any

from ctc.interop.matrix import holds
from ctc.pixels import conversion_name
from ctc.records import COUNTING_RULES, Campaign, CodecInfo, CountedCodec
from ctc.report.overview import CodecLine, codec_lines, status_of
from ctc.report.tables import metrics_in_order, number_text, unread_pictures
from ctc.report.timing_table import timing_rows

SCHEMA = 1
"""Rises when a key changes its meaning or goes away; a new key does not change it."""


@dataclass(frozen=True)
class JsonReport:
    name: str = "json"
    file_name: str = "run.json"

    def render(self, campaign: Campaign) -> bytes:
        text = json.dumps(_plain(provenance(campaign)), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
        return f"{text}\n".encode()


def provenance(campaign: Campaign) -> dict[str, Any]:
    """The content of run.json, with infinities still as numbers. Pictures are named by file name and hash, never by path."""
    status = status_of(campaign)
    return {
        "schema": SCHEMA,
        "command": campaign.command,
        "started": campaign.started,
        "wall_s": campaign.wall_s,
        "configuration": {
            "dataset": campaign.dataset,
            "target_bpps": sorted(campaign.target_bpps),
            "rate_tolerance": campaign.rate_tolerance,
            "internal_bits": campaign.internal_bits,
            "metric_device": campaign.metric_device,
            "anchor": campaign.anchor,
            "anchor_note": campaign.anchor_note,
            "codecs": [asdict(codec) | {"colour_conversions": _conversions(campaign, codec)} for codec in campaign.codecs],
            "metrics": [asdict(metric) for metric in metrics_in_order(campaign)],
        },
        "pictures": [asdict(picture) | {"path": PurePath(picture.path).name} for picture in campaign.pictures],
        "pictures_unread": unread_pictures(campaign),
        "set": _set(campaign),
        "machine": asdict(campaign.machine),
        "versions": dict(campaign.versions),
        "counts": asdict(campaign.counts),
        "status": asdict(status) | {"valid": status.valid},
        "codecs": {line.codec: _codec(line) | {"points_valid": _points_valid(campaign, line.codec)} for line in codec_lines(campaign)},
        "complexity": [asdict(complexity) for complexity in campaign.complexity],
        "counted": {counted.codec: _counted(counted) for counted in campaign.counted},
        "beside": [{"name": table.name, "source": table.source, "rows": len(table.rows)} for table in campaign.beside],
        "timing": _timing(campaign),
        "interop": [asdict(interop) | {"holds": holds(interop)} for interop in campaign.interop],
        "parity": [asdict(parity) | {"holds": parity.holds} for parity in campaign.parity],
        "failures": [asdict(failed) for failed in campaign.failed],
        "absent": [asdict(absent) for absent in campaign.absent],
        "unsupported": [asdict(unsupported) for unsupported in campaign.unsupported],
    }


def _counted(counted: CountedCodec) -> dict[str, dict[str, Any]]:
    """kMAC/px by picture, target rate, side and way of counting."""
    found: dict[str, dict[str, Any]] = {}
    for each in counted.counts:
        sides = {side: {rule: each.kmac_per_pixel(side, rule) for rule in COUNTING_RULES} for side in ("decoder", "encoder")}
        found.setdefault(each.picture.name, {})[f"{each.target_bpp:g}"] = sides
    return found


def _points_valid(campaign: Campaign, codec: str) -> int:
    """Points for which every condition holds that applies, and one applies."""
    of_codec = (point for point in campaign.validity if point.codec == codec)
    return sum(point.valid and any(condition.state == "holds" for condition in point.conditions) for point in of_codec)


def _set(campaign: Campaign) -> dict[str, Any] | None:
    state = campaign.set_state
    return None if state is None else asdict(state) | {"partial": state.partial, "left_out": dict(state.left_out)}


def _timing(campaign: Campaign) -> dict[str, Any] | None:
    """Conditions, and what each codec takes; every sample is in timings.csv."""
    if campaign.timing is None:
        return None
    told = {name: value for name, value in asdict(campaign.timing).items() if name != "samples"}
    return told | {"pictures": campaign.timing.pictures, "codecs": {row.codec: asdict(row) for row in timing_rows(campaign)}}


def _conversions(campaign: Campaign, codec: CodecInfo) -> list[str]:
    """Names of the colour conversions that led from the pictures to what the codec was given; one per bit depth of the pictures."""
    if codec.pixels is None:
        return []
    names = {(codec.on(picture).pixels, picture.bit_depth, picture.transfer) for picture in campaign.pictures}
    return sorted({conversion_name(pixels, bits, transfer) for pixels, bits, transfer in names if pixels is not None})


def _codec(line: CodecLine) -> dict[str, Any]:
    counted = ("points", "points_ok", "points_unreachable", "points_failed", "pictures_unsupported")
    return {name: getattr(line, name) for name in (*counted, "tries_per_point", "largest_deviation", "monotone", "errors")}


def _plain(value: Any) -> Any:
    """JSON has no infinity: such numbers become the texts "inf" and "-inf", "nan" likewise."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return number_text(value) if isinstance(value, float) and not math.isfinite(value) else value


REPORTS = (JsonReport(),)
