"""Any valid header, for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st
from jpegai_ref.cubes import cube_count
from jpegai_ref.levels import DEFAULT_TRANSFORMS, level_for
from jpegai_ref.picture_header import (
    BIT_DEPTHS,
    BT709,
    NO_TRANSFORM,
    QUALITY_DISTRIBUTIONS,
    THREADS,
    ComponentHeader,
    PictureHeader,
    QualityMap,
    Tiling,
)
from jpegai_ref.regions import Regions

DISPLACEMENT = st.integers(-2048, 2047)


@st.composite
def components(draw: st.DrawFn, width: int, height: int) -> ComponentHeader:
    channels = draw(st.integers(0, 255))
    cubes = cube_count(-(-height // 16), -(-width // 16))
    flags = draw(st.none() | st.lists(st.booleans(), min_size=8, max_size=8))
    size = draw(st.integers(1, 255))
    return ComponentHeader(
        channels=channels,
        threads=draw(st.sampled_from(THREADS)),
        may_skip=None if flags is None else tuple((flags * cubes)[:cubes]),
        rvs=draw(st.booleans()),
        channel_scales=draw(st.none() | st.lists(st.booleans(), min_size=channels, max_size=channels).map(tuple)),
        tiling=draw(st.none() | st.integers(0, min(31, size - 1)).map(lambda overlap: Tiling(16 * size, 16 * overlap))),
    )


@st.composite
def regions(draw: st.DrawFn, width: int, height: int) -> Regions:
    rows, columns = draw(st.integers(1, min(-(-height // 256), 128))), draw(st.integers(1, min(-(-width // 512), 128)))
    if rows * columns <= 256 and draw(st.booleans()):
        return Regions(rows, columns)
    return Regions(rows, columns, False, draw(st.integers(0, 3)), draw(st.integers(0, 15)))


@st.composite
def picture_headers(draw: st.DrawFn) -> PictureHeader:
    width, height = draw(st.integers(64, 65599)), draw(st.integers(64, 3000))
    model_id = draw(st.integers(0, 3))
    profile = draw(st.integers(0, 2))
    default = draw(st.sampled_from(sorted(DEFAULT_TRANSFORMS[profile])))
    others = draw(st.lists(st.sampled_from([one for one in (0, 1, 2) if one != default]), unique=True))
    source = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    coded = tuple(draw(st.integers(factor, 2)) for factor in source)
    return PictureHeader(
        width=width,
        height=height,
        model_id=model_id,
        luma=draw(components(width, height)),
        chroma=draw(components(width, height)),
        level_idc=level_for(width * height, model_id),
        reduction=draw(st.tuples(st.integers(0, 63), st.integers(0, 63))),
        decoder_profile=profile,
        transforms=(default, *others),
        bit_depth=draw(st.sampled_from(BIT_DEPTHS)),
        source_subsampling=source,
        coded_subsampling=(coded[0], coded[1]),
        colour_transform=draw(st.sampled_from([NO_TRANSFORM, BT709] if source == (1, 1) else [NO_TRANSFORM])),
        hyper_threads=draw(st.sampled_from(THREADS)),
        displacement=draw(DISPLACEMENT),
        chroma_displacement=draw(st.none() | DISPLACEMENT),
        regions=draw(st.none() | regions(width, height)),
        quality_map=draw(st.none() | st.builds(QualityMap, st.sampled_from(THREADS), st.sampled_from(QUALITY_DISTRIBUTIONS))),
    )
