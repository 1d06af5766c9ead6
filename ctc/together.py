"""Scores of several reconstructions of one picture: each metric looks at the reference once.

Metrics come one after the other and let go of what they prepared; those that see the same kind of samples come together, so that one kind
is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Literal

from ctc.errors import MetricUndefined
from ctc.pixels import Rgb, metric_codes
from ctc.protocols import Codes, Device, Metric, Scorer

Kind = Literal["y", "yuv", "rgb"]

MEMORY_BYTES = 2 << 30
"""Memory for the reconstructions of one call: a picture of 50 megapixels has three in it."""

BYTES_PER_PIXEL = 12
"""Of one reconstruction: three samples of up to 16 bits as decoded, three as a metric sees them."""


@dataclass(frozen=True)
class Measured:
    """What a metric said of a reconstruction: a value, or the reason why there is none, or what went wrong."""

    index: int
    """Which reconstruction."""
    metric: str
    value: float | None
    reason: str = ""
    error: Exception | None = None


def at_once(pixels: int) -> int:
    """How many reconstructions of a picture of so many pixels are scored in one call."""
    return max(1, MEMORY_BYTES // (BYTES_PER_PIXEL * pixels))


def measure(
    reference: Rgb,
    distorted: Sequence[Rgb],
    metrics: Sequence[Metric],
    wanted: Callable[[int, str], bool],
    internal_bits: int,
    device: Device,
) -> Iterator[Measured]:
    """Measures every reconstruction, RGB (height, width, 3) like the reference, with every metric for which wanted(index, name) holds then.

    A full disk or a picture that cannot be had is the caller's affair; what a metric raises comes as `Measured.error`."""
    luma: Kind = "yuv" if any(metric.wants == "yuv" for metric in metrics) else "y"
    kinds: tuple[Kind, ...] = (luma, "rgb")
    for kind in kinds:
        of_kind = [metric for metric in metrics if (metric.wants == "rgb") == (kind == "rgb")]
        if of_kind:
            seen = [metric_codes(picture, kind, internal_bits) for picture in (reference, *distorted)]
            yield from _of_one_kind(seen[0], seen[1:], kind, of_kind, wanted, 2**internal_bits - 1, device)


def _of_one_kind(
    reference: Codes,
    distorted: Sequence[Codes],
    kind: Kind,
    metrics: Sequence[Metric],
    wanted: Callable[[int, str], bool],
    peak: int,
    device: Device,
) -> Iterator[Measured]:
    # The metrics of a family share their work on a pair, so they take turns on each reconstruction.
    for _, family in groupby(metrics, key=lambda metric: metric.family or metric.name):
        prepared = [_Prepared(metric, _view(reference, kind, metric), peak, device) for metric in family]
        for index, codes in enumerate(distorted):
            for each in prepared:
                if wanted(index, each.metric.name):
                    yield each.measured(index, _view(codes, kind, each.metric))


def _view(codes: Codes, kind: Kind, metric: Metric) -> Codes:
    """What `metric` wants of codes of `kind`: the luma is the first plane of three."""
    return codes[0] if metric.wants == "y" and kind == "yuv" else codes


class _Prepared:
    """A metric and a reference, prepared when the first reconstruction comes."""

    def __init__(self, metric: Metric, reference: Codes, peak: int, device: Device) -> None:
        self.metric, self._reference, self._peak, self._device = metric, reference, peak, device

    @cached_property
    def _scorer(self) -> Scorer | Exception:
        try:
            return self.metric.on(self._device)(self._reference, self._peak)
        except Exception as error:  # noqa: BLE001 - told for each reconstruction
            return error

    def measured(self, index: int, distorted: Codes) -> Measured:
        try:
            if isinstance(self._scorer, Exception):
                raise self._scorer
            return Measured(index, self.metric.name, float(self._scorer(distorted)))
        except MetricUndefined as undefined:
            return Measured(index, self.metric.name, None, str(undefined))
        except Exception as error:  # noqa: BLE001 - a night's run outlives a defect in one plug-in
            return Measured(index, self.metric.name, None, error=error)
