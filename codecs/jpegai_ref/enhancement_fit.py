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
from jpegai_ref.model import OPERATING_POINTS
from jpegai_ref.parallel import CPU
from jpegai_ref.picture import Picture
from jpegai_ref.post_filters import decoded_planes
from jpegai_ref.quantised_picture import QuantisedPicture
from jpegai_ref.reconstruction import synthesised
from jpegai_ref.tool_header import Enhancement
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
    """Filters for a quantised picture, fitted to what the stream's first operating point makes of it. Of a grey picture none.

    The result does not depend on the number of threads."""
    if picture.colour == "grey" or not (tools.efe_linear or tools.efe_nonlinear):
        return OFF
    header, (vertical, horizontal) = quantised.header, quantised.subsampling
    planes = synthesised(coder, quantised, OPERATING_POINTS[header.transforms[0]])

    def original(part: Rectangle) -> Planes:
        rows = slice(part.top * vertical, min(part.bottom * vertical, picture.height))
        columns = slice(part.left * horizontal, min(part.right * horizontal, picture.width))
        chroma: Planes = planes_of(picture, rows, columns, CPU)[1][0].numpy()
        return chroma

    def bits(filters: Enhancement) -> int:
        return tool_bits(replace(quantised.tools, enhancement=filters), header.source_subsampling)

    decoded = decoded_planes(quantised, planes)
    objective = Objective(RATE_MODELS[header.model_id].beta, header.width * header.height, decoded.u.size)
    return fitted(Comparison(decoded, original), tools.efe_linear, tools.efe_nonlinear, header.model_id, objective, bits)


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
        return Enhancement(self._linear(pair, with_smallest), NonlinearFilter(correction, masks) if correction or masks else None)

    def _linear(self, pair: tuple[_PlaneOption, _PlaneOption], with_smallest: bool) -> LinearFilter | None:
        linear = self._before.linear
        if linear is None or self._smallest is None:
            return None
        if with_smallest:
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
