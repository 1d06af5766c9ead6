"""The planes of codes that a decoder fills, region by region: of a picture, or of the part of it that is asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from jpegai_ref.chroma_grid import Rectangle
from jpegai_ref.colour import PEAK, codes_from_samples
from jpegai_ref.picture import Colour, Picture, Plane, plane_sizes, sample_type
from jpegai_ref.picture_header import PictureHeader

NEUTRAL = PEAK / 2
"""What a missing region is filled with, in samples of 0..255 of all planes: grey of half the range, 128 in 8 bits."""


@dataclass(frozen=True, eq=False)
class Canvas:
    """Planes of codes of a frame, a rectangle of luma samples of the coded picture that begins at even places."""

    frame: Rectangle
    planes: tuple[Plane, ...]
    bit_depth: int
    colour: Colour
    subsampling: tuple[int, int]

    @staticmethod
    def empty(header: PictureHeader, colour: Colour, subsampling: tuple[int, int], frame: Rectangle) -> Canvas:
        sizes = plane_sizes(frame.bottom - frame.top, frame.right - frame.left, colour, subsampling)
        planes = tuple(np.empty(size, sample_type(header.bit_depth)) for size in sizes)
        return Canvas(frame, planes, header.bit_depth, colour, subsampling)

    def views(self, place: Rectangle) -> list[Plane]:
        """Of every plane what belongs to a region in the frame."""
        top, left, bottom, right = place.moved(-self.frame.top, -self.frame.left)
        views = []
        for index, plane in enumerate(self.planes):
            vertical, horizontal = self.subsampling if index else (1, 1)
            views.append(plane[top // vertical : -(-bottom // vertical), left // horizontal : -(-right // horizontal)])
        return views

    def leave_neutral(self, place: Rectangle) -> None:
        """Fills a region that is missing."""
        for view in self.views(place):
            view[:] = codes_from_samples(torch.tensor([NEUTRAL]), self.bit_depth).numpy()

    def picture(self, width: int, height: int) -> Picture:
        """What of the frame lies in the upper left width x height samples of the coded picture. Raises ValueError where that is nothing."""
        shown = self.frame.within(Rectangle(0, 0, height, width))
        sizes = plane_sizes(shown.bottom - shown.top, shown.right - shown.left, self.colour, self.subsampling)
        cropped = tuple(plane[:rows, :columns] for plane, (rows, columns) in zip(self.planes, sizes, strict=True))
        return Picture(cropped, self.bit_depth, self.colour, self.subsampling)
