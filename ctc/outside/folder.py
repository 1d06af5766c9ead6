"""Bitstreams and reconstructions that others made, in the official layout (see `official`), scored here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ctc.errors import DataSetMissing, UsageError
from ctc.official import names_in_files, split_name
from ctc.outside.points import Outside, outside_codec, outside_point
from ctc.outside.scores import Reconstruction, score_reconstructions
from ctc.picturefiles import SUFFIXES
from ctc.records import Absent, CodecInfo, Counts, Failed, MetricInfo, Picture, Scored
from ctc.scoring import Scoring
from ctc.store import Store, file_hash

BITSTREAMS, RECONSTRUCTIONS = "bit", "rec"
COMPLEXITY = ".json"
"""Suffix of the files beside reconstructions that carry times, of other machines: they are not read."""


@dataclass(frozen=True)
class Named:
    """A file, and what its name says."""

    codec: str
    picture: str
    """As in the name of the file; see `official.names_in_files`."""
    target_bpp: float
    path: Path


@dataclass(frozen=True)
class OfficialFolder:
    path: Path
    codecs: tuple[str, ...]
    bitstreams: tuple[Named, ...]
    reconstructions: tuple[Named, ...]

    scored_here = True
    metrics: tuple[str, ...] = ()
    """Any can be computed."""

    @property
    def source(self) -> str:
        return f"bitstreams and reconstructions of {self.path.name}, scored here"

    @property
    def target_bpps(self) -> tuple[float, ...]:
        return tuple(sorted({named.target_bpp for named in (*self.bitstreams, *self.reconstructions)}))

    def points(
        self, pictures: Sequence[Picture], target_bpps: Sequence[float], _metrics: Sequence[MetricInfo], scoring: Scoring, store: Store
    ) -> Outside:
        """An outcome for every codec, picture and target rate. Raises UsageError where a file names no picture, or two the same point."""
        bitstreams, reconstructions = (_by_place(self.path, files, pictures) for files in (self.bitstreams, self.reconstructions))
        infos = {codec: outside_codec(codec, self.source, f"not made here: {self.source}") for codec in self.codecs}
        ended: list[Failed | Absent] = []
        scored: list[Scored] = []
        counts = Counts()
        for picture in pictures:
            todo: list[tuple[Reconstruction, Path]] = []
            for codec in self.codecs:
                for target in target_bpps:
                    place = (codec, picture.name, target)
                    ending = _unpaired(place, bitstreams.get(place), reconstructions.get(place))
                    if ending is None:
                        todo.append((Reconstruction(place, reconstructions[place]), bitstreams[place]))
                    else:
                        ended.append(ending)
            results, counted = score_reconstructions(picture, [reconstruction for reconstruction, _ in todo], scoring, store)
            counts += counted
            for reconstruction, bitstream in todo:
                outcome = results[reconstruction.place]
                if isinstance(outcome, Failed):
                    ended.append(outcome)
                else:
                    sha256, scores = outcome
                    codec, _, target = reconstruction.place
                    point = _point(infos[codec], picture, target, bitstream)
                    coded = replace(point.coded, decoded_sha256=sha256)
                    scored.append(replace(point, coded=coded, scores=scores))
        failed = tuple(ending for ending in ended if isinstance(ending, Failed))
        absent = tuple(ending for ending in ended if isinstance(ending, Absent))
        return Outside(tuple(infos.values()), tuple(scored), absent, failed, counts)


def open_folder(folder: Path) -> OfficialFolder:
    """The files of a folder in the official layout, by their names. It may be that of one codec, or hold those of several.

    Raises DataSetMissing where there is none, UsageError where a file is named otherwise."""
    if not folder.is_dir():
        raise DataSetMissing(f"{folder}: there is no such folder")
    folder = folder.resolve()
    whole = [folder] if _is_of_codec(folder) else sorted(path for path in folder.iterdir() if path.is_dir() and _is_of_codec(path))
    if not whole:
        raise DataSetMissing(f"{folder}: there is no CODEC/{BITSTREAMS} with CODEC/{RECONSTRUCTIONS} in it, the official layout")
    bitstreams = [named for path in whole for named in _named(path, BITSTREAMS)]
    reconstructions = [named for path in whole for named in _named(path, RECONSTRUCTIONS)]
    if not reconstructions:
        raise DataSetMissing(f"{folder}: there are no reconstructions in CODEC/{RECONSTRUCTIONS}")
    return OfficialFolder(folder, tuple(path.name for path in whole), tuple(bitstreams), tuple(reconstructions))


def _is_of_codec(folder: Path) -> bool:
    return (folder / BITSTREAMS).is_dir() and (folder / RECONSTRUCTIONS).is_dir()


def _named(of_codec: Path, kind: str) -> Iterator[Named]:
    codec = of_codec.name
    for path in sorted((of_codec / kind).iterdir()):
        is_meant = path.suffix.lower() in SUFFIXES if kind == RECONSTRUCTIONS else path.suffix.lower() != COMPLEXITY
        if path.is_file() and is_meant and not path.name.startswith("."):
            try:
                # The folder's name, which may have underscores, or else what stands before the first of them.
                _, picture, target = split_name(path.stem, codec if path.stem.startswith(f"{codec}_") else "")
            except ValueError as error:
                raise UsageError(f"{of_codec / kind}: {error}") from error
            yield Named(codec, picture, target, path)


def _by_place(folder: Path, files: Iterable[Named], pictures: Iterable[Picture]) -> dict[tuple[str, str, float], Path]:
    names: dict[str, list[str]] = defaultdict(list)
    for picture in pictures:
        for name in names_in_files(picture.name, picture.width, picture.height, picture.bit_depth):
            names[name].append(picture.name)
    found: dict[tuple[str, str, float], Path] = {}
    unknown: dict[str, None] = {}
    for named in files:
        meant = names.get(named.picture, [])
        if len(meant) > 1:
            raise UsageError(f"{named.path.name}: may be of {' or '.join(meant)}")
        if not meant:
            unknown[named.picture] = None
            continue
        place = (named.codec, meant[0], named.target_bpp)
        if place in found:
            raise UsageError(f"{named.path.name} and {found[place].name} are of the same picture and rate; keep one of them")
        found[place] = named.path
    if files and not found:
        raise UsageError(f"{folder}: its files name none of the pictures given, but {', '.join(list(unknown)[:3])}")
    return found


def _unpaired(place: tuple[str, str, float], bitstream: Path | None, reconstruction: Path | None) -> Failed | Absent | None:
    """How a point ends that is not whole; None where bitstream and reconstruction are there."""
    codec, picture, target = place
    if bitstream is None and reconstruction is None:
        return Absent(codec, picture, target, "neither bitstream nor reconstruction is there")
    if bitstream is None:
        return Failed(picture, codec, target, "read", "there is no bitstream, so its rate is unknown")
    if reconstruction is None:
        return Failed(picture, codec, target, "read", "there is a bitstream, but no reconstruction")
    if not bitstream.stat().st_size:
        return Failed(picture, codec, target, "read", f"{bitstream.name} is empty")
    return None


def _point(codec: CodecInfo, picture: Picture, target_bpp: float, bitstream: Path) -> Scored:
    size = bitstream.stat().st_size
    point = outside_point(codec, picture, target_bpp, size, 8 * size / picture.pixels, ())
    return replace(point, coded=replace(point.coded, bitstream_sha256=file_hash(bitstream)))
