"""Encode on every device, decode on every device: one codec, some pictures, some target rates.

The settings that reach the target rates are found on the first device and used on all, so that bitstreams can be compared. What a device
decodes is compared with what the encoder's device decodes of the same bitstream, its integers with those that the encoder wrote down.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ctc import pixels
from ctc.bench import Source
from ctc.coding import unsupported
from ctc.complexity.machine import machine
from ctc.errors import ToolFailed
from ctc.interop.candidate import Candidate
from ctc.interop.differences import change, first_difference, sample_difference
from ctc.interop.mismatch import Decodings, mismatches
from ctc.protocols import Metric
from ctc.ratecontrol import RateSearch, middle_out
from ctc.records import Interop, InteropMismatch, InteropPoint, InteropStream, Picture, Score
from ctc.scratch import scratch_prefix
from ctc.store import explained, file_hash
from ctc.together import Setting, measure

Told = Callable[[str], None]
"""Is told what begins."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for."""

    pictures: tuple[Picture, ...]
    target_bpps: tuple[float, ...]
    rate_tolerance: float
    metrics: tuple[Metric, ...]
    scoring: Setting


@dataclass(eq=False)
class _Stream:
    """A bitstream in the scratch folder, with what its own device makes of it."""

    source: Source
    fact: InteropStream
    file: Path
    tensors: dict[str, NDArray[Any]]
    decoded: Path | None = None
    """What the encoder's device decodes, as NumPy has it; None where it fails."""
    scores: dict[str, Score] | None = None


@dataclass(eq=False)
class _Exchange:
    candidate: Candidate
    wanted: Wanted
    folder: Path
    told: Told
    streams: list[_Stream] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    unreachable: list[str] = field(default_factory=list)
    points: list[InteropPoint] = field(default_factory=list)
    mismatches: list[InteropMismatch] = field(default_factory=list)
    searched: set[str] = field(default_factory=set)
    """Pictures whose settings are known."""
    settings: dict[tuple[str, float], float] = field(default_factory=dict)
    """Of (picture, target rate), as the first device that could found them."""
    hashes: dict[tuple[str, float], str] = field(default_factory=dict)
    """Of the first device's bitstreams."""
    files: int = 0

    def encode_all(self, device: str) -> None:
        """Every picture at every rate. What fails ends the device's encoding."""
        try:
            for source in map(Source, self.wanted.pictures):
                if source.picture.name not in self.searched:
                    self._find_settings(device, source)
                for target in self.wanted.target_bpps:
                    if (source.picture.name, target) in self.settings:
                        self._encode(device, source, target)
        except ToolFailed as failure:
            self.failed.append((device, str(failure)))

    def _find_settings(self, device: str, source: Source) -> None:
        """By real bitstreams of the first device that encodes."""
        name, candidate = source.picture.name, self.candidate.on(source.picture)
        if why := unsupported(candidate.codec, source.picture.transfer):
            self.searched.add(name)
            self.unreachable.append(f"{name}: {why}")
            return

        def rate(setting: float) -> float:
            bitstream, trace = self._file("try"), self._file("npz")
            candidate.encode(device, self._source_file(source), bitstream, setting, trace)
            return 8 * bitstream.stat().st_size / source.picture.pixels

        self.told(f"{candidate.codec.name}: find settings for {name} on {device}")
        search = RateSearch(rate, candidate.codec.knob, self.wanted.rate_tolerance, 0.0)
        found = [(target, search.find(target)) for target in middle_out(self.wanted.target_bpps)]
        # Only now: where a device fails in between, the next one searches.
        self.searched.add(name)
        for target, choice in found:
            if choice.reachable:
                self.settings[name, target] = choice.setting
            else:
                self.unreachable.append(f"{name} at {target:g} bpp: {choice.reason}")

    def _encode(self, device: str, source: Source, target: float) -> None:
        name, candidate = source.picture.name, self.candidate.on(source.picture)
        self.told(f"{candidate.codec.name}: encode {name} at {target:g} bpp on {device}")
        setting, bitstream, trace = self.settings[name, target], self._file("bits"), self._file("npz")
        candidate.encode(device, self._source_file(source), bitstream, setting, trace)
        made = file_hash(bitstream)
        if (name, target) not in self.hashes:
            self.hashes[name, target] = made
            again = self._file("bits")
            candidate.encode(device, self._source_file(source), again, setting, self._file("npz"))
            made = file_hash(again)
        bpp = 8 * bitstream.stat().st_size / source.picture.pixels
        fact = InteropStream(device, name, target, setting, bpp, made == self.hashes[name, target])
        stream = _Stream(source, fact, bitstream, self._tensors(trace))
        self.streams.append(stream)
        decoded, _, error = self._decoded(device, stream)
        if decoded is None:
            self.failed.append((device, f"cannot decode its own bitstream of {name} at {target:g} bpp: {error}"))
        else:
            stream.decoded = self._file("npy")
            np.save(stream.decoded, decoded)

    def decode_all(self, device: str) -> None:
        """The bitstreams of all devices."""
        for encoder in dict.fromkeys(stream.fact.encoder for stream in self.streams):
            streams = [stream for stream in self.streams if stream.fact.encoder == encoder]
            found = [(stream, *self._point(device, stream)) for stream in streams]
            self.points += [point for _, point, _ in found]
            self.mismatches += mismatches(encoder, device, self._decodings(found), [metric.info for metric in self.wanted.metrics])

    def _point(self, device: str, stream: _Stream) -> tuple[InteropPoint, dict[str, Score] | None]:
        """A bitstream on another device, and its scores where it differs from that of the stream's own."""
        fact = stream.fact
        self.told(f"{self.candidate.codec.name}: decode {fact.picture} at {fact.target_bpp:g} bpp of {fact.encoder} on {device}")
        decoded, tensors, error = self._decoded(device, stream)
        integers = first_difference(stream.tensors, tensors, whole=decoded is not None) if self.candidate.traced else None
        place = (fact.encoder, device, fact.picture, fact.target_bpp, integers)
        if decoded is None or stream.decoded is None:
            reason = error or f"{fact.encoder} cannot decode it itself: there is nothing to compare with"
            return InteropPoint(*place, None, None, (), reason), None
        expected, names = np.load(stream.decoded), [metric.name for metric in self.wanted.metrics]
        if np.array_equal(expected, decoded):
            return InteropPoint(*place, 0, 0.0, tuple((name, 0.0) for name in names)), None
        there, here = self._own_scores(stream), self._scores(stream, decoded)
        changes = tuple((name, change(there[name], here[name])) for name in names)
        return InteropPoint(*place, *sample_difference(expected, decoded), changes), here

    def _decodings(self, found: Sequence[tuple[_Stream, InteropPoint, dict[str, Score] | None]]) -> list[Decodings]:
        """By picture."""
        result = []
        for name in dict.fromkeys(stream.fact.picture for stream, *_ in found):
            of_picture = [each for each in found if each[0].fact.picture == name]
            lost = [point.error for _, point, _ in of_picture if point.error]
            if lost:
                result.append(Decodings(name, reason=f"a bitstream was not decoded: {lost[0]}"))
            elif all(scores is None for *_, scores in of_picture):
                result.append(Decodings(name))
            else:
                own = tuple(self._own_scores(stream) for stream, *_ in of_picture)
                here = tuple(scores or there for there, (*_, scores) in zip(own, of_picture, strict=True))
                result.append(Decodings(name, tuple(stream.fact.bpp for stream, *_ in of_picture), own, here))
        return result

    def _own_scores(self, stream: _Stream) -> dict[str, Score]:
        """Of what the stream's own device decodes."""
        if stream.scores is None:
            stream.scores = self._scores(stream, np.load(stream.decoded)) if stream.decoded else {}
        return stream.scores

    def _decoded(self, device: str, stream: _Stream) -> tuple[pixels.Rgb | None, dict[str, NDArray[Any]], str]:
        """RGB, or why there is none, and the integers that were known."""
        picture = stream.source.picture
        candidate = self.candidate.on(picture)
        destination, trace = self._file("decoded"), self._file("npz")
        bits: Literal[8, 16] = 8 if picture.bit_depth == 8 else 16
        try:
            candidate.decode(device, stream.file, destination, trace)
            rgb = pixels.read_decoded(destination, candidate.codec.pixels, picture.width, picture.height, bits, picture.transfer)
        except ToolFailed as failure:
            return None, self._tensors(trace), str(failure)
        finally:
            destination.unlink(missing_ok=True)
        return rgb, self._tensors(trace), ""

    def _scores(self, stream: _Stream, rgb: pixels.Rgb) -> dict[str, Score]:
        found = {}
        wanted, source = self.wanted, stream.source
        for measured in measure(source.rgb, [rgb], wanted.metrics, lambda _index, _name: True, wanted.scoring, source.picture.transfer):
            if measured.error is not None:
                raise measured.error
            found[measured.metric] = Score(measured.metric, measured.value, measured.reason)
        return found

    def _tensors(self, trace: Path) -> dict[str, NDArray[Any]]:
        """What was written down; nothing where the device did not come to it."""
        if not trace.is_file():
            return {}
        with np.load(trace) as file:
            tensors = {name: file[name] for name in file.files}
        trace.unlink()
        return tensors

    def _source_file(self, source: Source) -> Path:
        folder = self.folder / source.picture.sha256
        if not folder.is_dir():
            folder.mkdir()
            pixels.write_source(source.rgb, self.candidate.on(source.picture).codec.pixels, folder, source.picture.transfer)
        (file,) = folder.iterdir()
        return file

    def _file(self, suffix: str) -> Path:
        self.files += 1
        return self.folder / f"{self.files}.{suffix}"


def exchange(candidate: Candidate, wanted: Wanted, told: Told) -> Interop:
    """The matrix of a codec. A failure of a device is in it; raises PictureError, OutOfSpace, CtcError where a metric fails."""
    present = [device for device in candidate.devices if not device.missing]
    with _scratch() as folder:
        work = _Exchange(candidate, wanted, folder, told)
        try:
            for device in present:
                if device.encodes:
                    work.encode_all(device.name)
            for device in present:
                work.decode_all(device.name)
        finally:
            candidate.leave()
    return Interop(
        codec=candidate.codec.name,
        version=candidate.codec.version(),
        machine=machine().identity,
        traced=candidate.traced,
        devices=candidate.devices,
        metrics=tuple(metric.name for metric in wanted.metrics),
        streams=tuple(stream.fact for stream in work.streams),
        points=tuple(work.points),
        mismatches=tuple(work.mismatches),
        failed=tuple(work.failed),
        unreachable=tuple(work.unreachable),
    )


@contextmanager
def _scratch() -> Iterator[Path]:
    with explained(Path(tempfile.gettempdir())), tempfile.TemporaryDirectory(prefix=scratch_prefix()) as folder:
        yield Path(folder)
