"""Samples in the store: a campaign that was stopped goes on where it was; one that is whole is not mixed with the next.

Campaigns under the same conditions on the same machine are numbered. The first that is not whole goes on; where all are, another begins.
"""

from __future__ import annotations

import errno
import fcntl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from ctc.errors import NotWritable, UsageError
from ctc.records import DeviceMemory, StageTime, TimingFailure, TimingSample, digest
from ctc.store import Store, explained
from ctc.timing.schedule import Job

KIND = "timing"
FORMAT = 1
"""Rises when the records change."""


@dataclass(frozen=True)
class Kept:
    """One campaign in the store."""

    store: Store
    conditions: str
    """Digest of all that two campaigns must have in common to be of one kind."""
    round: int
    started: str
    """ISO 8601, UTC."""

    @property
    def seed(self) -> int:
        """Of its shuffled order: another in each campaign, and the same when it goes on."""
        return int(digest([self.conditions, self.round])[:8], 16)

    def sample(self, job: Job) -> TimingSample | None:
        """What was taken of `job` already."""
        content = self.store.get(KIND, _identity(self.conditions, self.round, job=_named(job)))
        return None if content is None else sample_from_plain(content)

    def keep(self, job: Job, sample: TimingSample) -> None:
        """Raises OutOfSpace, NotWritable."""
        self.store.put(KIND, _identity(self.conditions, self.round, job=_named(job)), asdict(sample))

    def finish(self, failed: Sequence[TimingFailure], memory: Sequence[DeviceMemory]) -> None:
        """Marks it as whole. Raises as `keep`."""
        content = {"failed": [asdict(each) for each in failed], "memory": [asdict(each) for each in memory]}
        self.store.put(KIND, _identity(self.conditions, self.round, what="whole"), content)

    @property
    def whole(self) -> tuple[tuple[TimingFailure, ...], tuple[DeviceMemory, ...]] | None:
        """What else was found, if it is whole."""
        content = self.store.get(KIND, _identity(self.conditions, self.round, what="whole"))
        if content is None:
            return None
        return tuple(TimingFailure(**each) for each in content["failed"]), tuple(DeviceMemory(**each) for each in content["memory"])


def conditions_key(facts: Mapping[str, Any]) -> str:
    """Digest of the conditions of a campaign."""
    return digest({**facts, "format": FORMAT})


def begun(store: Store, conditions: str) -> Kept:
    """The campaign to take samples for: the first that is not whole, or a new one. Raises OutOfSpace, NotWritable."""
    unfinished, number = first_unfinished(store, conditions)
    if unfinished is not None:
        return unfinished
    started = datetime.now(UTC).isoformat(timespec="seconds")
    store.put(KIND, _identity(conditions, number, what="begun"), {"started": started})
    return Kept(store, conditions, number, started)


def first_unfinished(store: Store, conditions: str) -> tuple[Kept | None, int]:
    """The first campaign that is not whole, and its number; where there is none the number of the next."""
    number = 1
    while (known := recalled(store, conditions, number)) is not None:
        if known.whole is None:
            return known, number
        number += 1
    return None, number


@contextmanager
def held(store: Store, machine: str) -> Iterator[None]:
    """Within it no other process has a campaign of this machine in the store: two would time each other.

    Raises UsageError where one has, NotWritable where the folder knows no locks, OutOfSpace."""
    path = store.root / KIND / f"{machine}.lock"
    with explained(store.root):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                why = f"{store.root} knows no locks ({error.strerror})"
                raise NotWritable(f"{why}, without which campaigns may time each other: choose another folder with --cache") from error
            raise UsageError(
                f"--timing: another campaign of this machine is under way in the store {store.root}, and two would time each other: "
                "run the same command again when it has ended; what was made is kept"
            ) from error
        yield


def latest_whole(store: Store, conditions: str) -> Kept | None:
    """The last campaign that is whole."""
    found, number = None, 1
    while (known := recalled(store, conditions, number)) is not None:
        found = known if known.whole is not None else found
        number += 1
    return found


def recalled(store: Store, conditions: str, number: int) -> Kept | None:
    """Campaign `number` under the conditions, from 1."""
    content = store.get(KIND, _identity(conditions, number, what="begun"))
    return None if content is None else Kept(store, conditions, number, content["started"])


def sample_from_plain(content: Mapping[str, Any]) -> TimingSample:
    """The reverse of `asdict`, also through JSON. Raises KeyError, TypeError for other content."""
    return TimingSample(**{**content, "stages": tuple(StageTime(**stage) for stage in content["stages"])})


def _identity(conditions: str, number: int, **what: Any) -> dict[str, Any]:
    return {"conditions": conditions, "round": number, **what}


def _named(job: Job) -> list[Any]:
    return [*job.cell.place, job.index]
