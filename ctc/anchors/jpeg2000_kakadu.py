"""JPEG 2000 by Kakadu: PSNR-optimised and visually weighted, the rate given directly. The JPEG 2000 anchors.

Kakadu weights the subbands of a colour picture by contrast sensitivity unless it is told `-no_weights`, which gives the smallest error. The
page of anchors of 2020 has the two labels swapped; here `jpeg2000-kakadu` is the one with `-no_weights`. Commercial; its demonstration
programs can be downloaded. `CTC_KAKADU` names their folder; without it `kdu_compress` is looked for on PATH, and `kdu_expand` beside it.
Command lines and banner are those of versions 7 and 8. It was not run for real: no Kakadu was at hand.
"""

from __future__ import annotations

from pathlib import Path

from ctc.anchors import _programs
from ctc.anchors._programs import Found, Program
from ctc.complexity.process import Run, program_name, run
from ctc.errors import ToolFailed
from ctc.records import Cost, Knob, PixelFormat

REMEDY = "get the demonstration programs from kakadusoftware.com and set CTC_KAKADU to their folder, and LD_LIBRARY_PATH to their libraries"
PROGRAM = Program(
    title="Kakadu",
    variable="CTC_KAKADU",
    file_names=("kdu_compress",),
    banner=r"core system version is v?(\S+)",
    probe=("-v",),
    remedy=REMEDY,
)
SOURCE_BPP = 24
EXACT_RATE = ("Qstep=0.001", "-tolerance", "0", "-full")
PRECISE = ("-precise",)
ONE_THREAD = ("-num_threads", "0")


class Jpeg2000Kakadu:
    """JPEG 2000 codestream, irreversible, 8 bits (no HDR pictures), 4:4:4. The setting is the rate in bpp."""

    citation = "ITU-T T.800 | ISO/IEC 15444-1; Kakadu"
    pixels = PixelFormat("ppm")
    knob = Knob("rate (bpp)", 0.001, SOURCE_BPP, integer=False, rate_rises=True, start=((0.03, 0.03), (2.0, 2.0)))
    seconds_per_megapixel = 0.5

    def __init__(self, name: str, note: str, weighting: tuple[str, ...]) -> None:
        self.name, self.note, self._weighting = name, note, weighting

    def locate(self) -> Path:
        """Raises ToolMissing, also where the decoder is missing."""
        self._decoder()
        return self._found().path

    def version(self) -> str:
        found = self._found()
        hashes = f"kdu_compress {_programs.content_id(found.path)}, kdu_expand {_programs.content_id(self._decoder())}"
        return f"Kakadu {found.version}, {hashes}, {'minimum squared error' if self._weighting else 'visual weights'}"

    def encode_command(self, source: Path, bitstream: Path, setting: float) -> tuple[str, ...]:
        """Raises ToolMissing."""
        files = ("-i", str(source), "-o", str(bitstream))
        return (str(self._found().path), *files, "-rate", repr(float(setting)), *EXACT_RATE, *PRECISE, *self._weighting, *ONE_THREAD)

    def decode_command(self, bitstream: Path, destination: Path) -> tuple[str, ...]:
        """Raises ToolMissing. The suffix decides what is written: a destination without one gets it."""
        return (str(self._decoder()), "-i", str(bitstream), "-o", str(_as_ppm(destination)), *PRECISE, *ONE_THREAD)

    def encode(self, source: Path, bitstream: Path, setting: float) -> Cost:
        return _run(self.encode_command(source, bitstream, setting)).cost

    def decode(self, bitstream: Path, destination: Path) -> Cost:
        command, written = self.decode_command(bitstream, destination), _as_ppm(destination)
        written.unlink(missing_ok=True)
        done = _run(command)
        _programs.require_written(written, command, done.log)
        written.replace(destination)
        return done.cost

    def _found(self) -> Found:
        return _programs.find(PROGRAM)

    def _decoder(self) -> Path:
        return _programs.beside(self._found().path, ("kdu_expand",), "the decoder of Kakadu", REMEDY)


def _as_ppm(path: Path) -> Path:
    return path if path.suffix == ".ppm" else path.with_name(f"{path.name}.ppm")


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
