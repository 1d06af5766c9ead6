"""How near the metrics of this installation come to the official values: the parity certificate.

`golden_pairs.csv` holds, for nine pairs, the values that the JPEG AI quality framework's own code and the packages that it pins gave
(libvmaf 2.2.1 for VMAF), with the tolerance of each. They are of a rebuild: the framework as distributed was not run. The pairs are made
here: photographs of scikit-image through Pillow's JPEG. The hash of the distorted samples is in the table, so that another JPEG library
cannot be taken for a wrong metric.
"""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

from ctc import plugins
from ctc.complexity.machine import machine
from ctc.errors import DataSetMissing, NotWritable, OutOfSpace, UsageError
from ctc.picturefiles import Samples, of_same_size, read_picture
from ctc.pixels import Rgb, metric_codes, sample_hash
from ctc.protocols import Device, Metric
from ctc.records import NO_OFFICIAL_VALUES, Parity
from ctc.store import Store, file_hash

SHIPPED = Path(__file__).with_name("golden_pairs.csv")
BITS = 10
PEAK = 2**BITS - 1
CHROMA = {"444": 0, "420": 2}
"""Chroma format of a JPEG -> Pillow's number for it."""


@dataclass(frozen=True)
class Golden:
    """The official value of a metric for a pair."""

    value: float
    tolerance: float


@dataclass(frozen=True)
class Pair:
    """Two pictures (height, width, 3) and official values by the name of the metric. Without samples where they cannot be made here."""

    name: str
    pictures: tuple[Rgb, Rgb] | None
    golden: dict[str, Golden]


def shipped_pairs() -> Iterator[Pair]:
    """The pairs that ship with the package, each made when it is asked for."""
    values: dict[tuple[str, ...], dict[str, Golden]] = defaultdict(dict)
    with SHIPPED.open(newline="") as table:
        for row in csv.DictReader(table):
            recipe = tuple(row[key] for key in ("picture", "top", "left", "height", "width", "quality", "chroma", "distorted_sha256"))
            values[recipe][row["metric"]] = Golden(float(row["value"]), float(row["tolerance"]))
    for recipe, golden in values.items():
        yield Pair(f"{recipe[0]}, JPEG quality {recipe[5]}", _made(*recipe), golden)


@lru_cache
def tolerances() -> Mapping[str, float]:
    """How far a value of each metric may be from the official one, by the name of the metric; the largest over the shipped pairs."""
    found: dict[str, float] = {}
    with SHIPPED.open(newline="") as table:
        for row in csv.DictReader(table):
            found[row["metric"]] = max(found.get(row["metric"], 0.0), float(row["tolerance"]))
    return found


def _made(
    picture: str, top: str, left: str, height: str, width: str, quality: str, chroma: str, distorted_sha256: str
) -> tuple[Rgb, Rgb] | None:
    from skimage import data

    whole = getattr(data, picture)()
    rgb = whole if whole.ndim == 3 else whole[..., None].repeat(3, 2)
    rows, columns = slice(int(top), int(top) + int(height)), slice(int(left), int(left) + int(width))
    reference = np.ascontiguousarray(rgb[rows, columns])
    coded = io.BytesIO()
    Image.fromarray(reference).save(coded, "JPEG", quality=int(quality), subsampling=CHROMA[chroma])
    distorted = np.asarray(Image.open(coded))
    return (reference, distorted) if sample_hash(distorted)[: len(distorted_sha256)] == distorted_sha256 else None


def pairs_in(folder: Path) -> list[Pair]:
    """Pairs of a folder with `golden.csv` (columns reference, distorted, metric, value, tolerance) and the files that it names.

    Raises DataSetMissing where there is no such table, UsageError where it is another table or names an unknown metric, PictureError where
    a picture cannot be read or the two of a pair differ in size."""
    table = folder / "golden.csv"
    if not table.is_file():
        raise DataSetMissing(f"{table}: there is no such file; it has the columns reference, distorted, metric, value, tolerance")
    values: dict[tuple[str, str], dict[str, Golden]] = defaultdict(dict)
    try:
        for row in csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"))):
            plugins.metrics()[row["metric"]]
            values[row["reference"], row["distorted"]][row["metric"]] = Golden(float(row["value"]), float(row["tolerance"]))
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise UsageError(f"{table}: not a table of reference, distorted, metric, value and tolerance ({error})") from error
    return [Pair(distorted, _read(folder / reference, folder / distorted), golden) for (reference, distorted), golden in values.items()]


def _read(reference: Path, distorted: Path) -> tuple[Rgb, Rgb]:
    samples = Samples(*read_picture(reference))
    return samples.rgb, of_same_size(distorted, reference, samples).rgb


@dataclass(frozen=True)
class Compared:
    """A metric beside the official value of one pair."""

    difference: float | None
    tolerance: float
    reason: str = ""

    @property
    def missed(self) -> bool:
        # Written so that a difference that is not a number is missed.
        return self.difference is None or not self.difference <= self.tolerance

    @property
    def badness(self) -> float:
        """How many tolerances it is off, infinity where that cannot be said."""
        if self.difference is None or math.isnan(self.difference):
            return math.inf
        return self.difference / self.tolerance if self.tolerance else math.inf if self.difference else 0.0


def compare(pairs: Iterable[Pair], metrics: Sequence[Metric], device: Device) -> list[Parity]:
    """Each metric beside the official values of `pairs`. What a metric raises is a pair missed."""
    compared: dict[str, list[Compared]] = {metric.name: [] for metric in metrics}
    asked: set[str] = set()
    for pair in pairs:
        for metric in metrics:
            if metric.name not in pair.golden:
                continue
            asked.add(metric.name)
            if pair.pictures is not None:
                compared[metric.name].append(_compared(metric, pair.name, pair.pictures, pair.golden[metric.name], device))
    return [_parity(metric.name, compared[metric.name], metric.name in asked) for metric in metrics]


def _compared(metric: Metric, name: str, pictures: tuple[Rgb, Rgb], golden: Golden, device: Device) -> Compared:
    try:
        reference, distorted = (metric_codes(picture, metric.wants, BITS) for picture in pictures)
        value = metric.on(device)(reference, PEAK)(distorted)
    except (NotWritable, OutOfSpace):
        raise
    except Exception as error:  # noqa: BLE001 - a metric that fails here is told of beside its scores, it does not take the tables with it
        return Compared(None, golden.tolerance, f"{name}: {error}")
    return Compared(0.0 if value == golden.value else abs(value - golden.value), golden.tolerance)


def _parity(metric: str, compared: Sequence[Compared], asked: bool) -> Parity:
    if not compared:
        why = "the JPEG library here decodes to other samples than the one that made the pairs" if asked else NO_OFFICIAL_VALUES
        return Parity(metric, 0, 0, None, None, why)
    missed = sum(each.missed for each in compared)
    reasons = [each.reason for each in compared if each.reason]
    with_value = [each for each in compared if each.difference is not None]
    worst = max(with_value or compared, key=lambda each: each.badness)
    return Parity(metric, len(compared), missed, worst.difference, worst.tolerance, reasons[0] if reasons else "")


def certificate(metrics: Sequence[Metric], versions: Sequence[str], device: Device, store: Store) -> tuple[Parity, ...]:
    """The comparison on the shipped pairs, made once for each version of a metric on each machine and kept in `store`.

    Digits depend on the processor, and the pairs on the JPEG library: both are part of what it is kept under."""
    here = {"pairs": file_hash(SHIPPED), "machine": machine().identity, "jpeg": PIL.__version__}
    identities = {
        metric.name: {"metric": metric.name, "version": version, **here} for metric, version in zip(metrics, versions, strict=True)
    }
    known = {name: store.get("parity", identity) for name, identity in identities.items()}
    missing = [metric for metric in metrics if known[metric.name] is None]
    made = {each.metric: each for each in (compare(shipped_pairs(), missing, device) if missing else ())}
    for name, each in made.items():
        # What failed once may work the next time.
        if each.holds:
            store.put("parity", identities[name], {field: _text(value) for field, value in asdict(each).items()})
    return tuple(made[metric.name] if metric.name in made else _recalled(known[metric.name] or {}) for metric in metrics)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _recalled(content: Mapping[str, str | None]) -> Parity:
    largest, tolerance = (None if content[key] is None else float(str(content[key])) for key in ("largest_difference", "tolerance"))
    return Parity(
        str(content["metric"]), int(str(content["pairs"])), int(str(content["missed"])), largest, tolerance, str(content["reason"])
    )
