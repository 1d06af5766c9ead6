"""Picture to codestream: the mirror of `decoder`.

picture -- analysis (`analysed`) -- y, psi, sigma index -- quantisation cell by cell (MCM), cube flags -- symbols -- exact stage -- bytes
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from jpegai_ref import latents
from jpegai_ref.analysed import Analysed, AnalysedComponent, analysed
from jpegai_ref.coder import Coder
from jpegai_ref.codestream import Codestream, write_codestream
from jpegai_ref.cubes import cube_count
from jpegai_ref.decoder_gradient import DecoderErrors
from jpegai_ref.enhancement_fit import fitted_to
from jpegai_ref.latents import CHROMA, LUMA
from jpegai_ref.levels import BOP, HOP, SOP, level_for
from jpegai_ref.model import OperatingPoint
from jpegai_ref.parallel import in_parallel
from jpegai_ref.picture import Picture
from jpegai_ref.picture_header import BT709, NO_TRANSFORM, ComponentHeader, PictureHeader
from jpegai_ref.quality_map import Qps, encode_map
from jpegai_ref.quantised_component import QuantisedComponent
from jpegai_ref.quantised_picture import QuantisedPicture
from jpegai_ref.reconstruction import reconstructed
from jpegai_ref.refined_rounding import RefinedRounding, Target
from jpegai_ref.refinement import Problem, check_refinable, refined, refined_alike
from jpegai_ref.region_residuals import encode_regions
from jpegai_ref.regions import Regions
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
    targets: tuple[Target, ...] | None = None
    """Of RDLR; None where it was off or of no use."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """A file, and what the encoder knows that a decoder will have."""

    data: bytes
    quantised: QuantisedPicture
    symbols: tuple[NDArray[np.int16], ...]
    """(C, h, w) of luma, and of chroma where there is any."""
    targets: tuple[Target, ...] | None = None
    """What RDLR chose the symbols for; None where that is off or was of no use."""

    @property
    def header(self) -> PictureHeader:
        return self.quantised.header

    @property
    def decisions(self) -> Decisions:
        return Decisions(self.header, self.quantised.tools.enhancement, self.targets)

    def reconstruction(self, coder: Coder, operating_point: OperatingPoint) -> Picture:
        """The picture that a decoder will give."""
        return reconstructed(coder, self.quantised, operating_point)


def encode(
    coder: Coder,
    picture: Picture,
    setting: Setting,
    tools: Tools = NO_TOOLS,
    interest: Qps | None = None,
    regions: Regions | None = None,
) -> Encoded:
    """The file of a picture at a setting. It does not depend on the number of PyTorch's threads.

    interest  a quality map, int8 -8..8, (ceil(H/16), ceil(W/16)) and at least 4x4; `region_of_interest.region_map` makes one of a mask
    regions   into which the picture is divided

    Raises ToolUnavailable where the weights have no constants for a tool, ValueError where `interest` is no such map or the picture cannot
    be divided so, NotRefinable as `refinement.check_refinable`.
    """
    return encode_analysed(coder, analysed(coder, picture, interest, regions), setting, tools)


def encode_analysed(
    coder: Coder,
    source: Analysed,
    setting: Setting,
    tools: Tools = NO_TOOLS,
    decisions: Decisions | None = None,
    targets: tuple[Target, ...] | None = None,
) -> Encoded:
    """One pass of quantisation and entropy coding, and of the fit of filters; with what another pass decided, where that is given.

    targets   of another pass; where RDLR is on they take the place of a search, and are tried. Without RDLR, and with decisions, which
              have targets of their own, they must not be given.

    Raises ValueError for such targets, and as `encode`."""
    tools.require(coder.available())
    if tools.rdlr:
        check_refinable(source, tools)
    if targets is not None and not tools.rdlr:
        raise ValueError("targets are of RDLR, which is off")
    if targets is not None and decisions is not None:
        raise ValueError("decisions have targets of their own")
    luma_cubes = chroma_cubes = None
    if tools.no_skip:
        luma_cubes = chroma_cubes = Decided((False,) * cube_count(*source.luma.y.shape[-2:]))
    elif decisions is not None:
        luma_cubes, chroma_cubes = Decided(decisions.header.luma.may_skip), Decided(decisions.header.chroma.may_skip)
    components = [_Component(LUMA, source.luma, luma_cubes)]
    if source.chroma is not None:
        components.append(_Component(CHROMA, source.chroma, chroma_cubes))
    coding = _Coding(coder, source, setting, tools, source.quality_map(tools.quality_map))
    decided = decisions.targets if decisions else None
    found = coding.coded(coding.quantised(components, decided), decided)
    if tools.rdlr and decisions is None:
        found = coding.refined(components, found, targets)
    quality_header, quality_payload = (None, None) if coding.quality is None else encode_map(coding.quality)
    header = replace(coding.header(found.parts), quality_map=quality_header)
    luma, chroma = found.parts[0], found.parts[1] if len(found.parts) > 1 else None
    steering = luma.scales.steering_channel() if tools.lef and luma.header.channels else None
    tool_header = ToolHeader(tools.lsbs, tools.lsbs and chroma is not None, steering)
    sharpening = None if steering is None else luma.scales.scale_log(steering)
    quantised = QuantisedPicture(header, tool_header, luma.latent, chroma.latent if chroma else None, sharpening)
    filters = decisions.enhancement if decisions else fitted_to(coder, source.picture, quantised, tools)
    quantised = replace(quantised, tools=replace(tool_header, enhancement=filters))
    payloads = (found.payloads[0], found.payloads[1] if chroma else None)
    stream = Codestream(header, source.hyper, *payloads, coder.weights_id, quantised.tools, quality_payload)
    return Encoded(write_codestream(stream), quantised, tuple(part.symbols for part in found.parts), found.targets)


@dataclass(frozen=True, eq=False)
class _Component:
    """What a component is quantised from; its cube flags where they are given."""

    index: int
    analysed: AnalysedComponent
    cubes: Decided | None


@dataclass(frozen=True, eq=False)
class _Coded:
    """Both components or luma alone, the payload of each region of each, and the targets that they were refined to."""

    parts: list[QuantisedComponent]
    payloads: list[tuple[bytes, ...]]
    targets: tuple[Target, ...] | None

    @property
    def bytes(self) -> int:
        return sum(len(payload) for regions in self.payloads for payload in regions)


@dataclass(frozen=True, eq=False)
class _Coding:
    """A picture at a setting."""

    coder: Coder
    source: Analysed
    setting: Setting
    tools: Tools
    quality: Qps | None

    def quantised(self, components: Sequence[_Component], targets: Sequence[Target] | None = None) -> list[QuantisedComponent]:
        each: Sequence[Target | None] = targets or [None] * len(components)
        return in_parallel(
            [partial(self._quantised, component, target) for component, target in zip(components, each, strict=True)], self.coder.device
        )

    def coded(self, parts: list[QuantisedComponent], targets: tuple[Target, ...] | None = None) -> _Coded:
        return _Coded(parts, in_parallel([partial(self._payload, part) for part in parts], self.coder.device), targets)

    def refined(self, components: Sequence[_Component], plain: _Coded, known: tuple[Target, ...] | None) -> _Coded:
        """By targets that are `known`, or by those that are found; `plain` where its loss in real bytes is smaller."""
        decided = [replace(component, cubes=Decided(part.header.may_skip)) for component, part in zip(components, plain.parts, strict=True)]
        # Filters behind the synthesis are not looked through: they are fitted to what is found here.
        template = QuantisedPicture(self.header(plain.parts), ToolHeader(), plain.parts[0].latent, None)
        problem = Problem(DecoderErrors(self.coder, self.source.picture, template), partial(self.quantised, decided))
        result = refined_alike(problem, plain.parts, known) if known else refined(problem, plain.parts)
        if result is None:
            return plain
        better = self.coded(result.parts, result.targets)
        return better if 8 * (plain.bytes - better.bytes) + result.gained >= 0 else plain

    def header(self, parts: Sequence[QuantisedComponent]) -> PictureHeader:
        luma = parts[0].header
        return _header(self.source, self.setting, luma, parts[1].header if len(parts) > 1 else ComponentHeader(0, tiling=luma.tiling))

    def _quantised(self, component: _Component, target: Target | None) -> QuantisedComponent:
        coder, index, source = self.coder, component.index, component.analysed
        exact, model_id, displacement = (coder.exact.luma, coder.exact.chroma)[index], self.setting.model_id, self.setting.displacement
        skip = exact.skip_scale(model_id, displacement, source.sigma_index, self.quality)
        header = ComponentHeader(
            source.channels,
            self.source.residual_threads,
            rvs=self.tools.rvs,
            channel_scales=exact.cwg.flags(model_id, skip[: source.channels]) if self.tools.cwg and exact.cwg else None,
            tiling=synthesis_tiles(self.source.picture.width, self.source.picture.height),
        )
        scales = exact.scales_of(model_id, header, skip, with_likely=self.tools.lsbs)
        steps = latents.quantiser(exact, model_id, displacement, scales.blocks, coder.device, self.quality)
        y, rounding = source.y, None
        if target is not None:
            y, rounding = target.latent, RefinedRounding(target, scales.distribution(), steps)
        quantiser = SkippingQuantiser(y, scales.coded(None), steps, component.cubes, rounding)
        psi, tiles, size = source.psi, self.source.tiles, (y.shape[-2], y.shape[-1])
        if index == LUMA:
            y_hat = latents.luma_latent(coder.model.context, psi, tiles, steps, quantiser.stage, size)
        else:
            y_hat = latents.chroma_latent(psi, tiles, steps, quantiser.whole, size)
        symbols, latent = quantiser.symbols(), y_hat
        if self.tools.lsbs:
            latent = latents.scaled(coder.lsbs, index, model_id, scales.blocks, steps, y_hat, symbols)
        return QuantisedComponent(replace(header, may_skip=quantiser.may_skip()), y_hat, latent, symbols, scales, steps)

    def _payload(self, part: QuantisedComponent) -> tuple[bytes, ...]:
        regions = [tile.region for tile in self.source.tiles]
        return encode_regions(regions, part.symbols[: part.header.channels], part.scales, part.header)


def _header(source: Analysed, setting: Setting, luma: ComponentHeader, chroma: ComponentHeader) -> PictureHeader:
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
        regions=source.regions,
    )
