"""Scores pictures that are there already: two files, one reference and several files, or two folders. The quickest way into the tool."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ctc import plugins
from ctc.errors import DataSetMissing, MetricUndefined, PictureError, UsageError
from ctc.picturefiles import SUFFIXES, read_picture
from ctc.pixels import metric_codes
from ctc.protocols import Metric
from ctc.records import Score


@dataclass(frozen=True)
class ScoredPair:
    reference: Path
    distorted: Path
    scores: tuple[Score, ...]


def chosen_metrics(names: Sequence[str]) -> list[Metric]:
    """The metrics called `names`, all for none. Raises UsageError for an unknown name, ToolMissing where its program is not there."""
    metrics = [plugins.metrics()[name] for name in (names or plugins.metrics().found)]
    for metric in metrics:
        metric.version()
    return metrics


def pairs(reference: Path, distorted: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Which file is compared with which. A folder is paired with a folder by file name without suffix.

    Raises UsageError where a file meets a folder or a reference has no partner, DataSetMissing where nothing is there."""
    for path in (reference, *distorted):
        if not path.exists():
            raise DataSetMissing(f"{path}: there is no such file or folder")
    if not reference.is_dir():
        folders = [path for path in distorted if path.is_dir()]
        if folders:
            raise UsageError(f"{reference} is a file and {folders[0]} a folder; give two folders, or files only")
        return [(reference, path) for path in distorted]
    if len(distorted) != 1 or not distorted[0].is_dir():
        raise UsageError(f"{reference} is a folder; give one folder of distorted pictures with the same names")
    found = {path.stem: path for path in _pictures(distorted[0])}
    references = _pictures(reference)
    alone = [path.name for path in references if path.stem not in found]
    if alone:
        raise UsageError(f"{distorted[0]} has no picture for {', '.join(alone)}")
    return [(path, found[path.stem]) for path in references]


def score(pairs_to_score: Sequence[tuple[Path, Path]], metrics: Sequence[Metric], internal_bits: int) -> Iterator[ScoredPair]:
    """Scores pair by pair, as they come. Raises PictureError for a file that cannot be read or sizes that differ."""
    for reference, distorted in pairs_to_score:
        pictures = [read_picture(path)[0] for path in (reference, distorted)]
        (height, width, _), (other_height, other_width, _) = (picture.shape for picture in pictures)
        if (height, width) != (other_height, other_width):
            sizes = f"{width}x{height} and {other_width}x{other_height}"
            raise PictureError(f"{reference.name} and {distorted.name} differ in size: {sizes}; metrics need equal sizes")
        scores = []
        for metric in metrics:
            codes = [metric_codes(picture, metric.wants, internal_bits) for picture in pictures]
            try:
                scores.append(Score(metric.name, float(metric.score(codes[0], codes[1], 2**internal_bits - 1))))
            except MetricUndefined as undefined:
                scores.append(Score(metric.name, None, str(undefined)))
        yield ScoredPair(reference, distorted, tuple(scores))


def as_csv(scored: Sequence[ScoredPair], metrics: Sequence[Metric]) -> bytes:
    """reference,distorted and a column per metric; shortest digits that give the value back, empty where there is none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["reference", "distorted", *(metric.name for metric in metrics)])
    for pair in scored:
        values = ("" if score.value is None else repr(score.value) for score in pair.scores)
        writer.writerow([str(pair.reference), str(pair.distorted), *values])
    return text.getvalue().encode()


def _pictures(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    if not files:
        raise DataSetMissing(f"{folder}: there are no pictures in it ({', '.join(sorted(SUFFIXES))})")
    return files
