"""Scores pictures that are there already: two files, one reference and several files, or two folders. The quickest way into the tool."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ctc import plugins
from ctc.errors import DataSetMissing, PictureError, UsageError
from ctc.picturefiles import SUFFIXES, read_picture
from ctc.pixels import Rgb
from ctc.protocols import Device, Metric
from ctc.records import Score
from ctc.together import at_once, measure


@dataclass(frozen=True)
class ScoredPair:
    reference: Path
    distorted: Path
    scores: tuple[Score, ...]


def chosen_metrics(names: Sequence[str], device: Device) -> list[Metric]:
    """The metrics called `names`; without names all but the extra ones.

    Raises UsageError for an unknown name, ToolMissing where its program, or the device, is not there."""
    plugins.require_device(device)
    metrics = [plugins.metrics()[name] for name in names or plugins.default_metrics()]
    for metric in metrics:
        metric.version(device)
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


def score(
    pairs_to_score: Sequence[tuple[Path, Path]], metrics: Sequence[Metric], internal_bits: int, device: Device
) -> Iterator[ScoredPair]:
    """Scores the pairs in order; those that follow each other with the same reference are scored together.

    Raises PictureError for a file that cannot be read or sizes that differ, CtcError where a metric fails."""
    for reference, group in groupby(pairs_to_score, key=lambda pair: pair[0]):
        rgb = read_picture(reference)[0]
        files = [distorted for _, distorted in group]
        size = at_once(rgb.shape[0] * rgb.shape[1])
        for first in range(0, len(files), size):
            together = files[first : first + size]
            scores: dict[int, dict[str, Score]] = {index: {} for index in range(len(together))}
            pictures = [_of_same_size(file, reference, rgb) for file in together]
            for measured in measure(rgb, pictures, metrics, lambda _index, _name: True, internal_bits, device):
                if measured.error is not None:
                    raise measured.error
                scores[measured.index][measured.metric] = Score(measured.metric, measured.value, measured.reason)
            for index, file in enumerate(together):
                yield ScoredPair(reference, file, tuple(scores[index][metric.name] for metric in metrics))


def _of_same_size(file: Path, reference: Path, reference_rgb: Rgb) -> Rgb:
    rgb = read_picture(file)[0]
    if rgb.shape != reference_rgb.shape:
        sizes = " and ".join(f"{shape[1]}x{shape[0]}" for shape in (reference_rgb.shape, rgb.shape))
        raise PictureError(f"{reference.name} and {file.name} differ in size: {sizes}; metrics need equal sizes")
    return rgb


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
