"""What is to be timed, and in which order."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ctc import plugins
from ctc.protocols import Codec, Staying, Threaded
from ctc.records import Campaign, Coded
from ctc.records.timing import DECODER, ENCODER, LOADING, SMALLEST
from ctc.timing.wanted import TimingWanted

Place = tuple[str, str, float | None, str]
"""(codec, picture, target bpp, side)"""


@dataclass(frozen=True)
class Cell:
    """One thing that is timed several times."""

    coded: Coded
    """The point; of the smallest picture and of loading one that tells of codec, setting and kind of picture."""
    side: str
    smallest: bool = False
    loads: str = ""
    """Of loading: what, see `protocols.Staying`."""

    @property
    def place(self) -> Place:
        job = self.coded.job
        if self.side == LOADING:
            return self.loads, "", None, LOADING
        if self.smallest:
            return job.codec, SMALLEST, None, self.side
        return job.codec, job.picture.name, job.target_bpp, self.side

    @property
    def identity(self) -> list[Any]:
        """All that decides what is done."""
        job, coded = self.coded.job, self.coded
        return [*self.place, job.codec_version, job.picture.sha256, coded.setting, coded.bitstream_sha256]

    def codec(self, threads: int) -> Codec:
        """What does it, with up to so many threads."""
        codec = plugins.codec_on(self.coded.job.codec, self.coded.job.picture)
        return codec.threaded(threads) if threads > 1 and isinstance(codec, Threaded) else codec


@dataclass(frozen=True)
class Job:
    """One execution."""

    cell: Cell
    index: int


def timed_points(campaign: Campaign, wanted: TimingWanted) -> list[Coded]:
    """The points that were coded here, of the pictures and at the rates wanted; see `ordered`."""
    here = (scored.coded for scored in campaign.scored if scored.coded.setting is not None)
    return ordered(coded for coded in here if wanted.takes(coded.job.picture, coded.job.target_bpp))


def ordered(points: Iterable[Coded]) -> list[Coded]:
    """By name, so that neither a campaign's conditions nor its shuffled order depend on the order in which codecs were asked for."""
    return sorted(points, key=lambda coded: (coded.job.codec, coded.job.picture.name, coded.job.target_bpp))


def cells(points: Sequence[Coded]) -> list[Cell]:
    """Both sides of every point, and for each codec those of the smallest picture, by which its start is known."""
    found = [Cell(coded, side) for coded in points for side in (ENCODER, DECODER)]
    return found + [Cell(coded, side, smallest=True) for coded in typical(points) for side in (ENCODER, DECODER)]


def typical(points: Sequence[Coded]) -> list[Coded]:
    """For each codec the point at the middle one of its target rates."""
    of_codec: dict[str, list[Coded]] = {}
    for coded in points:
        of_codec.setdefault(coded.job.codec, []).append(coded)
    return [sorted(found, key=lambda coded: coded.job.target_bpp)[len(found) // 2] for found in of_codec.values()]


def loading(points: Sequence[Coded], threads: int) -> list[Cell]:
    """What is loaded once and stays, each once: for all codecs that share it."""
    found: dict[str, Cell] = {}
    for coded in typical(points):
        codec = Cell(coded, LOADING).codec(threads)
        if isinstance(codec, Staying):
            found.setdefault(codec.loads, Cell(coded, LOADING, loads=codec.loads))
    return list(found.values())


def shuffled(cells: Iterable[Cell], samples: int, seed: int) -> list[Job]:
    """Every cell so many times, in an order that `seed` alone decides: what the machine drifts falls on all codecs alike."""
    jobs = [Job(cell, index) for cell in cells for index in range(samples)]
    random.Random(seed).shuffle(jobs)
    return jobs
