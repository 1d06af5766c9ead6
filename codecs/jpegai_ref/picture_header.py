"""The picture header (PIH): what the records hold and when they are valid. Its bits are in `picture_header_syntax`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from jpegai_ref.cubes import cube_count
from jpegai_ref.levels import DEFAULT_TRANSFORMS, MODELS, MOST_SAMPLES, PROFILE_NAMES, SOP, TRANSFORM_NAMES, is_level
from jpegai_ref.regions import Region, Regions, regions_of

THREADS: Final = (1, 2, 4, 8, 16)
BIT_DEPTHS: Final = (8, 10, 12, 14, 16)
SMALLEST_SIDE: Final = 64
LARGEST_SIDE: Final = 65_599
LARGEST_REDUCTION: Final = 63
LOWEST_DISPLACEMENT: Final = -2048
HIGHEST_DISPLACEMENT: Final = 2047
NO_TRANSFORM, BT709 = range(2)
"""colour_transform_idx: planes are coded as they come, or R, G, B by full-range BT.709."""
QUALITY_DISTRIBUTIONS: Final = (0, 4, 5, 6, 8, 10, 14, 18)
"""Distributions that a quality map may be coded with, by the index in the header."""
LATENT_STRIDE: Final = 16


@dataclass(frozen=True)
class Tiling:
    """Tiles of the synthesis: side and overlap in luma samples, multiples of 16."""

    size: int
    overlap: int


@dataclass(frozen=True)
class QualityMap:
    """How the quality map is coded: threads of its substream, and one of QUALITY_DISTRIBUTIONS."""

    threads: int
    distribution: int


@dataclass(frozen=True)
class ComponentHeader:
    """What the header says of luma or of chroma."""

    channels: int
    """Channels of the latent that are coded, the others are 0; 0..255."""
    threads: int = 1
    may_skip: tuple[bool, ...] | None = None
    """Cube flags, see `cubes`; None where all are set."""
    rvs: bool = False
    """Whether residual and variance are scaled by blocks."""
    channel_scales: tuple[bool, ...] | None = None
    """A flag per coded channel, of the channel-wise scaling; None where it is off."""
    tiling: Tiling | None = None


@dataclass(frozen=True)
class PictureHeader:
    """All fields of the picture header. Raises ValueError where a field or a combination is not valid."""

    width: int
    """Of the coded picture, 64..65599 luma samples."""
    height: int
    model_id: int
    luma: ComponentHeader
    chroma: ComponentHeader
    level_idc: int
    reduction: tuple[int, int] = (0, 0)
    """Columns and rows, 0..63 each, that the decoder cuts off at the right and at the bottom."""
    decoder_profile: int = 2
    transforms: tuple[int, ...] = (SOP,)
    """Synthesis transforms that the stream was made for, the default first."""
    bit_depth: int = 8
    source_subsampling: tuple[int, int] = (1, 1)
    """Of chroma, vertical and horizontal, 1 or 2."""
    coded_subsampling: tuple[int, int] = (1, 1)
    """Not below that of the source."""
    colour_transform: int = BT709
    hyper_threads: int = 1
    displacement: int = 0
    """beta_displacement_log of luma, -2048..2047, in 1/128 of a level."""
    chroma_displacement: int | None = None
    """Of chroma; None where it is that of luma."""
    quality_map: QualityMap | None = None
    regions: Regions | None = None
    """None: the picture is coded as a whole."""

    def __post_init__(self) -> None:
        if problem := _problem(self):
            raise ValueError(problem)

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height of the decoded picture."""
        return self.width - self.reduction[0], self.height - self.reduction[1]

    @property
    def may_be_grey(self) -> bool:
        """Whether nothing here tells of a source with chroma: that of a grey picture has 0 channels, no transform, no subsampled planes."""
        return not self.chroma.channels and self.colour_transform == NO_TRANSFORM and self.source_subsampling == (1, 1)

    @property
    def latent_size(self) -> tuple[int, int]:
        """Height and width of the latents of luma and of chroma."""
        return -(-self.height // LATENT_STRIDE), -(-self.width // LATENT_STRIDE)

    @property
    def parts(self) -> tuple[Region, ...]:
        """The regions, row by row; without regions the whole."""
        return regions_of(self.regions, self.height, self.width)

    @property
    def displacements(self) -> tuple[int, int]:
        """Of luma and of chroma."""
        return self.displacement, self.displacement if self.chroma_displacement is None else self.chroma_displacement


def _problem(header: PictureHeader) -> str | None:
    """Why the header is not valid, or None."""
    return (
        _problem_of_size(header)
        or _problem_of_format(header)
        or _problem_of_model(header)
        or (header.regions.problem(header.height, header.width) if header.regions else None)
        or _problem_of_component("luma", header.luma, header.latent_size)
        or _problem_of_component("chroma", header.chroma, header.latent_size)
    )


def _problem_of_size(header: PictureHeader) -> str | None:
    if not all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in (header.width, header.height)):
        return f"a picture of {header.width}x{header.height} is not within {SMALLEST_SIDE}..{LARGEST_SIDE} a side"
    if not all(0 <= cut <= LARGEST_REDUCTION for cut in header.reduction):
        return f"the display is smaller by {header.reduction}, more than {LARGEST_REDUCTION}"
    if not is_level(header.level_idc):
        return f"there is no level {header.level_idc}"
    if header.width * header.height > MOST_SAMPLES[header.level_idc // 10]:
        return f"level {header.level_idc} does not allow {header.width}x{header.height} samples"
    if header.model_id not in MODELS[header.level_idc % 10]:
        return f"level {header.level_idc} does not allow model {header.model_id}"
    return None


def _problem_of_format(header: PictureHeader) -> str | None:
    if header.bit_depth not in BIT_DEPTHS:
        return f"a bit depth is one of {BIT_DEPTHS}, not {header.bit_depth}"
    for source, coded in zip(header.source_subsampling, header.coded_subsampling, strict=True):
        if source not in (1, 2) or coded not in (1, 2) or coded < source:
            return f"chroma subsampled by {header.source_subsampling} cannot be coded subsampled by {header.coded_subsampling}"
    if header.colour_transform not in (NO_TRANSFORM, BT709):
        return f"colour transform {header.colour_transform} is not supported"
    if header.colour_transform == BT709 and header.source_subsampling != (1, 1):
        return "a picture in R, G and B has no subsampled planes"
    return None


def _problem_of_model(header: PictureHeader) -> str | None:
    transforms = header.transforms
    if not 0 <= header.decoder_profile < len(PROFILE_NAMES):
        return f"there is no decoder profile {header.decoder_profile}"
    if not transforms or len(set(transforms)) != len(transforms) or any(not 0 <= one < len(TRANSFORM_NAMES) for one in transforms):
        return f"{transforms} is no list of synthesis transforms"
    if transforms[0] not in DEFAULT_TRANSFORMS[header.decoder_profile]:
        return f"profile {PROFILE_NAMES[header.decoder_profile]} does not allow {TRANSFORM_NAMES[transforms[0]]} as the default"
    if header.hyper_threads not in THREADS or (header.quality_map and header.quality_map.threads not in THREADS):
        return f"a substream has {THREADS} threads"
    if not all(LOWEST_DISPLACEMENT <= one <= HIGHEST_DISPLACEMENT for one in header.displacements):
        return f"displacements {header.displacements} are not within {LOWEST_DISPLACEMENT}..{HIGHEST_DISPLACEMENT}"
    if header.quality_map and header.quality_map.distribution not in QUALITY_DISTRIBUTIONS:
        return f"a quality map is not coded with distribution {header.quality_map.distribution}"
    return None


def _problem_of_component(name: str, component: ComponentHeader, latent_size: tuple[int, int]) -> str | None:
    if component.threads not in THREADS:
        return f"{name} has {component.threads} threads, not one of {THREADS}"
    if not 0 <= component.channels <= 255:
        return f"{name} has {component.channels} channels, not 0..255"
    if component.may_skip is not None and len(component.may_skip) != cube_count(*latent_size):
        return f"{name} has {len(component.may_skip)} cube flags, not {cube_count(*latent_size)}"
    if component.channel_scales is not None and len(component.channel_scales) != component.channels:
        return f"{name} has {len(component.channel_scales)} flags of channel-wise scaling for {component.channels} channels"
    return _problem_of_tiling(name, component.tiling) if component.tiling else None


def _problem_of_tiling(name: str, tiling: Tiling) -> str | None:
    if tiling.size % 16 or not 16 <= tiling.size <= 255 * 16 or tiling.overlap % 16 or not 0 <= tiling.overlap <= 31 * 16:
        return f"{name} has tiles of {tiling.size} with an overlap of {tiling.overlap}: multiples of 16 up to 4080 and 496"
    if tiling.overlap >= tiling.size:
        return f"{name} has tiles of {tiling.size} that overlap by {tiling.overlap}"
    return None
