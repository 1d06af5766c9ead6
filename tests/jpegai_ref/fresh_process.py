"""python -m tests.jpegai_ref.fresh_process encode|decode FOLDER THREADS: all thirty pictures, in a process that has done nothing else.

Prints a line for each picture: its number, the sha256 of its stream, and of the planes that encoder or decoder have for each operating
point. Streams are written to FOLDER by the encoder and read from there by the decoder.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from jpegai_ref import coder, decoder, encoder
from jpegai_ref.model import OPERATING_POINTS
from jpegai_ref.picture import Picture
from jpegai_ref.quality import setting_of
from jpegai_ref.weights_place import weights_file

from tests.jpegai_ref.sample_pictures import digest, grey, rgb, ycc

SIZES = ((1, 1), (1, 200), (200, 1), (2, 3), (16, 16), (63, 65), (64, 64), (65, 127), (100, 90), (128, 300), (255, 257), (380, 560))


def pictures() -> Iterator[Picture]:
    """Of 1x1 to 560x380, RGB, grey and Y'CbCr in all subsamplings, 8 to 16 bits."""
    for height, width in SIZES:
        yield rgb(height, width)
    yield from (rgb(97, 131, bits) for bits in (10, 12, 14, 16))
    yield from (grey(height, width) for height, width in ((1, 1), (40, 70), (129, 66)))
    yield from (grey(99, 64, bits) for bits in (10, 16))
    for subsampling in ((1, 1), (1, 2), (2, 2)):
        yield from (ycc(height, width, bits, subsampling) for height, width, bits in ((64, 66, 8), (121, 83, 10), (33, 200, 16)))


def main() -> None:
    task, folder, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    loaded = coder.load(weights_file())
    for number, picture in enumerate(pictures()):
        file = folder / f"{number:02}.jai"
        if task == "encode":
            # From the lowest to the highest rates.
            encoded = encoder.encode(loaded, picture, setting_of(100 + 90 * number))
            file.write_bytes(encoded.data)
            planes = [digest(encoded.reconstruction(loaded, name)) for name in OPERATING_POINTS]
        else:
            planes = [digest(decoder.decode(loaded, file.read_bytes(), name, threads)) for name in OPERATING_POINTS]
        print(number, hashlib.sha256(file.read_bytes()).hexdigest(), *planes, flush=True)


if __name__ == "__main__":
    main()
