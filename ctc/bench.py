"""Where one picture is worked on with one codec: encode and decode, each result stored as soon as it is there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from ctc import pixels, plugins
from ctc.errors import PictureError, ToolFailed
from ctc.picturefiles import read_samples
from ctc.protocols import Codec, Prepared, SharesBitstreams
from ctc.records import Cost, Counts, Picture
from ctc.scratch import scratch_prefix
from ctc.store import Store, explained, file_hash


class NotStored(Exception):
    """Something would have to be computed."""


@dataclass
class Source:
    """A source picture, read when its samples are first asked for."""

    picture: Picture

    @cached_property
    def rgb(self) -> pixels.Rgb:
        """Samples (height, width, 3). Raises PictureError where the file cannot be read or holds others than when the run was planned."""
        rgb = read_samples(Path(self.picture.path), self.picture.light).rgb
        if pixels.sample_hash(rgb) != self.picture.sha256:
            raise PictureError(f"{self.picture.name}: its samples changed since the run began; run again")
        return rgb


@dataclass
class Bench(AbstractContextManager["Bench"]):
    """A codec, a scratch folder, and what was computed so far. With `may_run` off, whatever is not stored raises NotStored."""

    source: Source
    codec_name: str
    codec_version: str
    store: Store
    may_run: bool
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        self.codec: Codec = plugins.codec_on(self.codec_name, self.source.picture)
        self._encoded: dict[float, dict[str, Any]] = {}
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._scratch is not None:
            self._scratch.cleanup()

    def refuse_to_guess(self) -> None:
        """Raises NotStored unless things may be run: what cannot be recalled whole must be tried, not reported as failed."""
        if not self.may_run:
            raise NotStored

    @cached_property
    def folder(self) -> Path:
        with explained(Path(tempfile.gettempdir())):
            self._scratch = tempfile.TemporaryDirectory(prefix=scratch_prefix())
        return Path(self._scratch.name)

    @cached_property
    def source_file(self) -> Path:
        with explained(self.folder):
            return pixels.write_source(self.source.rgb, self.codec.pixels, self.folder, self.source.picture.transfer)

    # Encode -------------------------------------------------------------------------------------------------------------------------

    def rate(self, setting: float) -> float:
        """Real bpp at `setting`."""
        return 8 * int(self.encoded(setting)["bytes"]) / self.source.picture.pixels

    def stored_rates(self) -> dict[float, float]:
        """Real bpp at each setting of an integer knob of which the bitstream is stored; of another knob there are too many."""
        knob = self.codec.knob
        settings = [float(setting) for setting in range(int(knob.lowest), int(knob.highest) + 1)] if knob.integer else []
        known = {setting: self.store.get("encode", self._encode_identity(setting)) for setting in settings}
        return {setting: 8 * int(found["bytes"]) / self.source.picture.pixels for setting, found in known.items() if found is not None}

    def encoded(self, setting: float) -> dict[str, Any]:
        """Stored facts of the bitstream at `setting`: bytes, sha256, cost."""
        if setting not in self._encoded:
            known = self.store.get("encode", self._encode_identity(setting))
            if known is None:
                self._encoded[setting] = self._encode(setting)
            else:
                self._encoded[setting] = known
                self.counts += Counts(encodes_reused=1)
        return self._encoded[setting]

    def _encode_identity(self, setting: float) -> dict[str, Any]:
        """All that decides the bitstream. The arguments of the command line are in it, so that no constant of a codec is forgotten."""
        encoder, version = self._encoder
        source, bitstream, _ = self._file_names("source", encoder, setting)
        arguments = self._deciding(self.codec.encode_command(source, bitstream, setting))
        return {
            "picture": self.source.picture.sha256,
            **self._made_by(encoder, version),
            "setting": float(setting),
            "arguments": arguments,
        }

    def _encode(self, setting: float) -> dict[str, Any]:
        self.refuse_to_guess()
        bitstream = self.folder / "bitstream"
        bitstream.unlink(missing_ok=True)
        cost = self.codec.encode(self.source_file, bitstream, setting)
        if not bitstream.is_file() or bitstream.stat().st_size == 0:
            command = self.codec.encode_command(self.source_file, bitstream, setting)
            raise ToolFailed(f"{self.codec_name} ended well at {self.codec.knob.name} {setting:g} but wrote no bitstream", command)
        content = {"bytes": bitstream.stat().st_size, "sha256": file_hash(bitstream), "cost": asdict(cost)}
        self.store.put("encode", self._encode_identity(setting), content, bitstream)
        self.counts += Counts(encodes_run=1)
        return content

    def bitstream(self, setting: float) -> Path:
        """The stored bitstream at `setting`; made again if it was damaged."""
        path = self.store.get_file("encode", self._encode_identity(setting))
        if path is None:
            before = self.encoded(setting)["sha256"]
            self._encoded[setting] = self._encode(setting)
            if self._encoded[setting]["sha256"] != before:
                raise ToolFailed(f"{self.codec_name} does not give the same bitstream twice at {self.codec.knob.name} {setting:g}")
            path = self.store.get_file("encode", self._encode_identity(setting))
        if path is None:
            raise ToolFailed(
                f"{self.codec_name}: its bitstream at {self.codec.knob.name} {setting:g} cannot be read back from {self.store.root}"
            )
        return path

    # Decode -------------------------------------------------------------------------------------------------------------------------

    def decoded(self, setting: float) -> dict[str, Any]:
        """Stored facts of the first decoding of the bitstream at `setting`: sha256 of its samples, cost."""
        identity = self.decode_identity(self.encoded(setting)["sha256"])
        known = self.store.get("decode", identity)
        if known is not None:
            self.counts += Counts(decodes_reused=1)
            return known
        rgb, cost = self.decode(setting)
        content = {"sha256": pixels.sample_hash(rgb), "cost": asdict(cost)}
        self.store.put("decode", identity, content)
        return content

    def decode(self, setting: float) -> tuple[pixels.Rgb, Cost]:
        """Decodes the bitstream at `setting` now: RGB samples at the source's bit depth."""
        self.refuse_to_guess()
        bitstream = self.bitstream(setting)
        destination = self.folder / "decoded"
        destination.unlink(missing_ok=True)
        cost = self.codec.decode(bitstream, destination)
        self.counts += Counts(decodes_run=1)
        if not destination.is_file():
            raise ToolFailed(f"{self.codec_name} decoded nothing", self.codec.decode_command(bitstream, destination))
        picture = self.source.picture
        bits: Literal[8, 16] = 8 if picture.bit_depth == 8 else 16
        return pixels.read_decoded(destination, self.codec.pixels, picture.width, picture.height, bits, picture.transfer), cost

    def decode_identity(self, bitstream_sha256: str) -> dict[str, Any]:
        """All that decides the samples that a bitstream decodes to."""
        picture = self.source.picture
        size = {"width": picture.width, "height": picture.height, "bit_depth": picture.bit_depth}
        _, bitstream, destination = self.file_names("decoded", 0)
        arguments = self._deciding(self.codec.decode_command(bitstream, destination))
        made_by = self._made_by(self.codec_name, self.codec_version)
        return {"bitstream": bitstream_sha256, **made_by, **size, "arguments": arguments}

    @cached_property
    def _encoder(self) -> tuple[str, str]:
        """Name and version under which bitstreams are stored."""
        return self.codec.encoder() if isinstance(self.codec, SharesBitstreams) else (self.codec_name, self.codec_version)

    def _made_by(self, codec: str, version: str) -> dict[str, Any]:
        picture = self.source.picture
        conversion = pixels.conversion_name(self.codec.pixels, picture.bit_depth, picture.transfer)
        pixel_format = asdict(self.codec.pixels)
        return {"codec": codec, "version": version, "conversion": conversion, "pixels": pixel_format}

    def _deciding(self, command: tuple[str, ...]) -> list[str]:
        return without_folders(self.codec.deciding(command) if isinstance(self.codec, Prepared) else command[1:])

    def command_lines(self, setting: float) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Those of encoder and decoder as reports show them; empty where nobody could repeat them."""
        if isinstance(self.codec, Prepared):
            return (), ()
        source, bitstream, destination = self.file_names(self.source.picture.name, setting)
        return self.codec.encode_command(source, bitstream, setting), self.codec.decode_command(bitstream, destination)

    def file_names(self, name: str, setting: float) -> tuple[Path, Path, Path]:
        """Source, bitstream and reconstruction, as file names for the command lines that keys hold and reports show."""
        return self._file_names(name, self.codec_name, setting)

    def _file_names(self, name: str, codec: str, setting: float) -> tuple[Path, Path, Path]:
        picture, stem = self.source.picture, f"{name}.{codec}.{setting:g}"
        if self.codec.pixels.container == "ppm":
            return Path(f"{name}.ppm"), Path(f"{stem}.bits"), Path(f"{stem}.ppm")
        width, height = pixels.coded_size(picture.width, picture.height, self.codec.pixels)
        source, decoded = (Path(pixels.raw_name(part, width, height, self.codec.pixels, picture.transfer)) for part in (name, stem))
        return source, Path(f"{stem}.bits"), decoded


def without_folders(arguments: Iterable[str]) -> list[str]:
    """Arguments of a command line as keys hold them: a tool's own files by their names alone.

    What is in such a file belongs in the codec's version; where it lies decides nothing, and a moved folder must not encode all again."""
    return [Path(argument).name if Path(argument).is_absolute() else argument for argument in arguments]
