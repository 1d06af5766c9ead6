"""Picture to codestream: the mirror of `decoder`.

picture -- analysis (`analysed`) -- y, psi, sigma index -- quantisation cell by cell (MCM), cube flags -- symbols -- exact stage -- bytes
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from torch import Tensor

from jpegai_ref import latents
from jpegai_ref.analysed import Analysed, AnalysedComponent, analysed
from jpegai_ref.coder import Coder
from jpegai_ref.codestream import Codestream, write_codestream
from jpegai_ref.enhancement_fit import fitted_to
from jpegai_ref.latents import CHROMA, LUMA
from jpegai_ref.levels import BOP, HOP, SOP, level_for
from jpegai_ref.model import OperatingPoint
from jpegai_ref.parallel import in_parallel
from jpegai_ref.picture import Picture
from jpegai_ref.picture_header import BT709, NO_TRANSFORM, ComponentHeader, PictureHeader, QualityMap
from jpegai_ref.quality_map import Qps, encode_map
from jpegai_ref.quantised_picture import QuantisedPicture
from jpegai_ref.reconstruction import reconstructed
from jpegai_ref.region_residuals import encode_regions
from jpegai_ref.regions import Regions
from jpegai_ref.scales import Scales
from jpegai_ref.skipping import Decided, SkippingQuantiser
from jpegai_ref.tiling import synthesis_tiles
from jpegai_ref.tool_header import Enhancement, ToolHeader
from jpegai_ref.tools import NO_TOOLS, Tools

MAIN_PROFILE = 1
TRANSFORMS = (BOP, SOP, HOP)
"""Every stream serves all three; a decoder that is told nothing takes the first."""


@dataclass(frozen=True)
class Setting:
    """Where on the rate axis a picture is coded: the model, and the displacement (1/128 level) of all its gains."""

    model_id: int
    displacement: int


@dataclass(frozen=True)
class Decisions:
    """What a pass of the encoder has found by trial; another pass can keep it."""

    header: PictureHeader
    """With the cube flags."""
    enhancement: Enhancement


@dataclass(frozen=True, eq=False)
class Encoded:
    """A file, and what the encoder knows that a decoder will have."""

    data: bytes
    quantised: QuantisedPicture

    @property
    def header(self) -> PictureHeader:
        return self.quantised.header

    @property
    def decisions(self) -> Decisions:
        return Decisions(self.header, self.quantised.tools.enhancement)

    def reconstruction(self, coder: Coder, operating_point: OperatingPoint) -> Picture:
        """The picture that a decoder will give."""
        return reconstructed(coder, self.quantised, operating_point)


@dataclass(frozen=True, eq=False)
class _Coded:
    """A component: what the header says of it, y_hat (1, C, h, w), the payload of each region, scales."""

    header: ComponentHeader
    latent: Tensor
    payload: tuple[bytes, ...]
    scales: Scales


def encode(
    coder: Coder,
    picture: Picture,
    setting: Setting,
    tools: Tools = NO_TOOLS,
    region: Qps | None = None,
    regions: Regions | None = None,
) -> Encoded:
    """The file of a picture at a setting. It does not depend on the number of PyTorch's threads.

    region   a quality map, int8 -8..8, (ceil(H/16), ceil(W/16)) and at least 4x4; `region_of_interest.region_map` makes one of a mask
    regions  into which the picture is divided

    Raises ToolUnavailable where the weights have no constants for a tool, ValueError where `region` is no such map or the picture cannot
    be divided so.
    """
    return encode_analysed(coder, analysed(coder, picture, region, regions), setting, tools)


def encode_analysed(
    coder: Coder, source: Analysed, setting: Setting, tools: Tools = NO_TOOLS, decisions: Decisions | None = None
) -> Encoded:
    """One pass of quantisation and entropy coding, and of the fit of filters; with what another pass decided, where that is given.

    Raises as `encode`."""
    tools.require(coder.available())
    luma_cubes = chroma_cubes = None
    if decisions is not None:
        luma_cubes, chroma_cubes = Decided(decisions.header.luma.may_skip), Decided(decisions.header.chroma.may_skip)
    parts = [(LUMA, source.luma, luma_cubes)]
    if source.chroma is not None:
        parts.append((CHROMA, source.chroma, chroma_cubes))
    quality = source.quality_map(tools.quality_map)
    quality_header, quality_payload = (None, None) if quality is None else encode_map(quality)
    luma, *others = in_parallel([partial(_coded, coder, source, setting, tools, quality, *part) for part in parts], coder.device)
    chroma = others[0] if others else None
    chroma_header = chroma.header if chroma else ComponentHeader(0, tiling=luma.header.tiling)
    header = _header(source, setting, luma.header, chroma_header, quality_header)
    steering = luma.scales.steering_channel() if tools.lef and luma.header.channels else None
    tool_header = ToolHeader(tools.lsbs, tools.lsbs and chroma is not None, steering)
    sharpening = None if steering is None else luma.scales.scale_log(steering)
    quantised = QuantisedPicture(header, tool_header, luma.latent, chroma.latent if chroma else None, sharpening)
    found = decisions.enhancement if decisions else fitted_to(coder, source.picture, quantised, tools)
    quantised = replace(quantised, tools=replace(tool_header, enhancement=found))
    residuals = luma.payload, chroma.payload if chroma else None
    stream = Codestream(header, source.hyper, *residuals, coder.weights_id, quantised.tools, quality_payload)
    return Encoded(write_codestream(stream), quantised)


def _header(
    source: Analysed, setting: Setting, luma: ComponentHeader, chroma: ComponentHeader, quality_map: QualityMap | None
) -> PictureHeader:
    picture = source.picture
    width, height = source.display_size
    return PictureHeader(
        width=picture.width,
        height=picture.height,
        model_id=setting.model_id,
        luma=luma,
        chroma=chroma,
        level_idc=level_for(picture.width * picture.height, setting.model_id),
        reduction=(picture.width - width, picture.height - height),
        decoder_profile=MAIN_PROFILE,
        transforms=TRANSFORMS,
        bit_depth=picture.bit_depth,
        source_subsampling=picture.subsampling,
        coded_subsampling=picture.subsampling,
        colour_transform=BT709 if picture.colour == "rgb" else NO_TRANSFORM,
        hyper_threads=source.threads,
        displacement=setting.displacement,
        quality_map=quality_map,
        regions=source.regions,
    )


def _coded(
    coder: Coder,
    source: Analysed,
    setting: Setting,
    tools: Tools,
    quality: Qps | None,
    index: int,
    component: AnalysedComponent,
    cubes: Decided | None,
) -> _Coded:
    exact, model_id = (coder.exact.luma, coder.exact.chroma)[index], setting.model_id
    skip = exact.skip_scale(model_id, setting.displacement, component.sigma_index, quality)
    header = ComponentHeader(
        component.channels,
        source.residual_threads,
        rvs=tools.rvs,
        channel_scales=exact.cwg.flags(model_id, skip[: component.channels]) if tools.cwg and exact.cwg else None,
        tiling=synthesis_tiles(source.picture.width, source.picture.height),
    )
    scales = exact.scales_of(model_id, header, skip, with_likely=tools.lsbs)
    steps = latents.quantiser(exact, model_id, setting.displacement, scales.blocks, coder.device, quality)
    quantiser = SkippingQuantiser(component.y, scales.coded(None), steps, cubes)
    psi, tiles, size = component.psi, source.tiles, (component.y.shape[-2], component.y.shape[-1])
    if index == LUMA:
        y_hat = latents.luma_latent(coder.model.context, psi, tiles, steps, quantiser.stage, size)
    else:
        y_hat = latents.chroma_latent(psi, tiles, steps, quantiser.whole, size)
    header = replace(header, may_skip=quantiser.may_skip())
    symbols = quantiser.symbols()
    if tools.lsbs:
        y_hat = latents.scaled(coder.lsbs, index, model_id, scales.blocks, steps, y_hat, symbols)
    payloads = encode_regions([tile.region for tile in tiles], symbols[: header.channels], scales, header)
    return _Coded(header, y_hat, payloads, scales)
