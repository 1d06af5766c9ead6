"""How near the metrics of this installation come to the official values: the parity certificate.

`golden_pairs.csv` holds, for nine pairs, the values that the JPEG AI quality framework's own code and the packages that it pins gave
(libvmaf 2.2.1 for VMAF), with the tolerance of each. The pairs are made here: photographs of scikit-image through Pillow's JPEG. The
hash of the distorted samples is in the table, so that another JPEG library cannot be taken for a wrong metric.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ctc.errors import DataSetMissing, MetricUndefined, UsageError
from ctc.picturefiles import read_picture
from ctc.pixels import Rgb, metric_codes, sample_hash
from ctc.protocols import Device, Metric
from ctc.records import Parity
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


def pairs_in(folder: Path) -> Iterator[Pair]:
    """Pairs of a folder with `golden.csv` (columns reference, distorted, metric, value, tolerance) and the files that it names.

    Raises DataSetMissing where there is no such table, UsageError where it lacks a column or holds no number, PictureError."""
    table = folder / "golden.csv"
    if not table.is_file():
        raise DataSetMissing(f"{table}: there is no such file; it has the columns reference, distorted, metric, value, tolerance")
    values: dict[tuple[str, str], dict[str, Golden]] = defaultdict(dict)
    with table.open(newline="") as file:
        for row in csv.DictReader(file):
            try:
                values[row["reference"], row["distorted"]][row["metric"]] = Golden(float(row["value"]), float(row["tolerance"]))
            except (KeyError, TypeError, ValueError) as error:
                raise UsageError(f"{table}: a row without reference, distorted, metric, value and tolerance: {row}") from error
    for (reference, distorted), golden in values.items():
        yield Pair(distorted, (read_picture(folder / reference)[0], read_picture(folder / distorted)[0]), golden)


def compare(pairs: Iterable[Pair], metrics: Sequence[Metric], device: Device) -> list[Parity]:
    """The largest difference of each metric to the official values of `pairs`."""
    differences: dict[str, list[float]] = defaultdict(list)
    tolerances: dict[str, float] = {}
    reasons: dict[str, str] = {}
    for pair in pairs:
        for metric in metrics:
            golden = pair.golden.get(metric.name)
            if golden is None:
                continue
            tolerances[metric.name] = golden.tolerance
            if pair.pictures is None:
                reasons[metric.name] = "the JPEG library here decodes to other samples than the one that made the pairs"
                continue
            try:
                reference, distorted = (metric_codes(picture, metric.wants, BITS) for picture in pair.pictures)
                differences[metric.name].append(abs(metric.on(device)(reference, PEAK)(distorted) - golden.value))
            except MetricUndefined as undefined:
                reasons[metric.name] = f"{pair.name}: {undefined}"
    return [_parity(metric.name, differences[metric.name], tolerances.get(metric.name), reasons.get(metric.name, "")) for metric in metrics]


def _parity(metric: str, differences: Sequence[float], tolerance: float | None, reason: str) -> Parity:
    if not differences:
        return Parity(metric, 0, None, tolerance, reason or "no official values are at hand")
    return Parity(metric, len(differences), max(differences), tolerance, reason)


def certificate(metrics: Sequence[Metric], versions: Sequence[str], device: Device, store: Store) -> tuple[Parity, ...]:
    """The comparison on the shipped pairs, made once for each version of a metric and kept in `store`."""
    pairs = file_hash(SHIPPED)
    identities = {
        metric.name: {"metric": metric.name, "version": version, "pairs": pairs} for metric, version in zip(metrics, versions, strict=True)
    }
    known = {name: store.get("parity", identity) for name, identity in identities.items()}
    missing = [metric for metric in metrics if known[metric.name] is None]
    for made in compare(shipped_pairs(), missing, device) if missing else ():
        content = {
            "pairs": made.pairs,
            "largest": _text(made.largest_difference),
            "tolerance": _text(made.tolerance),
            "reason": made.reason,
        }
        store.put("parity", identities[made.metric], content)
        known[made.metric] = content
    return tuple(_recalled(metric.name, known[metric.name] or {}) for metric in metrics)


def _text(number: float | None) -> str | None:
    return None if number is None else repr(number)


def _recalled(metric: str, content: dict[str, object]) -> Parity:
    largest, tolerance = (None if content[key] is None else float(str(content[key])) for key in ("largest", "tolerance"))
    return Parity(metric, int(str(content["pairs"])), largest, tolerance, str(content["reason"]))
