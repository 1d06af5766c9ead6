"""The exact stage: hyper-latents and residual symbols to bytes and back, by integers only. No network in floating point has a part in it.

    SOZ -> z -> hyper-scale decoder -> + gain + displacement -> what is coded, by which distribution -> SORP, SORS -> residual symbols

What comes out here must be the same on every machine; all that follows may differ in last digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.codestream import Codestream
from jpegai_ref.cubes import cube_shape
from jpegai_ref.entropy import decode_hyper, decode_residual, encode_hyper, encode_residual, hyper_tables
from jpegai_ref.errors import BitstreamError
from jpegai_ref.integer_hyperscale import IntegerHyperScale
from jpegai_ref.markers import Bytes
from jpegai_ref.picture_header import ComponentHeader, PictureHeader
from jpegai_ref.sigma import coded_positions, distribution_index, skip_scale
from jpegai_ref.tans_tables import CodingTables

HYPER_STRIDE = 64
MODELS = 4


@dataclass(frozen=True, eq=False)
class ExactComponent:
    """What decides the symbols of luma or of chroma: the hyper-scale decoder of C channels and gain_logs (4, C), one row per model id."""

    scale_decoder: IntegerHyperScale
    gain_logs: NDArray[np.int16]

    def __post_init__(self) -> None:
        if self.gain_logs.shape != (MODELS, self.scale_decoder.channels) or self.gain_logs.dtype != np.int16:
            raise ValueError(
                f"gains are int16 ({MODELS}, {self.scale_decoder.channels}), not {self.gain_logs.dtype} {self.gain_logs.shape}"
            )
        if self.gain_logs.min() < -2048 or self.gain_logs.max() > 2047:
            raise ValueError("gains are in -2048..2047")

    def coding(
        self,
        header: PictureHeader,
        component: ComponentHeader,
        displacement: int,
        z: NDArray[np.int8],
        device: torch.device | str | None = None,
    ) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
        """Where symbols are coded and by which distribution, both (coded channels, h, w), after z (C, hz, wz)."""
        height, width = header.latent_size
        index = self.scale_decoder.sigma_index(z, height, width, device)
        return self.coding_of(header.model_id, component, displacement, index)

    def coding_of(
        self, model_id: int, component: ComponentHeader, displacement: int, index: NDArray[np.int32]
    ) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
        """The same from the sigma index (C, h, w), which does not depend on the rate."""
        coded = index[: component.channels]
        scale = skip_scale(coded, self.gain_logs[model_id, : component.channels], displacement)
        may_skip = None if component.may_skip is None else np.array(component.may_skip).reshape(cube_shape(*index.shape[1:]))
        return coded_positions(scale, may_skip), distribution_index(scale)


@dataclass(frozen=True, eq=False)
class ExactModel:
    """The integers of the weights: both components and the tables of z, luma's channels first. Raises ValueError where they do not fit."""

    luma: ExactComponent
    chroma: ExactComponent
    hyper: CodingTables

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor]) -> ExactModel:
        """From integer tensors by name: `luma.` and `chroma.` with `gain_logs` (4, C) int16, `frequencies` (C, 63) int32 and
        `scale_decoder.first.weight` and so on. Raises KeyError for a missing name, ValueError for what cannot be."""
        components = []
        for name in ("luma", "chroma"):
            prefix = f"{name}.scale_decoder."
            convs = {key.removeprefix(prefix): tensor for key, tensor in tensors.items() if key.startswith(prefix)}
            components.append(ExactComponent(IntegerHyperScale.from_tensors(convs), tensors[f"{name}.gain_logs"].numpy()))
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


def encode_symbols(model: ExactModel, header: PictureHeader, symbols: Symbols) -> tuple[bytes, bytes, bytes]:
    """Payloads of SOZ, SORP and SORS. Raises ValueError where symbols are of another shape or one that is skipped is not 0."""
    _check_supported(model, header, ValueError)
    payloads = []
    for exact, component, displacement, z, residual in (
        (model.luma, header.luma, header.displacements[0], symbols.luma_z, symbols.luma),
        (model.chroma, header.chroma, header.displacements[1], symbols.chroma_z, symbols.chroma),
    ):
        coded, distribution = exact.coding(header, component, displacement, z)
        if np.any(residual[component.channels :]):
            raise ValueError("a channel that is not coded is not 0")
        payloads.append(encode_residual(residual[: component.channels], coded, distribution, component.threads))
    return encode_hyper(model.hyper, symbols.luma_z, symbols.chroma_z, header.hyper_threads), payloads[0], payloads[1]


def decode_symbols(model: ExactModel, stream: Codestream, workers: int = 1, device: torch.device | str | None = None) -> Symbols:
    """The symbols of a stream; `workers` threads share the work, which changes no symbol. `device`: see `IntegerHyperScale.sigma_index`.

    Raises BitstreamError where a payload is damaged or the stream uses a tool that is not supported.
    """
    header = stream.header
    _check_supported(model, header, BitstreamError)
    size = -(-header.height // HYPER_STRIDE), -(-header.width // HYPER_STRIDE)
    shapes = [(component.scale_decoder.channels, *size) for component in (model.luma, model.chroma)]
    luma_z, chroma_z = decode_hyper(model.hyper, stream.hyper, shapes[0], shapes[1], header.hyper_threads, workers)
    luma = _decode_component(model.luma, header, header.luma, header.displacements[0], luma_z, stream.luma, workers, device)
    chroma = _decode_component(model.chroma, header, header.chroma, header.displacements[1], chroma_z, stream.chroma, workers, device)
    return Symbols(luma_z, chroma_z, luma, chroma)


def _decode_component(
    exact: ExactComponent,
    header: PictureHeader,
    component: ComponentHeader,
    displacement: int,
    z: NDArray[np.int8],
    payload: Bytes | None,
    workers: int,
    device: torch.device | str | None,
) -> NDArray[np.int16]:
    symbols = np.zeros((exact.scale_decoder.channels, *header.latent_size), np.int16)
    if payload is not None:
        coded, distribution = exact.coding(header, component, displacement, z, device)
        symbols[: component.channels] = decode_residual(payload, coded, distribution, component.threads, workers)
    return symbols


def _check_supported(model: ExactModel, header: PictureHeader, error: type[Exception]) -> None:
    for name, component, exact in (("luma", header.luma, model.luma), ("chroma", header.chroma, model.chroma)):
        if component.channels > exact.scale_decoder.channels:
            raise error(f"{name} has {component.channels} channels, the weights have {exact.scale_decoder.channels}")
        if component.rvs or component.channel_scales is not None:
            raise error("the scaling of residual and variance (RVS, CWG) is not supported")
    if header.quality_map is not None:
        raise error("quality maps are not supported")
