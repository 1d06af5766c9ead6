"""report.html: one page that needs nothing but itself. The template and its style and script lie in `templates`."""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from ctc.records import ALL, AVG, AVG_METRICS, CONDITIONS, NOTHING_SAID, Campaign, Coded, Failed, Finding
from ctc.report import tool_wording, wording
from ctc.report.complexity import SIDES, counted_notes, counted_over, side_rows
from ctc.report.hdr_table import hdr_metrics
from ctc.report.interop_table import matrix, notes, title
from ctc.report.multi_branch import branch_rows
from ctc.report.operating_points import groups, published_rows, tool_rows
from ctc.report.overview import (
    BdCell,
    CodecLine,
    bd_cells,
    codec_lines,
    metric_label,
    metrics_outside_average,
    plural,
    status_of,
)
from ctc.report.tables import (
    absent_pictures,
    codec_names,
    knob_name,
    metrics_in_order,
    number_text,
    picture_names,
    point_rows,
    unread_pictures,
)
from ctc.report.timing_table import point_cells, timing_rows
from ctc.report.timing_wording import TIMING_HEADER, timing_notes, timing_texts
from ctc.timing.results import reference_decoder

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).parent / "templates"
_TINT_STEPS_PERCENT = (5.0, 15.0, 30.0)
"""BD-rates beyond these are tinted more strongly."""
_TOOL_WORDS = {
    "tool_header": tool_wording.TOOL_HEADER,
    "tool_texts": tool_wording.tool_texts,
    "branch_header": tool_wording.BRANCH_HEADER,
    "branch_texts": tool_wording.branch_texts,
    "published_texts": tool_wording.published_texts,
    "published_branch_texts": tool_wording.published_branch_texts,
    "published_notes": tool_wording.published_notes,
}
_SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True)
class HtmlReport:
    name: str = "html"
    file_name: str = "report.html"

    def render(self, campaign: Campaign) -> bytes:
        environment = _environment()
        return environment.get_template("report.html.j2").render(**_content(campaign)).encode()


@dataclass(frozen=True)
class BdRow:
    """One line of the table of BD-rates by picture."""

    codec: str
    picture: str
    cells: tuple[BdCell, ...]


@dataclass(frozen=True)
class Recipe:
    """How one point is made again."""

    codec: str
    picture: str
    target: str
    setting: str
    decoded_sha256: str
    commands: tuple[tuple[str, str], ...]
    """(what it does, command line)"""


def bd_rows_by_picture(campaign: Campaign) -> list[BdRow]:
    """For every codec but the anchor: each picture, then the mean over pictures; cells as in the heading of the table."""
    metrics = (AVG, *AVG_METRICS, *metrics_outside_average(campaign))
    tested = [codec for codec in codec_names(campaign) if codec != campaign.anchor]
    pictures = (*picture_names(campaign), ALL)
    return [BdRow(codec, picture, bd_cells(campaign, codec, picture, metrics)) for codec in tested for picture in pictures]


def recipes(campaign: Campaign) -> list[Recipe]:
    """One per scored point, in the order of the points table."""
    infos = {codec.name: codec for codec in campaign.codecs}
    coded = {(s.coded.job.codec, s.coded.job.picture.name, s.coded.job.target_bpp): s.coded for s in campaign.scored}
    points = (coded.get((row.codec, row.picture, row.target_bpp)) for row in point_rows(campaign) if row.target_bpp is not None)
    return [
        _recipe(point, knob_name(infos.get(point.job.codec), point.job.picture))
        for point in points
        if point is not None and point.setting is not None
    ]


def _recipe(coded: Coded, knob: str) -> Recipe:
    job, setting = coded.job, number_text(coded.setting)
    stem = f"{job.picture.name}_{job.codec}_{setting}"
    said = ("--set", job.picture.dataset) if job.picture.light != NOTHING_SAID else ()
    encode = ("ctc", "encode", "--codec", job.codec, "--setting", setting, *said, "--", PurePath(job.picture.path).name, f"{stem}.bits")
    size = ("--size", f"{job.picture.width}x{job.picture.height}", "--bit-depth", "8" if job.picture.bit_depth == 8 else "16")
    kind = ("--transfer", job.picture.transfer) if job.picture.transfer != "sdr" else ()
    decode = ("ctc", "decode", "--codec", job.codec, *size, *kind, "--", f"{stem}.bits", f"{stem}.png")
    ours = (("encode with this harness", encode), ("decode with this harness", decode))
    as_run = (("encoder that this runs", coded.encode_command), ("decoder that this runs", coded.decode_command))
    return Recipe(
        codec=job.codec,
        picture=job.picture.name,
        target=number_text(job.target_bpp),
        setting=f"{knob} {setting}",
        decoded_sha256=coded.decoded_sha256,
        commands=tuple((what, shlex.join(line)) for what, line in (*ours, *as_run) if line),
    )


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "percent": wording.percent,
        "fraction": wording.fraction,
        "interval": wording.interval_text,
        "seconds": wording.seconds,
        "tries": wording.tries,
        "yes_no": wording.yes_no,
        "significant": wording.significant,
        "number": number_text,
        "look": _look,
        "tint": _tint,
        "with_code": wording.with_code,
        "megabytes": lambda count: f"{count / 2**20:,.0f} MiB",
    }
    environment.globals["plural"] = plural
    return environment


def _content(campaign: Campaign) -> dict[str, Any]:
    """What the template shows; text is escaped there, the drawings and the files beside the template are trusted."""
    lines, rows, tools, timed = codec_lines(campaign), point_rows(campaign), tool_rows(campaign), timing_rows(campaign)
    unsound = _unsound(lines)
    return {
        "campaign": campaign,
        "status": status_of(campaign),
        "lines": lines,
        "labels": {metric: metric_label(campaign, metric) for metric in (*AVG_METRICS, *(info.name for info in campaign.metrics))},
        "average_metrics": AVG_METRICS,
        "other_metrics": metrics_outside_average(campaign),
        "hdr": bool(hdr_metrics(campaign)),
        "metrics": metrics_in_order(campaign),
        "parity_header": wording.PARITY_HEADER,
        "parity_row": wording.parity_row,
        "codecs": codec_names(campaign),
        "pictures": picture_names(campaign),
        "unread": unread_pictures(campaign),
        "absent": absent_pictures(campaign),
        "numbers": {codec: number for number, codec in enumerate(codec_names(campaign))},
        "footnotes": _footnotes(lines),
        # The anchor's caveat comes first and has a place of its own on the page.
        # So do the codecs' notes, beside their names.
        "caveats": [*wording.general_caveats(campaign), *wording.timing_caveats(campaign)],
        "rates": wording.rate_range(campaign),
        "tool_groups": groups(tools),
        "points": wording.percentage_points,
        "tool_caveats": tool_wording.tool_caveats(campaign, tools),
        "published_tools": published_rows(campaign, branches=False),
        "branches": branch_rows(campaign),
        "published_branches": published_rows(campaign, branches=True),
        **_TOOL_WORDS,
        "unsound": unsound,
        "explained": {(codec, cell.metric) for codec, cells in unsound.items() for cell in cells},
        "conditions": CONDITIONS,
        "condition_marks": {"holds": "✓", "fails": "✕", "not run": "?", "does not apply": "–"},
        "validity": {(point.codec, point.picture, point.target_bpp): point.conditions for point in campaign.validity},
        "complexities": [
            (counted, counted_over(counted.counts), [side_rows(side, counted.counts) for side in SIDES], counted_notes(counted))
            for counted in campaign.counted
        ],
        "timed": timed,
        "timing_header": TIMING_HEADER,
        "timing_texts": timing_texts,
        "timing_notes": timing_notes(campaign, timed),
        "timing_reference": reference_decoder(campaign),
        "timing_cells": point_cells(campaign.timing) if campaign.timing is not None else [],
        "interops": [(interop, title(interop), matrix(interop), notes(interop)) for interop in campaign.interop],
        "bd_rows": bd_rows_by_picture(campaign),
        "rows": rows,
        "score_reasons": _score_reasons(campaign),
        "findings": _by_severity(campaign.findings),
        "severities": [(severity, sum(f.severity == severity for f in campaign.findings)) for severity in _SEVERITIES],
        "failures": [(failure, _where(failure)) for failure in campaign.failed],
        "recipes": recipes(campaign),
        "statuses": sorted({row.status for row in rows}),
        **_drawings(campaign),
        "style": _trusted("report.css"),
        "script": _trusted("report.js"),
    }


def _drawings(campaign: Campaign) -> dict[str, Any]:
    from markupsafe import Markup

    from ctc.report.curves import drawn_metrics, mean_plots, picture_plots, swatch_symbol

    drawn = drawn_metrics(campaign)
    sizes = {picture.name: f"{picture.width} × {picture.height}" for picture in campaign.pictures}
    return {
        "plots": [(plot, Markup(plot.svg)) for plot in mean_plots(campaign)],
        "picture_plots": [
            (picture, sizes[picture], [(plot, Markup(plot.svg)) for plot in plots]) for picture, plots in picture_plots(campaign).items()
        ],
        "not_drawn": [metric.label for metric in metrics_in_order(campaign) if metric not in drawn],
        "swatches": [Markup(swatch_symbol(number)) for number in range(len(codec_names(campaign)))],
        "infinite": _infinite(campaign),
    }


def _trusted(file_name: str) -> Any:
    from markupsafe import Markup

    return Markup((_TEMPLATES / file_name).read_text(encoding="utf-8"))


def _look(cell: BdCell) -> str:
    """ "saves", "costs" or "level" of a value that may be stressed; "plain" of one that may not; "absent" without value."""
    if cell.value_percent is None:
        return "absent"
    if not cell.sound:
        return "plain"
    rounded = round(cell.value_percent, 1)
    return "saves" if rounded < 0 else "costs" if rounded > 0 else "level"


def _tint(cell: BdCell) -> int:
    """Strength of the tint, 0 to 3."""
    return sum(abs(cell.value_percent or 0.0) > step for step in _TINT_STEPS_PERCENT)


def _footnotes(lines: Sequence[CodecLine]) -> dict[str, int]:
    """A number for every reason of an N/A in the BD-rate table, in order of appearance."""
    cells = [cell for line in lines if not line.is_anchor for cell in (line.average, *line.metrics, *line.others)]
    reasons = dict.fromkeys(cell.reason for cell in cells if cell.value_percent is None)
    return {reason: number for number, reason in enumerate(reasons, start=1)}


def _unsound(lines: Sequence[CodecLine]) -> dict[str, list[BdCell]]:
    """The values of each codec that may not be stressed."""
    cells = {line.codec: [cell for cell in (line.average, *line.metrics, *line.others) if cell.grounds] for line in lines}
    return {codec: found for codec, found in cells.items() if found}


def _infinite(campaign: Campaign) -> dict[str, int]:
    """Metric -> number of infinite values, which a curve cannot show."""
    values = ((score.metric, score.value) for scored in campaign.scored for score in scored.scores)
    return Counter(metric for metric, value in values if value is not None and math.isinf(value))


def _score_reasons(campaign: Campaign) -> dict[tuple[str, str, float, str], str]:
    """(codec, picture, target, metric) -> why the score is missing."""
    return {
        (s.coded.job.codec, s.coded.job.picture.name, s.coded.job.target_bpp, score.metric): score.reason or "no reason was recorded"
        for s in campaign.scored
        for score in s.scores
        if score.value is None
    }


def _by_severity(findings: Sequence[Finding]) -> list[Finding]:
    """Errors first; the order of the checks within a severity."""
    rank = {severity: position for position, severity in enumerate(_SEVERITIES)}
    return sorted(findings, key=lambda finding: rank.get(finding.severity, len(rank)))


def _where(failure: Failed) -> str:
    target = "" if failure.target_bpp is None else f"{number_text(failure.target_bpp)} bpp"
    return ", ".join(part for part in (failure.codec, failure.picture, target) if part)


REPORTS = (HtmlReport(),)
