"""The encoder's choice of what eICCI filters: in each tile every plane that comes nearer to the picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from pytorch_msssim import ms_ssim
from torch import Tensor

from jpegai_ref.chroma_grid import Rectangle
from jpegai_ref.colour import PEAK
from jpegai_ref.distortion import SMALLEST_SIDE_FOR_MSSSIM
from jpegai_ref.eicci import corrected
from jpegai_ref.eicci_header import EicciHeader, EicciTile, chosen_tiling, tile_cores
from jpegai_ref.eicci_network import Eicci
from jpegai_ref.model import OperatingPoint
from jpegai_ref.parallel import in_parallel

SQUARED_ERROR_WEIGHT = 5.0
"""Of the mean squared error of luma in [0, 1], beside 1 - MS-SSIM."""

Original = Callable[[Rectangle], list[Tensor]]
"""Y, or Y, U, V, of a part of the picture, that is given in samples of luma from even places on."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """A header that filters something, and the planes behind the filter."""

    header: EicciHeader
    planes: list[Tensor]


def chosen(
    networks: Eicci,
    operating_point: OperatingPoint,
    model_id: int,
    planes: list[Tensor],
    subsampling: tuple[int, int],
    original: Original,
) -> Chosen | None:
    """What serves the planes that an operating point decodes; None where nothing does. It does not depend on the number of threads."""
    height, width = planes[0].shape
    tiling = chosen_tiling(height, width)
    cores = tile_cores(tiling, height, width)
    colour = len(planes) > 1
    everything = EicciHeader(tiling, (EicciTile(True, colour, colour),) * len(cores))
    filtered = corrected(networks, operating_point, model_id, everything, planes, subsampling)
    tiles = in_parallel([partial(_best, planes, filtered, core, subsampling, original) for core in cores], planes[0].device)
    if not any(flag for tile in tiles for flag in tile):
        return None
    for core, tile in zip(cores, tiles, strict=True):
        for plane, behind, use, factors in zip(planes, filtered, tile, _factors(subsampling), strict=False):
            if not use:
                behind[_window(core, factors)] = plane[_window(core, factors)]
    return Chosen(EicciHeader(tiling, tuple(tiles)), filtered)


def _best(planes: list[Tensor], filtered: list[Tensor], core: Rectangle, subsampling: tuple[int, int], original: Original) -> EicciTile:
    wanted, flags = original(core), [False] * len(EicciTile._fields)
    for index, (plane, behind, aim, factors) in enumerate(zip(planes, filtered, wanted, _factors(subsampling), strict=False)):
        window = _window(core, factors)
        score = _luma_score if index == 0 else _squared_error
        flags[index] = score(behind[window], aim) < score(plane[window], aim)
    return EicciTile(*flags)


def _luma_score(luma: Tensor, aim: Tensor) -> float:
    score = SQUARED_ERROR_WEIGHT * _squared_error(luma, aim)
    if min(luma.shape) >= SMALLEST_SIDE_FOR_MSSSIM:
        score += 1 - float(ms_ssim(luma[None, None], aim[None, None], data_range=PEAK))
    return score


def _squared_error(plane: Tensor, aim: Tensor) -> float:
    """Mean, of samples in [0, 1]."""
    return float((plane - aim).square().mean(dtype=torch.float64)) / PEAK**2


def _factors(subsampling: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    return (1, 1), subsampling, subsampling


def _window(core: Rectangle, factors: tuple[int, int]) -> tuple[slice, slice]:
    vertical, horizontal = factors
    return slice(core.top // vertical, -(-core.bottom // vertical)), slice(core.left // horizontal, -(-core.right // horizontal))
