"""The weights that come with the package: whole, small enough, and better than JPEG on photographs that they were not trained on."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
from jpegai_ref import decoder, rate_matching
from jpegai_ref.analysed import Analysed, analysed
from jpegai_ref.coder import Coder
from jpegai_ref.colour import ycc_from_rgb
from jpegai_ref.dimensions import COMPACT
from jpegai_ref.model import OPERATING_POINTS, OperatingPoint
from jpegai_ref.picture import Picture
from jpegai_ref.weights import load_networks, read
from numpy.typing import NDArray
from PIL import Image
from skimage import data
from skimage.metrics import structural_similarity

MOST_BYTES = 16 << 20
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee")
JPEG_QUALITIES = (8, 20, 40)


@pytest.fixture(scope="module")
def analyses(own_coder: Coder) -> dict[str, Analysed]:
    return {name: analysed(own_coder, Picture(tuple(np.moveaxis(photograph(name), 2, 0)), 8, "rgb")) for name in PHOTOGRAPHS}


def photograph(name: str) -> NDArray[np.uint8]:
    rgb: NDArray[np.uint8] = getattr(data, name)()
    return np.ascontiguousarray(rgb[:256, :320])


def luma(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    import torch

    planes = ycc_from_rgb(torch.from_numpy(np.moveaxis(rgb, 2, 0).copy()).float())
    return planes[0].double().numpy()


def qualities(rgb: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> tuple[float, float]:
    """PSNR and SSIM of luma."""
    reference, shown = luma(rgb), luma(decoded)
    psnr = 10 * math.log10(255**2 / float(np.mean((reference - shown) ** 2)))
    return psnr, float(structural_similarity(reference, shown, data_range=255))


def test_they_are_whole_and_small(own_weights: Path) -> None:
    weights = read(own_weights)
    assert own_weights.stat().st_size <= MOST_BYTES
    load_networks(weights, COMPACT)


@pytest.mark.parametrize("text", ["MODEL_CARD.md", "TRAINING.md"])
def test_the_texts_are_of_these_weights(own_weights: Path, text: str) -> None:
    content = (own_weights.parent.parent / text).read_text()
    assert read(own_weights).id in content
    assert "@" not in content


@pytest.mark.slow
@pytest.mark.parametrize("operating_point", OPERATING_POINTS)
def test_better_than_jpeg_at_its_bytes(own_coder: Coder, analyses: dict[str, Analysed], operating_point: OperatingPoint) -> None:
    """By an encoder and a measure that are not ours, averaged over photographs and rates."""
    gains = []
    for name in PHOTOGRAPHS:
        rgb = photograph(name)
        for quality in JPEG_QUALITIES:
            file = io.BytesIO()
            Image.fromarray(rgb).save(file, "JPEG", quality=quality, optimize=True)
            other = qualities(rgb, np.asarray(Image.open(file).convert("RGB")))
            bpp = 8 * len(file.getvalue()) / (rgb.shape[0] * rgb.shape[1])
            match = rate_matching.matched(own_coder, analyses[name], bpp)
            assert abs(match.deviation) <= rate_matching.TOLERANCE
            planes = decoder.decode(own_coder, match.encoded.data, operating_point).planes
            gains.append(np.subtract(qualities(rgb, np.stack(planes, -1).astype(np.uint8)), other))
    psnr, ssim = np.mean(gains, axis=0)
    assert psnr > 0.3
    assert ssim > 0


def test_more_bytes_are_more_quality(own_coder: Coder, analyses: dict[str, Analysed]) -> None:
    rgb = photograph("astronaut")
    reached = []
    for bpp in (0.06, 0.12, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0):
        match = rate_matching.matched(own_coder, analyses["astronaut"], bpp)
        planes = decoder.decode(own_coder, match.encoded.data, "bop").planes
        reached.append(qualities(rgb, np.stack(planes, -1).astype(np.uint8))[0])
    assert np.all(np.diff(reached) > 0)
