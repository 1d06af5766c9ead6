"""What a timing campaign is asked to be, and the processors that it is bound to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ctc.errors import UsageError
from ctc.records import Picture
from ctc.sets.places import matches, matching
from ctc.timing.statistics import FEWEST, coverage


@dataclass(frozen=True)
class TimingWanted:
    """Checked options of a campaign; see `ctc run --help`."""

    target_bpps: tuple[float, ...]
    samples: int = FEWEST
    threads: int = 1
    reuse: bool = False
    """Whether the last whole campaign under the same conditions does, and none is made."""
    images: tuple[str, ...] = ()
    """Patterns of file names as `sets.places.matches` takes them: only points of pictures that match one are timed; all without."""

    def takes(self, picture: Picture, target_bpp: float) -> bool:
        """Whether points of the picture at the rate are timed."""
        return target_bpp in self.target_bpps and matches(_file_name(picture), self.images)

    def require_pictures(self, pictures: Iterable[Picture], dataset: str) -> None:
        """Raises UsageError for a pattern that none of the run's pictures matches."""
        names = [_file_name(picture) for picture in pictures]
        for pattern in self.images:
            matching(names, (pattern,), f"the run of {dataset}", "--timing-images")


def _file_name(picture: Picture) -> str:
    """That in the set: where it is a link, the path is that of another file, perhaps of another name."""
    return picture.name + Path(picture.path).suffix


def wanted(
    target_bpps: Sequence[float],
    rates: Sequence[float] | None,
    samples: int | None,
    threads: int | None,
    *,
    reuse: bool,
    images: Sequence[str] = (),
) -> TimingWanted:
    """Raises UsageError for too few samples, more threads than processors, rates that the run does not have.

    Whether the run has pictures for `images` is asked when they are known, see `TimingWanted.require_pictures`."""
    samples, threads, available = FEWEST if samples is None else samples, threads or 1, len(processors())
    if samples < FEWEST:
        sure = f"{100 * coverage(samples, 1):.4g} %" if samples > 1 else "no"
        raise UsageError(
            f"--timing-samples {samples}: {FEWEST} at least; lowest and highest of {samples} hold the median with {sure} certainty, "
            f"of {FEWEST} with {100 * coverage(FEWEST, 1):.4g} %"
        )
    if threads > available:
        raise UsageError(f"--timing-threads {threads}: there are {available} processors for this process")
    strange = [rate for rate in rates or () if rate not in target_bpps]
    if strange:
        raise UsageError(f"--timing-rates {strange[0]:g}: not among the rates of the run, {', '.join(f'{rate:g}' for rate in target_bpps)}")
    return TimingWanted(tuple(rates or target_bpps), samples, threads, reuse, tuple(images))


def processors() -> list[int]:
    """Those that this process may use."""
    return sorted(os.sched_getaffinity(0))


def chosen_processors(threads: int) -> tuple[int, ...]:
    """The last ones: systems serve interrupts on the first."""
    return tuple(processors()[-threads:])


@contextmanager
def bound_to(cpus: Sequence[int]) -> Iterator[None]:
    """Within it this thread, and what it starts, runs on these processors alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
