"""Y'CbCr pictures as RGB, for files that hold nothing else."""

from __future__ import annotations

import numpy as np
import torch

from jpegai_ref.colour import PEAK, codes_from_samples, rgb_from_ycc, samples_from_codes, upsampled
from jpegai_ref.picture import Picture, sample_type


def rgb_of(picture: Picture) -> Picture:
    """R, G, B of a Y'CbCr picture (BT.709, full range), of the same bit depth; subsampled chroma is interpolated."""
    with torch.inference_mode():
        luma, u, v = (samples_from_codes(torch.from_numpy(plane.astype(np.int32)), picture.bit_depth) for plane in picture.planes)
        # Neutral chroma of files is half of 2^bits, above the middle of 0..255 by less than half a code.
        neutral = PEAK * (1 << picture.bit_depth - 1) / ((1 << picture.bit_depth) - 1)
        chroma = upsampled(torch.stack((u, v))[None], picture.height, picture.width)[0] + (PEAK / 2 - neutral)
        codes = codes_from_samples(rgb_from_ycc(torch.cat((luma[None], chroma))), picture.bit_depth)
    planes = tuple(np.ascontiguousarray(plane, sample_type(picture.bit_depth)) for plane in codes.numpy())
    return Picture(planes, picture.bit_depth, "rgb")
