"""How the rows of configurations read, ours and published ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ctc.records import Campaign, CountingRule, PublishedRow, PublishedTable
from ctc.report.decode_ratio import stands_in, timed_unlike
from ctc.report.operating_points import ToolRow
from ctc.report.overview import plural
from ctc.report.timing_table import is_of_all_points, what_was_timed
from ctc.report.wording import NO_VALUE, NOT_AVAILABLE, fraction, seconds, significant, yes_no
from ctc.timing import results

COMMAND_OF = "--codecs {}`"
"""The end of a command in a reason."""

SHOWN_RULES: tuple[CountingRule, ...] = ("formula", "official")
"""Ways of counting for which tables for people have columns; of all three there is a section."""
TOOL_HEADER = (
    "monotonic", "max bit deviation", "kMAC/px max, formula", "kMAC/px mean, formula", "kMAC/px max, official", "kMAC/px mean, official",
    "decoding time ×", "parameters", "model", "encode s",
)  # fmt: skip
"""kMAC/px are of the decoder."""
BRANCH_HEADER = ("kMAC/px mean, formula", "kMAC/px mean, official", "decoding time ×", "encode s")


def tool_texts(row: ToolRow) -> tuple[str, ...]:
    """What is measured of a configuration beside its BD-rates, in the order of `TOOL_HEADER`; a star for times of a busy machine."""
    ratio, encode = significant(row.decoding.value, 3), seconds(row.line.encode_s)
    counted = [row.kmac[rule] for rule in SHOWN_RULES]
    return (
        yes_no(row.line.monotone),
        fraction(row.line.largest_deviation),
        *(significant(value, 3) for kmac in counted for value in (kmac.largest, kmac.mean)),
        f"{ratio}*" if row.decoding.points_busy else ratio,
        f"{row.model.parameters / 1e6:.2f} M",
        f"{row.model.bytes / 2**20:.2f} MiB",
        f"{encode}*" if row.encode_busy else encode,
    )


def branch_texts(row: ToolRow) -> tuple[str, ...]:
    """The same in the order of `BRANCH_HEADER`."""
    _, _, _, formula, _, official, ratio, _, _, encode = tool_texts(row)
    return formula, official, ratio, encode


def published_texts(row: PublishedRow) -> tuple[str, ...]:
    """A published row in the order of `TOOL_HEADER`."""
    failed = dict(row.unavailable)
    kmac = [
        NOT_AVAILABLE if column in failed else significant(value, 3)
        for column, value in (("dec_kmac_px_max", row.kmac_max), ("dec_kmac_px_avg", row.kmac_mean))
    ]
    size = NO_VALUE if row.model_bytes is None else f"{row.model_bytes / 2**20:.2f} MiB"
    return (
        yes_no(row.monotone),
        fraction(row.largest_deviation),
        NO_VALUE,
        NO_VALUE,
        *kmac,
        NOT_AVAILABLE if "dec_time_gpu_x" in failed else significant(row.time_ratio, 2),
        NO_VALUE if row.parameters is None else f"{row.parameters / 1e6:.2f} M",
        size,
        NO_VALUE,
    )


def published_branch_texts(row: PublishedRow) -> tuple[str, ...]:
    """A published row in the order of `BRANCH_HEADER`."""
    _, _, _, formula, _, official, ratio, _, _, encode = published_texts(row)
    return formula, official, ratio, encode


def tool_caveats(campaign: Campaign, rows: Sequence[ToolRow]) -> list[str]:
    """What must be read with the table of operating points and tools, why configurations of it are not valid, and why values are
    missing in it."""
    if not rows:
        return []
    notes = [
        f"Against {campaign.anchor}. Difference: AVG less that of the same operating point with tools off, in percentage points.",
        f"Decoder kMAC/px: maximum and mean over {plural(len(campaign.pictures), 'picture')} and the rates that were counted, overlap and "
        "padding included. "
        f"Formula: {'; '.join(dict.fromkeys(row.model.counting for row in rows))}. "
        "Official: by the rule of the JPEG AI reference software, which has transposed "
        "convolutions at output resolution, biases and activations, counted while pictures were coded"
        f"{counted_at(rows)}.",
        *_decoding_times(campaign, rows),
        "Parameters: of the networks that decode one picture. "
        "Model: all that a decoder of the operating point needs, for any rate, as stored.",
    ]
    if any(row.decoding.points_busy or row.encode_busy for row in rows):
        notes.append("* Taken, at least in part, while the machine did other work.")
    return notes + reason_lines(rows)


def counted_at(rows: Sequence[ToolRow]) -> str:
    """At which rates the codecs were counted, where any was: " at about 0.25 bpp", codec by codec where they differ."""
    counted = [row for row in rows if row.counted_at is not None]
    if len({row.counted_at for row in counted}) <= 1:
        return "".join(f" at about {row.counted_at} bpp" for row in counted[:1])
    return f" at about {'; '.join(f'{row.counted_at} bpp ({row.line.codec})' for row in counted)}"


def _decoding_times(campaign: Campaign, rows: Sequence[ToolRow]) -> list[str]:
    """What the ratios of decoding times are of, and that programs are not timed as a codec in a process of ours is."""
    timing, to = campaign.timing, results.reference_decoder(campaign)
    if timing is None:
        said = f"Decoding time: ratio to that of {campaign.anchor}, summed over the same points of this campaign, on this machine."
        return [said, *unlike_times(campaign, rows)]
    if to is None:
        return []
    notes = [f"Decoding time: the sum of the medians of the timing campaign over that of {to}, of the points that both have."]
    notes += [] if is_of_all_points(campaign, timing) else [f"Timed: {what_was_timed(campaign, timing)}."]
    notes += [stand_in] if (stand_in := stands_in(campaign)) else []
    compared = dict.fromkeys((to, *(row.line.codec for row in rows)))
    programs = [codec for codec in compared if results.is_whole_process(timing, codec)]
    inside = [codec for codec in compared if codec not in programs]
    if programs and inside:
        notes.append(
            f"Timed as whole processes, with their start and the writing of raw pictures: {', '.join(programs)}. Of {', '.join(inside)} "
            "reading the bitstream and decoding alone: × less start, in the Timing section of the page, is the fairer comparison."
        )
    return notes


def unlike_times(campaign: Campaign, rows: Sequence[ToolRow]) -> list[str]:
    """That the times of coding, where there is no timing campaign, are not alike."""
    if campaign.timing is not None or not rows:
        return []
    unlike = timed_unlike(campaign, dict.fromkeys((campaign.anchor, *(row.line.codec for row in rows))))
    return [f"{unlike[0].upper()}{unlike[1:]}."] if unlike else []


def published_notes(table: PublishedTable, rows: Sequence[PublishedRow]) -> list[str]:
    """Where the rows are from, what is different, and why values are missing."""
    differs = "".join(f" {note[0].upper()}{note[1:]}." for note in table.notes)
    lines = [f"Published, {table.name}: {table.source}. They enter no average, difference or check of this campaign.{differs}"]
    return lines + [f"Published, {table.name}, {row.operating_point} {row.test}: {row.remarks}." for row in rows if row.remarks]


def reason_lines(rows: Iterable[ToolRow]) -> list[str]:
    """Why configurations are not valid, and why values are missing of them. What is the same of several is said once, and so is the command
    for them."""
    codecs: dict[str, list[str]] = {}
    for row in rows:
        for reason in row.reasons:
            codecs.setdefault(reason.replace(COMMAND_OF.format(row.line.codec), COMMAND_OF), []).append(row.line.codec)
    told = ((reason.replace(COMMAND_OF, COMMAND_OF.format(",".join(names))), names) for reason, names in codecs.items())
    return [f"{', '.join(names)}: {reason}." for reason, names in told]
