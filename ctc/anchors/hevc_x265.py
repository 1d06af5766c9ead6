"""HEVC intra by libx265 (inside ffmpeg): 10 bits, 4:4:4, one thread, constant QP.

It stands for the HM reference encoder, behind which it is 2 to 6 % in luma BD-rate. Three traps of its defaults are switched off: the
2.3 kB of SEI (0.07 bpp at 512x512), the QP offset of intra pictures, and the chroma QP offset in 4:4:4 (`-tune psnr`).
"""

from __future__ import annotations

import filecmp
import tempfile
from pathlib import Path

from ctc import ffmpeg
from ctc.complexity.process import program_name, run
from ctc.errors import ToolFailed
from ctc.pixels import raw_size, raw_transfer
from ctc.records import Cost, Knob, PixelFormat

PRESET = "slow"
INTRA = "keyint=1:bframes=0:rc-lookahead=0:scenecut=0"
EXACT_QP = "ipratio=1:pbratio=1"
NO_METADATA = "info=0:aud=0:hrd=0:repeat-headers=0"
COLOUR = {
    "sdr": "range=full:colormatrix=bt709:colorprim=bt709:transfer=bt709",
    "pq": "range=full:colormatrix=bt2020nc:colorprim=bt2020:transfer=smpte2084",
}
"""What the stream says of its samples. It moves no coefficient; x265's own HDR modes stay off, so that its QPs mean the same for both."""
ONE_THREAD = "pools=1:frame-threads=1:wpp=0"
RAW = ("-f", "rawvideo", "-pix_fmt", "yuv444p10le")

# Geometric mean over thirteen photographs, none of them in a set that is measured; see NOTES.md.
START = (
    (0.033, 51), (0.0531, 48), (0.0847, 45), (0.1326, 42), (0.2006, 39), (0.2977, 36), (0.4306, 33), (0.614, 30), (0.8712, 27),
    (1.2111, 24), (1.6064, 21), (2.0401, 18), (2.5308, 15), (3.0298, 12),
)  # fmt: skip
BEHIND = b"\xa5" * 64
"""A decoder of the whole ends before these; where the end is missing it takes them for the rest of the picture."""


class HevcX265:
    """HEVC Main 4:4:4 10 intra picture, Annex B byte stream."""

    name = "hevc-x265"
    citation = "ITU-T H.265 | ISO/IEC 23008-2; x265"
    note = "libx265, not the HM reference encoder: 2 to 6 % behind it in luma"
    pixels = PixelFormat("yuv", "444", 10, minimum_side=16)
    knob = Knob(
        "QP", 0, 51, integer=True, rate_rises=False,
        start=START,
    )  # fmt: skip
    seconds_per_megapixel = 1.0

    def __init__(self, decoder_threads: int = 1) -> None:
        self._decoder_threads = decoder_threads

    def threaded(self, threads: int) -> HevcX265:
        """The encoder stays at one thread: its bits are those of one."""
        return HevcX265(threads)

    def version(self) -> str:
        library = ffmpeg.encoder_version("libx265", "yuv444p10le", r"HEVC encoder version (\S+)")
        return f"x265 {library}, preset {PRESET}, tune psnr, 4:4:4 10 bit, ffmpeg {ffmpeg.version()}"

    def encode_command(self, source: Path, bitstream: Path, setting: float) -> tuple[str, ...]:
        width, height = raw_size(source)
        parameters = ":".join((INTRA, EXACT_QP, NO_METADATA, COLOUR[raw_transfer(source)], ONE_THREAD))
        return (
            str(ffmpeg.executable()), "-v", "error", "-y", *RAW, "-s", f"{width}x{height}", "-r", "1", "-i", str(source), "-frames:v", "1",
            "-c:v", "libx265", "-preset", PRESET, "-tune", "psnr", "-qp", str(int(setting)), "-x265-params", parameters,
            "-f", "hevc", str(bitstream),
        )  # fmt: skip

    def decode_command(self, bitstream: Path, destination: Path) -> tuple[str, ...]:
        threads = ("-threads", str(self._decoder_threads))
        return (str(ffmpeg.executable()), "-v", "error", "-y", *threads, "-f", "hevc", "-i", str(bitstream), *RAW, str(destination))

    def encode(self, source: Path, bitstream: Path, setting: float) -> Cost:
        return run(self.encode_command(source, bitstream, setting)).cost

    def decode(self, bitstream: Path, destination: Path) -> Cost:
        """Raises ToolFailed also for a bitstream that is cut off, of which ffmpeg makes a picture without a word; not where it
        makes another one every time."""
        command = self.decode_command(bitstream, destination)
        cost = ffmpeg.decode(command, self._decoder_threads)
        with tempfile.TemporaryDirectory(dir=destination.parent) as folder:
            longer = Path(folder, "longer")
            longer.write_bytes(bitstream.read_bytes() + BEHIND)
            # A decoder that gives another picture every time says nothing of the bitstream: that is for the check of its repeatability.
            if not self._gives(longer, destination) and self._gives(bitstream, destination):
                raise ToolFailed(f"{program_name(command)}: the bitstream is cut off: the picture goes on behind its end", command)
        return cost

    def _gives(self, bitstream: Path, decoded: Path) -> bool:
        """Whether the bitstream decodes to these samples."""
        with tempfile.TemporaryDirectory(dir=decoded.parent) as folder:
            other = Path(folder, "decoded")
            ffmpeg.decode(self.decode_command(bitstream, other), self._decoder_threads)
            return filecmp.cmp(decoded, other, shallow=False)


CODECS = (HevcX265(),)
