"""Where points of others come from: a folder in the official layout, or an official summary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ctc.outside.folder import open_folder
from ctc.outside.points import Outside
from ctc.outside.summary import open_summary
from ctc.records import MetricInfo, Picture
from ctc.scoring import Scoring
from ctc.store import Store


class OutsideSource(Protocol):
    """Points that were not made here, before the pictures are known."""

    @property
    def source(self) -> str:
        """What they are, in words."""
        ...

    @property
    def codecs(self) -> tuple[str, ...]: ...

    @property
    def target_bpps(self) -> tuple[float, ...]:
        """Ascending."""
        ...

    @property
    def metrics(self) -> tuple[str, ...]:
        """Those that there are values of; empty where the pictures are scored here, by any."""
        ...

    @property
    def scored_here(self) -> bool: ...

    def points(
        self, pictures: Sequence[Picture], target_bpps: Sequence[float], metrics: Sequence[MetricInfo], scoring: Scoring, store: Store, /
    ) -> Outside:
        """An outcome for every codec, picture and target rate. Raises UsageError where it is of other pictures."""
        ...


def open_source(path: Path) -> OutsideSource:
    """A folder in the official layout or a summary. Raises DataSetMissing, UsageError."""
    return open_folder(path) if path.is_dir() else open_summary(path)
