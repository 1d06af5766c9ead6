"""What is wrong with a campaign, or worth knowing: each check is a pure function from a campaign to findings.

An "error" means that the table is not valid, a "warning" that a number needs care, a "note" is a fact to know. Findings that
share a cause are one finding, so that a list for fifty pictures can still be read.
"""

from __future__ import annotations

from collections.abc import Callable

from ctc.checks.completeness import completeness
from ctc.checks.made_of import comparability, interoperability, metric_parity, picture_set
from ctc.checks.overlap import MINIMUM_OVERLAP, curve_overlap
from ctc.checks.points import ROUNDING, decoder_repeatability, is_monotone, largest_deviation, monotonicity, rate_deviation
from ctc.records import Campaign, Finding

CHECKS: tuple[Callable[[Campaign], tuple[Finding, ...]], ...] = (
    picture_set,
    completeness,
    rate_deviation,
    monotonicity,
    decoder_repeatability,
    metric_parity,
    curve_overlap,
    interoperability,
    comparability,
)


def run_checks(campaign: Campaign) -> tuple[Finding, ...]:
    """The findings of all checks, in the order of CHECKS; within a check in the campaign's order of codecs and pictures."""
    return tuple(finding for check in CHECKS for finding in check(campaign))


__all__ = [
    "CHECKS",
    "MINIMUM_OVERLAP",
    "ROUNDING",
    "completeness",
    "curve_overlap",
    "decoder_repeatability",
    "is_monotone",
    "largest_deviation",
    "metric_parity",
    "monotonicity",
    "rate_deviation",
    "run_checks",
]
