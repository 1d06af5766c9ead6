"""What the codec does to a batch, with stand-ins for rounding: latents to quantised latents and their cost in bits."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from jpegai_ref.colour import analysis_input, ycc_from_rgb
from jpegai_ref.context import chroma_means, join_cells, split_cells
from jpegai_ref.hyper import HYPER_LATENT_PEAK
from jpegai_ref.model import Hyperprior, Model
from jpegai_ref.training.proxies import hyper_bits, residual_bits, rounded, rounded_with_noise
from jpegai_ref.training.quantised import quantised_levels
from jpegai_ref.variable_rate import STEPS_PER_LEVEL, gain_of

SKIP_THRESHOLD = 382 / STEPS_PER_LEVEL
"""Symbols at or below this level (sigma about 0.2) are not coded: they are 0."""


@dataclass(frozen=True)
class Rates:
    """For each picture of the batch: its model id (int64) and its displacement in 1/128 level, both (N,)."""

    model_ids: Tensor
    displacements: Tensor


@dataclass(frozen=True)
class Rounding:
    """How symbols come about: the hyper-scale decoder in its integers, unlikely symbols skipped, rates from noisy symbols."""

    integer_scales: bool
    skip: bool
    noise: bool


@dataclass(frozen=True)
class Coded:
    """Quantised latents, (N, C, h, w) each, and bits of each picture, (N,): of residuals and hyper-latents, of hyper-latents alone."""

    luma: Tensor
    chroma: Tensor
    bits: Tensor
    hyper_bits: Tensor


@dataclass(frozen=True)
class _Hyper:
    levels: Tensor
    gain: Tensor
    psi: Tensor
    bits: Tensor


def planes_of(crops: Tensor) -> Tensor:
    """uint8 RGB (N, 3, H, W) -> Y, U, V in [0, 255], float32."""
    return ycc_from_rgb(crops.float())


def code(model: Model, planes: Tensor, rates: Rates, rounding: Rounding) -> Coded:
    """From Y, U, V (N, 3, H, W) in [0, 255], H and W even, to quantised latents."""
    height, width = planes.shape[-2:]
    y_luma, y_chroma = (y.float() for y in model.analyse(*analysis_input(planes[:, :1], planes[:, 1:])))
    luma_prior = _hyper(model.luma_prior, y_luma, rates, rounding, height, width)
    chroma_prior = _hyper(model.chroma_prior, y_chroma, rates, rounding, height, width)
    luma, luma_bits = _code_luma(model, y_luma, luma_prior, rounding)
    chroma, chroma_bits = _code_chroma(y_chroma, chroma_prior, rounding)
    z_bits = luma_prior.bits + chroma_prior.bits
    return Coded(luma, chroma, luma_bits + chroma_bits + z_bits, z_bits)


def _hyper(prior: Hyperprior, y: Tensor, rates: Rates, rounding: Rounding, height: int, width: int) -> _Hyper:
    z = prior.encoder(y).float().clamp(-HYPER_LATENT_PEAK, HYPER_LATENT_PEAK)
    z_hat = rounded(z)
    symbols = rounded_with_noise(z) if rounding.noise else z_hat
    bits = hyper_bits(prior.symbols.likelihood(symbols)).sum((1, 2, 3))
    gains = prior.gains(rates.model_ids, rates.displacements)
    with torch.autocast(y.device.type, enabled=False):
        decoder = prior.scale_decoder
        levels = quantised_levels(decoder, z_hat, height, width) if rounding.integer_scales else decoder(z_hat, height, width)
    return _Hyper(levels + gains, gain_of(gains), prior.decoder(z_hat, height, width), bits)


def _coded_at(levels: Tensor, rounding: Rounding) -> Tensor | float:
    return (levels > SKIP_THRESHOLD).float() if rounding.skip else 1.0


def _code_luma(model: Model, y: Tensor, prior: _Hyper, rounding: Rounding) -> tuple[Tensor, Tensor]:
    """The likelihood of luma is that of the very symbols that are decoded, as in the reference software."""
    sources, levels = split_cells(y), split_cells(prior.levels)
    symbols: list[Tensor] = []

    def reconstruct(stage: int, mean: Tensor) -> Tensor:
        mean = mean.float()
        q = rounded((sources[stage] - mean) * prior.gain) * _coded_at(levels[stage], rounding)
        symbols.append(q)
        return mean + q / prior.gain

    height, width = y.shape[-2:]
    y_hat = model.context(prior.psi, reconstruct, height, width)
    bits = residual_bits(join_cells(symbols, height, width), prior.levels) * _coded_at(prior.levels, rounding)
    return y_hat, bits.sum((1, 2, 3))


def _code_chroma(y: Tensor, prior: _Hyper, rounding: Rounding) -> tuple[Tensor, Tensor]:
    mean = chroma_means(prior.psi, *y.shape[-2:]).float()
    scaled = (y - mean) * prior.gain
    coded = _coded_at(prior.levels, rounding)
    q = rounded(scaled) * coded
    counted = rounded_with_noise(scaled) if rounding.noise else q
    bits = residual_bits(counted, prior.levels) * coded
    return mean + q / prior.gain, bits.sum((1, 2, 3))
