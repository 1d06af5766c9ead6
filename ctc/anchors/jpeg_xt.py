"""JPEG by the JPEG XT reference software, with the settings of the common test conditions: the JPEG anchor.

They are those of the call for proposals: optimised Huffman codes, the table that ImageMagick uses, 4:2:0. The page of 2020 had other ones
(4:4:4, the tables of Annex K, fixed Huffman codes), which do not reach 0.25 bpp. Qualities 1 to 3 give the same tables: rates below about
0.1 bpp cannot be had. `CTC_JPEG_XT` names the program or its folder; without it `jpeg` is looked for on PATH. The program prints no
version, so it is known by the years of its copyright and the hash of its file.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from ctc.anchors import _programs
from ctc.anchors._programs import Found, Program
from ctc.complexity.process import LOG_TAIL_CHARACTERS, Run, program_name, run
from ctc.errors import ToolFailed
from ctc.records import Cost, Knob, PixelFormat

OPTIMISED_HUFFMAN = ("-h",)
IMAGEMAGICK_TABLE = ("-qt", "3")
CHROMA_420 = ("-s", "1x1,2x2,2x2")

COMPLAINT = re.compile(r"(?:reading|writing) a JPEG file failed.*|unable to open the (?:in|out)put file.*")

PROGRAM = Program(
    title="JPEG XT",
    variable="CTC_JPEG_XT",
    file_names=("jpeg", "jpegxt"),
    banner=r"jpeg Copyright \(C\) ([\d-]+) Thomas Richter",
    # An option that it does not know: it then prints its banner and one line instead of a page of help.
    probe=("-version", os.devnull, os.devnull),
    remedy="build it (github.com/thorfdbg/libjpeg) and set CTC_JPEG_XT to its folder",
)

# Geometric mean over thirteen photographs, none of them in a set that is measured, of libjpeg-turbo with the same table.
START = ((0.1035, 2), (0.1965, 8), (0.3068, 14), (0.4008, 20), (0.5685, 32), (0.7666, 50), (1.0243, 68), (1.3752, 80), (2.2933, 92))


class JpegXt:
    """JPEG, 8 bits (no HDR pictures), 4:2:0, extended sequential."""

    name = "jpeg-xt"
    citation = "ITU-T T.81 | ISO/IEC 10918-1; JPEG XT reference software"
    note = ""
    pixels = PixelFormat("ppm")
    knob = Knob("quality", 1, 100, integer=True, rate_rises=True, start=START)
    seconds_per_megapixel = 0.1

    def locate(self) -> Path:
        """Raises ToolMissing."""
        return self._found().path

    def version(self) -> str:
        found = self._found()
        settings = "ImageMagick table, optimised Huffman, 4:2:0"
        return f"JPEG XT (copyright {found.version}, program {_programs.content_id(found.path)}), {settings}"

    def encode_command(self, source: Path, bitstream: Path, setting: float) -> tuple[str, ...]:
        """Raises ToolMissing."""
        options = ("-q", str(int(setting)), *OPTIMISED_HUFFMAN, *IMAGEMAGICK_TABLE, *CHROMA_420)
        return (str(self.locate()), *options, str(source), str(bitstream))

    def decode_command(self, bitstream: Path, destination: Path) -> tuple[str, ...]:
        """Raises ToolMissing."""
        return (str(self.locate()), str(bitstream), str(destination))

    def encode(self, source: Path, bitstream: Path, setting: float) -> Cost:
        return _run(self.encode_command(source, bitstream, setting)).cost

    def decode(self, bitstream: Path, destination: Path) -> Cost:
        command = self.decode_command(bitstream, destination)
        destination.unlink(missing_ok=True)
        done = _run(command)
        _programs.require_written(destination, command, done.log)
        return done.cost

    def _found(self) -> Found:
        return _programs.find(PROGRAM)


def _run(command: tuple[str, ...]) -> Run:
    """Runs the program, which ends with status 0 whatever happens. Raises ToolFailed where it complained."""
    done = run(command)
    complaint = COMPLAINT.search(done.log)
    if complaint is not None:
        raise ToolFailed(f"{program_name(command)}: {complaint[0]}", command, done.log[-LOG_TAIL_CHARACTERS:])
    return done


CODECS = (JpegXt(),)
