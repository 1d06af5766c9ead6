"""Scores of several reconstructions of one picture: each metric looks at the reference once.

Metrics come one after the other and let go of what they prepared; those that see the same kind of samples come together, so that one kind
is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import psutil

from ctc.complexity.machine import machine
from ctc.errors import MetricUndefined
from ctc.pixels import Rgb, metric_codes
from ctc.protocols import Codes, Device, Metric
from ctc.records import Transfer

Kind = Literal["y", "yuv", "rgb"]

MEMORY_BYTES = 2 << 30
"""Memory for the reconstructions of one call, where each core has as much: a picture of 50 megapixels has three in it."""

MOST = 32
"""Reconstructions of one call, however small: what is scored is stored or shown after each call."""

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
    """How many reconstructions of a picture of so many pixels are scored in one call on this machine, where every core may do the same."""
    memory = min(MEMORY_BYTES, psutil.virtual_memory().available // machine().cores)
    return min(MOST, max(1, memory // (BYTES_PER_PIXEL * pixels)))


@dataclass(frozen=True)
class Setting:
    """How metrics are computed."""

    internal_bits: int
    """Grid on which they see samples: 8 or 10."""
    device: Device = "cpu"
    threads: int = 1
    """No digit depends on it."""


def measure(
    reference: Rgb,
    distorted: Sequence[Rgb],
    metrics: Sequence[Metric],
    wanted: Callable[[int, str], bool],
    setting: Setting,
    transfer: Transfer = "sdr",
) -> Iterator[Measured]:
    """Measures every reconstruction, RGB (height, width, 3) like the reference, with every metric for which wanted(index, name) holds then.

    A full disk or a picture that cannot be had is the caller's affair; what a metric raises comes as `Measured.error`."""
    for metric in metrics:
        if metric.transfer not in (None, transfer):
            reason = f"defined for {metric.transfer.upper()} pictures only"
            yield from (Measured(index, metric.name, None, reason) for index in range(len(distorted)) if wanted(index, metric.name))
    metrics = [metric for metric in metrics if metric.transfer in (None, transfer)]
    luma: Kind = "yuv" if any(metric.wants == "yuv" for metric in metrics) else "y"
    kinds: tuple[Kind, ...] = (luma, "rgb")
    for kind in kinds:
        of_kind = [metric for metric in metrics if (metric.wants == "rgb") == (kind == "rgb")]
        if of_kind:
            yield from _of_one_kind((reference, *distorted), transfer, kind, of_kind, wanted, setting)


def _of_one_kind(
    pictures: Sequence[Rgb], transfer: Transfer, kind: Kind, metrics: Sequence[Metric], wanted: Callable[[int, str], bool], setting: Setting
) -> Iterator[Measured]:
    """`pictures` are the reference, then the reconstructions."""
    from ctc.kernels.strips import threads

    with threads(setting.threads):
        seen = [metric_codes(picture, kind, setting.internal_bits, transfer) for picture in pictures]
        for group in groups(metrics, setting.device):
            prepared = Prepared(group, _view(seen[0], kind, group[0]), 2**setting.internal_bits - 1, setting.device)
            for index, codes in enumerate(seen[1:]):
                names = [metric.name for metric in group if wanted(index, metric.name)]
                if names:
                    yield from _measured(prepared, index, _view(codes, kind, group[0]), names)


def _measured(prepared: Prepared, index: int, distorted: Codes, names: Sequence[str]) -> list[Measured]:
    try:
        values = prepared.values(distorted)
        return [Measured(index, name, values[name]) for name in names]
    except MetricUndefined as undefined:
        return [Measured(index, name, None, str(undefined)) for name in names]
    except Exception as error:  # noqa: BLE001 - a night's run outlives a defect in one plug-in
        return [Measured(index, name, None, error=error) for name in names]


def _view(codes: Codes, kind: Kind, metric: Metric) -> Codes:
    """What `metric` wants of codes of `kind`: the luma is the first plane of three."""
    return codes[0] if metric.wants == "y" and kind == "yuv" else codes


def groups(metrics: Sequence[Metric], device: Device) -> list[list[Metric]]:
    """The metrics that are computed in one call, together; all others alone."""
    together: dict[object, list[Metric]] = {}
    for metric in metrics:
        alone = metric.joint is None or metric.on(device) is not metric.against
        together.setdefault(metric.name if alone else metric.joint, []).append(metric)
    return list(together.values())


class Prepared:
    """The metrics of one group and a reference, prepared when the first reconstruction comes."""

    def __init__(self, group: Sequence[Metric], reference: Codes, peak: int, device: Device) -> None:
        self._group, self._reference, self._peak, self._device = group, reference, peak, device

    @cached_property
    def _scorer(self) -> Callable[[Codes], Mapping[str, float]] | Exception:
        first = self._group[0]
        try:
            if len(self._group) > 1 and first.joint is not None:
                return first.joint(self._reference, self._peak)
            scorer = first.on(self._device)(self._reference, self._peak)
            return lambda distorted: {first.name: scorer(distorted)}
        except Exception as error:  # noqa: BLE001 - told for each reconstruction
            return error

    def values(self, distorted: Codes) -> dict[str, float]:
        """The value of each metric of the group. Raises what a metric raises, of its reference too."""
        if isinstance(self._scorer, Exception):
            raise self._scorer
        return {name: float(value) for name, value in self._scorer(distorted).items()}
