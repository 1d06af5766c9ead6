"""VVC intra by libvvenc (inside ffmpeg): 10 bits, 4:2:0 only, one thread, constant QP; decoded by ffmpeg's own VVC decoder.

It is not the VVC anchor of the common test conditions, which is VTM in 4:4:4: against that, libvvenc looks 6 to 13 % better in luma
metrics, since it spends nothing on full-size chroma, and far worse in RGB. Two traps of its defaults are switched off: perceptual QP
adaptation (`-qpa 0`) and the QP offset of intra pictures.

A picture said to be PQ of BT.2020 is coded in VVenC's own mode for it, with chroma QPs as in JVET's HDR test conditions: at 0.11 bpp
of a still life 0.6 dB less in luma, 0.9 to 1.7 dB more in chroma than as SDR, and a colour difference 10 % smaller.
"""

from __future__ import annotations

from pathlib import Path

from ctc import ffmpeg
from ctc.complexity.process import run
from ctc.pixels import raw_size, raw_transfer
from ctc.records import Cost, Knob, PixelFormat

PRESET = "medium"
COLOUR = {
    "sdr": ("-colorspace", "bt709"),
    "pq": ("-colorspace", "bt2020nc", "-color_primaries", "bt2020", "-color_trc", "smpte2084"),
}
RAW = ("-f", "rawvideo", "-pix_fmt", "yuv420p10le")

# Geometric mean over seven photographs, none of them in a set that is measured; see NOTES.md.
START = (
    (0.0064, 63), (0.0136, 57), (0.0373, 51), (0.0988, 45), (0.2303, 39), (0.4749, 33), (0.9069, 27), (1.5519, 21), (2.4778, 15),
)  # fmt: skip


class VvcVvenc:
    """VVC Main 10 intra picture, Annex B byte stream."""

    name = "vvc-vvenc"
    citation = "ITU-T H.266 | ISO/IEC 23090-3; VVenC"
    note = "4:2:0: looks 6 to 13 % better than the true 4:4:4 VVC anchor in luma metrics, far worse in RGB"
    pixels = PixelFormat("yuv", "420", 10, minimum_side=16, multiple_of=2)
    knob = Knob(
        "QP", 0, 63, integer=True, rate_rises=False,
        start=START,
    )  # fmt: skip
    seconds_per_megapixel = 12.5

    def __init__(self, decoder_threads: int = 1) -> None:
        self._decoder_threads = decoder_threads

    def threaded(self, threads: int) -> VvcVvenc:
        """The encoder stays at one thread: its bits are those of one."""
        return VvcVvenc(threads)

    def version(self) -> str:
        library = ffmpeg.encoder_version("libvvenc", "yuv420p10le", r"libvvenc version: (\S+)")
        return f"VVenC {library}, preset {PRESET}, no QPA, 4:2:0 10 bit, ffmpeg {ffmpeg.version()}"

    def encode_command(self, source: Path, bitstream: Path, setting: float) -> tuple[str, ...]:
        width, height = raw_size(source)
        return (
            str(ffmpeg.executable()), "-v", "error", "-y", *RAW, "-color_range", "pc", *COLOUR[raw_transfer(source)],
            "-s", f"{width}x{height}", "-r", "1", "-i", str(source), "-frames:v", "1",
            "-c:v", "libvvenc", "-preset", PRESET, "-qp", str(int(setting)), "-qpa", "0", "-g", "1", "-threads", "1",
            "-vvenc-params", "intraqpoffset=0", "-f", "vvc", str(bitstream),
        )  # fmt: skip

    def decode_command(self, bitstream: Path, destination: Path) -> tuple[str, ...]:
        threads = ("-threads", str(self._decoder_threads))
        return (str(ffmpeg.executable()), "-v", "error", "-y", *threads, "-f", "vvc", "-i", str(bitstream), *RAW, str(destination))

    def encode(self, source: Path, bitstream: Path, setting: float) -> Cost:
        return run(self.encode_command(source, bitstream, setting)).cost

    def decode(self, bitstream: Path, destination: Path) -> Cost:
        return ffmpeg.decode(self.decode_command(bitstream, destination), self._decoder_threads)


CODECS = (VvcVvenc(),)
