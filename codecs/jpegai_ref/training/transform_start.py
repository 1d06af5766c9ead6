"""Where training starts: the networks compute a block transform and its inverse, which the data gives in closed form.

A stride of two on 2x2 neighbours is one level of a Haar packet, so the convolutions of the analysis can hold any transform of 16x16
blocks; here the Karhunen-Loeve transform of the training pictures, of which as many coefficients are kept as there are latents. The
synthesis holds the transposed matrices. Gates, attention and spare channels start without effect, and what they do is learnt.

Latents start at a step that is about the best of a uniform quantiser for beta 0.012: at high rate dR + beta w dD = 0 gives a step of
sqrt(6 / (beta w ln 2)), w the weight of the plane's squared error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegai_ref.analysis import ChromaAnalysis, LumaAnalysis
from jpegai_ref.blocks import CAB, TAM, ChannelAttention, Conv2x2Pxl2, GatedFeedForward, ResidualBlock
from jpegai_ref.colour import CENTRE, HALF_RANGE, ycc_from_rgb
from jpegai_ref.model import OPERATING_POINTS, Hyperprior, Model
from jpegai_ref.synthesis import HighChromaSynthesis, HighLumaSynthesis, LightChromaSynthesis, LightLumaSynthesis
from jpegai_ref.training.losses import WEIGHTS
from jpegai_ref.variable_rate import BETA_OF_UNIT_GAIN, LOG_LEVEL, SIGMA_MINIMUM

BLOCK = 16
BLOCKS = 60_000
SMALL = 1e-2
"""Factor of the weights of layers whose effect is to grow from nothing; a zero would stop the gradient of the layer before."""
CAB_GAIN = 1.5
"""Of a CAB with an idle trunk and a mask at one half."""
LOWEST_LEVEL = 1.0
"""Sigma levels start no lower: the hyper-scale decoder takes their magnitude, which has no slope to follow through zero."""

HAAR = torch.tensor([[1.0, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2
"""Rows: orthonormal bands; columns: the samples (0,0), (0,1), (1,0), (1,1)."""
TAPS = ((0, 0), (0, 1), (1, 0), (1, 1))


def _haar_weight(channels: int) -> Tensor:
    """(4 channels, channels, 3, 3) of a C3/2: band s of channel c comes out as channel 4c + s."""
    weight = torch.zeros(4 * channels, channels, 3, 3)
    for band in range(4):
        for sample, (row, column) in enumerate(TAPS):
            weight[band::4, :, 1 + row, 1 + column] = torch.eye(channels) * HAAR[band, sample]
    return weight


def _phase_weight(planes: int) -> Tensor:
    """(16 planes, 4 planes, 3, 3) of a C3/2 on planes that come as their four phases: two levels of the packet at once."""
    weight = torch.zeros(planes, 4, 4, planes, 4, 3, 3)
    for sample, (row, column) in enumerate(TAPS):
        for plane in range(planes):
            weight[plane, :, :, plane, :, 1 + row, 1 + column] = torch.einsum("ap,b->abp", HAAR, HAAR[:, sample])
    return weight.reshape(16 * planes, 4 * planes, 3, 3)


def _bands(pictures: Tensor, levels: int) -> Tensor:
    """(N, c, h, w) -> (N, 4^levels c, h / 2^levels, w / 2^levels)"""
    for _ in range(levels):
        pictures = F.conv2d(pictures, _haar_weight(pictures.shape[1]), stride=2, padding=1)
    return pictures


def _eigenvectors(samples: Tensor, number: int) -> Tensor:
    """(number, d): directions of the largest second moments of samples (n, d), the largest first; rows of unit length."""
    moments = samples.double().T @ samples.double() / len(samples)
    vectors = torch.linalg.eigh(moments).eigenvectors.flip(1).T[:number]
    # Of the two signs of an eigenvector the one with a positive sum, so that machines agree.
    signs = torch.where(vectors.sum(1, keepdim=True) < 0, -1.0, 1.0)
    return (vectors * signs).float()


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


def _step(plane_weight: float) -> float:
    """Quantiser step in the networks' range."""
    return math.sqrt(6 / (BETA_OF_UNIT_GAIN * plane_weight * math.log(2))) / HALF_RANGE


def _rest(layer: nn.Module) -> None:
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(SMALL)


def _clear_biases(module: nn.Module) -> None:
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and layer.bias is not None:
            nn.init.zeros_(layer.bias)


def _place(layer: nn.Conv2d, weight: Tensor) -> None:
    """Writes (o, i, k, k) into the first o outputs; these see no input beyond the first i."""
    with torch.no_grad():
        outputs, inputs = weight.shape[:2]
        layer.weight[:outputs] = 0
        layer.weight[:outputs, :inputs] = weight


def _place_point(layer: nn.Conv2d, matrix: Tensor) -> None:
    """As `_place`, at the middle of the kernel; matrix (o, i)."""
    weight = torch.zeros(*matrix.shape, *layer.kernel_size)
    weight[..., layer.kernel_size[0] // 2, layer.kernel_size[1] // 2] = matrix
    _place(layer, weight)


def _place_doubling(layer: nn.Module, matrices: Tensor, first_input: int = 0) -> None:
    """A layer that doubles the size: (4, o, i), the o outputs of each of the four samples from i inputs.

    T3 and T4 have the four samples at taps 1 and 2; C2 or C1 with a pixel shuffle have them in their channels.
    """
    outputs, inputs = matrices.shape[1:]
    reach = slice(first_input, first_input + inputs)
    with torch.no_grad():
        if isinstance(layer, nn.ConvTranspose2d):
            layer.weight[:, :outputs] = 0
            for matrix, (row, column) in zip(matrices, TAPS, strict=True):
                layer.weight[reach, :outputs, 1 + row, 1 + column] = matrix.T
            return
        convolution = layer.conv if isinstance(layer, Conv2x2Pxl2) else layer
        assert isinstance(convolution, nn.Conv2d)
        convolution.weight[: 4 * outputs] = 0
        for sample, matrix in enumerate(matrices):
            convolution.weight[sample : 4 * outputs : 4, reach, 0, 0] = matrix


def _haar_doubling(channels: int) -> Tensor:
    """(4, channels, 4 channels): the inverse of `_haar_weight`."""
    return torch.stack([torch.kron(torch.eye(channels), HAAR[:, sample]) for sample in range(4)])


def _start_cab(block: CAB) -> None:
    for layer in (*block.trunk, *block.mask):
        if isinstance(layer, ResidualBlock):
            _rest(layer.second)
    _rest(block.mask[-1])


def _start_tam(attention: TAM) -> None:
    for layer in attention.modules():
        if isinstance(layer, ChannelAttention | GatedFeedForward):
            _rest(layer.project)


class _LumaTransform:
    """Rows of the transform of 16x16 blocks, as images; `step` in the networks' range."""

    def __init__(self, blocks: Tensor, latents: int) -> None:
        rows = _eigenvectors(blocks[:, 0].flatten(1), latents)
        self.deviations = (blocks[:, 0].flatten(1) @ rows.T).std(0)
        self.step = _step(WEIGHTS[1].mse[0])
        self.bands = _bands(rows.reshape(-1, 1, BLOCK, BLOCK), 3)
        """(C, 64, 2, 2): the rows in the packet of 8x8."""
        unit_images = torch.eye(16).reshape(16, 1, 4, 4)
        self.samples_from_bands = _bands(unit_images, 2).flatten(1)
        """(16 samples, 16 bands) of 4x4."""

    @property
    def eighth(self) -> Tensor:
        """(4, 64, C): bands of the four 8x8 quarters of a block from its latents."""
        return self.bands.flatten(2).permute(2, 1, 0) * self.step


class _ChromaTransform:
    """Of U and V together: 8x8 blocks to at most 64 coefficients, four of these to the latents."""

    def __init__(self, blocks: Tensor, width: int, latents: int) -> None:
        quarters = blocks[:, 1:].unfold(2, 8, 8).unfold(3, 8, 8).permute(0, 2, 3, 1, 4, 5).reshape(-1, 128)
        self.rows = _eigenvectors(quarters, min(width, 128))
        """(width, 128): 2 planes of 8x8."""
        coefficients = (quarters @ self.rows.T).reshape(len(blocks), -1)
        joined = _eigenvectors(coefficients, latents)
        self.deviations = (coefficients @ joined.T).std(0)
        self.joined = joined.reshape(latents, 4, -1)
        """(c, 4, width)"""
        self.step = _step(WEIGHTS[1].mse[1])
        phases = F.pixel_unshuffle(self.rows.reshape(-1, 2, 8, 8), 2)
        self.bands = F.conv2d(phases, _phase_weight(2), stride=2, padding=1)
        """(width, 32, 2, 2): the rows in the packet of 4x4."""

    def eighth(self, width: int) -> Tensor:
        """(4, width, c): the first coefficients of the four 8x8 quarters from the latents."""
        return self.joined[:, :, :width].permute(1, 2, 0) * self.step


def _start_luma_analysis(net: LumaAnalysis, transform: _LumaTransform) -> None:
    _clear_biases(net)
    for level, halving in enumerate(net.halvings):
        _place(halving.conv, _haar_weight(4**level))
    last = torch.zeros(len(transform.bands), 64, 3, 3)
    last[..., 1:, 1:] = transform.bands / transform.step
    _place(net.last, last)
    _place_point(net.mix, torch.eye(len(last)))


def _start_chroma_analysis(net: ChromaAnalysis, transform: _ChromaTransform) -> None:
    _clear_biases(net)
    first, second, third = (halving.conv for halving in net.halvings)
    with_luma = torch.zeros(32, 12, 3, 3)
    with_luma[:, 4:] = _phase_weight(2)
    _place(first, with_luma)
    weight = torch.zeros(len(transform.rows), 32, 3, 3)
    weight[..., 1:, 1:] = transform.bands
    _place(second, weight)
    latents, _, width = transform.joined.shape
    weight = torch.zeros(latents, width, 3, 3)
    for quarter, (row, column) in enumerate(TAPS):
        weight[..., 1 + row, 1 + column] = transform.joined[:, quarter] / transform.step
    _place(third, weight)
    _place_point(net.mix, torch.eye(latents))


def _start_luma_synthesis(net: nn.Module, transform: _LumaTransform) -> None:
    _clear_biases(net)
    if isinstance(net, LightLumaSynthesis):
        _rest(net.pre.conv)
        _place_doubling(net.up1, transform.eighth)
        _place_doubling(net.up2, _haar_doubling(16))
        _place_point(net.mid, torch.eye(16))
        _place_point(net.out, transform.samples_from_bands)
        return
    assert isinstance(net, HighLumaSynthesis)
    _rest(net.pre.second)
    _place_doubling(net.up1, transform.eighth)
    _place_doubling(net.up2, _haar_doubling(16) / CAB_GAIN)
    _start_cab(net.attention2)
    _place_doubling(net.up3, _haar_doubling(4))
    halve, double = net.attention3.layers[0], net.attention3.layers[-1]
    assert isinstance(halve, nn.Conv2d)
    _place(halve, _haar_weight(4))
    _place_doubling(double, _haar_doubling(4))
    _start_tam(net.attention3)
    _place_doubling(net.out, _haar_doubling(1))


def _start_chroma_synthesis(net: nn.Module, transform: _ChromaTransform) -> None:
    _clear_biases(net)
    if isinstance(net, LightChromaSynthesis):
        combine = net.combine.out_channels
        width = min(net.mid.in_channels, net.mid.out_channels, len(transform.rows))
        _place_doubling(net.up, transform.eighth(width), combine)
        _place_point(net.mid, torch.eye(width))
        _place_point(net.out, transform.rows[:width].T)
        return
    assert isinstance(net, HighChromaSynthesis)
    width = min(net.up2.in_channels, len(transform.rows))
    _place_doubling(net.up1, transform.eighth(width) / CAB_GAIN, net.combine.out_channels)
    _start_cab(net.attention1)
    _place_doubling(net.up2, transform.bands[:width].flatten(2).permute(2, 1, 0))
    _start_tam(net.attention2)
    phases = _phase_weight(2)[..., 1:, 1:].flatten(2)
    _place_doubling(net.out, phases.permute(2, 1, 0))


def _start_scales(prior: Hyperprior, deviations: Tensor) -> None:
    """Sigma starts at the deviation of each latent over all pictures; `deviations` in latent units."""
    levels = (torch.log(deviations / SIGMA_MINIMUM) / LOG_LEVEL).clamp(min=LOWEST_LEVEL)
    bias = prior.scale_decoder.last.bias
    assert bias is not None
    with torch.no_grad():
        bias.copy_(levels.repeat_interleave(len(bias) // len(levels)))


def start_from_transform(model: Model, pictures: Sequence[Tensor], seed: int) -> None:
    """Sets a fresh model, on the processor, to the block transform; pictures uint8 RGB (3, H, W), sides of at least 16 samples."""
    d = model.dimensions
    blocks = sample_blocks(pictures, seed)
    luma = _LumaTransform(blocks, d.luma_latent)
    chroma = _ChromaTransform(blocks, d.chroma_analysis, d.chroma_latent)
    _start_luma_analysis(model.luma_analysis, luma)
    _start_chroma_analysis(model.chroma_analysis, chroma)
    _start_scales(model.luma_prior, luma.deviations / luma.step)
    _start_scales(model.chroma_prior, chroma.deviations / chroma.step)
    for name in OPERATING_POINTS:
        for copy in model.synthesis_copies(name):
            _start_luma_synthesis(copy.luma, luma)
            _start_chroma_synthesis(copy.chroma, chroma)
