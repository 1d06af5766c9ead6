"""A small exact model with random integers, and streams that it can decode."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jpegai_ref.codestream import Codestream, write_codestream
from jpegai_ref.cubes import cube_count
from jpegai_ref.distributions import LOG_STEP, LOWEST_SIGMA
from jpegai_ref.exact import ExactComponent, ExactModel, Symbols, encode_symbols
from jpegai_ref.picture_header import ComponentHeader, PictureHeader
from jpegai_ref.quality_map import Qps, encode_map
from jpegai_ref.tool_header import ToolHeader
from numpy.typing import NDArray

from tests.jpegai_ref.some_tools import tool_tensors

LUMA, CHROMA = 8, 4
WEIGHTS_ID = bytes([0xC0, 0xDE, 0x00, 0x01])


def tensors(seed: int = 0, peaked: bool = False) -> dict[str, torch.Tensor]:
    """Integers of a model by name; with z spread over all values, or nearly always 0."""
    generator = np.random.default_rng(seed)
    result: dict[str, NDArray[Any]] = {}
    for name, c in (("luma", LUMA), ("chroma", CHROMA)):
        for layer, outputs, kernel, shift in (("first", c, 1, 4), ("second", c, 3, 7), ("third", 16 * c, 1, 5)):
            weight = generator.integers(-128, 128, (outputs, c, kernel, kernel)).astype(np.int8)
            centre = 1200 << shift if layer == "third" else 0
            bias = (centre + generator.integers(0, 8 << shift, outputs)).astype(np.int32)
            parts: dict[str, NDArray[Any]] = {"weight": weight, "bias": bias, "shift": np.full(outputs, shift, np.int8)}
            result |= {f"{name}.scale_decoder.{layer}.{part}": array for part, array in parts.items()}
        result[f"{name}.gain_logs"] = generator.integers(-900, 400, (4, c)).astype(np.int16)
        width = 0.02 if peaked else 4.0
        likelihood = np.exp(-np.abs(np.arange(-31, 32)) / width)
        result[f"{name}.frequencies"] = np.tile(1 + 1e8 * likelihood, (c, 1)).astype(np.int32)
    return {name: torch.from_numpy(array) for name, array in result.items()}


def model(seed: int = 0, peaked: bool = False) -> ExactModel:
    """With constants for all tools."""
    return ExactModel.from_tensors(tensors(seed, peaked) | tool_tensors(seed))


def header(width: int = 200, height: int = 136, threads: int = 1) -> PictureHeader:
    luma, chroma = ComponentHeader(LUMA, threads), ComponentHeader(CHROMA, threads)
    return PictureHeader(width=width, height=height, model_id=1, luma=luma, chroma=chroma, level_idc=52, hyper_threads=threads)


def with_cube_flags(plain: PictureHeader, share: float, seed: int = 0) -> PictureHeader:
    """Flags of both components, 1 with the given probability."""
    generator = np.random.default_rng(seed)
    count = cube_count(*plain.latent_size)
    luma, chroma = (tuple((generator.random(count) < share).tolist()) for _ in range(2))
    return replace(plain, luma=replace(plain.luma, may_skip=luma), chroma=replace(plain.chroma, may_skip=chroma))


def with_quality_map(plain: PictureHeader, seed: int = 0, threads: int = 1) -> tuple[PictureHeader, Qps]:
    """A map of patches with all values, and the header that announces it."""
    rows, columns = plain.latent_size
    patches = np.random.default_rng(seed).integers(-8, 9, (-(-rows // 3), -(-columns // 3))).astype(np.int8)
    qps = patches.repeat(3, 0).repeat(3, 1)[:rows, :columns].copy()
    return replace(plain, quality_map=encode_map(qps, threads)[0]), qps


def symbols_for(exact: ExactModel, plain: PictureHeader, seed: int = 0, spread: float = 4.0, quality: Qps | None = None) -> Symbols:
    """Random symbols, Gaussian as the model expects them, with some that go by an escape."""
    generator = np.random.default_rng(seed)
    size = -(-plain.height // 64), -(-plain.width // 64)

    def z(channels: int) -> NDArray[np.int8]:
        return np.clip(np.rint(generator.laplace(0, spread, (channels, *size))), -31, 31).astype(np.int8)

    def residual(component: ExactComponent, part: ComponentHeader, displacement: int, hyper: NDArray[np.int8]) -> NDArray[np.int16]:
        scales = component.scales(plain, part, displacement, hyper, quality=quality)
        coded, distribution = scales.coded(part.may_skip), scales.distribution()
        values = generator.normal(size=coded.shape) * LOWEST_SIGMA * np.exp(distribution * LOG_STEP)
        values = np.where(generator.random(coded.shape) < 0.01, values * 50, values)
        result = np.zeros((component.scale_decoder.channels, *plain.latent_size), np.int16)
        result[: part.channels] = np.where(coded, np.clip(np.rint(values), -32768, 32767), 0)
        return result

    luma_z, chroma_z = z(LUMA), z(CHROMA)
    luma = residual(exact.luma, plain.luma, plain.displacements[0], luma_z)
    return Symbols(luma_z, chroma_z, luma, residual(exact.chroma, plain.chroma, plain.displacements[1], chroma_z))


def file_of(
    exact: ExactModel, plain: PictureHeader, symbols: Symbols, tools: ToolHeader | None = None, quality: Qps | None = None
) -> bytes:
    hyper, luma, chroma = encode_symbols(exact, plain, symbols, quality)
    payload = None if quality is None or plain.quality_map is None else encode_map(quality, plain.quality_map.threads)[1]
    return write_codestream(Codestream(plain, hyper, luma, chroma, WEIGHTS_ID, tools or ToolHeader(), payload))


def same(one: Symbols, other: Symbols) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("luma_z", "chroma_z", "luma", "chroma"))
