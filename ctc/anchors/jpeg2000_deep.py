"""JPEG 2000 of pictures of more than 8 bits, by OpenJPEG (through imagecodecs): what `jpeg2000` is for them.

Pillow has no RGB of more than 8 bits. imagecodecs takes it, with the same transforms, but lets no rate be asked for: the setting is the
PSNR of the one layer, over R, G and B, in dB. OpenJPEG cuts all code-blocks at one slope in either case, so the streams are of the same
kind. Run as a module, it is its own child process: `python -m ctc.anchors.jpeg2000_deep encode|decode ...`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ctc.complexity.child import python_command, run_child, timed
from ctc.records import Cost, Knob, PixelFormat

BITS = 10
RESOLUTIONS = 6

# Geometric mean over the 512x512 centres of five HDR pictures.
START = ((0.0151, 26), (0.0379, 30), (0.0953, 34), (0.2294, 38), (0.5831, 42), (1.2387, 46), (2.1331, 50), (3.894, 56))


class Jpeg2000Deep:
    """JPEG 2000 codestream, irreversible, 10 bits, 4:4:4."""

    name = "jpeg2000"
    citation = "ITU-T T.800 | ISO/IEC 15444-1; OpenJPEG"
    note = ""
    pixels = PixelFormat("ppm", bit_depth=BITS)
    knob = Knob("PSNR (dB)", 5, 90, integer=False, rate_rises=True, start=START)
    seconds_per_megapixel = 0.6

    def version(self) -> str:
        import imagecodecs

        library = f"{imagecodecs.jpeg2k_version()}, imagecodecs {imagecodecs.__version__}"
        return f"{library}, {BITS} bits, 9/7, ICT, {RESOLUTIONS} resolutions, one layer, PSNR"

    def encode_command(self, source: Path, bitstream: Path, setting: float) -> tuple[str, ...]:
        return python_command(__name__, "encode", str(source), str(bitstream), repr(float(setting)))

    def decode_command(self, bitstream: Path, destination: Path) -> tuple[str, ...]:
        return python_command(__name__, "decode", str(bitstream), str(destination))

    def encode(self, source: Path, bitstream: Path, setting: float) -> Cost:
        return run_child(self.encode_command(source, bitstream, setting))

    def decode(self, bitstream: Path, destination: Path) -> Cost:
        return run_child(self.decode_command(bitstream, destination))


def encode(source: Path, bitstream: Path, psnr_db: float) -> Any:
    """Codes a PPM of 10 bits; gives the cost of the library call, and of reading and writing."""
    import imagecodecs
    import numpy as np

    from ctc.pixels import ppm_size, read_ppm

    def read() -> Any:
        return read_ppm(source, *ppm_size(source), BITS).astype(np.uint16)

    def encoded(codes: Any) -> bytes:
        # A picture can be halved only until one sample is left.
        resolutions = min(RESOLUTIONS, min(codes.shape[:2]).bit_length())
        transforms = {"reversible": False, "mct": True, "resolutions": resolutions}
        options: dict[str, Any] = {"level": psnr_db, "codecformat": "j2k", "bitspersample": BITS, "numthreads": 1, **transforms}
        return bytes(imagecodecs.jpeg2k_encode(codes, **options))

    return timed(read, encoded, bitstream.write_bytes)


def decode(bitstream: Path, destination: Path) -> Any:
    """Decodes to a PPM of 10 bits; gives the cost of the library call, and of reading and writing."""
    import imagecodecs

    from ctc.pixels import write_ppm

    return timed(
        bitstream.read_bytes,
        lambda content: imagecodecs.jpeg2k_decode(content, numthreads=1),
        lambda codes: write_ppm(destination, codes, BITS),
    )


if __name__ == "__main__":
    task, read, written, *arguments = sys.argv[1:]
    print(json.dumps(encode(Path(read), Path(written), float(arguments[0])) if task == "encode" else decode(Path(read), Path(written))))
