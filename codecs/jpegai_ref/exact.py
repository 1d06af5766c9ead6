"""The exact stage: hyper-latents and residual symbols to bytes and back, by integers only. No network in floating point has a part in it.

    SOZ -> z -> hyper-scale decoder -> + gain + displacement (+ SOQ) -> what is coded, by which distribution -> SORP, SORS -> symbols

What comes out here must be the same on every machine; all that follows may differ in last digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.channel_prefix import ALL_CHANNELS, ChannelPrefix
from jpegai_ref.codestream import Codestream
from jpegai_ref.cwg import Cwg
from jpegai_ref.entropy import decode_hyper, encode_hyper, hyper_tables
from jpegai_ref.errors import BitstreamError
from jpegai_ref.integer_hyperscale import IntegerHyperScale
from jpegai_ref.picture_header import LATENT_STRIDE, ComponentHeader, PictureHeader
from jpegai_ref.quality_map import Qps, decode_map, sigma_offsets
from jpegai_ref.region_residuals import decode_regions, encode_regions
from jpegai_ref.regions import Region
from jpegai_ref.rvs import Rvs
from jpegai_ref.scales import BlockScales, LatentPart, Scales, scales
from jpegai_ref.sigma import skip_scale
from jpegai_ref.tans_tables import CodingTables
from jpegai_ref.tool_constants import MODELS

HYPER_STRIDE = 64


@dataclass(frozen=True, eq=False)
class ExactComponent:
    """What decides the symbols of luma or of chroma: the hyper-scale decoder of C channels and gain_logs (4, C), one row per model id;
    constants of tools, None where the weights have none."""

    scale_decoder: IntegerHyperScale
    gain_logs: NDArray[np.int16]
    rvs: Rvs | None = None
    cwg: Cwg | None = None

    def __post_init__(self) -> None:
        if self.gain_logs.shape != (MODELS, self.scale_decoder.channels) or self.gain_logs.dtype != np.int16:
            raise ValueError(
                f"gains are int16 ({MODELS}, {self.scale_decoder.channels}), not {self.gain_logs.dtype} {self.gain_logs.shape}"
            )
        if self.gain_logs.min() < -2048 or self.gain_logs.max() > 2047:
            raise ValueError("gains are in -2048..2047")

    def scales(
        self,
        header: PictureHeader,
        component: ComponentHeader,
        displacement: int,
        z: NDArray[np.int8],
        device: torch.device | str | None = None,
        *,
        with_likely: bool = False,
        quality: Qps | None = None,
        region: Region | None = None,
    ) -> Scales:
        """The scales of the picture after its z (C, hz, wz), or those of a region. `device`: see `IntegerHyperScale.sigma_index`.

        quality  the map (h, w) of the picture, or of the region"""
        if region is None:
            part, index = None, self.scale_decoder.sigma_index(z, *header.latent_size, device)
        else:
            part = LatentPart(header.latent_size, region.window(LATENT_STRIDE))
            index = self.scale_decoder.sigma_index_of(z, part.window, device)
        skip = self.skip_scale(header.model_id, displacement, index, quality)
        return replace(self.scales_of(header.model_id, component, skip, with_likely=with_likely), part=part)

    def skip_scale(self, model_id: int, displacement: int, index: NDArray[np.int32], quality: Qps | None = None) -> NDArray[np.int32]:
        """From the sigma index (C, h, w), which does not depend on the rate, and the quality map (h, w)."""
        return skip_scale(index, self.gain_logs[model_id], displacement, None if quality is None else sigma_offsets(quality))

    def scales_of(self, model_id: int, component: ComponentHeader, skip: NDArray[np.int32], *, with_likely: bool = False) -> Scales:
        """From `skip_scale`, with what the header has switched on."""
        return scales(model_id, component, skip, (self.rvs, self.cwg), with_likely=with_likely)


@dataclass(frozen=True, eq=False)
class ExactModel:
    """The integers of the weights: both components and the tables of z, luma's channels first. Raises ValueError where they do not fit."""

    luma: ExactComponent
    chroma: ExactComponent
    hyper: CodingTables

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor]) -> ExactModel:
        """From integer tensors by name: `luma.` and `chroma.` with `gain_logs` (4, C) int16, `frequencies` (C, 63) int32 and
        `scale_decoder.first.weight` and so on, and the constants of RVS and CWG where there are any.

        Raises KeyError for a missing name, ValueError for what cannot be."""
        components = []
        all_rvs, all_cwg = Rvs.from_tensors(tensors) or (None, None), Cwg.from_tensors(tensors) or (None, None)
        for name, rvs, cwg in zip(("luma", "chroma"), all_rvs, all_cwg, strict=True):
            prefix = f"{name}.scale_decoder."
            convs = {key.removeprefix(prefix): tensor for key, tensor in tensors.items() if key.startswith(prefix)}
            components.append(ExactComponent(IntegerHyperScale.from_tensors(convs), tensors[f"{name}.gain_logs"].numpy(), rvs, cwg))
        frequencies = np.concatenate([tensors[f"{name}.frequencies"].numpy() for name in ("luma", "chroma")])
        model = ExactModel(components[0], components[1], hyper_tables(frequencies))
        if len(frequencies) != sum(component.scale_decoder.channels for component in components):
            raise ValueError("there are not as many distributions of z as channels")
        return model


@dataclass(frozen=True, eq=False)
class Symbols:
    """All that is coded of a picture: z (C, hz, wz) int8 in -31..31 and residual symbols (C, h, w) int16 of both components."""

    luma_z: NDArray[np.int8]
    chroma_z: NDArray[np.int8]
    luma: NDArray[np.int16]
    chroma: NDArray[np.int16]


def encode_symbols(
    model: ExactModel, header: PictureHeader, symbols: Symbols, quality: Qps | None = None
) -> tuple[bytes, tuple[bytes, ...], tuple[bytes, ...]]:
    """The payload of SOZ, and of each region those of SORP and SORS, with the quality map that the header announces.

    Raises ValueError where symbols are of another shape, one that is skipped is not 0, or header and quality map do not go together."""
    _check_supported(model, header, ValueError)
    if (header.quality_map is None) != (quality is None):
        raise ValueError("a quality map is announced in the header and not there, or the reverse")
    payloads = []
    residuals = (symbols.luma_z, symbols.luma), (symbols.chroma_z, symbols.chroma)
    for (_, exact, component, displacement), (z, residual) in zip(_components(model, header), residuals, strict=True):
        found = exact.scales(header, component, displacement, z, quality=quality)
        if np.any(residual[component.channels :]):
            raise ValueError("a channel that is not coded is not 0")
        payloads.append(encode_regions(header.parts, residual[: component.channels], found, component))
    return encode_hyper(model.hyper, symbols.luma_z, symbols.chroma_z, header.hyper_threads), payloads[0], payloads[1]


@dataclass(frozen=True, eq=False)
class Decoded:
    """The symbols of a stream, and the scales that the tools behind the entropy decoder go by."""

    symbols: Symbols
    luma: BlockScales
    chroma: BlockScales
    sharpening: NDArray[np.int32] | None
    """scale_log (h, w) of the channel that steers the sharpening; None where that is off."""
    quality: Qps | None = None
    """The quality map; None where there is none."""


def decode_symbols(
    model: ExactModel,
    stream: Codestream,
    workers: int = 1,
    device: torch.device | str | None = None,
    prefix: ChannelPrefix = ALL_CHANNELS,
) -> Decoded:
    """The symbols of a stream, or those of its first channels, the others being 0; `workers` threads share the work, which changes no
    symbol. `device`: see `IntegerHyperScale.sigma_index`.

    Raises BitstreamError where a payload is damaged or missing, or the stream uses a tool that is not supported, ChannelsMissing where the
    stream has fewer channels.
    """
    return decode_residuals(model, stream, decode_hyper_latents(model, stream, workers), workers, device, prefix)


@dataclass(frozen=True, eq=False)
class HyperLatents:
    """What all regions of a picture share: z (C, hz, wz) of both components, and the quality map (h, w), None where there is none."""

    luma: NDArray[np.int8]
    chroma: NDArray[np.int8]
    quality: Qps | None


def decode_hyper_latents(model: ExactModel, stream: Codestream, workers: int = 1) -> HyperLatents:
    """What all regions share. Raises BitstreamError as `decode_symbols`."""
    header = stream.header
    _check_supported(model, header, BitstreamError)
    steering = stream.tools.sharpening_channel
    if steering is not None and steering >= header.luma.channels:
        raise BitstreamError(f"channel {steering} steers the sharpening, and luma has {header.luma.channels} channels")
    size = -(-header.height // HYPER_STRIDE), -(-header.width // HYPER_STRIDE)
    shapes = [(component.scale_decoder.channels, *size) for component in (model.luma, model.chroma)]
    luma, chroma = decode_hyper(model.hyper, stream.hyper, shapes[0], shapes[1], header.hyper_threads, workers)
    quality = None
    if header.quality_map is not None and stream.quality_map is not None:
        quality = decode_map(stream.quality_map, header.quality_map, header.latent_size, workers)
    return HyperLatents(luma, chroma, quality)


def decode_residuals(
    model: ExactModel,
    stream: Codestream,
    hyper: HyperLatents,
    workers: int = 1,
    device: torch.device | str | None = None,
    prefix: ChannelPrefix = ALL_CHANNELS,
    region: Region | None = None,
) -> Decoded:
    """The rest, from what all regions share; or that of one region alone, with its own part of all. Raises as `decode_symbols`."""
    header, tools = stream.header, stream.tools
    prefix.counts(header.luma.channels, 0 if stream.chroma is None else header.chroma.channels)
    quality, size, regions, window = hyper.quality, header.latent_size, header.parts, (slice(None), slice(None))
    if region is not None:
        size, regions, window = region.size(LATENT_STRIDE), (region,), region.window(HYPER_STRIDE)
        quality = None if quality is None else quality[region.window(LATENT_STRIDE)]
    found: list[tuple[NDArray[np.int16], Scales | None]] = []
    sources = (
        (hyper.luma, stream.luma, tools.luma_scaling, prefix.luma),
        (hyper.chroma, stream.chroma, tools.chroma_scaling, prefix.chroma),
    )
    for (_, exact, component, displacement), (z, payloads, scaled, channels) in zip(_components(model, header), sources, strict=True):
        symbols, its_scales = np.zeros((exact.scale_decoder.channels, *size), np.int16), None
        if payloads is not None:
            its_scales = exact.scales(header, component, displacement, z, device, with_likely=scaled, quality=quality, region=region)
            wanted = symbols[: component.channels if channels is None else channels]
            decode_regions(regions, payloads, its_scales, component, wanted, workers)
        found.append((symbols, its_scales))
    (luma, luma_scales), (chroma, chroma_scales) = found
    steering = tools.sharpening_channel
    sharpening = None if steering is None or luma_scales is None else luma_scales.scale_log(steering)
    blocks = [BlockScales(None, None) if found is None else found.blocks for found in (luma_scales, chroma_scales)]
    luma_z, chroma_z = (z[:, *window] for z in (hyper.luma, hyper.chroma))
    return Decoded(Symbols(luma_z, chroma_z, luma, chroma), blocks[0], blocks[1], sharpening, quality)


def _components(model: ExactModel, header: PictureHeader) -> tuple[tuple[str, ExactComponent, ComponentHeader, int], ...]:
    """Luma and chroma: name, what decides, what the header says, displacement."""
    luma, chroma = header.displacements
    return ("luma", model.luma, header.luma, luma), ("chroma", model.chroma, header.chroma, chroma)


def _check_supported(model: ExactModel, header: PictureHeader, error: type[Exception]) -> None:
    for name, exact, component, _ in _components(model, header):
        if component.channels > exact.scale_decoder.channels:
            raise error(f"{name} has {component.channels} channels, the weights have {exact.scale_decoder.channels}")
        if component.rvs and exact.rvs is None:
            raise error("residual and variance are scaled by blocks (RVS), and these weights have no constants for it")
        if component.channel_scales is not None and exact.cwg is None:
            raise error("residual and variance are scaled by channels (CWG), and these weights have no constants for it")
