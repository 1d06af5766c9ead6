"""Checks of what a campaign was made of: pictures, metrics, devices, and what its BD-rates compare."""

from __future__ import annotations

from collections import defaultdict

from ctc.interop.matrix import explanation, rows
from ctc.records import NO_OFFICIAL_VALUES, Campaign, CodecInfo, Finding

CTC_INTERNAL_BITS = 10


def picture_set(campaign: Campaign) -> tuple[Finding, ...]:
    """A warning where the pictures are not the whole set, with one for each reason why some were left out; notes on its folder."""
    state = campaign.set_state
    if state is None:
        return ()
    share = [Finding("picture_set", "warning", "", "", None, f"{state.share}; compared with {state.verified}")] if state.partial else []
    by_reason: dict[str, list[str]] = defaultdict(list)
    for name, reason in state.left_out:
        by_reason[reason].append(name)
    left_out = [
        Finding("picture_set", "warning", "", names[0] if len(names) == 1 else "", None, f"left out: {', '.join(names)}: {reason}")
        for reason, names in by_reason.items()
    ]
    return (*share, *left_out, *(Finding("picture_set", "note", "", "", None, remark) for remark in state.remarks))


def metric_parity(campaign: Campaign) -> tuple[Finding, ...]:
    """An error for every metric that is off the official values on the golden pairs, a warning for those that could not be compared.

    The metrics without official values are none of them."""
    findings = []
    for parity in campaign.parity:
        if parity.pairs and not parity.holds:
            off = (
                ""
                if parity.largest_difference is None
                else f", by up to {parity.largest_difference:.1e} where {parity.tolerance:g} is allowed"
            )
            because = f" ({parity.reason})" if parity.reason else ""
            message = f"{parity.metric} misses the official values on {parity.missed} of {parity.pairs} golden pairs{off}{because}"
            findings.append(Finding("metric_parity", "error", "", "", None, message))
        elif not parity.pairs and parity.reason != NO_OFFICIAL_VALUES:
            findings.append(Finding("metric_parity", "warning", "", "", None, f"{parity.metric} was not compared: {parity.reason}"))
    return tuple(findings)


def interoperability(campaign: Campaign) -> tuple[Finding, ...]:
    """An error for each pair of devices between which a codec's bitstreams cannot travel, a warning where a BD-rate to judge by is missing.

    Nothing for codecs that `ctc interop` was not run with on this machine."""
    findings = []
    for interop in campaign.interop:
        for cell in (cell for row in rows(interop) for cell in row if not cell.holds):
            message = f"{cell.encoder} to {cell.decoder}: {cell.state}; {explanation(cell)}"
            findings.append(
                Finding("interoperability", "warning" if cell.state == "undecided" else "error", interop.codec, "", None, message)
            )
        findings += [Finding("interoperability", "error", interop.codec, "", None, f"{device}: {why}") for device, why in interop.failed]
    return tuple(findings)


def comparability(campaign: Campaign) -> tuple[Finding, ...]:
    """Notes on what the BD-rates compare: an anchor that is not the one of the common test conditions, and what a codec's name hides."""
    anchor = (
        [Finding("comparability", "note", campaign.anchor, "", None, f"anchor: {campaign.anchor_note}")] if campaign.anchor_note else []
    )
    if campaign.internal_bits != CTC_INTERNAL_BITS:
        message = f"metrics saw samples of {campaign.internal_bits} bits; the common test conditions use {CTC_INTERNAL_BITS}"
        anchor.append(Finding("comparability", "note", "", "", None, message))
    anchor += _high_bit_depth(campaign)
    return (*anchor, *(Finding("comparability", "note", codec.name, "", None, codec.note) for codec in campaign.codecs if codec.note))


def _high_bit_depth(campaign: Campaign) -> list[Finding]:
    """What the metrics saw of HDR pictures, and codecs that got fewer bits than the pictures have."""
    hdr = [picture for picture in campaign.pictures if picture.transfer == "pq"]
    found = [Finding("comparability", "note", "", picture.name, None, f"HDR: {picture.colour}") for picture in hdr]
    names = ", ".join(info.name for info in campaign.metrics if info.transfer is None)
    if hdr and names:
        message = f"of HDR pictures {names} saw PQ codes of BT.2020, for which none of them was made; what is made for HDR says so"
        found.append(Finding("comparability", "note", "", "", None, message))
    deep = [picture for picture in campaign.pictures if picture.transfer == "sdr" and picture.bit_depth > 8]
    for codec in campaign.codecs:
        if names := ", ".join(picture.name for picture in deep if _gets_8_bits(codec.on(picture))):
            found.append(
                Finding("comparability", "note", codec.name, "", None, f"codes 8 bits; these pictures have 16 and were rounded: {names}")
            )
    return found


def _gets_8_bits(codec: CodecInfo) -> bool:
    return codec.pixels is not None and codec.pixels.bit_depth == 8
