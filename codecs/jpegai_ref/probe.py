"""What a file says of itself, in lines that a person reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jpegai_ref.codestream import Codestream, read_codestream
from jpegai_ref.efe_linear_header import SPLITS, LinearFilter, PlaneFilter
from jpegai_ref.efe_nonlinear_header import NonlinearFilter
from jpegai_ref.eicci_header import EicciHeader
from jpegai_ref.levels import PROFILE_NAMES, TRANSFORM_NAMES
from jpegai_ref.markers import ORDER, Bytes, read_substreams
from jpegai_ref.picture_header import NO_TRANSFORM, ComponentHeader
from jpegai_ref.quality_map import decode_map

SHOWN_VALUES = 4
"""Of a quality map."""


def probe(data: Bytes) -> str:
    """Fields of the headers and sizes of the substreams, a line each.

    Raises BitstreamError as `read_codestream`, but for any size, and where a quality map is damaged."""
    stream = read_codestream(data, most_samples=1 << 63)
    rows = [*_picture_rows(stream), *_component_rows("luma", stream.header.luma), *_component_rows("chroma", stream.header.chroma)]
    rows += _tool_rows(stream)
    substreams = read_substreams(data)
    rows += [(marker.name, _size(substreams[marker])) for marker in ORDER if marker in substreams]
    width, height = stream.header.display_size
    rows.append(("file", f"{len(data)} bytes, {8 * len(data) / (width * height):.4f} bpp"))
    return "\n".join(f"{name:<28}{value}" for name, value in rows)


def _picture_rows(stream: Codestream) -> list[tuple[str, str]]:
    header = stream.header
    width, height = header.display_size
    return [
        ("picture", f"{width}x{height}, {header.bit_depth} bit"),
        ("coded size", f"{header.width}x{header.height}"),
        ("profile, level", f"{PROFILE_NAMES[header.decoder_profile]}, {header.level_idc}"),
        ("synthesis transforms", ", ".join(TRANSFORM_NAMES[transform] for transform in header.transforms)),
        ("chroma subsampling", f"source {_by(header.source_subsampling)}, coded {_by(header.coded_subsampling)} (vertical x horizontal)"),
        ("colour transform", "none" if header.colour_transform == NO_TRANSFORM else "BT.709"),
        ("model", str(header.model_id)),
        ("weights", stream.weights_id.hex()),
        ("displacement", f"luma {header.displacements[0]}, chroma {header.displacements[1]}"),
        ("threads of hyper-latents", str(header.hyper_threads)),
        *_region_rows(stream),
        ("quality map", _quality_map(stream)),
    ]


def _quality_map(stream: Codestream) -> str:
    """Size, range and most frequent values of the map, and how it is coded."""
    coded = stream.header.quality_map
    if coded is None or stream.quality_map is None:
        return "no"
    qps = decode_map(stream.quality_map, coded, stream.header.latent_size)
    values, counts = np.unique(qps, return_counts=True)
    most = sorted(np.argsort(-counts, kind="stable")[:SHOWN_VALUES])
    shares = ", ".join(f"{values[index]:+d} in {100 * counts[index] / qps.size:.1f} %" for index in most)
    others = "" if len(values) <= SHOWN_VALUES else f" and {len(values) - SHOWN_VALUES} values more"
    return f"{_by(stream.header.latent_size)}, {values[0]:+d} to {values[-1]:+d}: {shares}{others}; distribution {coded.distribution}"


def _region_rows(stream: Codestream) -> list[tuple[str, str]]:
    regions, parts = stream.header.regions, stream.header.parts
    if regions is None:
        return [("regions", "none")]
    size = f"{regions} (rows x columns) of {parts[0].width}x{parts[0].height}, the last {parts[-1].width}x{parts[-1].height}"
    if not regions.independent:
        overlaps = f"{2 * regions.hyper_overlap} hyper-latents and {2 * regions.context_overlap} latents"
        return [("regions", f"{size}, dependent"), ("regions overlap by", overlaps)]
    missing = [str(part.index) for part in parts if stream.lacks(part)]
    return [("regions", f"{size}, independent"), ("missing regions", ", ".join(missing) or "none")]


def _size(contents: Sequence[memoryview]) -> str:
    total = f"{sum(map(len, contents))} bytes"
    return total if len(contents) == 1 else f"{total} in {len(contents)} regions"


def _component_rows(name: str, component: ComponentHeader) -> list[tuple[str, str]]:
    flags = component.may_skip
    scales = component.channel_scales
    tiling = component.tiling
    return [
        (f"{name} channels", str(component.channels)),
        (f"{name} threads", str(component.threads)),
        (f"{name} cubes that may skip", "all" if flags is None else f"{sum(flags)} of {len(flags)}"),
        (f"{name} block scaling", "on" if component.rvs else "off"),
        (f"{name} channel scaling", "off" if scales is None else f"{sum(scales)} of {len(scales)} channels up"),
        (f"{name} tiles", "none" if tiling is None else f"{tiling.size}, overlap {tiling.overlap}"),
    ]


def _tool_rows(stream: Codestream) -> list[tuple[str, str]]:
    tools = stream.tools
    scaled = [name for name, on in (("luma", tools.luma_scaling), ("chroma", tools.chroma_scaling)) if on]
    sharpened = "off" if tools.sharpening_channel is None else f"steered by channel {tools.sharpening_channel}"
    filters = tools.enhancement
    enhancement = [*_linear_rows(filters.linear), _eicci_row(filters.eicci), *_nonlinear_rows(filters.nonlinear)]
    return [("latent scaling", ", ".join(scaled) or "off"), *enhancement, ("sharpening", sharpened)]


def _linear_rows(linear: LinearFilter | None) -> list[tuple[str, str]]:
    if linear is None:
        return [("linear filter", "off")]
    rows = [("linear filter", f"means of U and V {linear.means[0] / 100:.2f}, {linear.means[1] / 100:.2f}")]
    for title, filters in (("linear filter", linear.output), ("alternative", linear.alternative)):
        rows += [(f"{title} of {name}", _filter(spec)) for name, spec in zip("UV", filters.planes, strict=True)]
    return rows


def _filter(spec: PlaneFilter | None) -> str:
    if spec is None:
        return "none"
    down, across = SPLITS[spec.split]
    return f"{2 * spec.side**2} weights in each of {down}x{across} regions, codes {min(spec.codes)} to {max(spec.codes)}"


def _eicci_row(eicci: EicciHeader | None) -> tuple[str, str]:
    if eicci is None:
        return "trained filter", "off"
    counts = [sum(flags) for flags in zip(*eicci.tiles, strict=True)]
    planes = ", ".join(f"{name} in {count}" for name, count in zip("YUV", counts, strict=True))
    tiles = "" if eicci.tiling is None else f" of {eicci.tiling.size}, overlap {eicci.tiling.overlap}"
    return "trained filter", f"{planes} of {len(eicci.tiles)} tiles{tiles}"


def _nonlinear_rows(nonlinear: NonlinearFilter | None) -> list[tuple[str, str]]:
    if nonlinear is None:
        return [("non-linear filter", "off")]
    correction, masks = nonlinear.correction, nonlinear.masks
    tiles = blocks = "none"
    if correction is not None:
        tiles = f"{_planes(correction.planes)}, {len(correction.lowest)} tiles of {_by(correction.tile)} (rows x columns)"
        tiles += f", luma {min(correction.lowest) / 100:.2f} to {max(correction.highest) / 100:.2f}"
    if masks is not None:
        blocks = f"{_planes(masks.planes)}, {_by(masks.shape)} blocks of {masks.block}"
    return [("non-linear filter", tiles), ("masks of filters", blocks)]


def _planes(parts: Sequence[object | None]) -> str:
    return ", ".join(name for name, part in zip("UV", parts, strict=True) if part is not None)


def _by(pair: tuple[int, int]) -> str:
    return f"{pair[0]}x{pair[1]}"
