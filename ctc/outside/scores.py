"""Scores of reconstructions that were not made here. They share the store with those of runs: equal samples are scored once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ctc import pixels, plugins
from ctc.bench import Source
from ctc.coding import failure
from ctc.errors import PictureError
from ctc.picturefiles import Samples, of_same_size
from ctc.records import Counts, Failed, Picture, Score
from ctc.scoring import Scoring, keep_score, recall_score
from ctc.store import Store
from ctc.together import at_once, measure

Place = tuple[str, str, float]
"""(codec, picture, target bpp)"""
Result = tuple[str, tuple[Score, ...]] | Failed
"""Hash of the samples and scores of every metric, or why there are none."""


@dataclass(frozen=True)
class Reconstruction:
    place: Place
    path: Path


def score_reconstructions(
    picture: Picture, reconstructions: Sequence[Reconstruction], scoring: Scoring, store: Store
) -> tuple[Mapping[Place, Result], Counts]:
    """The scores of all reconstructions of a picture, and what was done for them. What cannot be read or scored is a Failed."""
    source, size = Source(picture), at_once(picture.pixels)
    results: dict[Place, Result] = {}
    counts = Counts()
    for first in range(0, len(reconstructions), size):
        found, counted = _batch(source, reconstructions[first : first + size], scoring, store)
        results |= found
        counts += counted
    return results, counts


def _batch(source: Source, batch: Sequence[Reconstruction], scoring: Scoring, store: Store) -> tuple[dict[Place, Result], Counts]:
    picture = source.picture
    results: dict[Place, Result] = {}
    read: list[tuple[Place, str, pixels.Rgb]] = []
    for each in batch:
        try:
            original = Samples(source.rgb, picture.colour, picture.transfer)
            rgb = of_same_size(each.path, Path(picture.path), original, picture.light).rgb
        except PictureError as error:
            codec, _, target = each.place
            results[each.place] = failure(picture, codec, target, "read", error)
        else:
            read.append((each.place, pixels.sample_hash(rgb), rgb))
    names = [name for name, _ in scoring.metrics]
    known: list[dict[str, Score]] = [
        {name: score for name in names if (score := recall_score(store, scoring, name, picture, sha256)) is not None}
        for _, sha256, _ in read
    ]
    counts = Counts(scores_reused=sum(map(len, known)))
    metrics = [plugins.metrics()[name] for name in names if any(name not in scores for scores in known)]
    decoded = [rgb for _, _, rgb in read]
    measured = measure(
        source.rgb, decoded, metrics, lambda index, name: name not in known[index], scoring.setting, picture.transfer
    )  # fmt: skip
    for one in measured if metrics else ():
        place, sha256, _ = read[one.index]
        if one.error is not None:
            codec, _, target = place
            results[place] = failure(picture, codec, target, "score", one.error)
        else:
            known[one.index][one.metric] = keep_score(store, scoring, one, picture, sha256)
            counts += Counts(scores_run=1)
    for (place, sha256, _), scores in zip(read, known, strict=True):
        if place not in results:
            results[place] = (sha256, tuple(scores[name] for name in names))
    return results, counts
