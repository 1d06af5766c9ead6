"""The block transform that training starts from: Karhunen-Loeve transforms of the training pictures, in the bands of a Haar packet.

A stride of two on 2x2 neighbours is one level of the packet: every band is split into four. After three levels an 8x8 block has 64 bands,
the one of slowest change first; a network with fewer channels there has the first of them alone. The Karhunen-Loeve transform is taken of
the bands of a 16x16 block (four of 8x8), which is that of its samples where all bands are there, the packet being orthonormal.

Latents come at a step that is about the best of a uniform quantiser for beta 0.012: at high rate dR + beta w dD = 0 gives a step of
sqrt(6 / (beta w ln 2)), w the weight of the plane's squared error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from jpegai_ref.colour import CENTRE, HALF_RANGE, ycc_from_rgb
from jpegai_ref.distortion import WEIGHTS
from jpegai_ref.variable_rate import BETA_OF_UNIT_GAIN

BLOCK = 16
BLOCKS = 60_000
QUARTERS = 4
"""Of 8x8 samples in a block."""
LUMA_BANDS = 64
"""Of 8x8 samples."""
CHROMA_BANDS = 32
"""Of 4x4 samples of U and V."""
HAAR = torch.tensor([[1.0, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2
"""Rows: orthonormal bands; columns: the samples (0,0), (0,1), (1,0), (1,1)."""
TAPS = ((0, 0), (0, 1), (1, 0), (1, 1))


def haar_split(channels: int) -> Tensor:
    """(4 channels, channels, 3, 3), weights of a C3/2: band s of channel c comes out as channel 4c + s."""
    weight = torch.zeros(4 * channels, channels, 3, 3)
    for band in range(4):
        for sample, (row, column) in enumerate(TAPS):
            weight[band::4, :, 1 + row, 1 + column] = torch.eye(channels) * HAAR[band, sample]
    return weight


def haar_join(channels: int) -> Tensor:
    """(4, channels, 4 channels), a matrix for each of the four samples: the inverse of `haar_split`."""
    return torch.stack([torch.kron(torch.eye(channels), HAAR[:, sample]) for sample in range(4)])


def phase_split() -> Tensor:
    """(32, 8, 3, 3), weights of a C3/2 on U and V that come as their four phases each: two levels of the packet at once.

    Bands of U and V take turns, so that a network with fewer channels has as many of both.
    """
    weight = torch.zeros(4, 4, 2, 2, 4, 3, 3)
    for sample, (row, column) in enumerate(TAPS):
        for plane in range(2):
            weight[:, :, plane, plane, :, 1 + row, 1 + column] = torch.einsum("ap,b->abp", HAAR, HAAR[:, sample])
    return weight.reshape(CHROMA_BANDS, 8, 3, 3)


def bands(pictures: Tensor, levels: int) -> Tensor:
    """(N, c, h, w) -> (N, 4^levels c, h / 2^levels, w / 2^levels), on the same device."""
    for _ in range(levels):
        pictures = F.conv2d(pictures, haar_split(pictures.shape[1]).to(pictures), stride=2, padding=1)
    return pictures


def chroma_bands(planes: Tensor) -> Tensor:
    """U and V (N, 2, h, w) -> (N, 32, h / 4, w / 4), on the same device."""
    return F.conv2d(F.pixel_unshuffle(planes, 2), phase_split().to(planes), stride=2, padding=1)


def sample_blocks(pictures: Sequence[Tensor], seed: int) -> Tensor:
    """(60,000, 3, 16, 16) blocks of Y, U, V in the networks' range from uint8 RGB pictures, drawn in proportion to their areas."""
    random = np.random.default_rng((seed, BLOCKS))
    areas = np.array([picture[0].numel() for picture in pictures], dtype=np.float64)
    blocks = []
    for picture, number in zip(pictures, random.multinomial(BLOCKS, areas / areas.sum()), strict=True):
        rows, columns = (torch.from_numpy(random.integers(0, size - BLOCK + 1, number)) for size in picture.shape[1:])
        reach = torch.arange(BLOCK)
        found = picture.cpu()[:, (rows[:, None] + reach)[:, :, None], (columns[:, None] + reach)[:, None, :]]
        blocks.append(found.transpose(0, 1))
    return (ycc_from_rgb(torch.cat(blocks).float()) - CENTRE) / HALF_RANGE


def _eigenvectors(samples: Tensor, number: int) -> Tensor:
    """(number, d): directions of the largest second moments of samples (n, d), the largest first; rows of unit length."""
    moments = samples.double().T @ samples.double() / len(samples)
    vectors = torch.linalg.eigh(moments).eigenvectors.flip(1).T[:number]
    # Of the two signs of an eigenvector the one with a positive sum, so that machines agree.
    signs = torch.where(vectors.sum(1, keepdim=True) < 0, -1.0, 1.0)
    return (vectors * signs).float()


def _step(plane_weight: float) -> float:
    """Quantiser step in the networks' range."""
    return math.sqrt(6 / (BETA_OF_UNIT_GAIN * plane_weight * math.log(2))) / HALF_RANGE


class LumaTransform:
    """16x16 blocks of luma (n, 3, 16, 16) to C latents by the first `width` of their 64 bands of 8x8.

    Raises ValueError where the bands of a block are fewer than the latents.
    """

    def __init__(self, blocks: Tensor, width: int, latents: int) -> None:
        kept = bands(blocks[:, :1], 3)[:, :width]
        if latents > QUARTERS * kept.shape[1]:
            raise ValueError(f"{latents} latents of luma cannot start as a transform of the {QUARTERS * kept.shape[1]} bands of a block")
        coefficients = kept.flatten(1)
        vectors = _eigenvectors(coefficients, latents)
        self.step = _step(WEIGHTS[1].mse[0])
        self.deviations = (coefficients @ vectors.T).std(0) / self.step
        """(C,): of the latents."""
        self.bands = vectors.reshape(latents, -1, 2, 2)
        """(C, bands, 2, 2): the basis, in bands of the four quarters of a block."""

    def quarters(self) -> Tensor:
        """(4, bands, C): the bands of the four quarters of a block from its latents."""
        return self.bands.flatten(2).permute(2, 1, 0) * self.step


class ChromaTransform:
    """U and V of 16x16 blocks (n, 3, 16, 16): by the first `width` of their 32 bands of 4x4, 8x8 quarters become `width` coefficients, and
    those of four quarters c latents.

    Raises ValueError where the latents are more than the coefficients of a quarter.
    """

    def __init__(self, blocks: Tensor, width: int, latents: int) -> None:
        if latents > width:
            raise ValueError(f"{latents} latents of chroma cannot start in {width} channels of the analysis")
        kept = chroma_bands(blocks[:, 1:])[:, :width]
        quarters = kept.unfold(2, 2, 2).unfold(3, 2, 2).permute(0, 2, 3, 1, 4, 5)
        samples = quarters.reshape(len(blocks) * QUARTERS, -1)
        vectors = _eigenvectors(samples, width)
        self.bands = vectors.reshape(len(vectors), -1, 2, 2)
        """(coefficients, bands, 2, 2): the basis of 8x8, in bands of 4x4."""
        unit_samples = torch.eye(128).reshape(128, 2, 8, 8)
        self.images = vectors @ chroma_bands(unit_samples)[:, :width].flatten(1).T
        """(coefficients, 128): the same basis as U and V of 8x8 samples."""
        coefficients = (samples @ vectors.T).reshape(len(blocks), -1)
        joined = _eigenvectors(coefficients, latents)
        self.step = _step(WEIGHTS[1].mse[1])
        self.deviations = (coefficients @ joined.T).std(0) / self.step
        """(c,): of the latents."""
        self.joined = joined.reshape(latents, QUARTERS, -1)
        """(c, 4, coefficients): the basis of 16x16."""

    def quarters(self) -> Tensor:
        """(4, coefficients, c): the coefficients of the four quarters of a block from its latents."""
        return self.joined.permute(1, 2, 0) * self.step
