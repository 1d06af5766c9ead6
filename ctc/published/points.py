"""Reads published points: the tables that ship with the package, and those of others."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ctc.errors import DataSetMissing, UsageError
from ctc.official import size_in_name
from ctc.summaryfile import read_summary

FOLDER = Path(__file__).parent
PREFIX = "published:"
"""Before the name of a set of published points where a codec may be named too."""

OTHER_NAMES = {"msssim_torch": "msssim", "iw_ssim": "iwssim"}
"""Column -> our name of the metric, where the two differ."""
NOT_LEARNED = frozenset({"vvc"})
"""Sets that ship with the package and are of a codec that is known not to be learned."""
NOT_METRICS = frozenset({"image", "target_bpp_x100", "bytes", "bpp", "dec_cpu_s", "enc_cpu_s"})


@dataclass(frozen=True)
class PublishedPoint:
    picture: str
    """File name of the source picture without suffix."""
    width: int
    height: int
    target_bpp: float
    bytes: int
    bpp: float
    """As published, rounded."""
    values: Mapping[str, float]
    """By our name of the metric."""


@dataclass(frozen=True)
class Published:
    """A set of published points."""

    name: str
    """As it is asked for, without the prefix."""
    source: str
    """Who published what; the first comment of the table."""
    points: tuple[PublishedPoint, ...]
    learned: bool | None = None
    """Whether the codec is; None where nobody says, as of every file of others."""

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(metric for point in self.points for metric in point.values))

    def of(self, picture: str) -> list[PublishedPoint]:
        """The points of a picture, by rising rate; none where it was not published."""
        return sorted((point for point in self.points if point.picture == picture), key=lambda point: point.target_bpp)


def shipped() -> list[str]:
    """Names of the sets that ship with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.csv"))


def load(name_or_file: str) -> Published:
    """The set called so, or that of a file: CSV of the columns of the shipped ones, or an official summary.

    Raises UsageError where it is neither, or the file is no such table; DataSetMissing where there is no such file."""
    if name_or_file in shipped():
        shown = _from_csv(name_or_file, FOLDER / f"{name_or_file}.csv")
        return replace(shown, learned=False) if name_or_file in NOT_LEARNED else shown
    path = Path(name_or_file).expanduser()
    if not path.is_file():
        if path.suffix or len(path.parts) > 1:
            raise DataSetMissing(f"{PREFIX}{name_or_file}: there is no such file")
        raise UsageError(f"{PREFIX}{name_or_file}: published points are known of {', '.join(shipped())}; else give a file")
    published = _from_summary(path) if path.suffix.lower() == ".txt" else _from_csv(name_or_file, path)
    if not published.points:
        raise UsageError(f"{path}: there are no points in it")
    return published


def _from_csv(name: str, path: Path) -> Published:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        comments = [line.lstrip("# ").strip() for line in lines if line.startswith("#")]
        points = tuple(_points_of_rows(csv.DictReader(line for line in lines if not line.startswith("#"))))
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        wanted = "image, target_bpp_x100, bytes, bpp and a column per metric"
        raise UsageError(f"{path}: not a table of published points with the columns {wanted} ({error})") from error
    return Published(name, comments[0] if comments else path.name, points)


def _points_of_rows(rows: Iterable[Mapping[str, str]]) -> Iterator[PublishedPoint]:
    for row in rows:
        width, height = _size(row["image"])
        values = {OTHER_NAMES.get(column, column): float(text) for column, text in row.items() if column not in NOT_METRICS and text}
        rate, size, bpp = int(row["target_bpp_x100"]), int(row["bytes"]), float(row["bpp"])
        if min(rate, size) < 1 or not 0 < bpp < math.inf:
            raise ValueError(f"{row['image']}: rates and bytes are above 0, not {rate}, {size}, {bpp}")
        yield PublishedPoint(row["image"], width, height, rate / 100, size, bpp, values)


def _from_summary(path: Path) -> Published:
    points = []
    for line in read_summary(path):
        if line.bpp is None:
            continue
        try:
            width, height = _size(line.picture)
        except ValueError as error:
            raise UsageError(f"{path}: {error}") from error
        values = {metric: value for metric, value in line.values.items() if value is not None}
        size = round(line.bpp * width * height / 8)
        points.append(PublishedPoint(line.picture, width, height, line.target_bpp, size, line.bpp, values))
    return Published(str(path), path.name, tuple(points))


def _size(picture: str) -> tuple[int, int]:
    size = size_in_name(picture)
    if size is None:
        raise ValueError(f"the name {picture} has no size in it, as 00001_TE_2096x1400_8bit_sRGB has")
    return size
