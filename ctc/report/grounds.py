"""Why a BD-rate may not be stressed: every ground, with the points that it is of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ctc.bdrate.curves import curve_targets
from ctc.records import ALL, AVG, AVG_METRICS, BdRate, Campaign, Condition, PointValidity
from ctc.report.tables import set_share
from ctc.validity import barring

OF_CODECS, OF_CURVES = ("interop",), ("monotone", "overlap")
"""Conditions that all points of a codec share, and all points of a curve."""

Places = tuple[tuple[str, str], ...]
"""(point or curve, why)"""


@dataclass(frozen=True)
class Ground:
    """One condition that does not hold, of one codec."""

    what: str
    """e.g. "rate fails", "interop not run"; of a mean also "not all pictures", "partial set", "errors"."""
    places: Places
    """(point or curve, why); the first is empty where it is of all of them."""

    @property
    def reasons(self) -> dict[str, list[str]]:
        """Why -> the points or curves."""
        found: dict[str, list[str]] = {}
        for place, why in self.places:
            found.setdefault(why, []).extend([place] if place else [])
        return found

    @property
    def text(self) -> str:
        """In one line; where there are several reasons, in how many places there is one."""
        (why, points), *others = self.reasons.items()
        number = len({place for place, _ in self.places if place})
        if not others:
            where = f", {points[0]}" if number == 1 else ""
            return f"{self.what}{where}: {why}"
        return f"{self.what} in {number} {'place' if number == 1 else 'places'}" if number else f"{self.what}: {'; '.join(self.reasons)}"


def grounds(campaign: Campaign, bd: BdRate, behind: Sequence[PointValidity]) -> tuple[Ground, ...]:
    """Why this BD-rate may not be stressed; empty where it may. `behind`: see `points_behind`."""
    found = []
    if bd.pictures_missing:
        found.append(Ground("not all pictures", (("", f"mean over {bd.pictures} of {bd.pictures + bd.pictures_missing}"),)))
    if bd.picture == ALL and (share := set_share(campaign)):
        found.append(Ground("partial set", (("", share.removeprefix("partial set: ")),)))
    if errors := tuple(("", message) for message in dict.fromkeys(_errors(campaign, bd))):
        found.append(Ground("errors", errors))
    if not behind:
        found.append(Ground("validity", (("", "nothing was recorded of the points behind it"),)))
    named: dict[str, dict[tuple[str, str], None]] = {}
    for point, condition, faults in barring(behind, AVG_METRICS if bd.metric == AVG else (bd.metric,)):
        whose = "the anchor's " if point.codec == campaign.anchor else ""
        of_condition = named.setdefault(f"{whose}{condition.name} {condition.state}", {})
        for fault in faults:
            metric = fault.metric if bd.metric == AVG else ""
            of_condition[_place(point, condition), ": ".join(filter(None, [metric, fault.reason]))] = None
    return (*found, *(Ground(what, tuple(places)) for what, places in named.items()))


def _place(point: PointValidity, condition: Condition) -> str:
    """A point, its curve where the condition is of that, or nothing where it is of the codec."""
    if condition.name in OF_CODECS:
        return ""
    return f"curve of {point.picture}" if condition.name in OF_CURVES else f"{point.picture} at {point.target_bpp:g} bpp"


def points_behind(campaign: Campaign, codec: str, picture: str) -> list[PointValidity]:
    """The points of the curves of codec and anchor that a BD-rate is made of; `picture` may be "ALL"."""
    targets = set(curve_targets(campaign))
    return [
        point
        for point in campaign.validity
        if point.codec in (codec, campaign.anchor) and point.target_bpp in targets and picture in (ALL, point.picture)
    ]


def grounds_text(found: Iterable[Ground]) -> str:
    """All of them in one line."""
    return "; ".join(ground.text for ground in found)


def _errors(campaign: Campaign, bd: BdRate) -> list[str]:
    """Errors of the codec, of the anchor and of no codec in particular; for ALL those of every picture."""
    return [
        f"{finding.check}: {finding.message}"
        for finding in campaign.findings
        if finding.severity == "error"
        and finding.codec in ("", bd.codec, campaign.anchor)
        and (bd.picture == ALL or finding.picture in ("", ALL, bd.picture))
    ]
