"""Encoder and decoder as what a counter of operations runs: which networks belong to which part, and a call that codes one picture."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from jpegai_ref.coder import Coder, load
from jpegai_ref.decoder import decode
from jpegai_ref.decoder_cost import CONTEXT, HYPER, OF_FILTERS, SYNTHESIS_CHROMA, SYNTHESIS_LUMA
from jpegai_ref.encoder import encode
from jpegai_ref.encoder_cost import ANALYSIS
from jpegai_ref.model import OPERATING_POINTS, OperatingPoint
from jpegai_ref.picture import Picture
from jpegai_ref.pictures import read_picture
from jpegai_ref.quality import setting_of
from jpegai_ref.tools import Tools
from jpegai_ref.weights_place import weights_file


class CountedCoding:
    """One picture at one quality: `encode` first, then `decode`."""

    def __init__(self, coder: Coder, picture: Picture, quality: int, tools: Tools, operating_point: OperatingPoint) -> None:
        self._coder, self._picture, self._quality = coder, picture, quality
        self._tools, self._operating_point = tools, operating_point
        self._stream = b""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self._picture.width, self._picture.height

    def encode(self) -> None:
        self._stream = encode(self._coder, self._picture, setting_of(self._quality), self._tools).data

    def decode(self) -> None:
        """Raises BitstreamError before `encode`."""
        decode(self._coder, self._stream, self._operating_point)

    def networks(self) -> dict[str, list[nn.Module]]:
        """By part; the synthesis of every operating point, which an encoder may try."""
        model = self._coder.model
        copies = [copy for point in OPERATING_POINTS for copy in model.synthesis_copies(point)]
        return {
            ANALYSIS: [model.luma_analysis, model.chroma_analysis],
            HYPER: [model.luma_prior, model.chroma_prior],
            CONTEXT: [model.context],
            SYNTHESIS_LUMA: [copy.luma for copy in copies],
            SYNTHESIS_CHROMA: [copy.chroma for copy in copies],
            OF_FILTERS: [self._coder.eicci] if self._coder.eicci is not None else [],
        }


def coding_of(source: Path, quality: int, tools: Tools, operating_point: OperatingPoint, coder: Coder | None = None) -> CountedCoding:
    """With the installed weights where no coder is given. Raises PictureFileError, WeightsError, WeightsMissing."""
    return CountedCoding(coder or load(weights_file()), read_picture(source), quality, tools, operating_point)
