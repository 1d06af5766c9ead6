"""How numbers read in the reports for people: signed, rounded, with a true minus and their unit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from ctc.records import Campaign, Parity
from ctc.report.overview import BdCell, codec_lines
from ctc.report.tables import absent_pictures, number_text, set_share
from ctc.report.timing_table import is_of_all_points, what_was_timed
from ctc.timing.results import points_timed

NOT_AVAILABLE = "N/A"
NO_VALUE = "–"
MINUS = "\u2212"


def percent(value: float | None) -> str:
    """A BD-rate, one decimal as in the papers: "−12.3 %". Negative saves rate."""
    if value is None:
        return NOT_AVAILABLE
    rounded = f"{value:+.1f}"
    return f"{'0.0' if float(rounded) == 0 else rounded} %".replace("-", MINUS)


def fraction(value: float | None) -> str:
    """A rate deviation: 0.084 is "+8.4 %"."""
    return NO_VALUE if value is None else percent(100 * value)


def percentage_points(value: float | None) -> str:
    """A difference of two BD-rates: "−3.1"."""
    return percent(value).removesuffix(" %")


def bd_text(cell: BdCell) -> str:
    """A BD-rate with the count of pictures where it is not over all of them: "−12.3 % (7/8)"."""
    return " ".join(part for part in (percent(cell.value_percent), cell.share) if part)


def interval_text(cell: BdCell) -> str:
    """The 95 % interval: "−15.1 to −9.2 %"; empty where there is none."""
    if cell.low_percent is None or cell.high_percent is None or cell.value_percent is None:
        return ""
    return f"{percent(cell.low_percent).removesuffix(' %')} to {percent(cell.high_percent)}"


def parity_row(parity: Parity) -> tuple[str, str, str, str, str]:
    """Metric, pairs, largest difference, tolerance, and whether it holds or why it cannot be said."""
    said = "within" if parity.holds else f"missed on {parity.missed} of {parity.pairs}" if parity.pairs else "not compared"
    difference, tolerance = (NO_VALUE if value is None else f"{value:.1e}" for value in (parity.largest_difference, parity.tolerance))
    return parity.metric, str(parity.pairs), difference, tolerance, f"{said}: {parity.reason}" if parity.reason else said


PARITY_HEADER = ("metric", "golden pairs", "largest difference", "tolerance", "")


def parity_table(parities: Iterable[Parity]) -> str:
    """The parity certificate as plain text."""
    rows = [PARITY_HEADER, *map(parity_row, parities)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:4], widths[1:], strict=True)), row[4]]
        ).rstrip()
        for row in rows
    )


def parity_line(parities: Sequence[Parity]) -> str:
    """The parity certificate in one line; empty where nothing was compared."""
    compared, beyond = [each for each in parities if each.pairs], [each.metric for each in parities if each.pairs and not each.holds]
    if not compared:
        return ""
    if beyond:
        return f"metrics off the official values on the golden pairs: {', '.join(beyond)}"
    rest = len(parities) - len(compared)
    number = "1 metric" if len(compared) == 1 else f"{len(compared)} metrics"
    return f"{number} within the tolerance of the official values on the golden pairs, on the 10-bit grid" + (
        f", {rest} not compared" if rest else ""
    )


def seconds(value: float | None) -> str:
    """Three significant digits, without powers of ten."""
    return NO_VALUE if value is None else significant(value, 3)


def tries(value: float | None) -> str:
    return NO_VALUE if value is None else f"{value:.2f}"


def yes_no(value: bool | None) -> str:
    return NO_VALUE if value is None else "yes" if value else "no"


def significant(value: float | None, digits: int = 6) -> str:
    """The value rounded to significant digits; "∞" for infinity, a dash where it is missing."""
    if value is None:
        return NO_VALUE
    if math.isinf(value):
        return f"{MINUS if value < 0 else ''}∞"
    decimals = digits - 1 - (math.floor(math.log10(abs(value))) if value else 0)
    return f"{round(value, decimals):.{max(0, decimals)}f}".replace("-", MINUS)


def caveats(campaign: Campaign) -> list[str]:
    """What must be read with the BD-rate table: the anchor's note, the codecs' notes, what intervals and counts mean."""
    return [*codec_caveats(campaign), *general_caveats(campaign)]


def codec_caveats(campaign: Campaign) -> list[str]:
    """The notes of the anchor and of the codecs."""
    notes = [f"Anchor {campaign.anchor}: {campaign.anchor_note}."] if campaign.anchor_note else []
    notes += [f"{line.codec}: {line.note}." for line in codec_lines(campaign) if line.note]
    return [note.replace("..", ".") for note in notes]


def general_caveats(campaign: Campaign) -> list[str]:
    """Which part of the set it is of, and what intervals and counts in the table mean, where it has any."""
    lines = codec_lines(campaign)
    notes = set_caveats(campaign)
    notes += [_interval_caveat()] if any(interval_text(line.average) for line in lines) else []
    if any(line.average.share or any(cell.share for cell in line.metrics) for line in lines):
        notes.append("(n/m): mean over n of the m pictures; the others have no BD-rate. Such a mean is never stressed.")
    return notes


def set_caveats(campaign: Campaign) -> list[str]:
    """That the campaign is of a part of its set, where it is, and which pictures were left out."""
    share, absent = set_share(campaign), absent_pictures(campaign)
    if not share:
        return []
    why = f" {len(absent)} were left out, see the findings." if absent else " The others were not asked for."
    return [f"P{share[1:]}.{why} Means over a part of a set are never stressed."]


def timing_caveats(campaign: Campaign) -> list[str]:
    """What must be read with the times: of which pictures they are, where not of all, and how many were taken while the machine did other
    work."""
    lines, timing = codec_lines(campaign), campaign.timing
    notes = []
    if timing is not None and not is_of_all_points(campaign, timing):
        notes.append(f"Times of codecs are of the timing campaign, of {what_was_timed(campaign, timing)}.")
    busy = sum(line.busy for line in lines)
    points = sum(line.points_ok if timing is None else points_timed(timing, line.codec) for line in lines)
    if not busy:
        return notes
    return [*notes, f"* Times of {busy} of {points} points were taken while the machine did other work; they do not compare codecs."]


def rate_range(campaign: Campaign) -> str:
    """The target rates of the campaign, e.g. "0.06, 0.12, 0.25, 0.5, 0.75 bpp"."""
    return f"{', '.join(number_text(target) for target in sorted(campaign.target_bpps))} bpp"


def _interval_caveat() -> str:
    return "Interval: 95 % bootstrap over pictures. It says how much the mean depends on the choice of pictures."


def with_code(text: str) -> Markup:
    """What stands between backticks as code; all of it escaped."""
    plain, *rest = (escape(part) for part in text.split("`"))
    # An odd one out is a backtick of the text.
    pieces = [Markup("<code>{}</code>").format(part) if number % 2 == 0 else part for number, part in enumerate(rest)]
    return Markup("").join((plain, *pieces)) if len(rest) % 2 == 0 else escape(text)
