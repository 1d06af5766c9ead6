"""The bitrate matcher: one analysis, then a bounded number of passes of quantisation and entropy coding until the real bytes fit.

The rate rises along the axis of `quality`, nearly as an exponential, so each pass tells the next where to go: the secant on ln(bytes).
It has steps: where one model ends and the next begins, where a cube flag changes, where RDLR has searched anew, where filters are chosen.
Where the target lies in such a step, the nearest pass below it is taken further with its own model, cube flags, targets of RDLR and
filters, along which there are no steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace

from jpegai_ref.analysed import Analysed
from jpegai_ref.coder import Coder
from jpegai_ref.encoder import Decisions, Encoded, Setting, encode_analysed
from jpegai_ref.knob import HIGHEST_QUALITY, START
from jpegai_ref.quality import last_quality_of, quality_of, setting_of, setting_of_model
from jpegai_ref.quality_map import finest
from jpegai_ref.refined_rounding import Target
from jpegai_ref.tools import NO_TOOLS, Tools

TOLERANCE = 0.02
MOST_PASSES = 12
FREE_PASSES = 7
"""Of which so many at most decide on models, cube flags, targets of RDLR and filters."""
MOST_REFINEMENTS = 3
"""Searches of RDLR for targets, of which each takes as long as some twenty passes."""
NEAR = 64
"""Steps of quality within which targets are used again."""
SECANT_PASSES = 4
"""After so many passes along a line the bracket is halved instead: the rate is not what the secant takes it for."""


@dataclass(frozen=True, eq=False)
class Matched:
    """The file nearest to the target, how far it is off (bytes / target - 1), where it lies, and how many passes were made."""

    encoded: Encoded
    deviation: float
    setting: Setting
    passes: int

    @property
    def log_ratio(self) -> float:
        """ln(bytes / target)."""
        return math.log1p(self.deviation)


def matched(coder: Coder, source: Analysed, target_bpp: float, tolerance: float = TOLERANCE, tools: Tools = NO_TOOLS) -> Matched:
    """The file whose bytes are within `tolerance` of the target rate, or the nearest that was found in MOST_PASSES passes.

    Raises ValueError for a target that is not positive, ToolUnavailable as `encoder.encode`.
    """
    if not 0 < target_bpp < math.inf:
        raise ValueError(f"a target rate is positive, not {target_bpp} bpp")

    known: dict[Setting, Decisions] = {}
    refined = _Refinements()

    def passed(proposal: Proposal, passes: int) -> Matched:
        decisions = None if proposal.decided_by is None else known[proposal.decided_by]
        encoded = refined.encoded(coder, source, proposal.setting, tools, decisions)
        if decisions is None:
            known[proposal.setting] = encoded.decisions
        return Matched(encoded, 8 * len(encoded.data) / (target_bpp * source.samples) - 1, proposal.setting, passes)

    proposals = search(math.log(target_bpp), tolerance, finest(source.quality_map(tools.quality_map)))
    found = best = passed(next(proposals), 1)
    while True:
        try:
            proposal = proposals.send(found.log_ratio)
        except StopIteration:
            return replace(best, passes=found.passes)
        found = passed(proposal, found.passes + 1)
        best = min(best, found, key=lambda match: abs(match.log_ratio))


class _Refinements:
    """Lets a pass search for the targets of RDLR where none are known from a setting nearby, at most MOST_REFINEMENTS times."""

    def __init__(self) -> None:
        self._searches = 0
        self._found: tuple[Setting, tuple[Target, ...]] | None = None

    def encoded(self, coder: Coder, source: Analysed, setting: Setting, tools: Tools, decisions: Decisions | None) -> Encoded:
        if decisions is not None:
            return encode_analysed(coder, source, setting, tools, decisions)
        targets = self._targets_for(setting)
        if targets is None and self._searches == MOST_REFINEMENTS:
            tools = replace(tools, rdlr=False)
        encoded = encode_analysed(coder, source, setting, tools, targets=targets)
        if tools.rdlr and targets is None:
            self._searches += 1
            self._found = (setting, encoded.targets) if encoded.targets else self._found
        return encoded

    def _targets_for(self, setting: Setting) -> tuple[Target, ...] | None:
        if self._found is None:
            return None
        near, targets = self._found
        distance = abs(quality_of(setting) - quality_of(near))
        return targets if distance <= NEAR else None


@dataclass(frozen=True)
class Proposal:
    """What to try next: a setting, and that of an earlier pass whose decisions are to be kept, or None to decide anew."""

    setting: Setting
    decided_by: Setting | None = None


def search(log_target: float, tolerance: float = TOLERANCE, finest_step: int = 0) -> Generator[Proposal, float, None]:
    """Proposes passes and is sent ln(rate / target) of each, until that is within `tolerance`, nothing is left, or after MOST_PASSES.

    finest_step  of a quality map, see `quality.setting_of`
    """
    known: dict[int, float] = {}
    passes = range(FREE_PASSES)

    def afresh(quality: int) -> Proposal:
        return Proposal(setting_of(quality, finest_step))

    if (yield from _follow(known, passes, afresh, HIGHEST_QUALITY, log_target, tolerance)):
        return
    low, high = _bracket(known)
    if low is None or high is None:
        return
    start = setting_of(low, finest_step)

    def onwards(quality: int) -> Proposal:
        return Proposal(setting_of_model(start.model_id, quality, finest_step), start)

    left = range(len(known), MOST_PASSES)
    yield from _follow({low: known[low]}, left, onwards, last_quality_of(start.model_id, finest_step), log_target, tolerance)


def _follow(
    known: dict[int, float], passes: range, proposal: Callable[[int], Proposal], last: int, log_target: float, tolerance: float
) -> Generator[Proposal, float, bool]:
    """Adds to what is known of {quality: ln(rate / target)}, up to quality `last`. Returns whether the tolerance is met."""
    for count, _ in enumerate(passes):
        quality = _next(known, log_target, last, halve=count >= SECANT_PASSES)
        if quality is None:
            return False
        known[quality] = yield proposal(quality)
        if abs(math.expm1(known[quality])) <= tolerance:
            return True
    return False


def _bracket(known: Mapping[int, float]) -> tuple[int | None, int | None]:
    """Neighbouring qualities between which the target lies, None where nothing is known beyond it."""
    low = max((quality for quality, log_ratio in known.items() if log_ratio < 0), default=None)
    above = [quality for quality, log_ratio in known.items() if log_ratio > 0 and (low is None or quality > low)]
    if above or low is None:
        return low, min(above, default=None)
    # The rate falls somewhere: the target was passed below.
    high = max((quality for quality, log_ratio in known.items() if log_ratio > 0), default=None)
    return (low, None) if high is None else (max((q for q in known if q < high and known[q] < 0), default=None), high)


def _next(known: Mapping[int, float], log_target: float, last: int, halve: bool) -> int | None:
    """The quality to be tried next, up to `last`, or None where there is none left."""
    if not known:
        return min(max(round(_typical_quality(log_target)), 0), last)
    low, high = _bracket(known)
    if low is not None and high is not None:
        if high - low < 2:
            return None
        share = 0.5 if halve else known[low] / (known[low] - known[high])
        return min(max(round(low + share * (high - low)), low + 1), high - 1)
    start = low if high is None else high
    if start is None:
        return None
    quality = round(start - known[start] / _slope(known))
    if high is None:
        return min(max(quality, start + 1), last) if start < last else None
    return max(min(quality, start - 1), 0) if start > 0 else None


def _slope(known: Mapping[int, float]) -> float:
    """d ln(rate) / d quality, from the two outermost passes or, for one, from the typical picture."""
    first, last = min(known), max(known)
    measured = (known[last] - known[first]) / (last - first) if last > first else 0.0
    (low_rate, low), (high_rate, high) = START[0], START[-1]
    typical = math.log(high_rate / low_rate) / (high - low)
    # A picture without detail hardly reacts: the step must not leave the axis at once.
    return max(measured, typical / 4) if measured > 0 else typical


def _typical_quality(log_target: float) -> float:
    rates = [math.log(rate) for rate, _ in START]
    qualities = [quality for _, quality in START]
    place = next((index for index in range(1, len(rates) - 1) if log_target < rates[index]), len(rates) - 1)
    share = (log_target - rates[place - 1]) / (rates[place] - rates[place - 1])
    return qualities[place - 1] + share * (qualities[place] - qualities[place - 1])
