"""What the reference encoders of the joint video teams share (HM, its screen content branch SCM, VTM): one family of programs.

Each codes one picture, 10 bits, 4:4:4, at a constant QP. Sides need no rounding: `ConformanceWindowMode=1` fills up to whole coding units
and the decoder crops. The configuration file is part of the codec: its hash is in the version, beside those of the two programs.

HDR pictures (PQ of BT.2020) are coded in the same way, without the QP offsets of JVET's HDR test conditions; the stream says what they are.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ctc.anchors import _programs
from ctc.anchors._programs import Found, Program
from ctc.complexity.process import LOG_TAIL_CHARACTERS, Run, program_name, run
from ctc.errors import ToolFailed, ToolMissing
from ctc.pixels import raw_size, raw_transfer
from ctc.records import Cost, Knob, PixelFormat

PIXELS = PixelFormat("yuv", "444", 10)
PROBE = ("-q", "none")
"""A value that is refused at once: the programs then print their banner and two lines instead of a page of help."""
COMPLAINT = re.compile(r"^Error: .+$", re.MULTILINE)
BYTES_OF_FILE = re.compile(r"Bytes written to file: (\d+)")
BITS_OF_PICTURE = re.compile(r"(\d+) bits \[Y ")
ONE_PICTURE = ("-f", "1", "-fr", "25", "--FrameSkip=0")
FORMAT = ("--InputBitDepth=10", "--InputChromaFormat=444", "--ChromaFormatIDC=444", "--Level=6.2", "--ConformanceWindowMode=1")
PQ_IN_STREAM = (
    "--VuiParametersPresent=1", "--VideoFullRange=1", "--ColourDescriptionPresent=1", "--ColourPrimaries=9",
    "--TransferCharacteristics=16", "--MatrixCoefficients=9",
)  # fmt: skip
"""Code points of ITU-T H.273. Of SDR samples streams say nothing, as those of the published anchor."""
PQ_IN_HEVC = ("--VideoSignalTypePresent=1", "--TargetBitrate=1000000")
"""What HM asks for besides. It says nothing of samples without a target rate, which it does not heed without rate control."""


@dataclass(frozen=True)
class Software:
    """One of the reference encoders, how it is found, and what it is to code by."""

    encoder: Program
    decoders: tuple[str, ...]
    """File names of the decoder, which is looked for beside the encoder."""
    oldest: tuple[int, ...]
    """First version that codes as the common test conditions want it."""
    configuration: str
    """File name of its configuration for intra pictures."""
    configuration_variable: str
    """The environment variable that names another."""
    options: tuple[str, ...] = ()
    """What the command line has besides."""
    options_of_pq: tuple[str, ...] = ()
    """What it has besides `PQ_IN_STREAM` of HDR pictures."""

    def found(self) -> Found:
        """The encoder. Raises ToolMissing, also where it is too old."""
        found = _programs.find(self.encoder)
        if tuple(int(part) for part in re.findall(r"\d+", found.version)) < self.oldest:
            wanted = ".".join(map(str, self.oldest))
            raise ToolMissing(
                f"{self.encoder.title} {found.version} at {found.path} is older than {wanted}: "
                f"set {self.encoder.variable} to the folder of {self.encoder.title} {wanted} or later"
            )
        return found

    def decoder(self) -> Path:
        """Raises ToolMissing."""
        return _programs.beside(self.found().path, self.decoders, f"the decoder of {self.encoder.title}", self.encoder.remedy)

    def configuration_file(self) -> Path:
        """Raises ToolMissing."""
        return _programs.configuration(self.found().path, self.configuration_variable, self.configuration, self.encoder.title)


@dataclass(eq=False)
class JvtCodec:
    """An intra picture by one of the reference encoders, Annex B byte stream."""

    name: str
    citation: str
    note: str
    knob: Knob
    seconds_per_megapixel: float
    software: Software
    pixels: PixelFormat = PIXELS

    def locate(self) -> Path:
        """The encoder. Raises ToolMissing where it, its decoder or its configuration is missing."""
        self.software.decoder()
        self.software.configuration_file()
        return self.software.found().path

    def version(self) -> str:
        """Raises ToolMissing."""
        encoder, settings = self.software.found(), self.software.configuration_file()
        files = {"encoder": encoder.path, "decoder": self.software.decoder(), settings.name: settings}
        hashes = ", ".join(f"{what} {_programs.content_id(path)}" for what, path in files.items())
        return f"{self.software.encoder.title} {encoder.version}, {hashes}, 4:4:4 10 bit"

    def encode_command(self, source: Path, bitstream: Path, setting: float) -> tuple[str, ...]:
        """Raises ToolMissing."""
        width, height = raw_size(source)
        encoder, settings = self.software.found().path, self.software.configuration_file()
        transfer = (*PQ_IN_STREAM, *self.software.options_of_pq) if raw_transfer(source) == "pq" else ()
        # Without a name for it, the reconstruction would be left as rec.yuv in whatever folder this runs in.
        files = ("-i", str(source), "-wdt", str(width), "-hgt", str(height), "-b", str(bitstream), "-o", os.devnull)
        return (
            str(encoder), "-c", str(settings), *files, *ONE_PICTURE, "-q", str(int(setting)), *FORMAT, *self.software.options, *transfer,
        )  # fmt: skip

    def decode_command(self, bitstream: Path, destination: Path) -> tuple[str, ...]:
        """Raises ToolMissing."""
        return (str(self.software.decoder()), "-d", "10", "-b", str(bitstream), "-o", str(destination))

    def encode(self, source: Path, bitstream: Path, setting: float) -> Cost:
        command = self.encode_command(source, bitstream, setting)
        done = _run(command)
        said, is_there = _bytes_written(done.log), bitstream.stat().st_size if bitstream.is_file() else 0
        if is_there < said:
            # They do not look whether what they write arrives: on a full disk they end well, with less in the file.
            problem = f"{program_name(command)} says that it wrote {said} bytes, but its file has {is_there}; is the disk full?"
            raise ToolFailed(problem, command, done.log[-LOG_TAIL_CHARACTERS:])
        return done.cost

    def decode(self, bitstream: Path, destination: Path) -> Cost:
        command = self.decode_command(bitstream, destination)
        destination.unlink(missing_ok=True)
        done = _run(command)
        _programs.require_written(destination, command, done.log)
        return done.cost


def _run(command: tuple[str, ...]) -> Run:
    """Runs one of the programs. Raises ToolFailed with its complaint, which HM prints among its output and its warnings elsewhere."""
    try:
        return run(command)
    except ToolFailed as failure:
        complaints = COMPLAINT.findall(failure.log_tail)
        if not complaints:
            raise
        raise ToolFailed(f"{program_name(command)}: {complaints[0].strip()}", command, failure.log_tail) from failure


def _bytes_written(log: str) -> int:
    """What the encoder says: HM tells the bytes of the file, VTM the bits of the picture; 0 where neither is found."""
    of_file, of_picture = BYTES_OF_FILE.search(log), BITS_OF_PICTURE.search(log)
    return int(of_file[1]) if of_file else int(of_picture[1]) // 8 if of_picture else 0
