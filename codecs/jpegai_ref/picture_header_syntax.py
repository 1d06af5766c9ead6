"""The bits of the picture header, written and read field by field in the order of the standard."""

from __future__ import annotations

from collections.abc import Sequence

from jpegai_ref.bits import BitReader, BitWriter
from jpegai_ref.cubes import cube_count
from jpegai_ref.errors import BitstreamError
from jpegai_ref.picture_header import (
    BIT_DEPTHS,
    LATENT_STRIDE,
    LOWEST_DISPLACEMENT,
    QUALITY_DISTRIBUTIONS,
    SMALLEST_SIDE,
    THREADS,
    ComponentHeader,
    PictureHeader,
    QualityMap,
    Tiling,
)
from jpegai_ref.regions import read_regions, write_regions

STREAM_PROFILE = 0
GROUP = 8
"""Cube flags come in groups, each with a flag that says whether any of them is 0."""


def write_picture_header(header: PictureHeader) -> bytes:
    """The payload of PIH."""
    out = BitWriter()
    out.u(STREAM_PROFILE, 4)
    out.u(header.decoder_profile, 4)
    out.u(len(header.transforms) - 1, 4)
    for transform in header.transforms:
        out.u(transform, 4)
    out.u(header.level_idc, 8)
    out.u(header.width - SMALLEST_SIDE, 16)
    out.u(header.height - SMALLEST_SIDE, 16)
    for cut in header.reduction:
        out.u(cut, 6)
    out.u(BIT_DEPTHS.index(header.bit_depth), 3)
    for source in header.source_subsampling:
        out.u(source - 1, 1)
    for source, coded in zip(header.source_subsampling, header.coded_subsampling, strict=True):
        if source == 1:
            out.u(coded - 1, 1)
    out.u(header.colour_transform, 2)
    out.u(header.model_id, 4)
    _write_threads(out, header.hyper_threads)
    out.u(header.displacement - LOWEST_DISPLACEMENT, 12)
    write_regions(out, header.regions)
    out.flag(header.chroma_displacement is not None)
    if header.chroma_displacement is not None:
        out.u(header.chroma_displacement - LOWEST_DISPLACEMENT, 12)
    for component in (header.luma, header.chroma):
        _write_component(out, component)
    out.flag(header.quality_map is not None)
    if header.quality_map is not None:
        _write_threads(out, header.quality_map.threads)
        out.u(QUALITY_DISTRIBUTIONS.index(header.quality_map.distribution), 3)
    return out.aligned()


def read_picture_header(data: bytes | memoryview) -> PictureHeader:
    """The header in the payload of PIH. Raises BitstreamError where it is cut short, not valid, or of a kind that is not supported."""
    source = BitReader(data)
    if (profile := source.u(4)) != STREAM_PROFILE:
        raise BitstreamError(f"stream profile {profile} is not supported")
    decoder_profile = source.u(4)
    transforms = tuple([source.u(4) for _ in range(source.u(4) + 1)])
    level_idc = source.u(8)
    width, height = source.u(16) + SMALLEST_SIDE, source.u(16) + SMALLEST_SIDE
    reduction = source.u(6), source.u(6)
    bit_depth = _entry(BIT_DEPTHS, source.u(3), "bit depth")
    ver, hor = source.u(1) + 1, source.u(1) + 1
    coded_ver = source.u(1) + 1 if ver == 1 else 2
    coded_hor = source.u(1) + 1 if hor == 1 else 2
    colour_transform = source.u(2)
    if colour_transform > 1:
        raise BitstreamError(f"colour transform {colour_transform} is not supported")
    model_id = source.u(4)
    hyper_threads = _read_threads(source)
    displacement = source.u(12) + LOWEST_DISPLACEMENT
    regions = read_regions(source)
    if regions is not None and (problem := regions.problem(height, width)):
        raise BitstreamError(f"picture header: {problem}")
    chroma_displacement = source.u(12) + LOWEST_DISPLACEMENT if source.flag() else None
    cubes = cube_count(-(-height // LATENT_STRIDE), -(-width // LATENT_STRIDE))
    luma, chroma = _read_component(source, cubes), _read_component(source, cubes)
    quality_map = None
    if source.flag():
        quality_map = QualityMap(_read_threads(source), QUALITY_DISTRIBUTIONS[source.u(3)])
    source.finish()
    try:
        return PictureHeader(
            width=width,
            height=height,
            model_id=model_id,
            luma=luma,
            chroma=chroma,
            level_idc=level_idc,
            reduction=reduction,
            decoder_profile=decoder_profile,
            transforms=transforms,
            bit_depth=bit_depth,
            source_subsampling=(ver, hor),
            coded_subsampling=(coded_ver, coded_hor),
            colour_transform=colour_transform,
            hyper_threads=hyper_threads,
            displacement=displacement,
            chroma_displacement=chroma_displacement,
            quality_map=quality_map,
            regions=regions,
        )
    except ValueError as error:
        raise BitstreamError(f"picture header: {error}") from error


def _write_component(out: BitWriter, component: ComponentHeader) -> None:
    _write_threads(out, component.threads)
    out.u(component.channels, 8)
    out.flag(component.may_skip is not None)
    if component.may_skip is not None:
        _write_cube_flags(out, component.may_skip)
    out.flag(component.rvs)
    out.flag(component.channel_scales is not None)
    for flag in component.channel_scales or ():
        out.flag(flag)
    out.flag(component.tiling is not None)
    if component.tiling is not None:
        out.u(component.tiling.size // 16, 8)
        out.u(component.tiling.overlap // 16, 5)


def _read_component(source: BitReader, cubes: int) -> ComponentHeader:
    threads = _read_threads(source)
    channels = source.u(8)
    may_skip = _read_cube_flags(source, cubes) if source.flag() else None
    rvs = source.flag()
    channel_scales = tuple([source.flag() for _ in range(channels)]) if source.flag() else None
    tiling = Tiling(16 * source.u(8), 16 * source.u(5)) if source.flag() else None
    return ComponentHeader(channels, threads, may_skip, rvs, channel_scales, tiling)


def _write_cube_flags(out: BitWriter, flags: Sequence[bool]) -> None:
    for start in range(0, len(flags), GROUP):
        group = flags[start : start + GROUP]
        out.flag(not all(group))
        if not all(group):
            for flag in group:
                out.flag(flag)


def _read_cube_flags(source: BitReader, count: int) -> tuple[bool, ...]:
    if source.left < -(-count // GROUP):
        raise BitstreamError("the picture header ends among its cube flags")
    flags: list[bool] = []
    while len(flags) < count:
        size = min(GROUP, count - len(flags))
        flags += [source.flag() for _ in range(size)] if source.flag() else [True] * size
    return tuple(flags)


def _write_threads(out: BitWriter, threads: int) -> None:
    out.flag(threads > 1)
    if threads > 1:
        out.u(THREADS.index(threads) - 1, 2)


def _read_threads(source: BitReader) -> int:
    return THREADS[source.u(2) + 1] if source.flag() else 1


def _entry(table: Sequence[int], index: int, name: str) -> int:
    if index >= len(table):
        raise BitstreamError(f"there is no {name} of index {index}")
    return table[index]
