"""eICCI: the trained filter behind the synthesis, on all planes, part by part.

It works at the size of luma. Subsampled chroma is interpolated to it between its own samples, and of the corrections those at its own
places are kept. A grey picture is filtered as one with neutral chroma. Networks look beyond the tiles, which decide only on what is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from jpegai_ref.chroma_grid import Rectangle
from jpegai_ref.colour import CENTRE, PEAK
from jpegai_ref.decoded_planes import parts
from jpegai_ref.eicci_geometry import BLOCK, PART, PLANES, around
from jpegai_ref.eicci_header import EicciHeader, EicciTile, tile_cores
from jpegai_ref.eicci_network import Eicci, FoldedFilter, planes_of_blocks, samples_of_blocks
from jpegai_ref.model import OperatingPoint
from jpegai_ref.parallel import in_parallel


def corrected(
    networks: Eicci,
    operating_point: OperatingPoint,
    model_id: int,
    header: EicciHeader,
    planes: Sequence[Tensor],
    subsampling: tuple[int, int],
    within: tuple[tuple[int, int], Rectangle] | None = None,
) -> list[Tensor]:
    """The planes of a picture, Y or Y, U, V in [0, 255], behind the filter; those that it changes are new.

    within  of an independent region, which is filtered by itself: rows and columns of the picture that the header is of, and the region's
            place in it, from multiples of 4 on

    They do not depend on the number of threads. Memory beside the result grows with the threads, not with the picture. Raises ValueError
    where the header is of another picture."""
    height, width = planes[0].shape
    size, place = within or ((height, width), Rectangle(0, 0, height, width))
    if problem := header.problem(*size):
        raise ValueError(f"the filter eICCI is not of this picture: {problem}")
    luma, chroma = (network.folded(operating_point, model_id) for network in (networks.luma, networks.chroma))
    wanted = [any(flags) for flags in zip(*header.tiles, strict=True)]
    result = [plane.clone() if use else plane for plane, use in zip(planes, wanted, strict=False)]

    def write(used: EicciTile, part: Rectangle) -> None:
        window = around(part, height, width)
        samples = samples_of_blocks(_stacked(planes, window, subsampling))
        inner = part.moved(-window.top, -window.left).slices
        if used.y:
            _add(luma, samples, [result[0]], inner, part, (1, 1))
        if len(result) == PLANES and any(used[1:]):
            of_u_and_v = [plane if use else None for plane, use in zip(result[1:], used[1:], strict=True)]
            _add(chroma, samples, of_u_and_v, inner, part, subsampling)

    cores = [core.within(place).moved(-place.top, -place.left) for core in tile_cores(header.tiling, *size)]
    tasks = [partial(write, used, part) for used, core in zip(header.tiles, cores, strict=True) if any(used) for part in parts(core, *PART)]
    in_parallel(tasks, planes[0].device)
    return result


def _stacked(planes: Sequence[Tensor], window: Rectangle, subsampling: tuple[int, int]) -> Tensor:
    """Y, U, V (1, 3, h, w), centred; the last row and column repeated to multiples of 4."""
    rows, columns = window.bottom - window.top, window.right - window.left
    stacked = torch.zeros(1, PLANES, rows + -rows % BLOCK, columns + -columns % BLOCK, device=planes[0].device)
    for index, plane in enumerate(planes):
        part = plane[window.slices] if index == 0 else _at_luma(plane, window, subsampling)
        torch.sub(part, CENTRE, out=stacked[0, index, :rows, :columns])
    stacked[..., :rows, columns:] = stacked[..., :rows, columns - 1 : columns]
    stacked[..., rows:, :] = stacked[..., rows - 1 : rows, :]
    return stacked


def _at_luma(plane: Tensor, window: Rectangle, subsampling: tuple[int, int]) -> Tensor:
    """A window, in samples of luma from even places on, of chroma that is interpolated to the size of luma."""
    part = plane
    for axis, (factor, first, last) in enumerate(zip(subsampling, (window.top, window.left), (window.bottom, window.right), strict=True)):
        if factor == 1:
            part = part.narrow(axis, first, last - first)
            continue
        indices = torch.arange(first, last, device=plane.device)
        before = indices // factor
        behind = (-(-indices // factor)).clamp(max=plane.shape[axis] - 1)
        part = (part.index_select(axis, before) + part.index_select(axis, behind)) / 2
    return part


def _add(
    network: FoldedFilter,
    samples: Tensor,
    planes: Sequence[Tensor | None],
    inner: tuple[slice, slice],
    part: Rectangle,
    subsampling: tuple[int, int],
) -> None:
    """Adds corrections to a part of planes, one for each head; None: not wanted."""
    vertical, horizontal = subsampling
    rows, columns = (
        slice(start // factor, -(-stop // factor))
        for start, stop, factor in ((part.top, part.bottom, vertical), (part.left, part.right, horizontal))
    )
    corrections = planes_of_blocks(network(samples))[0]
    for plane, correction in zip(planes, corrections, strict=True):
        if plane is not None:
            plane[rows, columns].add_(correction[inner][::vertical, ::horizontal]).clamp_(0, PEAK)
