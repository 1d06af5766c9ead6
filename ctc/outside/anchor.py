"""Where published points are the anchor unasked: for the set that they are of, in a run that can be compared with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ctc.outside.points import why_absent
from ctc.published.points import PREFIX, Published, load, shipped
from ctc.records import Picture
from ctc.sets.places import entry_named_in

PUBLISHED_BITS = 10
"""Grid on which the published values were computed, as the common test conditions have it."""


@dataclass(frozen=True)
class Comparison:
    """What of a run decides whether published points can be its anchor."""

    metrics: frozenset[str]
    target_bpps: frozenset[float]
    internal_bits: int

    def why_not(self, published: Published) -> str:
        """Why there would be no BD-rate against these points; empty where there is one."""
        from ctc.bdrate.curves import MINIMUM_POINTS

        if self.internal_bits != PUBLISHED_BITS:
            return f"its published values are of the {PUBLISHED_BITS}-bit grid"
        if not self.metrics & {*published.metrics}:
            return f"{', '.join(sorted(self.metrics))} of it was not published"
        rates = self.target_bpps & {point.target_bpp for point in published.points}
        return "" if len(rates) >= MINIMUM_POINTS else f"it was published at {len(rates)} of the rates, a curve needs {MINIMUM_POINTS}"


def published_of_set(dataset: str, comparison: Comparison) -> tuple[Published | None, str]:
    """The published anchor of the set that `dataset` names, as NAME or NAME=FOLDER, or behind a semicolon why it cannot be used.

    None and "" for a set without, and for a folder, whatever is in it: what its BD-rates compare with is not to change when a picture is
    added. Raises UsageError where datasets.yaml is wrong."""
    entry = entry_named_in(dataset)
    if entry is None or entry.anchor is None:
        return None, ""
    published = load(entry.anchor.removeprefix(PREFIX))
    why_not = comparison.why_not(published)
    return (None, f"; {why_not}") if why_not else (published, "")


def whose_points_are_published(pictures: Sequence[Picture], comparison: Comparison) -> str:
    """Name of the shipped points that could be the anchor of all these pictures, told by names and sizes; empty where there are none."""
    for published in map(load, shipped()):
        if pictures and not comparison.why_not(published) and not any(why_absent(published, picture) for picture in pictures):
            return published.name
    return ""
