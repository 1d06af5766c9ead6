"""The tiles in which hyper-decoder and context model work: one for each region, with what it overlaps of its neighbours.

A tile of the hyper-decoder gives psi for its own region alone. A tile of the context model runs through all stages by itself, with the
residuals of all its latents; of its y_hat that of its own region is kept. Independent regions do not overlap, a picture without regions
is one tile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.chroma_grid import Rectangle
from jpegai_ref.context import POSITIONS, ContextModel, join_cells
from jpegai_ref.model import Hyperprior
from jpegai_ref.regions import Region, Regions, regions_of

LATENT_STRIDE, CELL_STRIDE, HYPER_STRIDE = 16, 32, 64
"""Samples of luma for each latent, cell of 2x2 latents, and hyper-latent."""
HYPER_UNIT = 2 * HYPER_STRIDE
CONTEXT_UNIT = 2 * LATENT_STRIDE
"""Samples on each inner side for a unit of the overlaps in the header."""

Residual = Callable[[int, Tensor], Tensor]
"""(stage 0..3, means of the stage (1, C, h2, w2)) -> dequantised residual of the same shape."""


@dataclass(frozen=True)
class Tile:
    """Of a region: what the hyper-decoder and the context model take."""

    region: Region
    hyper: Region
    context: Region

    def inside(self, outer: Region, stride: int) -> tuple[slice, slice]:
        """The window of the region in a map of `outer`."""
        return Region(0, self.region.place.moved(-outer.place.top, -outer.place.left)).window(stride)


@lru_cache(maxsize=64)
def tiles_of(regions: Regions | None, height: int, width: int) -> tuple[Tile, ...]:
    """Of a picture of height x width luma samples. Raises ValueError as `regions_of`."""
    whole = Rectangle(0, 0, height, width)

    def enlarged(region: Region, margin: int) -> Region:
        top, left, bottom, right = region.place
        return Region(region.index, Rectangle(top - margin, left - margin, bottom + margin, right + margin).within(whole))

    hyper, context = (0, 0) if regions is None else (regions.hyper_overlap * HYPER_UNIT, regions.context_overlap * CONTEXT_UNIT)
    return tuple(Tile(region, enlarged(region, hyper), enlarged(region, context)) for region in regions_of(regions, height, width))


def predictions(prior: Hyperprior, z: NDArray[np.int8], tiles: Sequence[Tile], device: torch.device) -> tuple[Tensor, ...]:
    """psi (1, 4C, h2, w2) of every tile of the context model, from z (C, hz, wz) of the picture that the tiles make up."""
    own = []
    for tile in tiles:
        part = np.ascontiguousarray(z[:, *tile.hyper.window(HYPER_STRIDE)])
        psi: Tensor = prior.decoder(torch.from_numpy(part).to(device, torch.float32)[None], tile.hyper.height, tile.hyper.width)
        own.append(psi[..., *tile.inside(tile.hyper, CELL_STRIDE)])
    if all(tile.context == tile.region for tile in tiles):
        return tuple(own)
    whole = merged(own, tiles, CELL_STRIDE)
    return tuple(whole[..., *tile.context.window(CELL_STRIDE)].contiguous() for tile in tiles)


def merged(parts: Sequence[Tensor], tiles: Sequence[Tile], stride: int) -> Tensor:
    """The map of a picture from those of its regions, (1, C, h, w) each."""
    if len(parts) == 1:
        return parts[0]
    rows, columns = (max(tile.region.window(stride)[axis].stop for tile in tiles) for axis in range(2))
    whole = parts[0].new_empty(*parts[0].shape[:2], rows, columns)
    for part, tile in zip(parts, tiles, strict=True):
        whole[..., *tile.region.window(stride)] = part
    return whole


def context_latent(
    context: ContextModel, psi: Sequence[Tensor], tiles: Sequence[Tile], residual: Residual, size: tuple[int, int]
) -> Tensor:
    """y_hat (1, C, *size) of luma from psi of every tile. `residual` is asked for each stage once, for the whole picture."""
    known: list[list[Tensor]] = [[] for _ in tiles]
    quarters = [part.chunk(len(POSITIONS), 1) for part in psi]
    for stage in range(len(POSITIONS)):
        means = [context.mean(stage, before, parts[stage]) for before, parts in zip(known, quarters, strict=True)]
        whole = residual(stage, merged(_own(means, tiles), tiles, CELL_STRIDE))
        for before, mean, tile in zip(known, means, tiles, strict=True):
            before.append(mean + whole[..., *tile.context.window(CELL_STRIDE)])
    stages = [merged(_own([before[stage] for before in known], tiles), tiles, CELL_STRIDE) for stage in range(len(POSITIONS))]
    return join_cells(stages, *size)


def _own(parts: Sequence[Tensor], tiles: Sequence[Tile]) -> list[Tensor]:
    """Of maps of the tiles of the context model that of the region alone."""
    return [part[..., *tile.inside(tile.context, CELL_STRIDE)] for part, tile in zip(parts, tiles, strict=True)]
