"""Picture to codestream: the mirror of `decoder`.

picture -- analysis (`analysed`) -- y, psi, sigma index -- quantisation cell by cell (MCM), cube flags -- symbols -- exact stage -- bytes
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from torch import Tensor

from jpegai_ref import latents
from jpegai_ref.analysed import Analysed, AnalysedComponent, analysed
from jpegai_ref.coder import Coder
from jpegai_ref.codestream import Codestream, write_codestream
from jpegai_ref.decoder import Latents
from jpegai_ref.entropy import encode_residual
from jpegai_ref.exact import ExactComponent
from jpegai_ref.levels import BOP, HOP, SOP, level_for
from jpegai_ref.model import OperatingPoint
from jpegai_ref.parallel import in_parallel
from jpegai_ref.picture import Picture
from jpegai_ref.picture_header import BT709, NO_TRANSFORM, ComponentHeader, PictureHeader
from jpegai_ref.reconstruction import reconstructed
from jpegai_ref.sigma import coded_positions, skip_scale
from jpegai_ref.skipping import Decided, SkippingQuantiser
from jpegai_ref.tiling import synthesis_tiles
from jpegai_ref.tools import NO_TOOLS, Tools

MAIN_PROFILE = 1
TRANSFORMS = (BOP, SOP, HOP)
"""Every stream serves all three; a decoder that is told nothing takes the first."""


@dataclass(frozen=True)
class Setting:
    """Where on the rate axis a picture is coded: the model, and the displacement (1/128 level) of all its gains."""

    model_id: int
    displacement: int


@dataclass(frozen=True, eq=False)
class Encoded:
    """A file, and what the encoder knows that a decoder will have."""

    data: bytes
    header: PictureHeader
    latents: Latents

    def reconstruction(self, coder: Coder, operating_point: OperatingPoint) -> Picture:
        """The picture that a decoder will give."""
        return reconstructed(coder, self.header, self.latents.luma, self.latents.chroma, operating_point)


@dataclass(frozen=True, eq=False)
class _Coded:
    """A component: what the header says of it, y_hat (1, C, h, w), payload."""

    header: ComponentHeader
    latent: Tensor
    payload: bytes


def encode(coder: Coder, picture: Picture, setting: Setting, tools: Tools = NO_TOOLS) -> Encoded:
    """The file of a picture at a setting. It does not depend on the number of PyTorch's threads.

    Raises ToolUnavailable where the weights have no constants for a tool.
    """
    return encode_analysed(coder, analysed(coder, picture), setting, tools)


def encode_analysed(
    coder: Coder, source: Analysed, setting: Setting, tools: Tools = NO_TOOLS, cubes_of: PictureHeader | None = None
) -> Encoded:
    """One pass of quantisation and entropy coding; with the cube flags of another pass' header, where one is given. Raises as `encode`."""
    tools.require(coder.tool_tensors)
    luma_cubes = chroma_cubes = None
    if cubes_of is not None:
        luma_cubes, chroma_cubes = Decided(cubes_of.luma.may_skip), Decided(cubes_of.chroma.may_skip)
    parts = [(coder.exact.luma, source.luma, luma_cubes)]
    if source.chroma is not None:
        parts.append((coder.exact.chroma, source.chroma, chroma_cubes))
    luma, *others = in_parallel([partial(_coded, coder, source, setting, *part) for part in parts], coder.device)
    chroma = others[0] if others else None
    header = _header(source, setting, luma.header, chroma.header if chroma else ComponentHeader(0, tiling=luma.header.tiling))
    stream = Codestream(header, source.hyper, luma.payload, chroma.payload if chroma else None, coder.weights_id)
    return Encoded(write_codestream(stream), header, Latents(luma.latent, chroma.latent if chroma else None))


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
    )


def _coded(
    coder: Coder, source: Analysed, setting: Setting, exact: ExactComponent, component: AnalysedComponent, cubes: Decided | None
) -> _Coded:
    logs = exact.gain_logs[setting.model_id]
    factors = latents.gain(logs, setting.displacement, coder.device)
    likely = coded_positions(skip_scale(component.sigma_index, logs, setting.displacement))
    quantiser = SkippingQuantiser(component.y, likely, factors, cubes)
    size = component.y.shape[-2:]
    if component is source.luma:
        y_hat = latents.luma_latent(coder.model.context, component.psi, factors, quantiser.stage, *size)
    else:
        y_hat = latents.chroma_latent(component.psi, factors, quantiser.whole, *size)
    tiles = synthesis_tiles(source.picture.width, source.picture.height)
    header = ComponentHeader(len(logs), source.threads, quantiser.may_skip(), tiling=tiles)
    coded, distribution = exact.coding_of(setting.model_id, header, setting.displacement, component.sigma_index)
    return _Coded(header, y_hat, encode_residual(quantiser.symbols(), coded, distribution, header.threads))
