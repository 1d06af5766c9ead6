"""The encoder's choice of the adaptive enhancement filters: what they gain in chroma against the bits of their header."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from jpegai_ref.analysed import planes_of
from jpegai_ref.chroma_grid import Planes, Rectangle
from jpegai_ref.coder import Coder
from jpegai_ref.codestream import tool_bits
from jpegai_ref.comparison import Comparison, Objective
from jpegai_ref.efe_linear_fit import best_filters
from jpegai_ref.efe_linear_header import FilterSet, LinearFilter
from jpegai_ref.efe_nonlinear_fit import Sums, best_correction, block_errors
from jpegai_ref.efe_nonlinear_header import MASK_VALUES, Correction, Masks, NonlinearFilter, mask_shape
from jpegai_ref.eicci_fit import Chosen, chosen
from jpegai_ref.model import OPERATING_POINTS
from jpegai_ref.parallel import CPU
from jpegai_ref.picture import Picture
from jpegai_ref.post_filters import Planes as Decoded
from jpegai_ref.post_filters import decoded_planes, enhanced_chroma
from jpegai_ref.quantised_picture import QuantisedPicture
from jpegai_ref.reconstruction import synthesised
from jpegai_ref.tool_header import WITHOUT_EICCI, Enhancement
from jpegai_ref.tools import Tools
from jpegai_ref.variable_rate import RATE_MODELS

OFF = Enhancement()
BLOCKS = (128, 112, 96, 80)
"""Sides of the blocks of masks, by the model."""
Bits = Callable[[Enhancement], int]
"""What the file grows by with filters, in bits."""
_Option = tuple[Enhancement, tuple[float, float]]
"""Filters, with the squared errors of U and of V that they leave."""


def fitted_to(coder: Coder, picture: Picture, quantised: QuantisedPicture, tools: Tools) -> Enhancement:
    """Filters for a quantised picture, fitted to what the stream's first operating point makes of it. Of a grey picture at most eICCI.

    The result does not depend on the number of threads."""
    adaptive = picture.colour != "grey" and (tools.efe_linear or tools.efe_nonlinear)
    trained = tools.eicci and quantised.header.source_subsampling != WITHOUT_EICCI
    if not (adaptive or trained):
        return OFF
    planes = synthesised(coder, quantised, OPERATING_POINTS[quantised.header.transforms[0]])
    if not adaptive:
        found = _chosen(coder, picture, quantised, planes)
        return OFF if found is None else Enhancement(eicci=found.header)
    return _adaptive(coder, picture, quantised, tools, planes, trained)


def _adaptive(coder: Coder, picture: Picture, quantised: QuantisedPicture, tools: Tools, planes: Decoded, trained: bool) -> Enhancement:
    """EFE linear, then the tiles of eICCI, then EFE non-linear for what these leave."""
    header, (vertical, horizontal) = quantised.header, quantised.subsampling

    def original(part: Rectangle) -> Planes:
        rows = slice(part.top * vertical, min(part.bottom * vertical, picture.height))
        columns = slice(part.left * horizontal, min(part.right * horizontal, picture.width))
        chroma: Planes = planes_of(picture, rows, columns, CPU)[1][0].numpy()
        return chroma

    def bits(filters: Enhancement) -> int:
        return tool_bits(replace(quantised.tools, enhancement=filters), header.source_subsampling)

    decoded = decoded_planes(quantised, planes)
    objective = Objective(RATE_MODELS[header.model_id].beta, header.width * header.height, decoded.u.size)
    comparison = Comparison(decoded, original)
    if trained:
        ahead = fitted(comparison, tools.efe_linear, False, header.model_id, objective, bits)
        found = _chosen(coder, picture, quantised, [planes[0], *enhanced_chroma(decoded, ahead, coder.device)])
        if found is not None:
            before = replace(ahead, eicci=found.header)
            if not tools.efe_nonlinear:
                return before
            comparison = replace(comparison, decoded=replace(decoded, behind=decoded_planes(quantised, found.planes)))
            return _corrected_behind(comparison, before, header.model_id, objective, bits)
    return fitted(comparison, tools.efe_linear, tools.efe_nonlinear, header.model_id, objective, bits)


def _chosen(coder: Coder, picture: Picture, quantised: QuantisedPicture, planes: Decoded) -> Chosen | None:
    """Tiles of eICCI for planes of the first operating point."""
    if coder.eicci is None:
        raise ValueError("there are no networks of eICCI")

    def original(part: Rectangle) -> Decoded:
        luma, chroma = planes_of(picture, slice(part.top, part.bottom), slice(part.left, part.right), coder.device)
        return [luma[0, 0], *chroma[0]]

    header = quantised.header
    return chosen(coder.eicci, OPERATING_POINTS[header.transforms[0]], header.model_id, planes, quantised.subsampling, original)


def _corrected_behind(comparison: Comparison, before: Enhancement, model_id: int, objective: Objective, bits: Bits) -> Enhancement:
    """EFE non-linear behind filters that stay."""
    options = _Trial(comparison, before, None, best_correction(comparison, before), BLOCKS[model_id]).options()
    return max(options, key=lambda option: objective(option[1], bits(option[0])))[0]


def fitted(comparison: Comparison, linear: bool, nonlinear: bool, model_id: int, objective: Objective, bits: Bits) -> Enhancement:
    """Of the filters that are switched on those that are worth their bits. It does not depend on the number of threads."""
    fit = best_filters(comparison, objective) if linear else None
    options: Iterable[_Option]
    if nonlinear:
        before = OFF if fit is None else Enhancement(fit.filters)
        correction = best_correction(comparison, before)
        options = _Trial(comparison, before, None if fit is None else fit.smallest, correction, BLOCKS[model_id]).options()
    else:
        options = [] if fit is None else [(OFF, fit.errors_without), (Enhancement(fit.filters), fit.errors)]
    best, _ = max(options, key=lambda option: objective(option[1], bits(option[0])), default=(OFF, None))
    return best


@dataclass(frozen=True)
class _PlaneOption:
    """What can be done to a plane behind EFE linear, and the squared error that is left."""

    corrected: bool
    mask: bytes | None
    error: float


class _Trial:
    """All ways to filter a picture, from one measurement of the errors of every block."""

    def __init__(
        self, comparison: Comparison, before: Enhancement, smallest: LinearFilter | None, correction: Correction, block: int
    ) -> None:
        self._before, self._smallest, self._correction, self._block = before, smallest, correction, block
        self._shape = mask_shape(block, comparison.grid)
        pictures = [OFF, before, replace(before, nonlinear=NonlinearFilter(correction, None))]
        if smallest is not None:
            pictures.append(Enhancement(smallest))
        self._errors = block_errors(comparison, pictures, block)

    def options(self) -> Iterator[_Option]:
        if self._before.eicci is None:
            off_u, off_v = (float(self._errors[plane, ..., 0, 0].sum()) for plane in range(2))
            yield OFF, (off_u, off_v)
        for with_smallest in (False, True) if self._smallest else (False,):
            u, v = (self._plane_options(plane, 3 if with_smallest else 0) for plane in range(2))
            for pair in product(u, v):
                yield self._filters(pair, with_smallest), (pair[0].error, pair[1].error)

    def _plane_options(self, plane: int, alternative: int) -> list[_PlaneOption]:
        found = []
        for corrected in (False, True):
            output = 2 if corrected else 1
            errors = self._errors[plane]
            by_value = _errors_by_value(errors, output, alternative)
            mask = by_value.argmin(0).astype(np.uint8).tobytes()
            found.append(_PlaneOption(corrected, None, float(by_value[0].sum())))
            found.append(_PlaneOption(corrected, mask, float(by_value.min(0).sum())))
        return found

    def _filters(self, pair: tuple[_PlaneOption, _PlaneOption], with_smallest: bool) -> Enhancement:
        correction = masks = None
        if any(plane.corrected for plane in pair):
            u, v = (codes if plane.corrected else None for plane, codes in zip(pair, self._correction.planes, strict=True))
            correction = replace(self._correction, u=u, v=v)
        if any(plane.mask is not None for plane in pair):
            masks = Masks(self._block, self._shape, pair[0].mask, pair[1].mask)
        nonlinear = NonlinearFilter(correction, masks) if correction or masks else None
        return replace(self._before, linear=self._linear(pair, with_smallest), nonlinear=nonlinear)

    def _linear(self, pair: tuple[_PlaneOption, _PlaneOption], with_smallest: bool) -> LinearFilter | None:
        linear = self._before.linear
        if linear is None:
            return None
        if with_smallest and self._smallest is not None:
            smallest = zip(pair, self._smallest.output.planes, strict=True)
            linear = replace(linear, alternative=FilterSet(*(spec if plane.mask is not None else None for plane, spec in smallest)))
        return None if linear.output == linear.alternative == FilterSet() else linear


def _errors_by_value(products: Sums, output: int, alternative: int) -> Sums:
    """Squared errors of blocks with each value of the mask, (3, rows, columns)."""
    values = []
    for value in range(MASK_VALUES):
        share = np.zeros(products.shape[-1])
        share[output] += 1 - value / (MASK_VALUES - 1)
        share[alternative] += value / (MASK_VALUES - 1)
        values.append(np.einsum("i,...ij,j", share, products, share))
    return np.stack(values)
