"""The points of an official summary, with the values that it gives: nothing is scored here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ctc.errors import UsageError
from ctc.official import names_in_files, picture_stem, size_in_name
from ctc.outside.points import Outside, outside_codec, outside_point, scores_of
from ctc.records import Absent, MetricInfo, Picture, Scored
from ctc.scoring import Scoring
from ctc.store import Store
from ctc.summaryfile import SummaryLine, read_summary

UNKNOWN_BITS = 8
"""Bit depth of a picture of which only the name is known: the official summaries are of the 8-bit set."""


@dataclass(frozen=True)
class OfficialSummary:
    path: Path
    lines: tuple[SummaryLine, ...]

    scored_here = False

    @property
    def source(self) -> str:
        return f"values of {self.path.name}"

    @property
    def codecs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(line.codec for line in self.lines))

    @property
    def target_bpps(self) -> tuple[float, ...]:
        return tuple(sorted({line.target_bpp for line in self.lines}))

    @property
    def metrics(self) -> tuple[str, ...]:
        """Those that some line has."""
        return tuple(dict.fromkeys(metric for line in self.lines for metric in line.values))

    def _given_of(self, codec: str) -> tuple[str, ...]:
        """Those that some line of the codec has: the others were switched off."""
        return tuple(dict.fromkeys(metric for line in self.lines if line.codec == codec for metric in line.values))

    def pictures(self) -> tuple[Picture, ...]:
        """The pictures that the summary names, of which no samples are known. Raises UsageError where a name has no size in it."""
        found = []
        for name in dict.fromkeys(line.picture for line in self.lines):
            size = size_in_name(name)
            if size is None:
                raise UsageError(f"{self.path}: the size of {name} is not in its name; give the pictures with --data FOLDER")
            found.append(Picture(self.path.stem, name, name, *size, UNKNOWN_BITS, "not seen", ""))
        return tuple(sorted(found, key=lambda picture: picture.name))

    def points(
        self, pictures: Sequence[Picture], target_bpps: Sequence[float], metrics: Sequence[MetricInfo], _scoring: Scoring, _store: Store
    ) -> Outside:
        """An outcome for every codec, picture and target rate. Raises UsageError where no line is of one of the pictures."""
        lines = {(line.codec, line.picture, line.target_bpp): line for line in self.lines}
        note = f"not made here: {self.source}"
        infos = {codec: outside_codec(codec, self.source, note, gives=self._given_of(codec)) for codec in self.codecs}
        scored: list[Scored] = []
        absent: list[Absent] = []
        for codec, info in infos.items():
            for picture in pictures:
                names = names_in_files(picture.name, picture.width, picture.height, picture.bit_depth)
                for target in target_bpps:
                    line = next((lines[codec, name, target] for name in names if (codec, name, target) in lines), None)
                    if line is None or line.bpp is None:
                        reason = "the summary has no reconstruction" if line is not None else "the summary has no such line"
                        absent.append(Absent(codec, picture.name, target, reason))
                        continue
                    scores = scores_of(line.values, metrics, "no number in the summary")
                    size = round(line.bpp * picture.pixels / 8)
                    point = outside_point(info, picture, target, size, line.bpp, scores)
                    scored.append(replace(point, repeatable=line.repeatable))
        if not scored:
            known = ", ".join(list(dict.fromkeys(picture_stem(line.picture) for line in self.lines))[:3])
            raise UsageError(f"{self.path}: none of its lines is of a picture given; they are of {known}")
        return Outside(tuple(infos.values()), tuple(scored), tuple(absent))


def open_summary(path: Path, codec: str = "") -> OfficialSummary:
    """Raises DataSetMissing, UsageError as `read_summary`, and UsageError where a codec has no name or there is no point."""
    lines = read_summary(path, codec)
    if all(line.bpp is None for line in lines):
        raise UsageError(f"{path}: there is no reconstruction in it")
    # What is unnamed has no point at all: nothing is lost with it.
    return OfficialSummary(path, tuple(line for line in lines if line.codec))
