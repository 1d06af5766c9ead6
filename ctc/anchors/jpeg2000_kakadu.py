"""JPEG 2000 by Kakadu: PSNR-optimised and visually weighted, the rate given directly. The JPEG 2000 anchors.

Kakadu weights the subbands of a colour picture by contrast sensitivity unless it is told `-no_weights`, which gives the smallest error. The
page of anchors of 2020 has the two labels swapped; here `jpeg2000-kakadu` is the one with `-no_weights`. Commercial; its demonstration
programs can be downloaded. `CTC_KAKADU` names their folder; without it `kdu_compress` is looked for on PATH, and `kdu_expand` beside it.
Command lines and banner are those of versions 7 and 8. It was not run for real: no Kakadu was at hand.

Pictures of more than 8 bits go through TIFF of 16 bits, from which it takes the precision itself; PQ codes of 10 bits fill the 16. Its
weights are those for SDR, whatever the picture.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from ctc import pixels
from ctc.anchors import _programs
from ctc.anchors._programs import Found, Program
from ctc.complexity.process import Run, program_name, run
from ctc.errors import ToolFailed
from ctc.records import Cost, Knob, PixelFormat
from ctc.scratch import scratch_prefix

REMEDY = "get the demonstration programs from kakadusoftware.com and set CTC_KAKADU to their folder, and LD_LIBRARY_PATH to their libraries"
PROGRAM = Program(
    title="Kakadu",
    variable="CTC_KAKADU",
    file_names=("kdu_compress",),
    banner=r"core system version is v?(\S+)",
    probe=("-v",),
    remedy=REMEDY,
)
DEEP_BITS = 16
START = ((0.03, 0.03), (2.0, 2.0))
EXACT_RATE = ("Qstep=0.001", "-tolerance", "0", "-full")
PRECISE = ("-precise",)
ONE_THREAD = ("-num_threads", "0")


class Jpeg2000KakaduDeep:
    """JPEG 2000 codestream, irreversible, 16 bits, 4:4:4: what Kakadu is for pictures of more than 8. The setting is the rate in bpp."""

    citation = "ITU-T T.800 | ISO/IEC 15444-1; Kakadu"
    pixels = PixelFormat("ppm", bit_depth=DEEP_BITS)
    knob = Knob("rate (bpp)", 0.001, 3 * DEEP_BITS, integer=False, rate_rises=True, start=START)
    seconds_per_megapixel = 0.5

    def __init__(self, name: str, note: str, weighting: tuple[str, ...]) -> None:
        self.name, self.note, self._weighting = name, note, weighting

    def version(self) -> str:
        return f"{_version(self._weighting)}, {DEEP_BITS} bits"

    def encode_command(self, source: Path, bitstream: Path, setting: float) -> tuple[str, ...]:
        """Raises ToolMissing. The source is given to Kakadu as TIFF."""
        return _encode_command(source.with_suffix(".tif"), bitstream, setting, self._weighting)

    def decode_command(self, bitstream: Path, destination: Path) -> tuple[str, ...]:
        """Raises ToolMissing. Kakadu writes TIFF."""
        return _decode_command(bitstream, destination.with_suffix(".tif"))

    def deciding(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """All of them."""
        return command[1:]

    def encode(self, source: Path, bitstream: Path, setting: float) -> Cost:
        with tempfile.TemporaryDirectory(prefix=scratch_prefix()) as folder:
            picture = Path(folder, "source.tif")
            _ppm_to_tiff(source, picture)
            return _run(_encode_command(picture, bitstream, setting, self._weighting)).cost

    def decode(self, bitstream: Path, destination: Path) -> Cost:
        with tempfile.TemporaryDirectory(prefix=scratch_prefix()) as folder:
            picture = Path(folder, "decoded.tif")
            command = _decode_command(bitstream, picture)
            done = _run(command)
            _programs.require_written(picture, command, done.log)
            _tiff_to_ppm(picture, destination, command, done)
        return done.cost


class Jpeg2000Kakadu:
    """JPEG 2000 codestream, irreversible, 8 bits, 4:4:4. The setting is the rate in bpp."""

    citation = Jpeg2000KakaduDeep.citation
    pixels = PixelFormat("ppm")
    knob = Knob("rate (bpp)", 0.001, 24, integer=False, rate_rises=True, start=START)
    seconds_per_megapixel = 0.5

    def __init__(self, name: str, note: str, weighting: tuple[str, ...]) -> None:
        self.name, self.note, self._weighting = name, note, weighting
        self.deep = Jpeg2000KakaduDeep(name, note, weighting)

    def locate(self) -> Path:
        """Raises ToolMissing, also where the decoder is missing."""
        _decoder()
        return _found().path

    def version(self) -> str:
        return _version(self._weighting)

    def encode_command(self, source: Path, bitstream: Path, setting: float) -> tuple[str, ...]:
        """Raises ToolMissing."""
        return _encode_command(source, bitstream, setting, self._weighting)

    def decode_command(self, bitstream: Path, destination: Path) -> tuple[str, ...]:
        """Raises ToolMissing. The suffix decides what is written: a destination without one gets it."""
        return _decode_command(bitstream, _as_ppm(destination))

    def encode(self, source: Path, bitstream: Path, setting: float) -> Cost:
        return _run(self.encode_command(source, bitstream, setting)).cost

    def decode(self, bitstream: Path, destination: Path) -> Cost:
        command, written = self.decode_command(bitstream, destination), _as_ppm(destination)
        written.unlink(missing_ok=True)
        done = _run(command)
        _programs.require_written(written, command, done.log)
        written.replace(destination)
        return done.cost


def _found() -> Found:
    return _programs.find(PROGRAM)


def _decoder() -> Path:
    return _programs.beside(_found().path, ("kdu_expand",), "the decoder of Kakadu", REMEDY)


def _version(weighting: tuple[str, ...]) -> str:
    found = _found()
    hashes = f"kdu_compress {_programs.content_id(found.path)}, kdu_expand {_programs.content_id(_decoder())}"
    return f"Kakadu {found.version}, {hashes}, {'minimum squared error' if weighting else 'visual weights'}"


def _encode_command(source: Path, bitstream: Path, setting: float, weighting: tuple[str, ...]) -> tuple[str, ...]:
    files = ("-i", str(source), "-o", str(bitstream))
    return (str(_found().path), *files, "-rate", repr(float(setting)), *EXACT_RATE, *PRECISE, *weighting, *ONE_THREAD)


def _decode_command(bitstream: Path, destination: Path) -> tuple[str, ...]:
    return (str(_decoder()), "-i", str(bitstream), "-o", str(destination), *PRECISE, *ONE_THREAD)


def _as_ppm(path: Path) -> Path:
    return path if path.suffix == ".ppm" else path.with_name(f"{path.name}.ppm")


def _ppm_to_tiff(source: Path, picture: Path) -> None:
    """Uncompressed, the only kind that it is sure to read."""
    from tifffile import imwrite

    imwrite(picture, pixels.read_ppm(source, *pixels.ppm_size(source), DEEP_BITS).astype(np.uint16), photometric="rgb", metadata=None)


def _tiff_to_ppm(picture: Path, destination: Path, command: tuple[str, ...], done: Run) -> None:
    from tifffile import TiffFileError, imread

    try:
        samples = imread(picture)
    except (TiffFileError, ValueError) as error:
        raise ToolFailed(f"{program_name(command)} wrote a TIFF file that cannot be read: {error}", command, done.log) from error
    if samples.dtype != np.uint16 or samples.ndim != 3 or samples.shape[2] != 3:
        problem = f"{program_name(command)} wrote {samples.dtype} samples of shape {samples.shape}, not RGB of {DEEP_BITS} bits"
        raise ToolFailed(problem, command, done.log)
    pixels.write_ppm(destination, samples, DEEP_BITS)


def _run(command: tuple[str, ...]) -> Run:
    """Runs one of the programs. Raises ToolFailed with all lines of its complaint, which it breaks where they get long."""
    try:
        return run(command)
    except ToolFailed as failure:
        _, found, complaint = failure.log_tail.partition("Kakadu Error:")
        if not found:
            raise
        raise ToolFailed(f"{program_name(command)}: {' '.join(complaint.split())}", command, failure.log_tail) from failure


CODECS = (
    Jpeg2000Kakadu("jpeg2000-kakadu", "", ("-no_weights",)),
    Jpeg2000Kakadu("jpeg2000-kakadu-visual", "visual weights: made to be looked at, not for PSNR", ()),
)
