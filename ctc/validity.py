"""The validity of each point: rate, monotone, complete, repeatable, interop, overlap.

A number of a table may be stressed only where all six hold, or do not apply, for every point behind it. What nobody has looked at is "not
run", and does not hold. Interoperability is a condition of learned codecs, whose decoders compute in floating point; whether they can be
mixed says `ctc interop`, on the machine where the table is made. It belongs to the codec and the machine, and is sampled: what was tried
may be other pictures and rates than the point's, and the condition says how much it was and whether the picture was among it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from ctc.bdrate.curves import curve_targets
from ctc.checks.points import ROUNDING, by_picture, not_rising
from ctc.interop.matrix import explanation, holds, rows, tried
from ctc.records import AVG, CONDITIONS, BdRate, Campaign, CodecInfo, Condition, Fault, Interop, PointValidity, Scored

LEAST_DEVICES = 2
"""With fewer nothing was mixed."""
LEAST_OVERLAP = 0.5
"""Of the union of both curves' quality ranges that must be common. The warning `curve_overlap` begins at 0.75 already; but at the fixed
target rates of the common test conditions, 3.6 octaves, a codec that saves a third of the rate has less than that in common with its
anchor, however sound its points are. Below a half most of both curves lies outside of what is compared."""


def point_validity(campaign: Campaign) -> tuple[PointValidity, ...]:
    """One record for each codec, picture and target rate, in this order; none of pictures that a codec cannot code.

    Of a target that cannot be reached no condition can be asked. A point that failed or that nobody has made is not complete."""
    unsupported = {(each.codec, each.picture) for each in campaign.unsupported}
    curves = by_picture(campaign)
    found: list[PointValidity] = []
    for codec in campaign.codecs:
        for picture in campaign.pictures:
            if (codec.name, picture.name) not in unsupported:
                found += _of_curve(campaign, codec, picture.name, curves[codec.name, picture.name])
    return tuple(found)


def _of_curve(campaign: Campaign, codec: CodecInfo, picture: str, curve: Sequence[Scored]) -> Iterator[PointValidity]:
    scored = {point.coded.job.target_bpp: point for point in curve}
    ended = {each.place: f"unreachable: {each.reason}" for each in campaign.unreachable}
    interop, overlap = _interop(campaign, codec, picture), _overlap(campaign, codec, picture)
    compared = set(curve_targets(campaign))
    # What lies beyond the curves of the BD-rates says nothing of these; but a point there has the whole curve behind it.
    of_compared = _monotone(campaign, [point for point in curve if point.coded.job.target_bpp in compared])
    of_all = _monotone(campaign, curve)
    for target in sorted(campaign.target_bpps):
        place = (codec.name, picture, target)
        conditions: tuple[Condition, ...]
        if (point := scored.get(target)) is not None:
            no_curve = _does_not_apply("overlap", "no curve of a BD-rate has this target")
            monotone, common = (of_compared, overlap) if target in compared else (of_all, no_curve)
            conditions = (_rate(campaign, point), monotone, _complete(campaign, codec, point), _repeatable(point), interop, common)
        elif place in ended:
            conditions = tuple(_does_not_apply(name, ended[place]) for name in CONDITIONS)
        else:
            why = _no_point(campaign, place)
            conditions = tuple(_fails(name, [why]) if name == "complete" else _does_not_apply(name, why) for name in CONDITIONS)
        yield PointValidity(*place, conditions)


def _rate(campaign: Campaign, point: Scored) -> Condition:
    deviation = point.coded.deviation
    if abs(deviation) - campaign.rate_tolerance <= ROUNDING:
        return Condition("rate", "holds")
    return _fails("rate", [f"{100 * deviation:+.2f} % from the target, {100 * campaign.rate_tolerance:g} % are allowed"])


def _monotone(campaign: Campaign, curve: Sequence[Scored]) -> Condition:
    faults = []
    if bad := not_rising([(point, point.coded.bpp) for point in curve], higher_is_better=True):
        faults.append(Fault("", f"bpp does not rise {_between(bad)}"))
    for info in campaign.metrics:
        values = [(point, value) for point in curve if (value := point.value(info.name)) is not None]
        if bad := not_rising(values, info.higher_is_better):
            faults.append(Fault(info.name, f"does not improve {_between(bad)}"))
    return Condition("monotone", "fails" if faults else "holds", faults=tuple(faults))


def _between(bad: Sequence[tuple[tuple[Scored, float], tuple[Scored, float]]]) -> str:
    pairs = [f"from {old.coded.job.target_bpp:g} to {new.coded.job.target_bpp:g}" for (old, _), (new, _) in bad]
    return f"{', '.join(pairs)} bpp"


def _complete(campaign: Campaign, codec: CodecInfo, point: Scored) -> Condition:
    scores = {score.metric: score for score in point.scores}
    never_given = [info.name for info in campaign.metrics if not _has_values_of(info.name, codec)]
    if len(never_given) == len(campaign.metrics) > 0:
        return _does_not_apply("complete", "its source gives none of the metrics")
    faults = []
    for info in campaign.metrics:
        if info.name in never_given:
            continue
        score = scores.get(info.name)
        if score is None:
            faults.append(Fault(info.name, "not scored"))
        elif score.value is None or math.isnan(score.value):
            faults.append(Fault(info.name, score.reason or "no value, and no reason was given"))
    return Condition("complete", "fails" if faults else "holds", _not_asked(never_given, "its source"), tuple(faults))


def _has_values_of(metric: str, codec: CodecInfo) -> bool:
    """Whether there can be any: pictures that are here have a value of each, a source those of the metrics that it gives."""
    return codec.gives is None or metric in codec.gives


def _not_asked(metrics: Sequence[str], whose: str) -> str:
    return f"not asked of {', '.join(metrics)}: {whose} does not give {'it' if len(metrics) == 1 else 'them'}" if metrics else ""


def _repeatable(point: Scored) -> Condition:
    if point.repeatable is None:
        if not point.coded.decoded_sha256:
            return _does_not_apply("repeatable", "only numbers of it are known: there is nothing to decode")
        return _not_run("repeatable", "it was not decoded here")
    return Condition("repeatable", "holds") if point.repeatable else _fails("repeatable", ["decoding twice gave different pictures"])


def _interop(campaign: Campaign, codec: CodecInfo, picture: str) -> Condition:
    if codec.learned is False:
        return _does_not_apply("interop", "not a learned codec")
    if codec.learned is None:
        return _not_run("interop", "nothing is known of how it computes; if it is not learned, this does not concern it")
    if codec.source:
        return _not_run("interop", "its decoder was not run here")
    interop = next((each for each in campaign.interop if each.codec == codec.name), None)
    if interop is None:
        command = f"ctc interop --codecs {codec.name}"
        again = f"run `{command}` with the same --cache, on this set or another, then this again"
        return _not_run("interop", f"not tried on this machine: {again}")
    if not holds(interop):
        return _fails("interop", _what_is_wrong(interop))
    devices, missing = tried(interop), [device.name for device in interop.devices if device.missing]
    not_run = f"{', '.join(missing)} not run" if missing else ""
    alone = f"tried on one device alone, {', '.join(devices)}: nothing was mixed" if len(devices) < LEAST_DEVICES else ""
    if alone or (without := _without_its_own(codec, interop)):
        return _not_run("interop", "; ".join(filter(None, [alone or without, not_run])))
    names = {point.picture for point in interop.points}
    among = "a picture of this name was among them" if picture in names else "not on this picture"
    rates = {point.target_bpp for point in interop.points}
    how_much = f"tried on {_counted(len(names), 'picture')} at {_counted(len(rates), 'rate')}, {_listed(devices)}"
    faults = tuple(_not_compared(campaign, interop))
    return Condition("interop", "not run" if faults else "holds", "; ".join(filter(None, [how_much, among, not_run])), faults)


def _without_its_own(codec: CodecInfo, interop: Interop) -> str:
    """That the device is not among those tried with which the codec makes the points of the table; empty where it is."""
    used = {"encodes": codec.encodes_on, "decodes": codec.decodes_on}
    among = {"encodes": {stream.encoder for stream in interop.streams}, "decodes": set(tried(interop))}
    lacking: dict[str, list[str]] = {}
    for verb, device in used.items():
        if device and device not in among[verb]:
            lacking.setdefault(device, []).append(verb)
    return "; ".join(f"tried without {device}, on which it {' and '.join(verbs)}" for device, verbs in lacking.items())


def _not_compared(campaign: Campaign, interop: Interop) -> Iterator[Fault]:
    """Metrics in which devices may differ and nobody has looked. Where all samples are identical, none can."""
    if any(cell.state == "close" for row in rows(interop) for cell in row):
        for info in campaign.metrics:
            if info.name not in interop.metrics:
                yield Fault(info.name, "not compared by `ctc interop`: run it again with --metrics that include it")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _what_is_wrong(interop: Interop) -> list[str]:
    pairs = [
        f"{cell.encoder} to {cell.decoder}: {cell.state}; {explanation(cell)}" for row in rows(interop) for cell in row if not cell.holds
    ]
    failed = [f"{device}: {why}" for device, why in interop.failed]
    return pairs + failed or ["the first device made no bitstream, or not the same twice"]


def _overlap(campaign: Campaign, codec: CodecInfo, picture: str) -> Condition:
    if codec.name == campaign.anchor:
        return _does_not_apply("overlap", "it is the anchor")
    found = [row for row in campaign.bd if (row.codec, row.picture) == (codec.name, picture) and row.metric != AVG]
    if not found:
        return _not_run("overlap", "no BD-rate was computed")
    both = [codec, *(each for each in campaign.codecs if each.name == campaign.anchor)]
    asked = [row for row in found if all(_has_values_of(row.metric, each) for each in both)]
    if not asked:
        return _does_not_apply("overlap", "the sources of both curves have no metric in common")
    faults = tuple(Fault(row.metric, why) for row in asked if (why := _too_little(row)))
    without = _not_asked([row.metric for row in found if row not in asked], "the source of one of the curves")
    return Condition("overlap", "fails" if faults else "holds", without, faults)


def _too_little(row: BdRate) -> str:
    """Why the curves cannot be compared, or not well; or empty."""
    if row.value_percent is None:
        return f"no BD-rate: {row.reason or 'no reason was given'}"
    if row.overlap is None:
        return "how much of both curves' quality range is common is not known"
    # Rounded down, so that no overlap below the limit is shown as the limit.
    shown = f"{math.floor(100 * row.overlap)} % of both curves' quality range is common, {100 * LEAST_OVERLAP:g} % are asked for"
    return shown if row.overlap < LEAST_OVERLAP else ""


def _no_point(campaign: Campaign, place: tuple[str, str, float]) -> str:
    codec, picture, target = place
    for failed in campaign.failed:
        if failed.codec in ("", codec) and failed.picture in ("", picture) and failed.target_bpp in (None, target):
            return f"no point: {failed.stage} failed: {failed.error}"
    return next((f"no point: {gap.reason}" for gap in campaign.absent if gap.place == place), "no point: no result was recorded")


def _fails(name: str, reasons: Iterable[str]) -> Condition:
    return Condition(name, "fails", faults=tuple(Fault("", reason) for reason in reasons))


def _not_run(name: str, why: str) -> Condition:
    return Condition(name, "not run", faults=(Fault("", why),))


def _does_not_apply(name: str, why: str) -> Condition:
    return Condition(name, "does not apply", why)


def barring(validity: Iterable[PointValidity], metrics: Iterable[str]) -> Iterator[tuple[PointValidity, Condition, tuple[Fault, ...]]]:
    """What keeps a number of these metrics from being stressed: point, condition, and its faults, for each condition that does not hold."""
    concerned = {"", *metrics}
    for point in validity:
        for condition in point.conditions:
            if faults := tuple(fault for fault in condition.faults if fault.metric in concerned):
                yield point, condition, faults
