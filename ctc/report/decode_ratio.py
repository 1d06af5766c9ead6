"""How long a codec decodes beside another, in the same campaign on the same machine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ctc.records import Campaign, Cost
from ctc.report.timing_table import is_of_all_points, what_was_timed
from ctc.timing import results


@dataclass(frozen=True)
class TimeRatio:
    """Decoding time over that of the codec `to`, both summed over the points that have both."""

    value: float | None
    points: int
    points_busy: int
    """Those of them where either was taken while the machine was not otherwise idle."""
    reason: str = ""
    to: str = ""
    note: str = ""
    """To whose decoder it is, where not to the anchor's, of which pictures, where not of all, and what it compares, where not alike."""


def decode_ratio(campaign: Campaign, codec: str) -> TimeRatio:
    """Of the timing campaign where there is one, else to the anchor, of the points of which both were timed on this machine while they were
    coded."""
    if (timing := campaign.timing) is not None:
        measured = results.decode_ratio(campaign, codec)
        notes = [f"decoding time is to that of {measured.to}"] if measured.to not in ("", campaign.anchor) else []
        notes += [] if is_of_all_points(campaign, timing) else [f"times are of {what_was_timed(campaign, timing)}"]
        return TimeRatio(measured.value, measured.points, measured.busy, measured.reason, measured.to, "; ".join(notes))
    own, anchors = _costs(campaign, codec), _costs(campaign, campaign.anchor)
    pairs = [(cost, anchors[place]) for place, cost in own.items() if place in anchors]
    busy = sum(not (cost.machine_idle and anchor.machine_idle) for cost, anchor in pairs)
    total = sum(anchor.wall_s for _, anchor in pairs)
    if not total:
        return TimeRatio(
            None, len(pairs), busy, "no decoding of the same point by codec and anchor was timed on this machine", campaign.anchor
        )
    note = timed_unlike(campaign, (campaign.anchor, codec))
    return TimeRatio(sum(cost.wall_s for cost, _ in pairs) / total, len(pairs), busy, to=campaign.anchor, note=note)


def timed_unlike(campaign: Campaign, codecs: Iterable[str]) -> str:
    """That programs were timed from start to end while they were coded, and others while they decoded alone; empty where all are alike."""
    costs = {codec: _costs(campaign, codec).values() for codec in codecs}
    programs = [codec for codec, found in costs.items() if any(cost.read_s is None for cost in found)]
    inside = [codec for codec, found in costs.items() if found and codec not in programs]
    if not (programs and inside):
        return ""
    return (
        f"decoding time compares whole processes, with their start and the writing of raw pictures ({', '.join(programs)}), with decoding "
        f"alone in a process that had started ({', '.join(inside)}): × less start, which `--timing` gives, is the fairer comparison"
    )


def stands_in(campaign: Campaign) -> str:
    """To whose decoder the ratios are, where not to the anchor's; empty where they are, or there are none."""
    decoder = results.reference_decoder(campaign) if campaign.timing is not None else None
    if decoder is None or decoder == campaign.anchor:
        return ""
    return f"The anchor, {campaign.anchor}, was not made here and has no decoding time: × is to the decoder of {decoder}."


def _costs(campaign: Campaign, codec: str) -> dict[tuple[str, float], Cost]:
    """By picture and target rate."""
    coded = [scored.coded for scored in campaign.scored if scored.coded.job.codec == codec]
    return {(each.job.picture.name, each.job.target_bpp): each.decode for each in coded if each.decode is not None}
