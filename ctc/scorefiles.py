"""Scores pictures that are there already: two files, one reference and several files, or two folders. The quickest way into the tool."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ctc import plugins
from ctc.errors import DataSetMissing, PictureError, UsageError
from ctc.picturefiles import SUFFIXES, Samples, of_same_size, read_samples, transfer_of
from ctc.protocols import Device, Metric
from ctc.records import Score, Transfer
from ctc.together import Setting, at_once, measure


@dataclass(frozen=True)
class ScoredPair:
    reference: Path
    distorted: Path
    scores: tuple[Score, ...]


def chosen_metrics(names: Sequence[str], device: Device, transfers: Iterable[Transfer] = ("sdr",)) -> list[Metric]:
    """The metrics called `names`; without names all but the extra ones, with those that are for pictures of these transfers only.

    Raises UsageError for an unknown name, ToolMissing where its program, or the device, is not there."""
    plugins.require_device(device)
    metrics = plugins.named_metrics(names, transfers)
    for metric in metrics:
        metric.version(device)
    return metrics


def pairs(reference: Path, distorted: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Which file is compared with which. A folder is paired with a folder by file name without suffix.

    Raises UsageError where a file meets a folder or a picture has no partner, DataSetMissing where nothing is there."""
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
    references, found = _by_stem(reference), _by_stem(distorted[0])
    for folder, here, there in ((distorted[0], found, references), (reference, references, found)):
        alone = [path.name for stem, path in there.items() if stem not in here]
        if alone:
            raise UsageError(f"{folder} has no picture for {', '.join(alone)}")
    return [(path, found[stem]) for stem, path in references.items()]


def score(pairs_to_score: Sequence[tuple[Path, Path]], metrics: Sequence[Metric], setting: Setting) -> Iterator[ScoredPair]:
    """Scores the pairs in order; those that follow each other with the same reference are scored together.

    Raises PictureError for a file that cannot be read or sizes that differ, CtcError where a metric fails."""
    for reference, group in groupby(pairs_to_score, key=lambda pair: pair[0]):
        samples = read_samples(reference)
        files = [distorted for _, distorted in group]
        size = at_once(samples.rgb.shape[0] * samples.rgb.shape[1])
        for first in range(0, len(files), size):
            yield from _together(reference, samples, files[first : first + size], metrics, setting)


def transfers_of(references: Iterable[Path]) -> set[Transfer]:
    """Of the pictures that these files hold. Raises PictureError as `transfer_of`."""
    return {transfer_of(path) for path in references}


def _together(
    reference: Path, samples: Samples, files: Sequence[Path], metrics: Sequence[Metric], setting: Setting
) -> Iterator[ScoredPair]:
    """Scores what can be read up to the first file that cannot, and raises what is wrong with that one afterwards."""
    pictures: list[Samples] = []
    wrong: PictureError | None = None
    for file in files:
        try:
            pictures.append(of_same_size(file, reference, samples))
        except PictureError as error:
            wrong = error
            break
    scores: dict[int, dict[str, Score]] = {index: {} for index in range(len(pictures))}
    distorted = [picture.rgb for picture in pictures]
    for measured in measure(samples.rgb, distorted, metrics, lambda _index, _name: True, setting, samples.transfer):
        if measured.error is not None:
            raise measured.error
        scores[measured.index][measured.metric] = Score(measured.metric, measured.value, measured.reason)
    for file, found in zip(files, scores.values(), strict=False):
        yield ScoredPair(reference, file, tuple(found[metric.name] for metric in metrics))
    if wrong is not None:
        raise wrong


def as_csv(scored: Sequence[ScoredPair], metrics: Sequence[Metric]) -> bytes:
    """reference,distorted and a column per metric; shortest digits that give the value back, empty where there is none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["reference", "distorted", *(metric.name for metric in metrics)])
    for pair in scored:
        values = ("" if score.value is None else repr(score.value) for score in pair.scores)
        writer.writerow([str(pair.reference), str(pair.distorted), *values])
    return text.getvalue().encode()


def _by_stem(folder: Path) -> dict[str, Path]:
    """The pictures of a folder by file name without suffix. Raises DataSetMissing for none, UsageError for two of one name."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    if not files:
        raise DataSetMissing(f"{folder}: there are no pictures in it ({', '.join(sorted(SUFFIXES))})")
    found: dict[str, Path] = {}
    for path in files:
        if path.stem in found:
            raise UsageError(f"{folder}: {found[path.stem].name} and {path.name} have the same name; keep one of them")
        found[path.stem] = path
    return found
