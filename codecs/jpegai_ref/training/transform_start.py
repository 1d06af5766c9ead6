"""Where training starts: the networks compute a block transform and its inverse, see `block_transform`.

The convolutions of the analysis hold the levels of the packet and the basis, those of the synthesis the transposed matrices. Gates,
attention and spare channels start without effect, and what they do is learnt. A layer that has fewer channels than the transform takes
the first, those of slowest change and largest variance.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegai_ref.analysis import ChromaAnalysis, LumaAnalysis
from jpegai_ref.blocks import CAB, TAM, ChannelAttention, Conv2x2Pxl2, GatedFeedForward, ResidualBlock
from jpegai_ref.model import OPERATING_POINTS, Hyperprior, Model
from jpegai_ref.synthesis import HighChromaSynthesis, HighLumaSynthesis, LightChromaSynthesis, LightLumaSynthesis
from jpegai_ref.training.block_transform import (
    TAPS,
    ChromaTransform,
    LumaTransform,
    bands,
    haar_join,
    haar_split,
    phase_split,
    sample_blocks,
)
from jpegai_ref.variable_rate import LOG_LEVEL, SIGMA_MINIMUM

SMALL = 1e-2
"""Factor of the weights of layers whose effect is to grow from nothing; a zero would stop the gradient of the layer before."""
CAB_GAIN = 1.5
"""Of a CAB with an idle trunk and a mask at one half."""
LOWEST_LEVEL = 1.0
"""Sigma levels start no lower: the hyper-scale decoder takes their magnitude, which has no slope to follow through zero."""


def _rest(layer: nn.Module) -> None:
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(SMALL)


def _clear_biases(module: nn.Module) -> None:
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and layer.bias is not None:
            nn.init.zeros_(layer.bias)


def _convolution(layer: nn.Module) -> nn.Conv2d:
    if isinstance(layer, nn.Conv2d):
        return layer
    raise TypeError(f"{type(layer).__name__} holds no part of the transform")


def _place(layer: nn.Conv2d, weight: Tensor) -> None:
    """Writes (o, i, k, k) into the first o outputs; these see no input beyond the first i."""
    weight = weight[: layer.out_channels, : layer.in_channels]
    outputs, inputs = weight.shape[:2]
    with torch.no_grad():
        layer.weight[:outputs] = 0
        layer.weight[:outputs, :inputs] = weight


def _place_at(layer: nn.Conv2d, matrices: Tensor) -> None:
    """As `_place`: (4, o, i), the taps of the four samples below and to the right of the middle of the kernel."""
    weight = torch.zeros(*matrices.shape[1:], 3, 3)
    for matrix, (row, column) in zip(matrices, TAPS, strict=True):
        weight[..., 1 + row, 1 + column] = matrix
    _place(layer, weight)


def _place_point(layer: nn.Conv2d, matrix: Tensor) -> None:
    """As `_place`, at the middle of the kernel; matrix (o, i)."""
    weight = torch.zeros(*matrix.shape, *layer.kernel_size)
    weight[..., layer.kernel_size[0] // 2, layer.kernel_size[1] // 2] = matrix
    _place(layer, weight)


def _place_doubling(layer: nn.Module, matrices: Tensor, first_input: int = 0) -> None:
    """A layer that doubles the size: (4, o, i), the o outputs of each of the four samples from i inputs.

    T3 and T4 have the four samples at taps 1 and 2; C2 or C1 with a pixel shuffle have them in their channels.
    """
    with torch.no_grad():
        if isinstance(layer, nn.ConvTranspose2d):
            matrices = matrices[:, : layer.out_channels, : layer.in_channels - first_input]
            outputs, reach = matrices.shape[1], slice(first_input, first_input + matrices.shape[2])
            layer.weight[:, :outputs] = 0
            for matrix, (row, column) in zip(matrices, TAPS, strict=True):
                layer.weight[reach, :outputs, 1 + row, 1 + column] = matrix.T
            return
        convolution = _convolution(layer.conv if isinstance(layer, Conv2x2Pxl2) else layer)
        matrices = matrices[:, : convolution.out_channels // 4, : convolution.in_channels - first_input]
        outputs, reach = matrices.shape[1], slice(first_input, first_input + matrices.shape[2])
        convolution.weight[: 4 * outputs] = 0
        for sample, matrix in enumerate(matrices):
            convolution.weight[sample : 4 * outputs : 4, reach, 0, 0] = matrix


def _start_cab(block: CAB) -> None:
    for layer in (*block.trunk, *block.mask):
        if isinstance(layer, ResidualBlock):
            _rest(layer.second)
    _rest(block.mask[-1])


def _start_tam(attention: TAM) -> None:
    for layer in attention.modules():
        if isinstance(layer, ChannelAttention | GatedFeedForward):
            _rest(layer.project)


def _halvings(net: LumaAnalysis | ChromaAnalysis) -> list[nn.Conv2d]:
    return [_convolution(halving.get_submodule("conv")) for halving in net.halvings]


def _start_luma_analysis(net: LumaAnalysis, transform: LumaTransform) -> None:
    _clear_biases(net)
    for level, convolution in enumerate(_halvings(net)):
        _place(convolution, haar_split(4**level))
    _place_at(net.last, transform.bands.flatten(2).permute(2, 0, 1) / transform.step)
    _place_point(net.mix, torch.eye(len(transform.bands)))


def _start_chroma_analysis(net: ChromaAnalysis, transform: ChromaTransform) -> None:
    _clear_biases(net)
    first, second, third = _halvings(net)
    # The first four planes are phases of luma, which chroma starts without.
    _place(first, F.pad(phase_split(), (0, 0, 0, 0, 4, 0)))
    _place_at(second, transform.bands.flatten(2).permute(2, 0, 1))
    _place_at(third, transform.joined.transpose(0, 1) / transform.step)
    _place_point(net.mix, torch.eye(len(transform.joined)))


@singledispatch
def _start_luma_synthesis(net: nn.Module, _transform: LumaTransform) -> None:
    raise TypeError(f"{type(net).__name__} is no synthesis of luma")


@_start_luma_synthesis.register
def _(net: LightLumaSynthesis, transform: LumaTransform) -> None:
    _clear_biases(net)
    _rest(net.pre.conv)
    _place_doubling(net.up1, transform.quarters())
    _place_doubling(net.up2, haar_join(16))
    _place_point(net.mid, torch.eye(16))
    _place_point(net.out, bands(torch.eye(16).reshape(16, 1, 4, 4), 2).flatten(1))


@_start_luma_synthesis.register
def _(net: HighLumaSynthesis, transform: LumaTransform) -> None:
    _clear_biases(net)
    _rest(net.pre.second)
    _place_doubling(net.up1, transform.quarters())
    _place_doubling(net.up2, haar_join(16) / CAB_GAIN)
    _start_cab(net.attention2)
    _place_doubling(net.up3, haar_join(4))
    halve, *_, double = net.attention3.layers
    _place(_convolution(halve), haar_split(4))
    _place_doubling(double, haar_join(4))
    _start_tam(net.attention3)
    _place_doubling(net.out, haar_join(1))


@singledispatch
def _start_chroma_synthesis(net: nn.Module, _transform: ChromaTransform) -> None:
    raise TypeError(f"{type(net).__name__} is no synthesis of chroma")


@_start_chroma_synthesis.register
def _(net: LightChromaSynthesis, transform: ChromaTransform) -> None:
    _clear_biases(net)
    _place_doubling(net.up, transform.quarters(), net.combine.out_channels)
    _place_point(net.mid, torch.eye(len(transform.images)))
    _place_point(net.out, transform.images.T)


@_start_chroma_synthesis.register
def _(net: HighChromaSynthesis, transform: ChromaTransform) -> None:
    _clear_biases(net)
    _place_doubling(net.up1, transform.quarters() / CAB_GAIN, net.combine.out_channels)
    _start_cab(net.attention1)
    _place_doubling(net.up2, transform.bands.flatten(2).permute(2, 1, 0))
    _start_tam(net.attention2)
    _place_doubling(net.out, phase_split()[..., 1:, 1:].flatten(2).permute(2, 1, 0))


def _start_scales(prior: Hyperprior, deviations: Tensor) -> None:
    """Sigma starts at the deviation of each latent over all pictures, (C,)."""
    levels = (torch.log(deviations / SIGMA_MINIMUM) / LOG_LEVEL).clamp(min=LOWEST_LEVEL)
    last = prior.scale_decoder.last
    last.bias = nn.Parameter(levels.repeat_interleave(last.out_channels // len(levels)))


def start_from_transform(model: Model, pictures: Sequence[Tensor], seed: int) -> None:
    """Sets a fresh model, on the processor, to the block transform of uint8 RGB pictures (3, H, W), sides of at least 16 samples.

    Raises ValueError where the networks' dimensions do not hold the transform.
    """
    d = model.dimensions
    blocks = sample_blocks(pictures, seed)
    luma = LumaTransform(blocks, d.luma_analysis, d.luma_latent)
    chroma = ChromaTransform(blocks, d.chroma_analysis, d.chroma_latent)
    _start_luma_analysis(model.luma_analysis, luma)
    _start_chroma_analysis(model.chroma_analysis, chroma)
    _start_scales(model.luma_prior, luma.deviations)
    _start_scales(model.chroma_prior, chroma.deviations)
    for name in OPERATING_POINTS:
        for copy in model.synthesis_copies(name):
            _start_luma_synthesis(copy.luma, luma)
            _start_chroma_synthesis(copy.chroma, chroma)
